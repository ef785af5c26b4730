"""15: with any framing of a body, the client and the upstream get the same bytes as without the module."""

import re

import pytest

from rig.client import FORM, of_type
from rig.http1 import Closed, Http1
from rig.http2 import (DATA, END_HEADERS, END_STREAM, HEADERS, PADDED, PRIORITY, WINDOW_UPDATE, Http2,
                       frame)
from rig.message import chunk, chunked, head
from rig.modes import MODES, servers
from rig.recorder import Recorder

# Each mode, and the server without the module to compare it with.
WITHOUT = {"whole": "off", "preread": "off", "streamed": "off_streamed"}
STREAMED = "proxy_request_buffering off; proxy_http_version 1.1;"
CONF = servers("""
    large_client_header_buffers 4 8k;
    lingering_timeout 50ms;
    location / { client_max_body_size 1m; proxy_pass http://127.0.0.1:@{raw}; }
    location /return { return 200 "answer"; }
""", {**MODES, "off": "", "off_streamed": STREAMED})

MODE = pytest.mark.parametrize("mode", MODES)
TE = ("Transfer-Encoding", "chunked")


@pytest.fixture(scope="module")
def nginx(serve, raw):
    return serve(CONF, values={"raw": raw.port})


def post(*headers, body=b"", method="POST", target="/"):
    """One request, whose `headers` describe its body."""
    return head(method, target, [*of_type(FORM), *headers]) + body


def length(value):
    """A Content-Length."""
    return ("Content-Length", str(value))


SINGLE = b"".join(chunk(b"%c" % byte) for byte in b"a=1&cmd=f&" * 30)
BIG = b"cmd=f&x=" + b"y" * 30_000
# A body that the peek receives completely, and that decides at its end.
BEHIND = b"x=" + b"y" * 3000 + b"&cmd=f"

# Framing that nginx accepts.
GOOD = {
    "extension": post(TE, body=b"5;ext\r\ncmd=f\r\n0\r\n\r\n"),
    "extension with a value": post(TE, body=b'5; a=b; c="d;e"\r\ncmd=f\r\n0;last=1\r\n\r\n'),
    "long extension": post(TE, body=b"5;" + b"x" * 5000 + b"\r\ncmd=f\r\n0\r\n\r\n"),
    "extensions everywhere": post(TE, body=b"".join(b"1;e=%s\r\n%c\r\n" % (b"x" * 50, byte)
                                                  for byte in b"cmd=f&a=" + b"b" * 90)
                                  + b"0\r\n\r\n"),
    "upper case": post(TE, body=b"A\r\ncmd=f&a=bc\r\n0\r\n\r\n"),
    "leading zeros": post(TE, body=b"0000000000000000000005\r\ncmd=f\r\n000\r\n\r\n"),
    "space behind": post(TE, body=b"5 \t\r\ncmd=f\r\n0 \r\n\r\n"),
    "trailer": post(TE, body=b"5\r\ncmd=f\r\n0\r\nX-Trailer: a\r\ncmd: g\r\n\r\n"),
    "long trailer": post(TE, body=b"5\r\ncmd=f\r\n0\r\nX: " + b"t" * 20_000 + b"\r\n\r\n"),
    "single bytes": post(TE, body=SINGLE + b"0\r\n\r\n"),
    "no bytes": post(TE, body=b"0\r\n\r\n"),
    "odd case": post(("transfer-ENCODING", "Chunked"), body=chunked(b"cmd=f", 2)),
    "big chunk": post(TE, body=chunked(BIG, 100_000)),
    "many chunks": post(TE, body=chunked(BIG, 100)),
    "length with zeros": post(length("0005"), body=b"cmd=f"),
    "length of zero": post(length(0)),
    "big": post(length(len(BIG)), body=BIG),
    "behind": post(length(len(BEHIND)), body=BEHIND),
    "behind, chunked": post(TE, body=chunked(BEHIND, 1000)),
    "get": post(length(5), body=b"cmd=f", method="GET"),
    "get, chunked": post(TE, body=chunked(b"cmd=f", 3), method="GET"),
    "long header": post(("X-Long", "h" * 1500), length(5), body=b"cmd=f"),
    "long header, chunked": post(("X-Long", "h" * 7000), TE, body=chunked(BIG, 1000)),
    "two long headers": post(("X-Long", "h" * 7000), ("X-Longer", "h" * 7000), length(len(BIG)),
                             body=BIG),
    "expect": post(("Expect", "100-continue"), length(5), body=b"cmd=f"),
    "expect, chunked": post(("Expect", "100-Continue"), TE, body=chunked(b"cmd=f", 3)),
    "expect something": post(("Expect", "else"), length(5), body=b"cmd=f"),
}

# Framing that nginx refuses.
BROKEN = {
    "no number": post(TE, body=b"zz\r\n"),
    "minus": post(TE, body=b"-5\r\ncmd=f\r\n0\r\n\r\n"),
    "prefix": post(TE, body=b"0x5\r\ncmd=f\r\n0\r\n\r\n"),
    "space in front": post(TE, body=b" 5\r\ncmd=f\r\n0\r\n\r\n"),
    "empty size": post(TE, body=b"\r\ncmd=f\r\n0\r\n\r\n"),
    "extension alone": post(TE, body=b";ext\r\ncmd=f\r\n0\r\n\r\n"),
    "carriage return alone": post(TE, body=b"5\rcmd=f\r\n0\r\n\r\n"),
    "too long": post(TE, body=b"3\r\ncmd=f\r\n0\r\n\r\n"),
    "too long behind cmd": post(TE, body=b"6\r\ncmd=f&\r\n3\r\na=bc\r\n0\r\n\r\n"),
    "too short": post(TE, body=b"7\r\ncmd=f\r\n0\r\n\r\n"),
    "far too large": post(TE, body=b"fffffffffffffffffff\r\n"),
    "largest": post(TE, body=b"7fffffffffffffff\r\n"),
    "larger than allowed": post(TE, body=b"200000\r\ncmd=f"),
    "larger than allowed, then": post(TE, body=b"6\r\ncmd=f&\r\n200000\r\na"),
    "broken behind the look": post(TE, body=chunk(BIG) + b"zz\r\n"),
    "trailer with a carriage return": post(TE, body=b"5\r\ncmd=f\r\n0\r\nX: a\rb\r\n\r\n"),
    "length and chunks": post(length(5), TE, body=chunked(b"cmd=f")),
    "two lengths": post(length(5), length(5), body=b"cmd=f"),
    "length with a sign": post(length("+5"), body=b"cmd=f"),
    "negative length": post(length(-5), body=b"cmd=f"),
    "empty length": post(length(""), body=b"cmd=f"),
    "endless length": post(length("9" * 40), body=b"cmd=f"),
    "another coding": post(("Transfer-Encoding", "gzip"), body=b"cmd=f"),
    "two codings": post(("Transfer-Encoding", "gzip, chunked"), body=chunked(b"cmd=f")),
    "chunked twice": post(TE, TE, body=chunked(b"cmd=f")),
    "chunked in http/1.0": post(TE, body=chunked(b"cmd=f")).replace(b"HTTP/1.1", b"HTTP/1.0"),
}

# The last request of a connection, if the connection goes on until then.
LAST = head("GET", "/last", [("Connection", "close")])


def through(nginx, raw, port, wire, size=None):
    """The bytes that the client got until the connection ended, and the requests that the upstream got."""
    with Recorder(raw) as recorder, Http1(nginx.port(port)) as client:
        if size:
            try:
                client.send_pieces(wire, size)
            except OSError:
                pass  # nginx has refused the request before all of it was sent
        else:
            client.send(wire)
        received = client.wait_closed()
    return re.sub(rb"Date: .*\r\n", b"", received), recorder.requests


def compare(nginx, raw, mode, wire, size=None):
    """Asserts that the result is the same with and without the module, and returns it."""
    on = through(nginx, raw, mode, wire, size)
    off = through(nginx, raw, WITHOUT[mode], wire, size)
    if mode == "streamed":
        # nginx sends a body that has come completely with a length. With preread it starts later, so more of
        # the body has come.
        on, off = without_framing(on), without_framing(off)
    assert on == off
    return on


def without_framing(seen):
    """The result without the framing in which the upstream got a body."""
    received, requests = seen
    framing = rb"\r\n(Content-Length|Transfer-Encoding): [^\r]*"
    return received, [(re.sub(framing, b"", fields), body) for fields, body in requests]


def piece(wire):
    """The size of pieces: one byte would take too long for a long request."""
    return 1 if len(wire) < 300 else 997


@MODE
@pytest.mark.parametrize("in_pieces", [False, True], ids=["at once", "in pieces"])
@pytest.mark.parametrize("wire", GOOD.values(), ids=GOOD.keys())
def test_15_01_odd_framing(nginx, raw, mode, wire, in_pieces):
    """nginx accepts odd framing, and finds the next request on the connection."""
    size = piece(wire) if in_pieces else None
    received, requests = compare(nginx, raw, mode, wire + LAST, size)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert requests[-1][0].startswith(b"GET /last ")


@MODE
@pytest.mark.parametrize("in_pieces", [False, True], ids=["at once", "in pieces"])
@pytest.mark.parametrize("wire", BROKEN.values(), ids=BROKEN.keys())
def test_15_02_broken_framing(nginx, raw, mode, wire, in_pieces):
    """nginx refuses broken framing as without the module."""
    size = piece(wire) if in_pieces else None
    received, requests = compare(nginx, raw, mode, wire + LAST, size)
    assert re.match(rb"HTTP/1.1 (400|413|501) ", received)
    assert requests == []


@MODE
@pytest.mark.parametrize("size", [None, 97], ids=["at once", "in pieces"])
def test_15_03_all_on_one_connection(nginx, raw, mode, size):
    """nginx answers all requests with good framing, sent one after the other without a pause."""
    wires = [wire for name, wire in GOOD.items() if len(wire) < 1000 or not size]
    received, requests = compare(nginx, raw, mode, b"".join(wires) + LAST, size)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == len(wires) + 1
    assert [body for _, body in requests].count(b"cmd=f") >= 10


@MODE
def test_15_90_bare_newlines(nginx, raw, mode):
    """Older versions of nginx accept chunks with bare newlines, newer ones refuse them, as without the module."""
    received, requests = compare(nginx, raw, mode, post(TE, body=b"5\ncmd=f\n0\n\n") + LAST)
    assert (received.count(b"HTTP/1.1 200 OK\r\n"), len(requests)) in [(2, 2), (0, 0)]


@MODE
@pytest.mark.parametrize("wire", [
    post(length(5), body=b"cmd=f", target="/return"),
    post(length(len(BIG)), body=BIG, target="/return"),
    post(TE, body=chunked(BIG, 1000), target="/return"),
    post(length(len(BEHIND)), body=BEHIND, target="/return"),
    post(TE, body=chunked(BEHIND, 1000), target="/return"),
], ids=["length", "big", "chunked", "behind", "behind, chunked"])
def test_15_04_not_read(nginx, raw, mode, wire):
    """nginx drops a body that no module reads, and the connection goes on."""
    received, requests = compare(nginx, raw, mode, wire + LAST)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 2 and len(requests) == 1


END = (DATA, END_STREAM, b"cmd=f")
# A trailer as a header block of HTTP/2 without compression.
TRAILER = b"\0\x03x-t\x01a"

# Content-Length, frames, and whether nginx accepts them; None: that depends on its version.
FRAMES = {
    "padded": (5, [(DATA, END_STREAM | PADDED, b"\x07cmd=f" + bytes(7))], True),
    "padded, endless": (None, [(DATA, END_STREAM | PADDED, b"\x07cmd=f" + bytes(7))], True),
    "padding alone": (5, [(DATA, PADDED, b"\x02" + bytes(2)), END], True),
    "empty frames": (5, [(DATA, 0, b"")] * 20 + [END], True),
    "empty end": (5, [(DATA, 0, b"cmd=f"), (DATA, END_STREAM, b"")], True),
    "empty end, endless": (None, [(DATA, 0, b"cmd=f"), (DATA, END_STREAM, b"")], True),
    "no bytes": (None, [(DATA, END_STREAM, b"")], True),
    "trailer": (5, [(DATA, 0, b"cmd=f"), (HEADERS, END_STREAM | END_HEADERS, TRAILER)], None),
    "trailer, endless": (None, [(DATA, 0, b"cmd=f"), (HEADERS, END_STREAM | END_HEADERS, TRAILER)],
                         None),
    "trailer alone": (None, [(HEADERS, END_STREAM | END_HEADERS, TRAILER)], None),
    "priority": (5, [(DATA, 0, b"cm"), (PRIORITY, 0, bytes(4) + b"\x10"),
                     (DATA, END_STREAM, b"d=f")], True),
    "window": (5, [(DATA, 0, b"cm"), (WINDOW_UPDATE, 0, b"\0\0\1\0"),
                   (DATA, END_STREAM, b"d=f")], True),
    "unknown frame": (5, [(DATA, 0, b"cm"), (0x77, 0, b"?"), (DATA, END_STREAM, b"d=f")], True),
    "many": (None, [(DATA, 0, b"a")] * 300 + [(DATA, END_STREAM, b"&cmd=f")], True),
    "too long": (3, [END], False),
    "too long, later": (7, [(DATA, 0, b"cmd=f&"), (DATA, END_STREAM, b"a=b")], False),
    "too short": (9, [END], False),
    "too short, empty end": (9, [(DATA, 0, b"cmd=f"), (DATA, END_STREAM, b"")], False),
    "more padding than frame": (5, [(DATA, END_STREAM | PADDED, b"\x09cmd=f")], False),
    "no room for padding": (5, [(DATA, END_STREAM | PADDED, b"")], False),
    "no window": (5, [(DATA, 0, b"cm"), (WINDOW_UPDATE, 0, bytes(4))], False),
}


def through_frames(nginx, raw, place, length_, frames, stepwise):
    """The result of a request over HTTP/2, and the requests that the upstream got."""
    headers = of_type(FORM) if length_ is None else [*of_type(FORM), length(length_)]
    with Recorder(raw) as recorder, Http2(nginx.port(f"{place}_h2")) as client:
        try:
            stream = client.start("POST", "/", headers)
            wire = [frame(kind, flags, stream, data) for kind, flags, data in frames]
            for part in wire if stepwise else [b"".join(wire)]:
                client.raw(part)
                if stepwise:
                    client.ping()
            response = client.response(stream)
            came = response.status, response.body
        except (Closed, OSError) as error:
            came = str(error)
    return came, recorder.requests


@MODE
@pytest.mark.parametrize("stepwise", [False, True], ids=["at once", "in pieces"])
@pytest.mark.parametrize(("length_", "frames", "good"), FRAMES.values(), ids=FRAMES.keys())
def test_15_05_frames(nginx, raw, mode, length_, frames, good, stepwise):
    """With any frames of HTTP/2 the result is the same as without the module."""
    on, off = (through_frames(nginx, raw, place, length_, frames, stepwise)
               for place in (mode, WITHOUT[mode]))
    if mode == "streamed":
        on, off = without_framing(on), without_framing(off)
    assert on[0] == off[0]
    if good is not None or mode != "streamed":
        # If nginx streams, the upstream may have got the request before the frame that ends it.
        assert on[1] == off[1]
    if good is not None:
        assert (on[0][0] == 200 and len(on[1]) == 1) if good else on[1] == []
