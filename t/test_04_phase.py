"""04: `frappe_phase` says what nginx checks before it waits for the body, and what after it."""

import pytest

from rig.client import ALL_TRANSPORTS, FORM, exchange, of_type, post, sha256
from rig.http1 import Http1
from rig.message import head, new_id

# The same locations in a server for each phase.
LOCATIONS = """
        client_max_body_size 0;
        client_body_buffer_size 16k;
        frappe_cmd on;
        root @{prefix}/root;

        location / { @{show} proxy_pass http://$pool; }
        location /preread { frappe_body preread; @{show} proxy_request_buffering off;
                            proxy_http_version 1.1; proxy_pass http://$pool; }
        location /try { try_files /$frappe_cmd.txt @try; }
        location @try { @{show} proxy_pass http://$pool; }
        location /rewritten { rewrite ^/rewritten(.*)$ /$1 last; }
        location /early {
            set $asked $frappe_cmd_status;
            if ($frappe_cmd = heavy) { return 418; }
            proxy_set_header X-Early $asked;
            proxy_pass http://$pool;
        }
        location /mirrored { mirror /_copy; @{show} proxy_pass http://$pool; }
        location /_copy { internal; proxy_set_header X-Copy $frappe_cmd;
                          proxy_pass http://uploads; }

        location /denied { deny all; @{show} proxy_pass http://$pool; }
        location /basic { auth_basic closed; auth_basic_user_file @{prefix}/users;
                          @{show} proxy_pass http://$pool; }
        location /connections { limit_conn PHASE 2; limit_conn_status 429;
                                @{show} proxy_pass http://$pool; }
        location /requests { limit_req zone=PHASE_req; limit_req_status 429;
                             @{show} proxy_pass http://$pool; }
        location /by-key { limit_req zone=PHASE_key; limit_req_status 429;
                           @{show} proxy_pass http://$pool; }
        location /if {
            frappe_cmd off;
            if ($request_method = POST) { frappe_cmd on; proxy_pass http://$pool; }
            proxy_pass http://uploads;
        }
        location /return { return 200 "$frappe_cmd|$frappe_cmd_status"; }
"""

PHASES = ["rewrite", "precontent"]

CONF = """
    map $frappe_cmd $pool { default primary; heavy reports; }
""" + "".join(f"""
    limit_conn_zone $binary_remote_addr zone={phase}:1m;
    limit_req_zone $binary_remote_addr zone={phase}_req:1m rate=1r/m;
    limit_req_zone $frappe_cmd zone={phase}_key:1m rate=1r/m;
    server {{
        @{{listen {phase}}}
        @{{listen_h2 {phase}_h2}}
        listen 127.0.0.1:@{{port {phase}_tls}} ssl; @{{listen_h3 {phase}_h3}} @{{certificate}}
        frappe_phase {phase};
        {LOCATIONS.replace("PHASE", phase)}
    }}
""" for phase in PHASES)

VIA = pytest.mark.parametrize("via", ALL_TRANSPORTS)
PHASE = pytest.mark.parametrize("phase", PHASES)
SMALL = b"cmd=heavy"
LARGE = b"a=" + b"x" * 100_000 + b"&cmd=heavy"
BODIES = pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "spilled"])
FOUND = ("heavy", "form", "ok")


@pytest.fixture(scope="module")
def nginx(serve):
    nginx = serve(CONF)
    (nginx.prefix / "root").mkdir()
    (nginx.prefix / "users").write_text("u:{PLAIN}p\n")
    return nginx


def send(nginx, phase, target, body, *, via="length", headers=(), **options):
    """One POST to the server of a phase."""
    suffix = {"h2": "_h2", "h3": "_h3", "tls": "_tls"}.get(via, "")
    return exchange(nginx, "POST", target, [*headers, *of_type(FORM)], body, via=via,
                    port=phase + suffix, **options)


@VIA
@PHASE
@BODIES
@pytest.mark.parametrize("target", ["/", "/try", "/rewritten", "/basic", "/mirrored", "/if"])
def test_04_91_both_route(nginx, upstreams, target, phase, body, via):
    """`proxy_pass`, `try_files`, headers, maps and the log see the answer in both phases."""
    headers = [("Authorization", "Basic dTpw")] if target == "/basic" else []
    done = send(nginx, phase, target, body, via=via, headers=headers)
    assert done.answer["pool"] == "reports"
    assert done.answer["sha256"] == sha256(body)
    assert done.found == FOUND
    if target != "/if":
        assert done.passed == done.shown == FOUND
    if target == "/mirrored":
        copy = upstreams["uploads"].saw(done.id)
        assert (copy["sha256"], copy["headers"]["x-copy"]) == (sha256(body), "heavy")


@VIA
@PHASE
def test_04_92_preread(nginx, phase, via):
    """The first bytes decide in both phases."""
    body = SMALL + b"&a=" + b"x" * 100_000
    done = send(nginx, phase, "/preread", body, via=via)
    assert (done.answer["pool"], done.answer["sha256"]) == ("reports", sha256(body))
    assert done.passed == done.found == FOUND


def test_04_93_what_asks_before_the_body(nginx):
    """`if`, `set` and `return` see the answer with `rewrite`, and `unread` with `precontent`. Without a body
    they see the answer with both."""
    assert send(nginx, "rewrite", "/early", SMALL).response.status == 418
    done = send(nginx, "precontent", "/early", SMALL)
    assert done.answer["headers"]["x-early"] == "unread"
    assert (done.answer["pool"], done.found) == ("reports", FOUND)
    assert send(nginx, "rewrite", "/return", SMALL).response.text == "heavy|ok"
    done = send(nginx, "precontent", "/return", SMALL)
    assert (done.response.text, done.found) == ("|unread", ("", "", "unread"))
    for phase in PHASES:
        done = exchange(nginx, "GET", "/return?cmd=heavy", port=phase)
        assert done.response.text == "heavy|ok"


@pytest.mark.parametrize(("target", "status"), [("/denied", 403), ("/basic", 401)])
def test_04_94_strangers(nginx, target, status):
    """With `precontent` nginx refuses a client before the body is read, with `rewrite` after it."""
    start = head("POST", target, [*of_type(FORM), ("Content-Length", "9")])
    with Http1(nginx.port("precontent")) as client:
        client.send(start)
        assert client.response().status == status
    with Http1(nginx.port("rewrite")) as client:
        client.send(start, b"cmd=").wait_read()
        assert client.silent(), "the body is waited for"
        client.send(b"heavy")
        assert client.response().status == status


@pytest.mark.parametrize(("phase", "refused"), [("rewrite", 0), ("precontent", 8)])
def test_04_95_limit_conn(nginx, phase, refused):
    """`limit_conn` counts requests whose body is half sent with `precontent` only."""
    clients = [Http1(nginx.port(phase)) for _ in range(10)]
    try:
        for client in clients:
            client.send(head("POST", "/connections", [*of_type(FORM), ("Content-Length", "9")]),
                        b"cmd=").wait_read()
        assert sum(not client.silent() for client in clients) == refused
    finally:
        for client in clients:
            client.close()


def test_04_96_limit_req(nginx):
    """A limit by a command needs `rewrite`; one by the client's address works in both."""
    for phase in PHASES:
        found = [send(nginx, phase, "/requests", SMALL).response.status for _ in range(2)]
        assert found == [200, 429]
    status = [send(nginx, "rewrite", "/by-key", SMALL).response.status for _ in range(2)]
    assert status == [200, 429]
    # With `precontent` the key is empty, and nginx does not count an empty key.
    status = [send(nginx, "precontent", "/by-key", SMALL).response.status for _ in range(2)]
    assert status == [200, 200]


@pytest.mark.parametrize("phase", PHASES)
def test_04_97_half_a_body(nginx, phase):
    """The request waits for its body in both phases."""
    with Http1(nginx.port(phase)) as client:
        name = new_id()
        client.send(head("POST", "/", [("X-Rig-Id", name), *of_type(FORM),
                                       ("Content-Length", "9")]), b"cmd=h").wait_read()
        assert client.silent()
        client.send(b"eavy")
        assert client.response().json()["pool"] == "reports"
    assert nginx.access.entry(name)["cmd"] == "heavy"


def test_04_98_from_one_phase_to_the_other(serve_once):
    """A `rewrite` leads from a location with one phase to a location with the other."""
    nginx = serve_once("""
        map $frappe_cmd $pool { default primary; heavy reports; }
        server {
            @{listen main}
            frappe_cmd on;
            location /a { frappe_phase precontent; rewrite ^ /to-rewrite last; }
            location /b { frappe_phase rewrite; rewrite ^ /to-precontent last; }
            location /to-rewrite { frappe_phase rewrite; @{show} proxy_pass http://$pool; }
            location /to-precontent { frappe_phase precontent; @{show} proxy_pass http://$pool; }
        }
    """)
    for target in ("/a", "/b"):
        done = post(nginx, target, SMALL)
        assert (done.answer["pool"], done.passed, done.found) == ("reports", FOUND, FOUND)
