"""13: after a peek, nginx goes on as it would without one."""

import pytest

from rig.begun import Begun
from rig.client import (
    ALL_TRANSPORTS,
    FORM,
    MULTIPLEXED,
    Exchange,
    connect,
    exchange,
    of_type,
    post,
    sha256,
)
from rig.http1 import Http1
from rig.message import chunked, head, new_id

LOCATIONS = """
        location / { @{show} proxy_request_buffering off; proxy_http_version 1.1;
                     proxy_pass http://$pool; }
        location /buffered { @{show} proxy_pass http://$pool; }
        location /refuse { if ($frappe_cmd = heavy) { return 403; } proxy_pass http://$pool; }
        location /page { error_page 403 = @page; if ($frappe_cmd = heavy) { return 403; }
                         proxy_pass http://primary; }
        location @page { @{show} proxy_pass http://reports; }
        location /limited { limit_req zone=slow burst=100; @{show} proxy_request_buffering off;
                            proxy_http_version 1.1; proxy_pass http://$pool; }
        location /hurry { client_body_timeout 300ms; proxy_pass http://$pool; }
        location /off/hurry { frappe_cmd off; client_body_timeout 300ms; proxy_pass http://primary; }
        location /whole { frappe_body whole; @{show} proxy_pass http://$pool; }
        location /moved { rewrite ^ /whole last; }
        location /off { frappe_cmd off; proxy_intercept_errors on; error_page 418 = /from-off;
                        proxy_pass http://primary; }
        location /from-off { @{show} proxy_pass http://$pool; }
        location /small { client_max_body_size 1k; error_page 413 /too-large;
                          proxy_pass http://primary; }
        location /too-large { return 200 "$frappe_cmd_status"; }
        location /show { return 200 "$frappe_cmd|$frappe_cmd_status"; }
"""

CONF = f"""
    map $frappe_cmd $pool {{ default primary; heavy reports; upload_file uploads; }}
    limit_req_zone $server_port zone=slow:1m rate=20r/s;
    server {{
        @{{listen_all}}
        client_max_body_size 0;
        frappe_cmd on;
        frappe_version 15;
        frappe_body preread=4k;
        {LOCATIONS}
        location /auth {{ auth_request /check; client_body_timeout 300ms; @{{show}} proxy_request_buffering off;
                         proxy_http_version 1.1; proxy_pass http://$pool; }}
        location = /check {{ internal; proxy_pass_request_body off;
                            proxy_set_header Content-Length ""; proxy_pass http://127.0.0.1:@{{raw}}; }}
    }}
    server {{
        @{{listen small}}
        @{{listen_h3 h3small}} @{{certificate}}
        client_header_buffer_size 128;
        large_client_header_buffers 4 1k;
        frappe_cmd on;
        frappe_body preread=4k;
        location / {{ @{{show}} proxy_pass http://$pool; }}
    }}
"""

VIA = pytest.mark.parametrize("via", ALL_TRANSPORTS)
FILLER = "x=" + "y" * 30_000 + "&"
HIDDEN = FILLER + "cmd=heavy"


@pytest.fixture(scope="module")
def nginx(serve, raw):
    return serve(CONF, values={"raw": raw.port})


def windows(serve, size):
    """nginx with an HTTP/2 window of `size` bytes for bodies."""
    return serve(CONF.replace("@{listen_all}", f"@{{listen_all}} http2_body_preread_size {size};"),
                 values={"raw": 1})


def arrived(done, body, pool, found):
    """Every byte has arrived in the right pool."""
    assert (done.answer["pool"], done.answer["sha256"]) == (pool, sha256(body))
    assert done.found == found


@pytest.mark.parametrize("target", ["/", "/buffered"])
@pytest.mark.parametrize("size", [0, 1, "1k", "4k", "1m"])
def test_13_50_window(serve_once, size, target):
    """HTTP/2: with a window smaller than the peek, the module does not wait for more bytes than the window
    allows."""
    nginx = windows(serve_once, size)
    for body in ("cmd=heavy", "cmd=heavy&" + FILLER, HIDDEN):
        done = post(nginx, target, body, via="h2")
        assert done.answer["sha256"] == sha256(body.encode())
        assert done.found[0] == "heavy"
    assert (done.answer["pool"], done.found[2]) == ("primary", "late")


def test_13_49_window_and_nothing(serve_once):
    """HTTP/2: nginx does not wait without a timeout for a body that never comes."""
    nginx = windows(serve_once, 0)
    statuses = []
    for target in ("/hurry", "/off/hurry"):
        name = new_id()
        with connect(nginx, "h2") as client:
            client.start("POST", target, [("X-Rig-Id", name), *of_type(FORM)])
            statuses.append(nginx.access.entry(name)["status"])
    assert statuses == [408, 408]


@pytest.mark.parametrize("via", ["length", "chunked", "h3"])
def test_13_51_small_header_buffer(nginx, via):
    """When a larger buffer replaces that of the header, the header's strings stay valid."""
    headers = [*of_type(FORM), *((f"X-Test-{n}", f"{n}" * 90) for n in range(8))]
    for body in ("cmd=heavy", "a=1&" * 700 + "cmd=heavy", HIDDEN):
        for size in (None, 900):
            done = exchange(nginx, "POST", "/p?a=b", headers, body.encode(), via=via, size=size,
                            port="h3small" if via == "h3" else "small")
            answer = done.answer
            assert (answer["uri"], answer["sha256"]) == ("/p?a=b", sha256(body.encode()))
            assert done.found[0] == "heavy"
            for name, value in headers[1:]:
                assert answer["headers"][name.lower()] == value


@pytest.mark.parametrize("chunked_body", [True, False], ids=["chunked", "length"])
def test_13_52_buffers_are_used_again(serve_once, chunked_body):
    """A connection that never pauses between its requests does not collect buffers."""
    nginx = serve_once("""
        server {
            @{listen main}
            keepalive_requests 10000;
            frappe_cmd on;
            frappe_body preread=256k;
            location / { return 200 "$frappe_cmd"; }
        }
    """)

    def send(client, count):
        """Sends requests. Each write ends in the middle of one, so that the connection never pauses."""
        data = b""
        for number in range(count):
            body = b"x=%s&cmd=m%d" % (b"y" * 2000, number)
            how = ("Transfer-Encoding", "chunked") if chunked_body else (
                "Content-Length", str(len(body)))
            data += head("POST", "/", [*of_type(FORM), how]) + (
                chunked(body) if chunked_body else body)
        client.send_pieces(data, 3001)
        for number in range(count):
            assert client.response().text == f"m{number}"

    with Http1(nginx.port()) as client:
        send(client, 20)
        before = nginx.memory()
        send(client, 300)
        assert nginx.memory() - before < 512


@VIA
@pytest.mark.parametrize("size", [None, 4])
def test_13_53_page(nginx, via, size):
    """`return 403` after a peek leads to an error page that reads the body, and gets all of it."""
    for body in (b"x=1&cmd=heavy&y=2", b"cmd=heavy&" + FILLER.encode() * 3):
        done = post(nginx, "/page", body, via=via, size=size if len(body) < 100 else None)
        arrived(done, body, "reports", ("heavy", "form", "ok"))


@pytest.mark.parametrize("via", ["length", "chunked", "tls"])
def test_13_54_refused_and_pipelined(nginx, via):
    """nginx discards the body after `return`, and answers the next request."""
    # Of the second body the peek receives more than has come with the header.
    for body in (b"cmd=heavy", b"x=" + b"y" * 3000 + b"&cmd=heavy",
                 b"cmd=heavy&" + FILLER.encode() * 2):
        how = ("Content-Length", str(len(body))) if via != "chunked" else (
            "Transfer-Encoding", "chunked")
        one = head("POST", "/refuse", [*of_type(FORM), how]) + (
            chunked(body, 1000) if via == "chunked" else body)
        with connect(nginx, via) as client:
            client.send(one, one, head("GET", "/show?cmd=f"))
            assert [client.response().status for _ in range(2)] == [403, 403]
            assert client.response().text == "f|ok"


@VIA
@pytest.mark.parametrize("size", [None, 4])
def test_13_55_limited(nginx, via, size):
    """`limit_req` delays a request after a peek, and the body is complete afterwards."""
    body = b"x=1&cmd=heavy&y=2"
    for _ in range(3):
        arrived(post(nginx, "/limited", body, via=via, size=size), body, "reports",
                ("heavy", "form", "ok"))
    body = b"cmd=heavy&" + FILLER.encode() * 3
    for _ in range(2):
        arrived(post(nginx, "/limited", body, via=via), body, "reports", ("heavy", "form", "ok"))


@VIA
@pytest.mark.parametrize("more", [0, 100_000])
def test_13_56_slow_subrequest(nginx, raw, via, more):
    """A peek leaves no timer: a subrequest may take longer than `client_body_timeout`."""
    check = raw.answer_one(after=0.5)
    body = b"x=1&cmd=heavy&y=" + b"2" * more
    done = post(nginx, "/auth", body, via=via, size=None if more else 4)
    check.join()
    arrived(done, body, "reports", ("heavy", "form", "ok"))


@VIA
@pytest.mark.parametrize("body", [HIDDEN.encode(), b"cmd=heavy&" + FILLER.encode() + b"\xff"],
                         ids=["hidden", "dropped"])
def test_13_57_moved_to_whole(nginx, via, body):
    """`whole` is exact also for a request that a peek has sent to its location."""
    done = post(nginx, "/moved", body, via=via)
    found, pool = ((("heavy", "form", "ok"), "reports") if body == HIDDEN.encode() else
                   (("", "", "none"), "primary"))
    arrived(done, body, pool, found)
    assert done.passed == found


@VIA
def test_13_58_read_before(nginx, via):
    """With preread, too, a body that nginx has already read is scanned as a whole."""
    headers = [*of_type(FORM), ("X-Order-Status", "418")]
    done = exchange(nginx, "POST", "/off", headers, HIDDEN.encode(), via=via)
    assert done.found == ("heavy", "form", "ok")


# Over HTTP/3 nginx gives up none.
@pytest.mark.parametrize("via", ["length", "tls", "h2"])
def test_13_59_given_up(nginx, via):
    """The module does not peek at a body that nginx has given up while it still comes."""
    begun = Begun(nginx, via, "/small", b"cmd=heavy&" + FILLER.encode(), 5000)
    done = Exchange(begun.id, nginx, begun.response())
    begun.client.close()
    assert (done.response.status, done.response.text) == (413, "unread")
    assert done.found == ("", "", "unread")


@VIA
@pytest.mark.parametrize("headers", [
    of_type("image/png"),
    of_type("application/grpc"),
    [("X-Nothing", "here")],
], ids=["png", "grpc", "none"])
def test_13_60_not_waited_for(nginx, via, headers):
    """The module does not wait for a body that cannot hold a command."""
    with connect(nginx, via) as client:
        if via in MULTIPLEXED:
            stream = client.start("POST", "/show", headers)
            answer = client.response(stream)
        else:
            how = ("Transfer-Encoding", "chunked") if via == "chunked" else ("Content-Length", "9")
            client.send(head("POST", "/show", [*headers, how]))
            answer = client.response()
    assert answer.text.startswith("|")


@pytest.mark.parametrize("via", ["length", "chunked", "tls"])
@pytest.mark.parametrize("target", ["/", "/buffered", "/refuse", "/show"])
def test_13_61_expect(nginx, via, target):
    """nginx sends 100 Continue once, when the peek waits for the first bytes."""
    body = b"x=1&cmd=heavy"
    with connect(nginx, via) as client:
        how = ("Transfer-Encoding", "chunked") if via == "chunked" else (
            "Content-Length", str(len(body)))
        client.send(head("POST", target, [*of_type(FORM), ("Expect", "100-continue"), how]))
        assert client.response().status == 100
        client.send(chunked(body, 4) if via == "chunked" else body)
        assert client.response().status == (403 if target == "/refuse" else 200)
        assert client.silent()
