"""Requests whose arguments hold every byte, in every encoding that a client can choose."""

import re

from .client import BOUNDARY, FORM, JSON, MULTIPART

ARGUMENTS = ("cmd", "doctype", "x", "method", "report_name")
# This stands behind the byte: if the byte is a line break that gets through, this becomes a header.
BEHIND = b"X-Injected: 1"


def values():
    """Each byte as a percent escape, as a raw byte, and as a JSON escape where there is one."""
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
    """The UTF-16 units of a character."""
    data = chr(code).encode("utf-16-be")
    return [int.from_bytes(data[at:at + 2]) for at in range(0, len(data), 2)]


def percent(raw):
    """All bytes escaped."""
    return b"".join(b"%%%02X" % byte for byte in raw)


def as_form(escaped, raw, _):
    """A urlencoded body, with escapes and with raw bytes."""
    for value in (escaped, raw):
        yield "/", FORM, b"&".join(b"%b=f%b%b" % (name.encode(), value, BEHIND) for name in ARGUMENTS)


def as_json(_, raw, escape):
    """A JSON body, with escapes and with raw bytes."""
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
    """A query, with escapes, and with raw bytes where nginx accepts such a request."""
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


# Functions that take the forms of a byte that `values` gives, and yield requests: target, Content-Type, body.
WAYS = {"form": as_form, "json": as_json, "multipart": as_multipart, "query": as_query, "path": as_path}


def is_control(text):
    """Whether the text has a control character: C0, DEL or C1."""
    return re.search(r"[\0-\x1f\x7f-\x9f]", text) is not None
