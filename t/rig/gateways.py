"""Upstreams that speak FastCGI, uwsgi and SCGI. Each answers with what it has received.

No maintained library has the server side of them. Each protocol is a page in its specification."""

import hashlib
import json
import socketserver
import struct
import threading

FCGI_BEGIN, FCGI_END, FCGI_PARAMS, FCGI_STDIN, FCGI_STDOUT = 1, 3, 4, 5, 6


class Gateway(socketserver.ThreadingTCPServer):
    """A server with a handler of `PROTOCOLS`. `received[X-Rig-Id]` grows while a body arrives."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, protocol):
        super().__init__(("127.0.0.1", 0), PROTOCOLS[protocol])
        self.port = self.server_address[1]
        self.received = {}
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()

    def __exit__(self, *exc):
        self.shutdown()
        super().__exit__(*exc)


class _Handler(socketserver.StreamRequestHandler):
    # The line in front of the headers of a response.
    status = b"Status: 200 OK\r\n"

    def handle(self):
        body = self.body_of(self.params())
        answer = json.dumps({
            "length": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "headers": {name[5:].replace("_", "-").lower(): value
                        for name, value in self.seen.items() if name.startswith("HTTP_")},
            "params": self.seen,
        }).encode()
        self.answer(self.status + b"Content-Type: application/json\r\n\r\n" + answer)

    def body_of(self, params):
        """Reads the body; a test can watch it grow."""
        self.seen = params
        body = self.server.received[params["HTTP_X_RIG_ID"]] = bytearray()
        for piece in self.pieces(params):
            body += piece
        return bytes(body)

    def pieces(self, params):
        left = int(params.get("CONTENT_LENGTH") or 0)
        while left:
            piece = self.rfile.read1(min(left, 65536))
            if not piece:
                raise EOFError("nginx closed within a body")
            left -= len(piece)
            yield piece

    def exactly(self, size):
        data = self.rfile.read(size)
        if len(data) < size:
            raise EOFError("nginx closed")
        return data

    def answer(self, data):
        self.wfile.write(data)


class Scgi(_Handler):
    """A netstring of NUL-separated names and values, then the body."""

    def params(self):
        digits = b""
        while (byte := self.exactly(1)) != b":":
            digits += byte
        fields = self.exactly(int(digits)).decode().split("\0")[:-1]
        assert self.exactly(1) == b","
        assert fields[0] == "CONTENT_LENGTH"
        return dict(zip(fields[::2], fields[1::2]))


class Uwsgi(_Handler):
    """A packet of names and values with their lengths, then the body."""

    status = b"HTTP/1.1 200 OK\r\n"

    def params(self):
        _, size, _ = struct.unpack("<BHB", self.exactly(4))
        data, values = self.exactly(size), []
        while data:
            (size,) = struct.unpack_from("<H", data)
            values.append(data[2 : 2 + size].decode())
            data = data[2 + size :]
        return dict(zip(values[::2], values[1::2]))


class FastCgi(_Handler):
    """Records: parameters, then the body, each until an empty one."""

    def _record(self):
        _, kind, _, size, padding = struct.unpack(">BBHHBx", self.exactly(8))
        data = self.exactly(size)
        self.exactly(padding)
        return kind, data

    def _stream(self, wanted):
        while True:
            kind, data = self._record()
            assert kind in (wanted, FCGI_BEGIN)
            if kind == wanted:
                if not data:
                    return
                yield data

    def params(self):
        data, values = b"".join(self._stream(FCGI_PARAMS)), []
        while data:
            sizes = []
            for _ in range(2):
                long = data[0] & 0x80
                sizes.append(struct.unpack(">I", data[:4])[0] & 0x7FFFFFFF if long else data[0])
                data = data[4 if long else 1 :]
            for size in sizes:
                values.append(data[:size].decode())
                data = data[size:]
        return dict(zip(values[::2], values[1::2]))

    def pieces(self, params):
        return self._stream(FCGI_STDIN)

    def answer(self, data):
        for kind, content in ((FCGI_STDOUT, data), (FCGI_STDOUT, b""), (FCGI_END, b"\0" * 8)):
            self.wfile.write(struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content)


PROTOCOLS = {"fastcgi": FastCgi, "uwsgi": Uwsgi, "scgi": Scgi}
