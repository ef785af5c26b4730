"""05: with the module on, the upstream and the client get the same bytes as with it off."""

import gzip
import re
import zlib

import pytest

from rig.client import ALL_TRANSPORTS, FORM, JSON, MULTIPART, exchange, multipart, of_type, sha256
from rig.http1 import Http1
from rig.message import chunk, chunked, head

CONF = """
    server {
        @{listen_all}
        frappe_cmd on;
        client_body_buffer_size 16k;
        location / { @{show} proxy_pass http://primary; }
        location /return { return 200 "$frappe_cmd_status"; }
    }
    server {
        @{listen on}
        frappe_cmd on;
        location / { proxy_pass http://127.0.0.1:@{raw}; }
        location /http11 { proxy_pass http://127.0.0.1:@{raw}; proxy_http_version 1.1; }
        location /streamed { frappe_body off; proxy_pass http://127.0.0.1:@{raw};
                             proxy_http_version 1.1; proxy_request_buffering off; }
    }
    server {
        @{listen off}
        location / { proxy_pass http://127.0.0.1:@{raw}; }
        location /http11 { proxy_pass http://127.0.0.1:@{raw}; proxy_http_version 1.1; }
        location /streamed { proxy_pass http://127.0.0.1:@{raw};
                             proxy_http_version 1.1; proxy_request_buffering off; }
    }
"""


@pytest.fixture(scope="module")
def nginx(serve, raw):
    return serve(CONF, values={"raw": raw.port})


def with_length(method, target, headers, body):
    """A request with Content-Length."""
    return head(method, target, [*headers, ("Content-Length", str(len(body)))]) + body


TRAILER = b"3\r\ncmd\r\n2\r\n=f\r\n0\r\nX-Trailer: a\r\n\r\n"
CHUNKED = ("Transfer-Encoding", "chunked")

REQUESTS = {
    "get": head("GET", "/api/method/p?a=%20&cmd=x"),
    "odd target": head("GET", "//a/../b//c;d?%zz&&#f"),
    "form": with_length("POST", "/", of_type(FORM), b"a=1&cmd=f"),
    "form, http11": with_length("POST", "/http11", of_type(FORM), b"a=1&cmd=f"),
    "form, chunked": head("POST", "/", [*of_type(FORM), CHUNKED]) + chunked(b"a=1&cmd=f", 2),
    "form, chunked, http11": head("POST", "/http11", [*of_type(FORM), CHUNKED]) + chunked(
        b"a=1&cmd=f", 2),
    "form, no bytes": with_length("POST", "/", of_type(FORM), b""),
    "form, no chunks": head("POST", "/", [*of_type(FORM), CHUNKED]) + chunked(b""),
    "trailer": head("POST", "/", [*of_type(FORM), CHUNKED]) + TRAILER,
    "spilled": with_length("POST", "/", of_type(FORM), b"a=" + b"x" * 100_000 + b"&cmd=f"),
    "json": with_length("PUT", "/", of_type(JSON), b'{"cmd":"f"}'),
    "broken json": with_length("POST", "/", of_type(JSON), b'{"cmd":"f"'),
    "multipart": with_length("POST", "/", of_type(MULTIPART), multipart(("cmd", "f"))),
    "cut multipart": with_length("POST", "/", of_type(MULTIPART),
                                 multipart(("cmd", "f"), end=False)),
    "binary": with_length("PATCH", "/", of_type("image/png"), bytes(range(256)) * 10),
    "no type": with_length("POST", "/", [], b"cmd=f"),
    "two types": with_length("POST", "/", of_type(FORM) + of_type(JSON), b"cmd=f"),
    "odd headers": with_length("POST", "/", [*of_type(FORM), ("X-Frappe-CMD", ""), ("x-b", "\xff"),
                                             ("X-C", "1"), ("X-C", "2")], b"cmd=f"),
    "options": with_length("OPTIONS", "/", of_type(FORM), b"cmd=f"),
    "delete": with_length("DELETE", "/", of_type(FORM), b"cmd=f"),
    "unknown verb": with_length("BREW", "/", of_type(FORM), b"cmd=f"),
    "expect": with_length("POST", "/", [*of_type(FORM), ("Expect", "100-continue")], b"cmd=f"),
    "http/1.0": b"POST / HTTP/1.0\r\nContent-Type: " + FORM.encode()
                + b"\r\nContent-Length: 5\r\n\r\ncmd=f",
    "close": with_length("POST", "/", [*of_type(FORM), ("Connection", "close")], b"cmd=f"),
    "streamed": with_length("POST", "/streamed", of_type(FORM), b"cmd=f"),
    "streamed, chunked": head("POST", "/streamed", [*of_type(FORM), CHUNKED])
                         + chunked(b"cmd=f", 2),
}


def through(nginx, raw, side, request):
    """The bytes that the upstream and the client got, without the Date header."""
    waiting = raw.answer_one()
    with Http1(nginx.port(side)) as client:
        answer = client.send(request).response()
        interim = answer.status == 100
        if interim:
            answer = client.response()
    headers = [(n, v) for n, v in answer.headers if n != "Date"]
    return waiting.join(), interim, answer.status, headers, answer.body


@pytest.mark.parametrize("request_bytes", REQUESTS.values(), ids=REQUESTS.keys())
def test_05_30_on_and_off(nginx, raw, request_bytes):
    """Head and body to the upstream, and the response, are the same."""
    on = through(nginx, raw, "on", request_bytes)
    assert on == through(nginx, raw, "off", request_bytes)
    assert on[2] == 200 and on[4] == b"ok"


def test_05_31_streaming_is_kept(nginx, raw):
    """`frappe_body off` with `proxy_request_buffering off`: the upstream has the first bytes before
    the client sends the last."""
    for side in ("on", "off"):
        with Http1(nginx.port(side)) as client:
            client.send(head("POST", "/streamed", [*of_type(FORM), CHUNKED]), chunk(b"cmd"))
            upstream = raw.accept()
            upstream.read_until(lambda got: got.endswith(b"cmd\r\n"))
            client.send(chunk(b"=f"), b"0\r\n\r\n")
            upstream.read_until(lambda got: got.endswith(b"0\r\n\r\n"))
            upstream.answer()
            assert client.response().text == "ok"


ENCODINGS = {
    "gzip": gzip.compress(b"cmd=f", mtime=0),
    "deflate": zlib.compress(b"cmd=f"),
    "br": b"\x0b\x02\x80cmd=f\x03",
    "zstd": b"(\xb5/\xfd\x04X)\x00\x00cmd=f",
    "GZip": gzip.compress(b"cmd=f", mtime=0),
    "gzip, identity": gzip.compress(b"cmd=f", mtime=0),
}


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_05_32_content_encoding(nginx, encoding, via):
    """Frappe does not decompress a body, so a compressed body has no cmd and is no JSON."""
    body = ENCODINGS[encoding]
    for target, cmd, source in (("/api/method/p", "p", "path"), ("/?cmd=q", "q", "query"),
                                ("/", "", "")):
        headers = [*of_type(FORM), ("Content-Encoding", encoding)]
        done = exchange(nginx, "POST", target, headers, body, via=via)
        assert done.found == done.passed == (cmd, source, "ok" if cmd else "none")
        assert done.answer["sha256"] == sha256(body) and done.answer["frappe"]["cmd"] == cmd
        headers = [*of_type(JSON), ("Content-Encoding", encoding)]
        done = exchange(nginx, "POST", target, headers, body, via=via)
        assert done.found == done.passed == ("", "", "malformed")
        assert done.answer["frappe"]["status"] == "malformed"


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("encoding", [*ENCODINGS, "identity", "x-none"])
def test_05_33_content_encoding_alone(nginx, encoding, via):
    """A body that is not compressed, with a Content-Encoding, is read as it is: Frappe ignores the header."""
    for content_type, body, source in ((FORM, b"cmd=f", "form"), (JSON, b'{"cmd":"f"}', "json"),
                                       (MULTIPART, multipart(("cmd", "f")), "multipart")):
        headers = [*of_type(content_type), ("Content-Encoding", encoding)]
        done = exchange(nginx, "POST", "/?cmd=q", headers, body, via=via)
        assert done.found == done.passed == ("f", source, "ok")
        assert done.answer["frappe"]["cmd"] == "f"


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "BREW"])
def test_05_36_every_verb(nginx, method, via):
    """Frappe parses the body with every verb."""
    done = exchange(nginx, method, "/?cmd=q", of_type(FORM), b"cmd=f", via=via)
    assert done.found == done.passed == ("f", "form", "ok")
    assert (done.answer["method"], done.answer["frappe"]["cmd"]) == (method, "f")


# aioquic takes the Content-Length of a response to HEAD for an error.
@pytest.mark.parametrize("via", [via for via in ALL_TRANSPORTS if via != "h3"])
def test_05_37_head_and_options(nginx, upstreams, via):
    """HEAD runs a method, OPTIONS none; both bodies arrive."""
    for method, wanted in (("HEAD", ("f", "form", "ok")), ("OPTIONS", ("", "", "none"))):
        done = exchange(nginx, method, "/?cmd=q", of_type(FORM), b"cmd=f", via=via)
        assert done.found == wanted
        seen = upstreams["primary"].saw(done.id)
        assert (seen["length"], seen["frappe"]["cmd"]) == (5, wanted[0])


def test_05_38_server_header_alone(nginx):
    """The module adds nothing to a response by itself."""
    done = exchange(nginx, "GET", "/return")
    assert not [n for n, _ in done.response.headers if re.search("frappe|cmd", n, re.I)]
