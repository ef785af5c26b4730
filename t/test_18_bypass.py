"""18: no request bypasses the module: whatever a client sends, over any connection, a server behind
`frappe_body whole` runs what `$frappe_cmd` says. The servers are the real gunicorn and werkzeug, behind one pool
of connections."""

import gzip
import json

import pytest

from rig.client import FORM, JSON, MULTIPART, multipart
from rig.http1 import Http1
from rig.message import chunked
from rig.modes import servers

WHOLE = {"whole": "frappe_cmd on; frappe_body whole;",
         "unbuffered": "frappe_cmd on; frappe_body whole; proxy_request_buffering off;"
                       " proxy_http_version 1.1;"}
CONF = servers("""
    large_client_header_buffers 4 16k;
    keepalive_requests 100000;
    ignore_invalid_headers off;
    underscores_in_headers on;
    merge_slashes off;
    lingering_timeout 100ms;
    # SECURITY.md: by this header a client moves the path, where nginx passes it on.
    location / { @{show} proxy_http_version 1.1; proxy_set_header Connection "";
                 proxy_set_header SCRIPT_NAME ""; proxy_pass http://primary; }
""", WHOLE) + servers("""
    location / { @{show} proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://primary; }
""", {"strict": WHOLE["whole"]})

VICTIM = b"GET /api/method/victim HTTP/1.1\r\nHost: a\r\nX-Rig-Id: victim\r\n\r\n"
LAST = VICTIM.replace(b"X-Rig", b"Connection: close\r\nX-Rig")
SMUGGLED = b"GET /api/method/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def request(line=b"POST /api/method/p HTTP/1.1", *fields, body=b""):
    """The bytes of a request. Each of `fields` is a header line."""
    return b"\r\n".join([line, b"Host: a", *fields]) + b"\r\n\r\n" + body


def of(kind, body=b"cmd=f", *fields, line=b"POST /api/method/p HTTP/1.1", name=b"Content-Type"):
    """A request with the right Content-Length."""
    return request(line, name + b": " + kind.encode(), b"Content-Length: %d" % len(body), *fields, body=body)


T = b"Content-Type: " + FORM.encode()
CHUNKED = b"Transfer-Encoding: chunked"

FRAMING = {
    "length and chunks": request(b"POST / HTTP/1.1", T, b"Content-Length: 5", CHUNKED, body=chunked(b"cmd=f")),
    "chunks and length": request(b"POST / HTTP/1.1", T, CHUNKED, b"Content-Length: 60",
                                 body=b"0\r\n\r\n" + SMUGGLED),
    "two lengths": request(b"POST / HTTP/1.1", T, b"Content-Length: 5", b"Content-Length: 60",
                           body=b"cmd=f" + SMUGGLED),
    "a list of lengths": request(b"POST / HTTP/1.1", T, b"Content-Length: 5, 5", body=b"cmd=f"),
    "a length with a sign": request(b"POST / HTTP/1.1", T, b"Content-Length: +5", body=b"cmd=f"),
    "a length with an underscore": request(b"POST / HTTP/1.1", T, b"Content_Length: 60", b"Content-Length: 5",
                                           body=b"cmd=f"),
    "a folded length": request(b"POST / HTTP/1.1", T, b"Content-Length:", b" 5", body=b"cmd=f"),
    "a folded type": request(b"POST / HTTP/1.1", b"Content-Type:", b" " + FORM.encode(), b"Content-Length: 5",
                             body=b"cmd=f"),
    "a folded coding": request(b"POST / HTTP/1.1", T, b"Transfer-Encoding:", b" chunked", body=chunked(b"cmd=f")),
    "space in front of the colon": request(b"POST / HTTP/1.1", T, b"Transfer-Encoding : chunked",
                                           b"Content-Length: 5", body=b"cmd=f" + SMUGGLED),
    "xchunked": request(b"POST / HTTP/1.1", T, b"Transfer-Encoding: xchunked", b"Content-Length: 5", body=b"cmd=f"),
    "identity": request(b"POST / HTTP/1.1", T, b"Transfer-Encoding: identity", b"Content-Length: 5", body=b"cmd=f"),
    "coding with an underscore": request(b"POST / HTTP/1.1", T, b"Transfer_Encoding: chunked",
                                         b"Content-Length: 5", body=b"cmd=f"),
    "coding of two lines": request(b"POST / HTTP/1.1", T, CHUNKED, b"Transfer-Encoding: identity",
                                   body=chunked(b"cmd=f")),
    "a chunk extension": request(b"POST / HTTP/1.1", T, CHUNKED, body=b"5;a=\"\r\n\"\r\ncmd=f\r\n0\r\n\r\n"),
    "extension with line breaks": request(b"POST / HTTP/1.1", T, CHUNKED,
                                          body=b"5;\ncmd=f\r\n0\r\n\r\n" + SMUGGLED),
    "a chunk that ends otherwise": request(b"POST / HTTP/1.1", T, CHUNKED, body=b"5\r\ncmd=fXX0\r\n\r\n"),
    "a trailer": request(b"POST / HTTP/1.1", T, CHUNKED,
                         body=b"5\r\ncmd=f\r\n0\r\nContent-Type: " + JSON.encode() + b"\r\n\r\n"),
    "a trailer that frames": request(b"POST / HTTP/1.1", T, CHUNKED,
                                     body=b"5\r\ncmd=f\r\n0\r\nContent-Length: 50\r\n\r\n"),
    "bare newlines": b"POST / HTTP/1.1\nHost: a\n" + T + b"\nContent-Length: 5\n\ncmd=f",
    "a bare carriage return": request(b"POST / HTTP/1.1", b"X: a\rContent-Length: 0", T, b"Content-Length: 5",
                                      body=b"cmd=f"),
    "a zero byte": request(b"POST / HTTP/1.1", b"X: a\0b", T, b"Content-Length: 5", body=b"cmd=f"),
    "http/1.0": of(FORM, line=b"POST / HTTP/1.0"),
    "http/1.0 and chunks": request(b"POST / HTTP/1.0", T, CHUNKED, body=chunked(b"cmd=f")),
    "http/0.9": b"GET /api/method/f\r\n",
    "an upgrade": of(FORM, b"cmd=f", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c",
                     b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
    "expect": of(FORM, b"cmd=f", b"Expect: 100-continue"),
    "a connection that hides": of(FORM, b"cmd=f", b"Connection: close, Content-Type"),
}

TYPES = {
    "two types": of(FORM, b"cmd=f", b"Content-Type: " + JSON.encode()),
    "two types, the other way": of(JSON, b"{\"cmd\":\"f\"}", T),
    "a type with an underscore": of(FORM, b"cmd=f", b"Content_Type: " + JSON.encode()),
    "a type in lower case": of(FORM, name=b"content-type"),
    "a list of types": of(f"{FORM}, {JSON}"),
    "type with a tab": of(f"\t{FORM}\t"),
    "type in upper case": of(FORM.upper()),
    "type with a parameter": of(f"{FORM};charset=utf-16", "cmd=f".encode("utf-16")),
    "type that is quoted": of(f'"{FORM}"'),
    "no type": request(b"POST / HTTP/1.1", b"Content-Length: 5", body=b"cmd=f"),
    "an empty type": of(""),
    "type with bytes": request(b"POST / HTTP/1.1", T + b"\xff", b"Content-Length: 5", body=b"cmd=f"),
    "json as text": of("text/json", b"{\"cmd\":\"f\"}"),
    "json with a suffix": of("application/vnd.api+json", b"{\"cmd\":\"f\"}"),
    "a coding that it has not": of(FORM, b"cmd=f", b"Content-Encoding: identity, x-none"),
    "compressed, it says": of(FORM, b"cmd=f", b"Content-Encoding: gzip"),
    "json compressed, it says": of(JSON, b"{\"cmd\":\"f\"}", b"Content-Encoding: br, gzip"),
    "parts compressed, it says": of(MULTIPART, multipart(("cmd", "f")), b"Content-Encoding: deflate"),
    "compressed": of(FORM, gzip.compress(b"cmd=f"), b"Content-Encoding: gzip"),
    "another verb in a header": of(FORM, b"cmd=f", b"X-HTTP-Method-Override: OPTIONS"),
    "another target in a header": of(FORM, b"a=1", b"X-Original-URL: /api/method/g", b"X-Rewrite-URL: /api/method/g",
                                     b"X-Forwarded-Prefix: /api/method/g"),
    "a script name": of(FORM, b"a=1", b"Script-Name: /api/method", b"SCRIPT_NAME: /api/method"),
    "a script name that is cut off": of(FORM, b"a=1", b"SCRIPT_NAME: /x", line=b"POST /x/api/method/g HTTP/1.1"),
    "a path in a header": of(FORM, b"a=1", b"PATH_INFO: /api/method/g", b"Path-Info: /api/method/g"),
    "quoted boundary": of('multipart/form-data; boundary="rigboundary"', multipart(("cmd", "f"))),
    "two boundaries": of(f"{MULTIPART}; boundary=other", multipart(("cmd", "f"))),
    "boundary by RFC 2231": of("multipart/form-data; boundary*0=rig; boundary*1=boundary", multipart(("cmd", "f"))),
    "mixed": of("multipart/mixed; boundary=rigboundary", multipart(("cmd", "f"))),
}

METHODS = (b"GET", b"HEAD", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"post", b"Post", b"QUERY", b"PURGE",
           b"PROPFIND", b"TRACE", b"CONNECT", b"options", b"A" * 30)
METHOD = {method.decode(): of(FORM, line=method + b" /api/method/p HTTP/1.1") for method in METHODS}

TARGETS = (b"http://a/api/method/f", b"http://b:80/api/method/f?cmd=g", b"HTTP://A/?cmd=f", b"//api/method/f",
           b"///a/api/method/f", b"/api//method/f", b"/api/method//f", b"/./api/method/f", b"/x/../api/method/f",
           b"/api/method/../method/f", b"/api/method/f/..", b"/api/method/f/.", b"/api/method/f/", b"/api/method/f#g",
           b"/#/../api/method/f", b"/api/method/f%00g", b"/api/method/f%0d%0ag", b"/%61pi/method/f",
           b"/api%2fmethod%2ff", b"/api/method/f%2fg", b"/api/method/f%2e%2e", b"/api/method/%2e%2e/f",
           b"/api/method/f;a=b", b"/api/method/f?cmd=g", b"/api/method/f?cmd=g#cmd=h", b"/api/method/f??cmd=g",
           b"/api/method/f?%63md=g", b"/api/method/f?cmd=g;cmd=h", b"/api/method/f?cmd%00=g", b"/API/method/f",
           b"/api/Method/f", b"/api/v1/method/f", b"/api/v2/method/f", b"/api/v2/method/A/f", b"/api/v3/method/f",
           b"/api/v2/method/f/", b"/api/v2/document/A/B/method/f", b"/api/method/%C3%A9", b"/api/method/\xc3\xa9",
           b"/api/method/%ff", b"/api/method/\xff", b"/api/method/f\\g", b"\\api\\method\\f", b"/api/method/f%5cg",
           b"*", b"/api/method/f%250a", b"/api/method/f?cmd=%ff", b"/api/method/f?cmd=\xff", b"/api/method/f?cmd=g%00",
           b"/api/method/f%3fcmd=g", b"/api/method/f?a=1&&cmd=g&", b"/api/method/f?cmd", b"/api/method/f?cmd=&cmd=g")
TARGET = {repr(target): text for target in TARGETS
          for text in (request(b"GET " + target + b" HTTP/1.1"),)}
TARGET_AND_BODY = {f"{target!r} with a body": of(FORM, b"a=1", line=b"POST " + target + b" HTTP/1.1")
                   for target in TARGETS}

ALL = {"framing": FRAMING, "types": TYPES, "methods": METHOD, "targets": TARGET, "bodies": TARGET_AND_BODY}


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(CONF)


def answers(nginx, port, wire, size=None):
    """The bytes that nginx sent until the connection ended."""
    with Http1(nginx.port(port)) as client:
        try:
            client.send_pieces(wire, size or len(wire))
        except OSError:
            pass  # nginx has refused a request, and closed the connection
        return client.wait_closed()


def ran(upstreams, mark):
    """For each request that the pool has got since `mark`: what it runs, and what its header says."""
    for line in upstreams["primary"].requests.text(mark).splitlines():
        answer = json.loads(line)
        yield answer, answer["frappe"]["cmd"], answer["headers"].get("x-frappe-cmd", "")


@pytest.mark.parametrize("port", ["whole", "unbuffered", "strict"])
@pytest.mark.parametrize("what", ALL)
def test_18_21_nobody_gets_around_it(nginx, upstreams, port, what):
    """Every request that reaches a server runs what its header says, and the next request on the same
    connections is not affected."""
    reached = 0
    for name, wire in ALL[what].items():
        mark = upstreams["primary"].requests.mark()
        answers(nginx, port, wire + LAST)
        # A new connection of a client, but one of the pool's connections that the others have used.
        answers(nginx, port, LAST)
        seen = list(ran(upstreams, mark))
        for answer, runs, told in seen:
            assert runs == told, f"{name}: {answer['method']} {answer['uri']}"
            if answer["id"] == "victim":
                assert (answer["uri"], runs) == ("/api/method/victim", "victim"), name
        assert sum(answer["id"] == "victim" for answer, *_ in seen) >= 1, name
        reached += sum(answer["id"] != "victim" for answer, *_ in seen)
    assert reached >= len(ALL[what]) / 4


@pytest.mark.parametrize("size", [None, 1400], ids=["at once", "in pieces"])
@pytest.mark.parametrize("port", ["whole", "unbuffered"])
def test_18_22_one_behind_the_other(nginx, upstreams, port, size):
    """The same for ten requests at a time on one connection, without a pause and in pieces."""
    wires = [wire for group in ALL.values() for wire in group.values()]
    reached = 0
    for part in range(0, len(wires), 10):
        mark = upstreams["primary"].requests.mark()
        answers(nginx, port, b"".join(wires[part : part + 10]) + LAST, size)
        for answer, runs, told in ran(upstreams, mark):
            assert runs == told, f"{part}: {answer['method']} {answer['uri']}"
            reached += 1
    assert reached > len(wires) / 10
