"""18: whatever bytes a client sends, no value of a variable makes another header, another request or
another line of a log of it."""

import json
import re

import pytest

from rig.client import BOUNDARY, FORM, JSON, MULTIPART
from rig.http1 import Http1
from rig.keeper import Keeper
from rig.message import head, new_id
from rig.waiting import until

# Every variable that holds what a client has chosen, under a short name.
VARIABLES = {"cmd": "frappe_cmd", "doctype": "frappe_doctype", "x": "frappe_arg_x", "call": "frappe_call"}
ARGUMENTS = ("cmd", "doctype", "x", "method", "report_name")
SHOWN = "|".join(f"${variable}" for variable in VARIABLES.values())

CONF = """
    @{formats}
    server {
        @{listen main}
        large_client_header_buffers 4 32k;
        keepalive_requests 100000;
        frappe_cmd on;
        @{logs}
        @{add}
        location / { @{set} proxy_pass http://127.0.0.1:@{keeper}; }
        location /return/ { return 200 "@{shown}"; }
    }
"""

FORMATS = {"default": "", "json": "escape=json", "none": "escape=none"}
# Behind the byte, so that a line break would make a header of it.
BEHIND = b"X-Injected: 1"


def values():
    """Bytes as percent escapes, as raw bytes, and as JSON escapes where there are such."""
    for byte in range(256):
        raw = bytes([byte])
        yield f"byte {byte:02x}", b"%%%02x" % byte, raw, b"\\u%04x" % byte
    for code in (*range(0x80, 0xa0), 0x61c, 0x200e, 0x200f, *range(0x2028, 0x202f), *range(0x2066, 0x206a),
                 0xfeff, 0xe0001, 0x10ffff):
        raw = chr(code).encode()
        escape = b"".join(b"\\u%04x" % unit for unit in utf16(code))
        yield f"U+{code:04X}", percent(raw), raw, escape
    for name, raw in {"overlong NUL": b"\xc0\x80", "overlong LF": b"\xc0\x8a", "overlong CR": b"\xe0\x80\x8d",
                      "overlong of four": b"\xf0\x80\x80\x8a", "above Unicode": b"\xf4\x90\x80\x80"}.items():
        yield name, percent(raw), raw, raw
    for name, code in {"high surrogate": 0xd800, "low surrogate": 0xdc0a, "U+DC8A": 0xdc8a}.items():
        raw = chr(code).encode(errors="surrogatepass")
        yield name, percent(raw), raw, b"\\u%04x" % code
    yield "line break", b"%0d%0a", b"\r\n", b"\\r\\n"
    yield "folded line", b"%0d%0a%20", b"\r\n ", b"\\r\\n "
    yield "two line breaks", b"%0d%0a%0d%0a", b"\r\n\r\n", b"\\n\\n"
    yield "escaped twice", b"%250d%250a", b"\\r\\n", b"\\\\r\\\\n"
    yield "long", b"y" * 300, b"y" * 254, b"y" * 255
    yield "quotes", b"%22%27%5c", b"\"'\\", b"\\\"'\\\\"


def utf16(code):
    """The units of a character."""
    data = chr(code).encode("utf-16-be")
    return [int.from_bytes(data[at:at + 2]) for at in range(0, len(data), 2)]


def percent(raw):
    """All bytes escaped."""
    return b"".join(b"%%%02X" % byte for byte in raw)


def as_form(escaped, raw, _):
    """An urlencoded body, by escapes and raw."""
    for value in (escaped, raw):
        yield "/", FORM, b"&".join(b"%b=f%b%b" % (name.encode(), value, BEHIND) for name in ARGUMENTS)


def as_json(_, raw, escape):
    """A JSON body, by escapes and raw."""
    for value in (escape, raw):
        members = (b'"%b":"f%b%b"' % (name.encode(), value, BEHIND) for name in ARGUMENTS)
        yield "/", JSON, b"{" + b",".join(members) + b"}"


def as_multipart(_, raw, __):
    """A part's value, and a part's name."""
    for part in (b'name="%b"\r\n\r\nf%b%b', b'name="%b"; filename*=utf-8\'\'f%b%b\r\n\r\n'):
        yield "/", MULTIPART, b"".join(
            b"--%b\r\nContent-Disposition: form-data; " % BOUNDARY.encode()
            + part % (name.encode(), raw, BEHIND) + b"\r\n" for name in ARGUMENTS
        ) + b"--%b--\r\n" % BOUNDARY.encode()


def as_query(escaped, raw, _):
    """A query, by escapes, and raw where nginx takes such a request."""
    for value in (escaped, raw):
        if not re.search(rb"[\0-\x20#\x7f]", value):
            query = b"&".join(b"%b=f%b%b" % (name.encode(), value, BEHIND.replace(b" ", b"+"))
                              for name in ARGUMENTS)
            yield b"/?" + query, None, None


def as_path(escaped, raw, _):
    """A path that names a method or a doctype; nginx refuses NUL and broken escapes."""
    for value in (escaped, raw):
        if not re.search(rb"[\0-\x20#\x7f?]|%00|%(?![0-9A-Fa-f]{2})", value + b"X"):
            for start in (b"/api/method/", b"/api/v2/method/a/", b"/api/resource/", b"/api/v2/document/"):
                yield start + b"f" + value + BEHIND.replace(b" ", b"%20"), None, None


WAYS = {"form": as_form, "json": as_json, "multipart": as_multipart, "query": as_query, "path": as_path}


@pytest.fixture(scope="module")
def keeper():
    """The upstream."""
    with Keeper() as server:
        yield server


@pytest.fixture(scope="module")
def nginx(serve, keeper):
    names = VARIABLES.items()
    return serve(CONF, values={
        "keeper": keeper.port,
        "shown": SHOWN,
        "set": "".join(f"proxy_set_header X-Var-{name} ${variable};" for name, variable in names),
        "add": "".join(f"add_header X-Var-{name} ${variable} always;" for name, variable in names),
        "formats": "".join(
            f"log_format {name} {escape} "
            + ("'{" + ",".join(f'"{key}":"${variable}"' for key, variable in names) + "}';"
               if name == "json" else f"'{SHOWN}';")
            for name, escape in FORMATS.items()),
        "logs": "".join(f"access_log @{{prefix}}/{name}.log {name};" for name in FORMATS),
    })


def whole(path, begin, count):
    """The lines behind `begin`, once there are `count` of them."""
    lines = path.read_bytes().decode().split("\n")[begin:-1]
    assert len(lines) <= count, path
    return lines if len(lines) == count else None


def is_control(text):
    """Whether a character of the classes C0, DEL and C1 is there."""
    return re.search(r"[\0-\x1f\x7f-\x9f]", text) is not None


@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", WAYS)
def test_18_01_nothing_injected(nginx, keeper, way):
    """Headers for the upstream and for the client, a text, and the three kinds of logs."""
    logs = {name: nginx.prefix / f"{name}.log" for name in FORMATS}
    before = {name: path.read_bytes().count(b"\n") if path.exists() else 0 for name, path in logs.items()}
    sent = found = 0
    with Http1(nginx.port()) as client:
        for what, *value in values():
            for target, content_type, body in WAYS[way](*value):
                found += ask(client, keeper, target, content_type, body, f"{way}, {what}")
                sent += 1
        # The text of a page, on the same connection: behind it the next answer is the next answer.
        client.request("POST", "/return/", [("Content-Type", FORM)], b"cmd=f%C2%A0g")
        assert client.response().text == "f\u00a0g|||f\u00a0g"
    # Values did come through: letters at least.
    assert found > sent / 20
    nginx.errors.wait("client .* closed keepalive connection")
    for name, path in logs.items():
        # An answer is on its way before its line is in the log.
        lines = until(lambda path=path, name=name: whole(path, before[name], sent + 1), f"lines in {name}")
        assert not any(map(is_control, lines)), name
        if name == "json":
            assert all(set(json.loads(line)) == set(VARIABLES) for line in lines)


def ask(client, keeper, target, content_type, body, what):
    """One request; whether its cmd came through."""
    name = new_id()
    headers = [("X-Rig-Id", name)]
    if content_type:
        headers += [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    client.send(head("POST" if content_type else "GET", target, headers), body or b"")
    response = client.response()
    assert response.status == 200, what
    own = [(key, text) for key, text in response.headers if key.startswith("X-")]
    ((upstream, received),) = keeper.requests.pop(name)
    assert received == (body or b""), what
    line, *fields = upstream.split(b"\r\n")
    assert line.count(b" ") == 2, what
    passed = [tuple(field.decode().split(": ", 1)) for field in fields]
    of_ours = [(key, text) for key, text in passed if key.startswith("X-Var")]
    assert sorted(of_ours) == sorted(own), what
    for key, text in passed:
        assert key in ("Host", "Connection", "Content-Length", "Content-Type", "X-Rig-Id",
                       *(f"X-Var-{variable}" for variable in VARIABLES)), f"{what}: {key}"
        assert not is_control(text), what
    return any(key == "X-Var-cmd" for key, _ in of_ours)
