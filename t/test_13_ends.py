"""13: how bodies end: peeks that decide before the end, timeouts, clients that leave, wrong framing."""

import socket

import pytest

from rig.client import ALL_TRANSPORTS, FORM, JSON, MULTIPLEXED, connect, multipart, of_type, sha256
from rig.http1 import Closed
from rig.http3 import Http3, frame
from rig.message import chunk, chunked, head, new_id

CONF = """
    map $frappe_cmd $pool { default primary; heavy reports; }
    server {
        @{listen_all}
        frappe_cmd on;
        frappe_version 15;
        frappe_body preread=4k;
        location / { @{show} proxy_request_buffering off; proxy_http_version 1.1;
                     proxy_pass http://$pool; }
        location /buffered { @{show} proxy_pass http://$pool; }
        location /hurry { client_body_timeout 300ms; proxy_pass http://$pool; }
        location /off { frappe_cmd off; proxy_pass http://primary; }
        location /off/hurry { frappe_cmd off; client_body_timeout 300ms; proxy_pass http://primary; }
        location /small { client_max_body_size 1k; proxy_pass http://$pool; }
        location /off/small { frappe_cmd off; client_max_body_size 1k; proxy_pass http://primary; }
        location /show { return 200 "$frappe_cmd|$frappe_cmd_status"; }
    }
"""

VIA = pytest.mark.parametrize("via", ALL_TRANSPORTS)
HIDDEN = "x=" + "y" * 30_000 + "&cmd=heavy"


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(CONF)


@pytest.fixture
def http3(env, nginx):
    """The port for HTTP/3."""
    if not env.has_http3:
        pytest.skip("this nginx is built without HTTP/3")
    return nginx.port("h3")


def begin(client, via, target, name):
    """Sends three of nine bytes of a form. Returns the stream where there is one."""
    headers = [("X-Rig-Id", name), *of_type(FORM)]
    if via in MULTIPLEXED:
        stream = client.start("POST", target, headers)
        client.data(stream, b"cmd")
        client.ping()
        return stream
    how = ("Transfer-Encoding", "chunked") if via == "chunked" else ("Content-Length", "9")
    client.send(head("POST", target, [*headers, how]))
    client.send(chunk(b"cmd") if via == "chunked" else b"cmd").wait_read()
    return None


@VIA
def test_13_62_timeout(nginx, via):
    """408 for a body that does not come, as without the module."""
    statuses = []
    for target in ("/hurry", "/off/hurry"):
        name = new_id()
        with connect(nginx, via) as client:
            stream = begin(client, via, target, name)
            if via in MULTIPLEXED:
                with pytest.raises(Closed):
                    client.response(stream)
            else:
                client.wait_closed()
        statuses.append(nginx.access.entry(name)["status"])
    assert statuses == [408, 408]


@VIA
@pytest.mark.parametrize("end", ["close", "reset"])
def test_13_63_gone(nginx, via, end):
    """A client or a stream that ends half-way is logged with the status of nginx without the module."""
    statuses = []
    for target in ("/", "/off"):
        name = new_id()
        with connect(nginx, via) as client:
            stream = begin(client, via, target, name)
            if end == "close":
                client.close()
            else:
                client.reset(*[stream] if stream is not None else [])
            entry = nginx.access.entry(name)
            statuses.append(entry["status"])
            if stream is not None and end == "reset":
                again = client.request("POST", target, of_type(FORM), b"cmd=heavy")
                assert client.response(again).status == 200
    assert statuses[0] == statuses[1] != 200


@pytest.mark.parametrize("target", ["/", "/buffered"])
@pytest.mark.parametrize(("body", "pool"), [(b"x=1&cmd=heavy", "reports"),
                                            (HIDDEN.encode(), "primary")], ids=["small", "hidden"])
def test_13_64_h3_frames(nginx, http3, target, body, pool):
    """Frames of unknown types mean nothing, trailers end the body, a frame may be cut anywhere."""
    half = len(body) // 2
    # Were it the body's, it would name another cmd.
    wire = (frame(0x21, b"cmd=grease&" * 30) + frame(0, body[:half]) + frame(0x40, b"")
            + frame(0, b"") + frame(0, body[half:]))
    for trailers in (b"", frame(1, b"\x00\x00")):
        for size in (None, 1 if len(body) < 100 else 1000):
            name = new_id()
            with Http3(http3) as client:
                stream = client.start("POST", target, [("X-Rig-Id", name), *of_type(FORM)])
                client.raw_pieces(stream, wire + trailers, size)
                answer = client.response(stream)
            answer = answer.json()
            assert (answer["sha256"], answer["pool"]) == (sha256(body), pool)
            assert nginx.access.entry(name)["cmd"] == "heavy"


@pytest.mark.parametrize("wire", [
    frame(0, b"cmd=heavy")[:-1],
    b"\x00",
    frame(4, b"settings"),
    frame(2, b"was for HTTP/2"),
], ids=["cut", "no length", "settings", "priority"])
def test_13_65_h3_broken(nginx, http3, wire):
    """What is no body over HTTP/3 gets what it gets without the module, and names no cmd."""
    seen = []
    for target in ("/", "/off"):
        name = new_id()
        with Http3(http3) as client:
            stream = client.start("POST", target, [("X-Rig-Id", name), *of_type(FORM)])
            client.raw(stream, wire, end=True)
            entry = nginx.access.entry(name)
            seen.append((entry["status"], entry["cmd"]))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("via", MULTIPLEXED)
@pytest.mark.parametrize(("declared", "body"), [("9", b"cmd=hea"), ("7", b"cmd=heavy")],
                         ids=["too little", "too much"])
def test_13_66_other_length(nginx, via, declared, body):
    """A body that is not as long as declared is refused as without the module."""
    seen = []
    for target in ("/", "/off"):
        name = new_id()
        with connect(nginx, via) as client:
            stream = client.start("POST", target, [
                ("X-Rig-Id", name), ("content-length", declared), *of_type(FORM)])
            client.data(stream, body, end=True)
            seen.append(nginx.access.entry(name)["status"])
    # nginx before 1.28 says 413 of too much over HTTP/3.
    assert seen[0] == seen[1] and seen[0] in (400, 413)


@pytest.mark.parametrize("via", MULTIPLEXED)
def test_13_67_early_with_length(nginx, via):
    """When all declared bytes have come, the module decides without waiting for the end of the stream."""
    with connect(nginx, via) as client:
        stream = client.start("POST", "/show", [("content-length", "13"), *of_type(JSON)])
        client.data(stream, b'{"cmd":"f.g"}')
        assert client.response(stream).text == "f.g|ok"


@VIA
def test_13_68_multipart_part(nginx, via):
    """The module decides at the end of the cmd part of a multipart body, not at the end of the body."""
    with connect(nginx, via) as client:
        part = multipart(("cmd", "heavy"), ("x", ""), end=False)
        headers = of_type("multipart/form-data; boundary=rigboundary")
        if via in MULTIPLEXED:
            stream = client.start("POST", "/show", headers)
            client.data(stream, part)
            answer = client.response(stream)
        else:
            how = ("Transfer-Encoding", "chunked") if via == "chunked" else (
                "Content-Length", "4000")
            client.send(head("POST", "/show", [*headers, how]))
            client.send(chunk(part) if via == "chunked" else part)
            answer = client.response()
    assert answer.text == "heavy|ok"


@pytest.mark.parametrize("via", ["length", "chunked"])
def test_13_69_half_closed(nginx, via):
    """A client that closes half of the connection behind a whole body gets its answer."""
    body = b"x=1&cmd=heavy"
    how = ("Transfer-Encoding", "chunked") if via == "chunked" else (
        "Content-Length", str(len(body)))
    with connect(nginx, via) as client:
        client.send(head("POST", "/show", [*of_type(FORM), how]),
                    chunked(body) if via == "chunked" else body)
        client.sock.shutdown(socket.SHUT_WR)
        assert client.response().text == "heavy|ok"


@pytest.mark.parametrize("via", ["chunked", *MULTIPLEXED])
def test_13_70_too_large(nginx, via):
    """413 comes with the byte or the frame that exceeds the limit, not only when the peek has ended."""
    body = b"x=" + b"y" * 1100
    for target in ("/small", "/off/small"):
        name = new_id()
        with connect(nginx, via) as client:
            headers = [("X-Rig-Id", name), *of_type(FORM)]
            if via in MULTIPLEXED:
                client.data(client.start("POST", target, headers), body)
            else:
                client.send(head("POST", target, [*headers, ("Transfer-Encoding", "chunked")]),
                            chunk(body))
            assert nginx.access.entry(name)["status"] == 413
