"""16: a body that another module has read before nginx chooses a location, as nginx does from 1.31.5 on with
`client_body_early_read`: the values are the same, and they are there at server level."""

import os
from pathlib import Path

import pytest

from rig import neighbours
from rig.client import (
    ALL_TRANSPORTS,
    FORM,
    JSON,
    MULTIPART,
    exchange,
    multipart,
    of_type,
    post,
    sha256,
)
from rig.http1 import Http1
from rig.message import head

KINDS = ("memory", "spilled", "file", "single")
TURN = 1024 * 1024

SERVER = """
    server {
        @{listen_all}
        client_max_body_size 0;
        EARLY
        frappe_cmd on;
        frappe_version 15;

        set $early $frappe_cmd;
        set $early_status $frappe_cmd_status;
        set $early_pool $pool;
        if ($frappe_cmd = blocked) { return 403; }

        location / { @{show} SHOW_EARLY proxy_pass http://$pool; }
        location /preread { frappe_body preread; proxy_request_buffering off; @{show} SHOW_EARLY
                            proxy_pass http://$pool; }
        location /path-only { frappe_body off; @{show} SHOW_EARLY proxy_pass http://$pool; }
        location /off { frappe_cmd off; @{show} SHOW_EARLY proxy_pass http://primary; }
        location /api/v2/ { frappe_version 13; @{show} SHOW_EARLY proxy_pass http://$pool; }
        location /moved { frappe_cmd off; rewrite ^ /there last; }
    }
"""

SHOW_EARLY = 'add_header X-Early "$early|$early_status|$early_pool" always;'

EARLY = {
    "memory": "test_early_read memory; client_body_buffer_size 16m;",
    "spilled": "test_early_read memory; client_body_buffer_size 1k;",
    "file": "test_early_read file;",
    "single": "test_early_read single; client_body_buffer_size 4k;",
}

CONF = """
    map $frappe_cmd $pool { default primary; heavy reports; upload_file uploads; }
    SERVERS
    server {
        @{listen elsewhere}
        test_early_read memory;
        client_body_buffer_size 1k;
        frappe_body off;
        set $early_status $frappe_cmd_status;
        location / { frappe_cmd on; frappe_body whole; @{show}
                     add_header X-Early "|$early_status|" always; proxy_pass http://$pool; }
        location /accel { proxy_pass http://primary/; }
        location /secret { internal; frappe_cmd on; frappe_body whole;
                           return 200 "$frappe_cmd|$frappe_cmd_status"; }
        location /after { proxy_pass http://primary/; post_action /logged; }
        location /logged { internal; frappe_cmd on; frappe_body whole; return 204; }
    }
    server {
        @{listen path_only}
        frappe_cmd on;
        frappe_body off;
        set $early $frappe_cmd;
        location / { frappe_body whole; @{show} proxy_pass http://$pool; }
    }
"""

BODIES = [
    (FORM, b"x=1&cmd=heavy&y=" + b"2" * 3000, "form"),
    (JSON, b'{"x": "' + b"1" * 3000 + b'", "cmd": "heavy"}', "json"),
    (MULTIPART, multipart(("file", "3" * 5000, "a.txt"), ("cmd", "heavy")), "multipart"),
]


def conf(early_read):
    """The configuration with one kind of early read."""
    server = SERVER.replace("SHOW_EARLY", SHOW_EARLY).replace("EARLY", early_read)
    return CONF.replace("SERVERS", server)


@pytest.fixture(scope="module")
def loader(env, tmp_path_factory):
    path = neighbours.build(env, tmp_path_factory.mktemp("early"), "early_read")
    return f"load_module {path}; load_module {{}};".format


@pytest.fixture(scope="module")
def servers(serve, env, loader):
    """`servers(kind)`: an nginx that keeps the body of an early read as one of KINDS says."""
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = serve(conf(EARLY[kind]), values={"load_module": loader(env.module)})
        return made[kind]

    return get


def early_found(done):
    """cmd, status and pool as `set` at server level saw them."""
    return tuple(done.response.header("X-Early").split("|"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize(("content_type", "body", "source"), BODIES,
                         ids=[source for *_, source in BODIES])
def test_16_01_everywhere(servers, kind, via, content_type, body, source):
    """The values are right at server level, in a map that is used there, in the location and in the log."""
    nginx = servers(kind)
    done = post(nginx, "/", body, content_type, via=via)
    assert early_found(done) == ("heavy", "ok", "reports")
    assert done.answer["pool"] == "reports"
    assert done.found == done.passed == done.shown == ("heavy", source, "ok")
    assert done.answer["sha256"] == sha256(body)
    on_disk = bool(done.logged["body_file"])
    assert on_disk == (kind in ("spilled", "file")) or kind == "single"


@pytest.mark.parametrize("kind", KINDS)
def test_16_02_if(servers, kind):
    """An `if` at server level refuses by the command."""
    done = post(servers(kind), "/", b"x=1&cmd=blocked")
    assert done.response.status == 403
    assert done.found == ("blocked", "form", "ok")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", ["/preread", "/moved"])
def test_16_03_locations(servers, kind, target):
    """`preread` finds the whole body, and a `rewrite` changes no value."""
    content_type, body, source = BODIES[2]
    done = post(servers(kind), target, body, content_type)
    assert done.found == done.passed == ("heavy", source, "ok")
    assert done.answer["sha256"] == sha256(body)


@pytest.mark.parametrize("kind", ["memory", "spilled", "file"])
@pytest.mark.parametrize("size", [TURN - 1, TURN, TURN + 1, 5 * TURN + 7])
def test_16_04_large(servers, kind, size):
    """A body that is too long for one turn of the event loop is `unread` at server level; the location knows all
    of it."""
    body = b"x=" + b"1" * (size - 12) + b"&cmd=heavy"
    assert len(body) == size
    done = post(servers(kind), "/", body)
    expected = ("heavy", "ok", "reports") if size < TURN else ("", "unread", "primary")
    assert early_found(done) == expected
    assert done.found == done.passed == ("heavy", "form", "ok")
    assert done.answer["sha256"] == sha256(body)


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
def test_16_05_large_transports(servers, via):
    """The same over every protocol, and the connection goes on."""
    body = multipart(("file", "x" * 3 * TURN, "a.bin"), ("cmd", "upload_file"))
    done = post(servers("spilled"), "/", body, MULTIPART, via=via)
    assert done.found == done.passed == ("upload_file", "multipart", "ok")
    assert done.answer["sha256"] == sha256(body)


def test_16_06_gone(servers):
    """A client that leaves while its body is scanned does no harm."""
    nginx = servers("spilled")
    body = b"x=" + b"1" * (8 * TURN) + b"&cmd=heavy"
    for _ in range(10):
        with Http1(nginx.port()) as client:
            client.send(head("POST", "/", [*of_type(FORM), ("Content-Length", str(len(body)))]))
            client.send(body)
            client.reset()
    assert post(nginx, "/", b"cmd=heavy").found == ("heavy", "form", "ok")


def test_16_07_location_rules(servers):
    """Each location decides by its own directives, also if those of the server give other values."""
    nginx = servers("memory")
    for target, found in [("/path-only?cmd=q", ("q", "query", "ok")), ("/off", ("", "", ""))]:
        done = post(nginx, target, b"cmd=heavy")
        assert early_found(done) == ("heavy", "ok", "reports")
        assert done.found == found
    # Frappe 13 knows no /api/v2.
    done = exchange(nginx, "GET", "/api/v2/method/heavy")
    assert early_found(done) == ("heavy", "ok", "reports")
    assert done.found == ("", "", "none")


def test_16_08_server_off(servers):
    """`frappe_cmd on` stands in the location only."""
    nginx = servers("memory")
    for content_type, body, source in BODIES:
        done = post(nginx, "/", body, content_type, port="elsewhere")
        assert early_found(done) == ("", "", "")
        assert done.found == ("heavy", source, "ok")
        assert done.answer["pool"] == "reports"


def test_16_09_server_path_only(servers):
    """A variable that is asked for at server level with `frappe_body off` does not decide for a location that
    reads bodies."""
    done = post(servers("memory"), "/?cmd=q", b"cmd=heavy", port="path_only")
    assert done.found == done.passed == ("heavy", "form", "ok")


def test_16_10_after_the_upstream(servers):
    """A body that an upstream has had can be scanned as long as its file is open."""
    body = b"x=" + b"1" * 5000 + b"&cmd=heavy"
    nginx = servers("memory")
    done = exchange(nginx, "POST", "/accel", [*of_type(FORM), ("X-Order-Accel", "/secret")], body,
                    port="elsewhere")
    assert done.response.text == "heavy|ok"
    assert post(nginx, "/after", body, port="elsewhere").found == ("", "", "unread")


def test_16_11_expect(servers):
    """A client that waits for 100 Continue gets it once."""
    with Http1(servers("memory").port()) as client:
        client.request("POST", "/", [("Expect", "100-continue"), ("Content-Length", "9"),
                                     *of_type(FORM)])
        assert client.response().status == 100
        client.send(b"cmd=heavy")
        assert client.response().json()["pool"] == "reports"


@pytest.mark.allow_log(r"frappe: internal error|panicked at|note: run with|probe")
@pytest.mark.parametrize("kind", ["memory", "spilled"])
@pytest.mark.parametrize("size", [0, 2 * TURN])
def test_16_12_panic(serve_once, loader, kind, size):
    """A panic while such a body is scanned leaves it `unread`, at server level and in turns."""
    module = os.environ.get("TEST_NGINX_PANIC_MODULE", "")
    if not Path(module).is_file():
        pytest.skip("TEST_NGINX_PANIC_MODULE is not set: run by `make test-nginx`")
    nginx = serve_once(conf(EARLY[kind]), values={"load_module": loader(module)})
    done = post(nginx, "/", b"y=" + b"1" * size + b"&x=panic-in-scanner&cmd=heavy")
    assert done.response.status == 200
    assert early_found(done) == ("", "unread", "primary")
    assert done.found == ("", "", "unread")
