"""18: if memory runs out or a disk is full, at most the request fails, and never the worker."""

import itertools
import re
import signal
from http.client import HTTPException

import pytest

from rig import figures, process
from rig.client import FORM, JSON, MULTIPART, connect, multipart, of_type, sha256
from rig.faults import Faults, FaultyNginx
from rig.http1 import Closed, Http1
from rig.message import new_id
from rig.modes import MODES, servers
from rig.waiting import until

CONF = """
    map $frappe_cmd $pool { default primary; heavy reports; }
""" + servers("""
    location / { @{show} proxy_set_header X-Report $frappe_arg_report_name; proxy_pass http://$pool; }
    location /moved { frappe_version 13; rewrite ^ /api/method/moved last; }
""", {**MODES, "off": ""})

MODE = pytest.mark.parametrize("mode", MODES)
# Bodies that fit into memory, and one that nginx writes to a file.
BODIES = {
    "form": (FORM, b"a=1&cmd=f&report_name=r"),
    "json": (JSON, b'{"a":1,"cmd":"f","report_name":"r","x":' + b"[" * 600 + b"]" * 600 + b"}"),
    "multipart": (MULTIPART, multipart(("cmd", "f"), ("report_name", "r"), ("file", b"x" * 50_000, "a.bin"))),
}
# Far more allocations than a request makes.
MOST = 400


@pytest.fixture(scope="module")
def faults(env, tmp_path_factory):
    """The library that makes functions of libc fail."""
    if env.is_checked:
        pytest.skip("the sanitizer's allocator is another one")
    return Faults(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def nginx(env, upstreams, tmp_path_factory):
    """An nginx with its own faults file, so that faults for another nginx do not hit it."""
    if env.is_checked:
        pytest.skip("the sanitizer's allocator is another one")
    faults = Faults(tmp_path_factory.mktemp("own"))
    server = FaultyNginx(env, tmp_path_factory.mktemp("nginx"), CONF, upstreams.addresses(), faults=faults)
    server.allowed.append(r"\[(?:emerg|alert|crit)\] .*(?:failed|No space left)")
    server.start()
    # After this request the worker has made the allocations of its start.
    assert send(server, "off", "length", "/", FORM, b"cmd=f").status == 200
    yield server
    server.stop()


def send(nginx, mode, via, target, content_type, body):
    """Sends one request on a connection of its own. Returns the answer, or None if nginx has closed."""
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
def test_18_11_allocations(nginx, mode, via, kind):
    """The first allocation of a request fails, then the second, and so on until none fails: once it alone, and
    once with all later ones. The answer is an error, or the right one, with the right command or none."""
    # A deep JSON text is `invalid` if there is no memory for the page that it needs.
    worker, faults, (content_type, body) = nginx.worker(), nginx.faults, BODIES[kind]
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
        # nginx leaves out a header if there is no memory for its value. Without one of these there is no body.
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
def test_18_12_disk_full(nginx, mode, via):
    """If the disk has no room for a body, nginx answers as without the module, and the next request works."""
    faults, body, statuses = nginx.faults, BODIES["multipart"][1] * 4, []
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


# All our directives, and so all that the module allocates for a configuration.
CONFIGURED = """
    frappe_status_zone calls 256k state=@{prefix}/calls;
    frappe_status_zone hosts 256k "key=$host $frappe_call";
    map $frappe_cmd $pool { default primary; heavy reports; }
    map $frappe_pace $slow { default 0; slow 1; }
    server {
        @{listen main}
        frappe_cmd on; frappe_phase precontent; frappe_version 15; frappe_body preread=4k;
        frappe_pace calls slow=2s min=3 window=7d;
        location / { @{show} proxy_set_header X-Report $frappe_arg_report_name$frappe_arg_x;
                     proxy_set_header X-Type "$frappe_doctype $frappe_call $slow"; proxy_pass http://$pool; }
        location /status { frappe_status calls; }
        location /hosts { frappe_status hosts; }
        location /if { if ($arg_a) { frappe_cmd off; } return 200 "$frappe_arg_y"; }
    }
"""
# A mistake in each of them.
MISTAKES = (
    'map $frappe_arg_ $x { default 1; } server { frappe_cmd on; return 200 "$x"; }',
    "frappe_status_zone a 1k;", "frappe_status_zone a+ 1m;", "frappe_status_zone a 1m; frappe_status_zone a 2m;",
    "frappe_status_zone a 1m keys=x;", "frappe_status_zone a 1m key=x;", "frappe_status_zone a 1m key=$;",
    "frappe_status_zone a 1m state=/there/is/no/such/file;", "frappe_cmd maybe;", "frappe_version 3;",
    "server { location / { frappe_status a; } }",
    "frappe_status_zone b 1m; server { location / { frappe_status a; } }",
    "frappe_status_zone a 1m; frappe_status_zone b 1m; server { location / { frappe_status; } }",
    "frappe_pace a slow=1s;", "frappe_status_zone b 1m; frappe_pace a slow=1s;", "frappe_pace slow=1s min=2;",
    "frappe_pace a slow=1h;", "frappe_pace a min=1;", "frappe_pace a slow=1s slow=1s;",
)


@pytest.fixture
def make(env, upstreams, faults, tmp_path):
    """A function that makes an nginx, which it does not start."""
    made = []

    def one(conf):
        made.append(FaultyNginx(env, tmp_path / f"nginx{len(made)}", conf, upstreams.addresses(), faults=faults))
        return made[-1]

    yield one
    faults.disarm()
    for instance in made:
        instance.kill()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("always", [False, True])
def test_18_13_configuration(env, make, faults, always):
    """If any allocation fails while nginx reads a configuration, `nginx -t` says so and ends."""
    if env.is_script:
        pytest.skip("the shell's allocations would fail")
    server = make(CONFIGURED)
    for number in range(1, 5000):
        faults.arm(number, always=always)
        code, said = server.test_run()
        if not faults.disarm():
            break
        assert (code == 1 and "[emerg]" in said) or goes_on(code, said), (number, code, said)
    assert code == 0, said
    # nginx without the module makes fewer allocations than this.
    assert number > 80


def goes_on(code, said):
    """Whether nginx goes on: it does without memory for the machine code of a regular expression."""
    return code == 0 and re.search(r"\[emerg\].* malloc\(\d+\) failed", said)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_18_14_mistakes(env, make, faults, mistake):
    """With a mistake in a configuration while memory runs out, nginx reports one of the two, and ends."""
    if env.is_script:
        pytest.skip("the shell's allocations would fail")
    server = make(mistake)
    faults.arm(100_000)
    code, said = server.test_run()
    count = faults["count"]
    faults.disarm()
    assert code == 1 and "[emerg]" in said
    for number in range(1, count + 1):
        faults.arm(number, always=True)
        code, told = server.test_run()
        assert faults.disarm() and code == 1 and "[emerg]" in told, (number, code, told)
    # The module allocates nothing to report a mistake.
    faults.arm(count + 1, always=True)
    assert server.test_run() == (1, said) and not faults.disarm()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("always", [False, True])
def test_18_15_reload(make, faults, always):
    """If any allocation fails at a reload, the master and the old configuration go on, and nothing of the new
    one is left."""
    server = make(CONFIGURED)
    server.allowed.append(r"\[(?:emerg|alert|crit)\] .*(?:failed|no memory|cannot be added)")
    server.start()
    (worker,), sizes = server.workers(), []
    for number in range(1, 5000):
        mark = server.errors.mark()
        faults.arm(number, always=always, pid=server.master)
        server.signal(signal.SIGHUP)
        until(lambda: process.is_asleep(server.master) and (
            server.workers() != [worker] or "[emerg]" in server.errors.text(mark)), "the end of a reload")
        if not faults.disarm():
            break
        if server.workers() != [worker]:
            assert goes_on(0, server.errors.text(mark)), number
            until(lambda: worker not in server.workers(), "the old worker's end")
            worker = server.worker()
        sizes.append(server.memory(pid=server.master))
    assert number > 80
    assert sizes[-1] - sizes[len(sizes) // 2] < 512, sizes
    answer = send_to(server)
    assert answer.status == 200 and answer.header("X-Cmd") == "f"
    # nginx counts a request after it has sent the answer.
    until(lambda: figures.calls(server, "/status?format=json").get("f", {}).get("requests") == 1,
          "the request to be counted")
    server.stop()


def send_to(server):
    """One request."""
    with Http1(server.port()) as client:
        client.request("POST", "/", of_type(FORM), b"cmd=f")
        return client.response()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("format_", ["html", "json", "prometheus"])
def test_18_16_figures(make, faults, format_, always):
    """If any allocation fails while nginx makes the answer with the figures, it is an error or complete."""
    server = make(CONFIGURED)
    server.allowed.append(r"\[(?:emerg|alert|crit)\] .*failed")
    server.start()
    worker, target = server.worker(), f"/status?format={format_}&top=100000"
    for number in range(400):
        with Http1(server.port()) as client:
            client.request("POST", "/return", of_type(FORM), b"cmd=app.method_%d" % number)
            client.response()
    good = figures.ask(server, target)
    assert good[0] == 200
    seen = set()
    for number in range(1, 500):
        faults.arm(number, always=always)
        try:
            status, _, text = figures.ask(server, target)
        except (OSError, HTTPException):
            status, text = None, ""
        if not faults.disarm():
            break
        assert status in (None, 500) or "method_399" in text or format_ == "html", (number, status, text)
        seen.add(status)
    # The page is a text that is ready: few allocations, and the last ones are those of the log, behind the answer.
    assert status == 200 and number > 3 and seen & {None, 500}
    assert server.worker() == worker
    server.stop()
