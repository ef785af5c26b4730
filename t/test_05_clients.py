"""05: nginx treats clients that stop, stall, send too much or wait for 100 Continue as without the module."""

import pytest

from rig.client import FORM, JSON, MULTIPART, MULTIPLEXED, connect, multipart, of_type, post
from rig.http1 import Http1
from rig.message import chunk, chunked, head, new_id

# The same locations with and without the module; `/on` and `/off` must behave alike.
LOCATIONS = """
        location {0}/proxy {{ @{{show}} proxy_pass http://primary; }}
        location {0}/return {{ return 200 "$frappe_cmd"; }}
        location {0}/small {{ client_max_body_size 1k; proxy_pass http://primary; }}
        location {0}/hurry {{ client_body_timeout 1s; proxy_pass http://primary; }}
        location {0}/page {{ client_max_body_size 1k; error_page 413 /on/too-large;
                             proxy_pass http://primary; }}
"""

CONF = f"""
    server {{
        @{{listen_all}}
        # Idle connections to upstreams, from nginx 1.29.7 on the default, would be counted.
        proxy_http_version 1.0;
        location /on {{
            frappe_cmd on;
            {LOCATIONS.format("/on")}
            location /on/too-large {{ client_max_body_size 1k; return 200 "too large"; }}
            location /on/unread {{ return 200 "$frappe_cmd|$request_body"; }}
        }}
        location /off {{ {LOCATIONS.format("/off")} }}
        @{{stub_status}}
    }}
"""

ON_OFF = pytest.mark.parametrize("side", ["/on", "/off"])
FRAMING = pytest.mark.parametrize("framing", ["length", "chunked", "tls"])
STREAMS = pytest.mark.parametrize("via", MULTIPLEXED)


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(CONF)


def half(side, framing, more=()):
    """The head and the first half of a POST of `cmd=f`, and its id."""
    name = new_id()
    length = ("Content-Length", "5") if framing != "chunked" else ("Transfer-Encoding", "chunked")
    headers = [("X-Rig-Id", name), ("Content-Type", FORM), length, *more]
    begun = b"cmd" if framing != "chunked" else chunk(b"cmd")
    return name, head("POST", side, headers) + begun


@FRAMING
@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("target", ["/proxy", "/return"])
def test_05_01_gone_mid_body(nginx, nothing_left, target, end, framing):
    """A client that leaves is logged with the status that nginx logs without the module, and leaves nothing
    behind."""
    statuses = {}
    # Without the module only a proxy reads the body.
    for path in (f"/on{target}", "/off/proxy"):
        name, begun = half(path, framing)
        client = connect(nginx, framing).send(begun).wait_read()
        client.reset() if end == "reset" else client.close()
        entry = nginx.access.entry(name)
        assert entry["cmd"] == ""
        statuses[path] = entry["status"]
    assert len(set(statuses.values())) == 1 and 400 <= entry["status"] < 500, statuses


@STREAMS
@pytest.mark.parametrize("end", ["close", "reset stream"])
@pytest.mark.parametrize("length", [True, False], ids=["length", "no length"])
def test_05_02_gone_mid_body_stream(nginx, nothing_left, via, length, end):
    """The same over HTTP/2 and HTTP/3, by stream and by connection."""
    statuses = []
    for path in ("/on/proxy", "/off/proxy"):
        name = new_id()
        headers = [("X-Rig-Id", name), *of_type(FORM)]
        headers += [("content-length", "5")] if length else []
        with connect(nginx, via) as client:
            stream = client.start("POST", path, headers)
            client.data(stream, b"cmd")
            client.ping()
            if end == "reset stream":
                client.reset(stream)
                entry = nginx.access.entry(name)
                # The connection goes on.
                again = client.request("POST", path, of_type(FORM), b"cmd=f")
                assert client.response(again).json()["frappe"]["cmd"] == "f"
        entry = nginx.access.entry(name)
        assert entry["cmd"] == ""
        statuses.append(entry["status"])
    # 0 where the connection for HTTP/3 was closed, which nginx logs as 000.
    assert statuses[0] == statuses[1] != 200


@ON_OFF
@pytest.mark.parametrize("body", [b"", b"x" * 1025], ids=["waiting", "sent"])
def test_05_03_too_large(nginx, nothing_left, side, body):
    """If Content-Length is too large, 413 comes before the body and without a 100, and the log has no cmd."""
    name = new_id()
    with Http1(nginx.port()) as client:
        client.send(head("POST", f"{side}/small?cmd=q", [
            ("X-Rig-Id", name), ("Content-Type", FORM), ("Content-Length", "1025"),
            ("Expect", "100-continue")]), body)
        assert client.response().status == 413
    entry = nginx.access.entry(name)
    unknown = "unread" if side == "/on" else ""
    assert (entry["status"], entry["cmd"], entry["cmd_status"]) == (413, "", unknown)


@ON_OFF
def test_05_04_too_large_chunked(nginx, nothing_left, side):
    """413 comes as soon as the chunks exceed the limit; up to the limit the request is answered."""
    headers = [*of_type(FORM), ("Transfer-Encoding", "chunked")]
    with Http1(nginx.port()) as client:
        client.send(head("POST", f"{side}/small", headers), chunked(b"cmd=f&" + b"x" * 1018, 100))
        assert client.response().json()["frappe"]["cmd"] == "f"
        client.send(head("POST", f"{side}/small", headers), chunked(b"cmd=f&" + b"x" * 1019, 100))
        assert client.response().status == 413
        client.wait_closed()


@STREAMS
@ON_OFF
@pytest.mark.parametrize("length", [True, False], ids=["length", "no length"])
def test_05_05_too_large_stream(nginx, nothing_left, via, side, length):
    """413 over HTTP/2 and HTTP/3; the connection goes on."""
    with connect(nginx, via) as client:
        stream = client.request("POST", f"{side}/small", of_type(FORM), b"x" * 1025, length=length)
        assert client.response(stream).status == 413
        stream = client.request("POST", f"{side}/small", of_type(FORM), b"cmd=f", length=length)
        assert client.response(stream).json()["frappe"]["cmd"] == "f"


@ON_OFF
@FRAMING
@pytest.mark.parametrize("at", [0, 500], ids=["at once", "while reading"])
def test_05_06_too_large_page(nginx, nothing_left, side, framing, at):
    """`error_page 413` leads to a location with the module on. The module must not wait for the body, which
    nginx has given up, and must not name a cmd."""
    name, body = new_id(), b"x" * 5000
    length = ("Content-Length", "5000") if framing != "chunked" else ("Transfer-Encoding", "chunked")
    wire = body if framing != "chunked" else chunked(body, 100)
    with connect(nginx, framing) as client:
        begun = head("POST", f"{side}/page?cmd=q", [("X-Rig-Id", name), *of_type(FORM), length])
        client.send(begun + wire[:at]).wait_read()
        client.send(wire[at:])
        answer = client.response()
        assert (answer.status, answer.text) == (413, "too large")
    entry = nginx.access.entry(name)
    assert (entry["cmd"], entry["cmd_status"]) == ("", "unread")


@FRAMING
def test_05_07_too_slow(nginx, nothing_left, framing):
    """408 after `client_body_timeout`, as without the module."""
    seen = []
    for side in ("/on", "/off"):
        name, begun = half(f"{side}/hurry", framing)
        with connect(nginx, framing) as client:
            answer = client.send(begun).wait_closed()
        seen.append((nginx.access.entry(name)["status"], answer))
    assert seen[0] == seen[1]
    assert seen[0][0] == 408


@STREAMS
def test_05_08_too_slow_stream(nginx, nothing_left, via):
    """408 over HTTP/2 and HTTP/3."""
    statuses = []
    for side in ("/on", "/off"):
        name = new_id()
        with connect(nginx, via) as client:
            stream = client.start("POST", f"{side}/hurry", [("X-Rig-Id", name), *of_type(FORM)])
            client.data(stream, b"cmd")
            statuses.append(nginx.access.entry(name)["status"])
    assert statuses == [408, 408]


@FRAMING
@pytest.mark.parametrize("target", ["/on/proxy", "/off/proxy", "/on/return"])
def test_05_09_expect_continue(nginx, nothing_left, target, framing):
    """100 Continue comes once, when the module or a proxy begins to read the body."""
    name, _ = half(target, framing)
    length = ("Content-Length", "5") if framing != "chunked" else ("Transfer-Encoding", "chunked")
    with connect(nginx, framing) as client:
        client.send(head("POST", target, [("X-Rig-Id", name), ("Content-Type", FORM), length,
                                          ("Expect", "100-continue")]))
        assert client.response().status == 100
        client.send(b"cmd=f" if framing != "chunked" else chunked(b"cmd=f", 2))
        assert client.response().status == 200
        assert client.silent()
    assert nginx.access.entry(name)["status"] == 200


KINDS = [
    ("POST", FORM, b"cmd=f", None, "f"),
    ("POST", FORM, b"cmd=g", 2, "g"),
    ("GET", None, None, None, ""),
    ("POST", JSON, b'{"cmd":"h"}', 3, "h"),
    ("POST", JSON, b'{"cmd"', None, ""),
    ("POST", FORM, b"", None, ""),
    ("POST", FORM, b"", 1, ""),
    ("POST", MULTIPART, multipart(("cmd", "i")), 7, "i"),
    ("POST", MULTIPART, multipart(("cmd", "i"), end=False), None, ""),
    ("POST", "image/png", b"x" * 5000, None, ""),
    ("POST", "image/png", b"x" * 5000, 999, ""),
    ("PUT", FORM, b"cmd=" + b"j" * 255, None, "j" * 255),
    ("POST", FORM, b"a=" + b"x" * 100_000 + b"&cmd=k", None, "k"),
    ("POST", FORM, b"a=" + b"x" * 100_000 + b"&cmd=l", 4000, "l"),
    ("DELETE", FORM, b"cmd=%0a", None, ""),
]


def kind_request(kind, target):
    """The bytes of one request of KINDS."""
    method, content_type, body, chunk_size, _ = kind
    headers = of_type(content_type) if content_type else []
    if chunk_size:
        return head(method, target, [*headers, ("Transfer-Encoding", "chunked")]) + chunked(
            body, chunk_size)
    if body is not None:
        headers.append(("Content-Length", str(len(body))))
    return head(method, target, headers) + (body or b"")


@pytest.mark.parametrize("via", ["plain", "tls"])
@pytest.mark.parametrize("target", ["/on/return", "/on/proxy"])
def test_05_10_keepalive(nginx, nothing_left, target, via):
    """Requests of every kind, each twice, on one connection do not affect each other."""
    with connect(nginx, via) as client:
        for kind in KINDS * 2:
            answer = client.send(kind_request(kind, target)).response()
            cmd = answer.text if target == "/on/return" else answer.header("X-Cmd")
            assert (answer.status, cmd) == (200, kind[-1])


@pytest.mark.parametrize("via", ["plain", "tls"])
@pytest.mark.parametrize("target", ["/on/return", "/on/proxy"])
def test_05_11_pipelining(nginx, nothing_left, target, via):
    """Requests of all kinds in one write: the bytes behind a body belong to the next request."""
    kinds = [kind for kind in KINDS if not kind[2] or len(kind[2]) < 10_000] * 2
    with connect(nginx, via) as client:
        client.send(*(kind_request(kind, target) for kind in kinds))
        for kind in kinds:
            answer = client.response()
            cmd = answer.text if target == "/on/return" else answer.header("X-Cmd")
            assert (answer.status, cmd) == (200, kind[-1])
        assert client.silent()


@pytest.mark.parametrize("size", [1, 13, 1000], ids="{} bytes".format)
def test_05_12_pipelining_in_pieces(nginx, nothing_left, size):
    """The same stream of requests in writes that end anywhere."""
    kinds = [kind for kind in KINDS if not kind[2] or len(kind[2]) < 500]
    with Http1(nginx.port()) as client:
        client.send_pieces(b"".join(kind_request(kind, "/on/return") for kind in kinds), size)
        assert [client.response().text for _ in kinds] == [kind[-1] for kind in kinds]


def test_05_13_bad_chunks(nginx, nothing_left):
    """A broken chunked body is a 400, as without the module."""
    for side in ("/on", "/off"):
        for broken in (b"zz\r\n", b"3\r\ncmdXX", b"fffffffffffffffffff\r\n"):
            with Http1(nginx.port()) as client:
                client.send(head("POST", f"{side}/proxy", [
                    *of_type(FORM), ("Transfer-Encoding", "chunked")]), broken)
                assert client.response().status == 400
                client.wait_closed()


def test_05_14_many_at_once(nginx, nothing_left):
    """Eighty half-sent bodies at the same time, finished in another order. The requests of the second turn use
    memory that those of the first have freed."""
    for turn in "ab":
        clients = []
        for number in range(80):
            body = b"x=%s&cmd=%s%d" % (b"y" * (number * 50), turn.encode(), number)
            client = Http1(nginx.port())
            client.send(head("POST", "/on/return", [
                *of_type(FORM), ("Content-Length", str(len(body)))]), body[: len(body) // 2])
            clients.append((number, client, body[len(body) // 2 :]))
        for number, client, remainder in reversed(clients):
            client.wait_read().send(remainder)
            assert client.response().text == f"{turn}{number}"
            client.close()


@STREAMS
def test_05_15_many_streams(nginx, nothing_left, via):
    """The same as streams of one connection, their frames interleaved."""
    bodies = {}
    with connect(nginx, via) as client:
        for number in range(50):
            stream = client.start("POST", "/on/return", of_type(FORM))
            bodies[stream] = b"x=%s&cmd=m%d" % (b"y" * (number * 20), number)
        longest = max(map(len, bodies.values()))
        for at in range(0, longest + 100, 100):
            for stream, body in bodies.items():
                if at <= len(body):
                    client.data(stream, body[at : at + 100], end=at + 100 > len(body))
        for number, stream in enumerate(bodies):
            assert client.response(stream).text == f"m{number}"


def test_05_16_next_request_is_well(nginx):
    """After all of the above the worker answers as ever."""
    assert post(nginx, "/on/proxy", "cmd=f").found == ("f", "form", "ok")


@pytest.mark.parametrize("via", ["length", "tls"])
@pytest.mark.parametrize("left", [0, 1, 4, 5, 7])
def test_05_17_arrived_with_the_header(nginx, via, left):
    """A body that has come completely is scanned in nginx's buffer, and stays there for the upstream. A body of
    which a part is missing is read."""
    request = head("POST", "/on/unread", [*of_type(FORM), ("Content-Length", "5")]) + b"cmd=f"
    with connect(nginx, via) as client:
        client.send(request[: len(request) - left])
        if left:
            client.wait_read().send(request[-left:])
        assert client.response().text == ("f|cmd=f" if 0 < left <= 5 else "f|")


def test_05_18_arrived_with_the_next_request(nginx):
    """The next request, which stands behind such a body, is not a part of it."""
    bodies = [b'{"cmd":"a"}', b'{"cmd":"b"} ', b'{"cmd":"c"']
    requests = [head("POST", "/on/unread", [*of_type(JSON), ("Content-Length", str(len(body)))]) + body
                for body in bodies]
    with Http1(nginx.port()) as client:
        client.send(*requests)
        assert [client.response().text for _ in bodies] == ["a|", "b|", "|"]
