"""Requests and responses as bytes."""

import json
import uuid
from dataclasses import dataclass, field


def new_id():
    """A name for one exchange, by which tests find it in logs."""
    return uuid.uuid4().hex


@dataclass
class Response:
    """A response; header names keep their case as received."""

    status: int
    headers: list = field(default_factory=list)
    body: bytes = b""

    def all(self, name):
        """Every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name, default=""):
        """The value of a header; fails if there is more than one."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else default

    def json(self):
        """The body of an answer of the rig's app."""
        return json.loads(self.body)

    @property
    def text(self):
        """The body as text."""
        return self.body.decode()


def to_bytes(value):
    """Text as UTF-8, bytes as they are."""
    return value.encode() if isinstance(value, str) else value


def cut(data, size):
    """`data` in pieces of `size` bytes; `size` may be a list that is used in turn."""
    sizes = [size] if isinstance(size, int) else list(size)
    pieces, start, turn = [], 0, 0
    while start < len(data):
        step = sizes[turn % len(sizes)]
        pieces.append(data[start : start + step])
        start += step
        turn += 1
    return pieces


def chunk(data):
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunked(body, size=4096):
    """A whole chunked body, with its end."""
    return b"".join(chunk(piece) for piece in cut(body, size)) + b"0\r\n\r\n"


def head(method, target, headers=(), host="localhost"):
    """An HTTP/1.1 request head."""
    lines = [b"%b %b HTTP/1.1" % (to_bytes(method), to_bytes(target))]
    lines.append(b"Host: " + to_bytes(host))
    lines += [to_bytes(name) + b": " + to_bytes(value) for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"
