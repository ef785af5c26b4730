"""03: any size, any framing, in memory or on disk: the same answer, and every byte arrives."""

import pytest

from rig.client import (
    ALL_TRANSPORTS,
    BOUNDARY,
    FORM,
    JSON,
    MULTIPART,
    exchange,
    multipart,
    of_type,
    sha256,
)

K, M = 1024, 1024 * 1024
SIZES = {"0": 0, "1": 1, "16k-1": 16 * K - 1, "16k": 16 * K, "16k+1": 16 * K + 1, "1M": M,
         "30M": 30 * M}

CONF = """
    server {
        @{listen_all}
        client_max_body_size 0;
        frappe_cmd on;
        client_body_buffer_size 16k;
        location / { @{show} proxy_pass http://primary; }
        location /memory { @{show} proxy_pass http://primary; client_body_buffer_size 32m; }
        location /file { @{show} proxy_pass http://primary; client_body_in_file_only clean; }
        location /single {
            @{show}
            proxy_pass http://primary;
            client_body_in_single_buffer on;
            client_body_buffer_size 32m;
        }
        location /stream {
            @{show}
            proxy_pass http://primary;
            proxy_http_version 1.1;
            proxy_request_buffering off;
        }
    }
"""


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(CONF)


def around(before, after):
    """A function that makes a body of exactly the given size with `cmd` at its end."""
    def make(size):
        fill = size - len(before) - len(after)
        return before + b"x" * fill + after if fill >= 0 else b"x" * size

    return make


LAST = multipart(("cmd", "last.cmd"))
KINDS = {
    "form": (FORM, around(b"a=", b"&cmd=last.cmd"), "form"),
    "multipart": (
        MULTIPART,
        around(multipart(("file", "", "a.bin"), end=False)[:-2], b"\r\n" + LAST),
        "multipart",
    ),
    "json": (JSON, around(b'{"a":"', b'","cmd":"last.cmd"}'), "json"),
}


def expected(kind, size):
    """The answer for a body of this size. Bodies too small for `cmd` hold no cmd: a lone `x` is a form
    without that field, no multipart body and no JSON."""
    if size > 1:
        return "last.cmd", KINDS[kind][2], "ok"
    return ("", "", "malformed") if (kind, size) == ("json", 1) else ("", "", "none")


def send(nginx, target, kind, body, **options):
    """One POST; checks that it arrives."""
    done = exchange(nginx, "POST", target, of_type(KINDS[kind][0]), body, **options)
    answer = done.answer
    assert (answer["length"], answer["sha256"]) == (len(body), sha256(body))
    return done


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", ["memory", "disk"])
def test_03_01_sizes(nginx, where, kind, size, via):
    """`cmd` at the end of a body of that size."""
    size = SIZES[size] if via != "h3" else min(SIZES[size], 3 * M)  # the client is slow
    body = KINDS[kind][1](size)
    assert len(body) == size
    target = "/memory" if where == "memory" else "/"
    done = send(nginx, target, kind, body, via=via)
    assert done.found == expected(kind, size)
    assert done.passed == expected(kind, size)
    if size >= M:  # near 16k it also depends on the framing and on the bytes that came with the head
        assert bool(done.logged["body_file"]) == (where == "disk")


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("kind", KINDS)
def test_03_02_one_byte_at_a_time(nginx, kind, via):
    """nginx reads the body byte by byte."""
    body = KINDS[kind][1](200)
    assert send(nginx, "/", kind, body, via=via, size=1).found == expected(kind, 200)


@pytest.mark.parametrize("via", ["chunked", "h2", "h3"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sizes", [[1], [3], [1, 7, 2, 4093], [65537], [16 * K + 1]], ids=str)
def test_03_03_odd_pieces(nginx, kind, sizes, via):
    """Chunks and DATA frames end at any place, some in the middle of `cmd`."""
    if via == "chunked":
        small, options = 5000, {"size": sizes}
    else:  # the client waits for each frame to be read
        small, options = 1000, {"size": sizes[-1]}
    body = KINDS[kind][1](small if sizes in ([1], [3]) else 200_001)
    assert send(nginx, "/", kind, body, via=via, **options).found == expected(kind, len(body))


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("size", ["1", "16k+1", "1M"])
@pytest.mark.parametrize("target", ["/file", "/single", "/stream"])
def test_03_04_buffering(nginx, target, size, via):
    """Other ways in which nginx keeps a body."""
    size = SIZES[size]
    done = send(nginx, target, "form", KINDS["form"][1](size), via=via)
    assert done.found == expected("form", size)


@pytest.mark.parametrize("kind", KINDS)
def test_03_05_every_split(nginx, kind):
    """Two writes, cut at each byte of a small body."""
    body = KINDS[kind][1](60) if kind != "multipart" else multipart(("cmd", "last.cmd"))
    for at in range(1, len(body)):
        assert send(nginx, "/", kind, body, size=[at, len(body)]).found == expected(kind, 60)


def test_03_06_boundary_in_file(nginx):
    """A file that is full of almost-boundaries hides nothing."""
    almost = f"\r\n--{BOUNDARY[:-1]}".encode() * 20_000
    body = multipart(("file", almost, "a"), ("cmd", "last.cmd"))
    assert send(nginx, "/", "multipart", body).found == expected("multipart", len(body))


def test_03_07_memory_is_bounded(serve_once):
    """A body of 64 MiB in one field adds next to nothing to a fresh worker."""
    nginx = serve_once(CONF)
    send(nginx, "/", "form", KINDS["form"][1](M))
    body = KINDS["form"][1](64 * M)
    before = nginx.memory("VmHWM")
    assert send(nginx, "/", "form", body).found == expected("form", len(body))
    assert nginx.memory("VmHWM") - before < 512


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("types", [[JSON, FORM], [FORM, JSON], [FORM, MULTIPART, FORM]],
                         ids=["form last", "JSON last", "form first and last"])
def test_03_08_several_content_types(nginx, via, types):
    """gunicorn uses the last one. nginx itself knows only the first before 1.23, and all of them since."""
    headers = [("Content-Type", content_type) for content_type in types]
    body = b"cmd=by.form" if types[-1] == FORM else b'{"cmd":"by.json"}'
    done = exchange(nginx, "POST", "/", headers, body, via=via)
    assert done.found == (("by.form", "form", "ok") if types[-1] == FORM else
                          ("by.json", "json", "ok"))
    assert done.answer["type"] == types[-1]
