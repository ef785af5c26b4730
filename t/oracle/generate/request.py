"""A request in parts, which a generator fills and a shrinker empties."""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Request:
    """A request of which a generator chooses all bytes but Host and Content-Length."""

    method: bytes = b"GET"
    target: bytes = b"/"
    headers: tuple = ()
    body: bytes = b""

    def raw(self):
        """The bytes of the request on the wire."""
        lines = [b"%b %b HTTP/1.1" % (self.method, self.target), b"Host: localhost"]
        lines += [b"%b: %b" % header for header in self.headers]
        if self.body:
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body

    def but(self, **changes):
        """A copy with other parts."""
        return replace(self, **changes)

    def readable(self, longest=2000):
        """The request as a text for a terminal: one line for each header, the body as a Python literal."""
        lines = [f"{_text(self.method)} {_text(self.target)}"]
        lines += [f"{_text(name)}: {_text(value)}" for name, value in self.headers]
        if self.body:
            lines.append("")
            pieces = self.body.splitlines(keepends=True)
            lines += [repr(piece)[1:] for piece in pieces]
        text = "\n".join(lines)
        return text if len(text) <= longest else f"{text[:longest]}... ({len(self.body)} bytes)"


def _text(data):
    return repr(data)[2:-1]


@dataclass
class Case:
    """A generated request and where it came from."""

    number: int
    request: Request
    chunk: int
    tags: tuple = field(default=())


def parse(raw):
    """A request from its bytes, without Host and Content-Length; a chunked body is joined."""
    head, _, body = raw.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    method, target, _ = line.split(b" ")
    headers, is_chunked = [], False
    for header in lines:
        name, _, value = header.partition(b":")
        value = value.strip(b" \t")
        if name.lower() == b"transfer-encoding":
            is_chunked = True
        elif name.lower() not in (b"host", b"content-length"):
            headers.append((name, value))
    return Request(method, target, tuple(headers), _unchunk(body) if is_chunked else body)


def _unchunk(data):
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        size = int(size, 16)
        if not size:
            return body
        body, data = body + data[:size], data[size + 2 :]
