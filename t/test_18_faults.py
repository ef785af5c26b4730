"""18: memory that is not there and disks that are full cost a request at most, never a worker."""

import itertools
import signal

import pytest

from rig.client import FORM, JSON, MULTIPART, connect, multipart, of_type, sha256
from rig.faults import Faults, FaultyNginx
from rig.http1 import Closed
from rig.message import new_id
from rig.modes import MODES, servers

CONF = """
    map $frappe_cmd $pool { default primary; heavy reports; }
""" + servers("""
    location / { @{show} proxy_set_header X-Report $frappe_arg_report_name; proxy_pass http://$pool; }
    location /moved { frappe_version 13; rewrite ^ /api/method/moved last; }
""", {**MODES, "off": ""})

MODE = pytest.mark.parametrize("mode", MODES)
# One that fits into memory, and one that goes to a file.
BODIES = {
    "form": (FORM, b"a=1&cmd=f&report_name=r"),
    "json": (JSON, b'{"a":1,"cmd":"f","report_name":"r","x":' + b"[" * 600 + b"]" * 600 + b"}"),
    "multipart": (MULTIPART, multipart(("cmd", "f"), ("report_name", "r"), ("file", b"x" * 50_000, "a.bin"))),
}
# Far above what a request takes.
MOST = 400


@pytest.fixture(scope="module")
def faults(env, tmp_path_factory):
    """What fails."""
    if env.is_checked:
        pytest.skip("the sanitizer's allocator is another one")
    return Faults(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def nginx(env, upstreams, tmp_path_factory, faults):
    server = FaultyNginx(env, tmp_path_factory.mktemp("nginx"), CONF, upstreams.addresses(), faults=faults)
    server.allowed.append(r"\[(?:emerg|alert|crit)\] .*(?:failed|No space left)")
    server.start()
    # The worker has all that it needs to start.
    assert send(server, "off", "length", "/", FORM, b"cmd=f").status == 200
    yield server
    server.stop()


def send(nginx, mode, via, target, content_type, body):
    """One request on a connection of its own: the answer, or None where nginx has closed."""
    name = new_id()
    headers = [("X-Rig-Id", name), *of_type(content_type)]
    try:
        with connect(nginx, via, f"{mode}_h2" if via == "h2" else mode) as client:
            if via == "h2":
                return client.response(client.request("POST", target, headers, body))
            client.request("POST", target, headers, body, chunk_size=500 if via == "chunked" else None)
            return client.response()
    except (Closed, OSError):
        return None


@MODE
@pytest.mark.timeout(300)
@pytest.mark.allow_log(r"\[(?:emerg|alert|crit)\] .*failed")
@pytest.mark.parametrize("via", ["length", "chunked", "h2"])
@pytest.mark.parametrize("kind", BODIES)
def test_18_11_allocations(nginx, faults, mode, via, kind):
    """The first allocation of a request fails, then the second, until none fails, once alone and once
    with all behind it: the answer is an error or the right one, with the right command or none."""
    # Without a page for its depth a JSON text is `invalid`.
    worker, (content_type, body) = nginx.worker(), BODIES[kind]
    target = "/moved" if kind == "form" else "/api/method/p"
    seen = set()
    for number, always in itertools.product(range(1, MOST), (True, False)):
        faults.arm(number, always=always)
        response = send(nginx, mode, via, target, content_type, body)
        if not faults.disarm():
            break
        if response is None or response.status >= 400:
            assert response is None or response.status in (400, 500, 502, 503), number
            seen.add(response and response.status)
            continue
        answer = response.json()
        # A header whose value found no memory is left out by nginx; without this one there is no body.
        if {"content-length", "transfer-encoding"} & answer["headers"].keys():
            assert answer["sha256"] == sha256(body), number
        cmd = answer["headers"].get("x-frappe-cmd", "")
        assert cmd == response.header("X-Cmd") and cmd in ("f", ""), number
        assert cmd or answer["headers"].get("x-cmd-status", "unread") in ("unread", "invalid"), number
        seen.add(cmd)
    else:
        pytest.fail(f"a request takes more than {MOST} allocations")
    assert number > 5 and seen & {None, 500}, (number, seen)
    assert response.status == 200 and response.header("X-Cmd") == "f"
    assert nginx.worker() == worker


@MODE
@pytest.mark.allow_log(r"\[(?:emerg|alert|crit)\] .*(?:failed|No space left)")
@pytest.mark.parametrize("via", ["length", "chunked", "h2"])
def test_18_12_disk_full(nginx, faults, mode, via):
    """A body that finds no room in a file is answered as without the module, and the next one is well."""
    body, statuses = BODIES["multipart"][1] * 4, []
    for place in (mode, "off"):
        faults["hits"], faults["full"] = 0, 1
        response = send(nginx, place, via, "/", MULTIPART, body)
        hits = faults.disarm()
        statuses.append(response and response.status)
        assert (hits > 0) == (mode != "streamed" or place == "off")
    assert statuses[1] in (500, None)
    assert statuses[0] == (200 if mode == "streamed" else statuses[1])
    response = send(nginx, mode, via, "/", MULTIPART, body)
    assert response.json()["headers"]["x-frappe-cmd"] == "f"


@pytest.mark.allow_log(r"\[emerg\] .*failed")
def test_18_13_configuration(nginx, faults):
    """Whichever allocation fails while a configuration is read, `nginx -t` ends: by nginx's error, or by
    that of Rust's standard library, which aborts (SECURITY.md)."""
    codes = {}
    for number in range(1, 5000):
        faults.arm(number)
        codes[number] = nginx.test_code()
        if not faults.disarm():
            break
    assert codes[number] == 0 and number > 50
    del codes[number]
    assert set(codes.values()) <= {0, 1, -signal.SIGABRT}, codes
