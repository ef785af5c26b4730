"""13: `frappe_body preread` chooses the upstream by the first bytes of a body and streams it on."""

import pytest

from rig.client import (
    ALL_TRANSPORTS,
    BOUNDARY,
    FORM,
    JSON,
    MULTIPART,
    Exchange,
    connect,
    exchange,
    multipart,
    of_type,
    post,
    sha256,
)
from rig.http1 import Http1
from rig.message import chunked, head, new_id

CONF = """
    map $frappe_cmd $pool { default primary; heavy reports; upload_file uploads; }
    server {
        @{listen_all}
        client_max_body_size 0;
        frappe_cmd on;
        frappe_version 15;
        frappe_body preread=4k;
        location / { @{show} proxy_request_buffering off; proxy_http_version 1.1;
                     proxy_pass http://$pool; }
        location /pieces { @{show} proxy_request_buffering off; client_body_buffer_size 100;
                           proxy_http_version 1.1; proxy_pass http://$pool; }
        location /buffered { @{show} proxy_pass http://$pool; }
        location /return { return 200 "$frappe_cmd|$frappe_cmd_status"; }
        location /auth { auth_request /check; @{show} proxy_request_buffering off;
                         proxy_http_version 1.1; proxy_pass http://$pool; }
        location = /check { internal; proxy_pass_request_body off;
                            proxy_set_header Content-Length ""; proxy_pass http://primary; }
    }
"""

FILLER = "x=" + "y" * 30_000 + "&"
BUFFERING = ["/", "/buffered"]


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(CONF)


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("target", BUFFERING)
@pytest.mark.parametrize("size", [None, 7])
@pytest.mark.parametrize(("body", "content_type", "found"), [
    ("cmd=heavy", FORM, ("heavy", "form", "ok")),
    ("cmd=heavy&x=1", FORM, ("heavy", "form", "ok")),
    ("a=1&cmd=he%61vy&b=2", FORM, ("heavy", "form", "ok")),
    ('{"x":1,"cmd":"heavy"}', JSON, ("heavy", "json", "ok")),
    ("x=1", FORM, ("", "", "none")),
    ('{"cmd":', JSON, ("", "", "malformed")),
])
def test_13_01_small(nginx, target, via, size, body, content_type, found):
    """Small bodies are decided exactly, over every protocol and in any pieces."""
    done = post(nginx, target, body, content_type, via=via, size=size)
    assert done.answer["sha256"] == sha256(body.encode())
    assert done.passed == done.found == found
    assert done.answer["pool"] == ("reports" if found[0] else "primary")


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("target", BUFFERING)
def test_13_02_cmd_in_front(nginx, target, via):
    """A cmd within the first bytes routes, and the rest does not matter."""
    body = ("cmd=heavy&" + FILLER * 10 + "z=1").encode()
    done = post(nginx, target, body, via=via)
    assert (done.answer["pool"], done.answer["sha256"]) == ("reports", sha256(body))
    assert done.passed == done.found == ("heavy", "form", "ok")


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("target", BUFFERING)
def test_13_03_cmd_behind(nginx, target, via):
    """A cmd behind the first bytes does not route: the path does, and the log shows what really ran."""
    body = (FILLER + "cmd=heavy").encode()
    done = post(nginx, f"{target}?x=1", body, via=via)
    assert (done.answer["pool"], done.answer["sha256"]) == ("primary", sha256(body))
    # How much of the body nginx has read when it writes the upstream's header differs from run to run.
    assert done.passed in [("", "", "truncated"), ("heavy", "form", "late")]
    assert done.found == ("heavy", "form", "late")


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
def test_13_04_same_in_the_end(nginx, via):
    """If the whole body confirms a truncated peek, the log has the status ok."""
    done = post(nginx, "/api/method/heavy", (FILLER + "z=1").encode(), via=via)
    assert done.passed in [("heavy", "path", "truncated"), ("heavy", "path", "ok")]
    assert done.found == ("heavy", "path", "ok")


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
def test_13_05_multipart(nginx, via):
    """A cmd part in front of a file routes; behind the file it is too late."""
    file = ("file", b"f" * 100_000, "a.bin")
    done = post(nginx, "/", multipart(("cmd", "upload_file"), file), MULTIPART, via=via)
    assert done.answer["pool"] == "uploads"
    assert done.found == ("upload_file", "multipart", "ok")
    done = post(nginx, "/", multipart(file, ("cmd", "upload_file")), MULTIPART, via=via)
    assert (done.answer["pool"], done.passed[2] in ("truncated", "late")) == ("primary", True)
    assert done.found == ("upload_file", "multipart", "late")


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
def test_13_06_form_that_is_dropped_later(nginx, via):
    """If a form is broken behind the cmd, Frappe runs another method: the status is late."""
    body = b"cmd=heavy&" + FILLER.encode() + b"\xff"
    done = post(nginx, "/api/method/p", body, via=via)
    assert done.answer["pool"] == "reports"
    assert done.found == ("p", "path", "late")


LATER = {
    "no UTF-8": (FORM, b"cmd=heavy&" + FILLER.encode() + b"\xff"),
    "second cmd": (FORM, b"cmd=heavy&" + FILLER.encode() + b"cmd=other"),
    "second part": (MULTIPART, multipart(("cmd", "heavy"), ("x", FILLER), ("cmd", "other"))),
    "no last delimiter": (MULTIPART, multipart(("cmd", "heavy"), ("x", FILLER), end=False)),
    "too many parts": (MULTIPART, multipart(("cmd", "heavy"), *[("x", "")] * 1000)),
    "second member": (JSON, b'{"cmd":"heavy","x":"' + FILLER.encode() + b'","cmd":"other"}'),
    "no JSON": (JSON, b'{"cmd":"heavy","x":"' + FILLER.encode() + b'"'),
}


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("what", LATER)
def test_13_07_later(nginx, via, what):
    """If the bytes behind the peek change the answer, the log shows what Frappe ran."""
    content_type, body = LATER[what]
    done = post(nginx, "/api/method/p", body, content_type, via=via)
    assert done.answer["sha256"] == sha256(body)
    ran = done.answer["frappe"]["cmd"]
    assert done.found[0] == ran
    routed = "p" if content_type == JSON else "heavy"
    assert done.answer["pool"] == ("primary" if content_type == JSON else "reports")
    assert (done.found[2] == "late") == (ran != routed)


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("end", ["closed", "open", "in the file"])
def test_13_08_file_in_pieces(nginx, via, end):
    """A file streams by in small pieces, which cut the delimiter behind it at any place."""
    looks = f"\r\n--\n-{BOUNDARY}\r\n--{BOUNDARY[:-1]}\n--{BOUNDARY}x".encode()
    # nginx reads the rest of a short body into the buffer of its header.
    for length in range(9000, 9100, 7):
        file = ("file", looks + b"f" * length, "a.bin")
        body = multipart(file, ("cmd", "upload_file"), end=end == "closed")
        if end == "in the file":
            body = body[:length]
        size = None if via == "length" else 150
        done = post(nginx, "/pieces", body, MULTIPART, via=via, size=size)
        assert done.answer["sha256"] == sha256(body)
        ran = done.answer["frappe"]["cmd"]
        assert ran == ("upload_file" if end == "closed" else "")
        assert done.found[::2] == ((ran, "late") if ran else ("", "none")), length


@pytest.mark.parametrize("via", ["length", "chunked"])
def test_13_09_keepalive_and_pipelining(nginx, via):
    """The bytes behind a body are the next request, also if the peek has received a part of it."""
    # For most of them only the end of the body decides.
    bodies = {b"x=1&cmd=heavy": "reports", FILLER.encode() + b"cmd=a": "primary", b"x=1": "primary",
              b"x=1&cmd=heavy&y=2": "reports", b"x=" + b"y" * 3000 + b"&cmd=heavy": "reports",
              b"cmd=heavy": "reports", b"cmd=" + b"c" * 200: "primary"}
    data = b""
    for number, body in enumerate(bodies):
        framed = b"%x;ext=1\r\n%s\r\n0\r\nT: x\r\n\r\n" % (len(body), body)
        how = ("Transfer-Encoding", "chunked") if via == "chunked" else (
            "Content-Length", str(len(body)))
        data += head("POST", f"/?n={number}", [*of_type(FORM), how]) + (
            framed if via == "chunked" else body)
    with Http1(nginx.port()) as client:
        client.send(data)
        for body, pool in bodies.items():
            answer = client.response().json()
            assert (answer["sha256"], answer["pool"]) == (sha256(body), pool)


@pytest.mark.parametrize("pieces", [1, 3, 1000])
@pytest.mark.parametrize("via", ["length", "chunked"])
def test_13_10_slow(nginx, via, pieces):
    """A client sends a few bytes at a time, which cut the framing at any place."""
    name = new_id()
    body = b"a=1&" * 10 + b"cmd=heavy&b=" + b"2" * 50
    how = ("Transfer-Encoding", "chunked") if via == "chunked" else (
        "Content-Length", str(len(body)))
    with connect(nginx, via) as client:
        client.send(head("POST", "/", [("X-Rig-Id", name), *of_type(FORM), how]))
        client.send_pieces(chunked(body, 20) if via == "chunked" else body, pieces)
        done = Exchange(name, nginx, client.response())
    assert (done.answer["sha256"], done.answer["pool"]) == (sha256(body), "reports")
    assert done.found == ("heavy", "form", "ok")


def test_13_16_broken_chunks(nginx):
    """nginx refuses broken framing."""
    with Http1(nginx.port()) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: " + FORM.encode() +
                    b"\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert client.response().status == 400


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
def test_13_17_return(nginx, via):
    """`return` answers with the values of the peek, and nginx discards the body."""
    done = post(nginx, "/return", "cmd=heavy&" + FILLER, via=via)
    assert done.response.text == "heavy|ok"


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("size", [None, 5])
def test_13_18_auth_request(nginx, via, size):
    """A subrequest between the peek and the read."""
    body = "a=1&cmd=heavy&b=2"
    done = post(nginx, "/auth", body, via=via, size=size)
    assert (done.answer["pool"], done.answer["sha256"]) == ("reports", sha256(body.encode()))


def test_13_19_get(nginx):
    """Without a body there is nothing to look at."""
    assert exchange(nginx, "GET", "/api/method/heavy").found == ("heavy", "path", "ok")
