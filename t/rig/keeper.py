"""An upstream that keeps every byte of each request's head and body. `X-Order-…` headers of the request say
how it answers."""

import re
import socketserver
import threading
from collections import defaultdict

from .rawserver import RawConnection
from .recorder import parse
from .waiting import TIMEOUT


class Keeper(socketserver.ThreadingTCPServer):
    """`requests[X-Rig-Id]` are the heads and bodies."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port = self.server_address[1]
        self.requests = defaultdict(list)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05},
                         daemon=True).start()

    def __exit__(self, *exc):
        self.shutdown()
        super().__exit__(*exc)


class _Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(TIMEOUT)
        connection = RawConnection(self.request)
        try:
            head, body = parse(connection.read_request())
        except (EOFError, ConnectionError):
            return
        name = _header(head, "X-Rig-Id") or b""
        self.server.requests[name.decode()].append((head, body))
        connection.answer(_answer(head, b"%d bytes" % len(body)))


def _header(head, name):
    found = re.search(rb"(?i)\r\n" + name.encode() + rb": ([^\r]*)", head)
    return found and found[1]


def _answer(head, text):
    status, more = _header(head, "X-Order-Status") or b"200", b""
    text = _header(head, "X-Order-Text") or text
    if accel := _header(head, "X-Order-Accel"):
        more += b"X-Accel-Redirect: " + accel + b"\r\n"
    if span := re.search(rb"(?i)\r\nrange: bytes=(\d+)-(\d+)", head):
        start, end = int(span[1]), min(int(span[2]) + 1, len(text))
        more += b"Content-Range: bytes %d-%d/%d\r\n" % (start, end - 1, len(text))
        status, text = b"206", text[start:end]
    if head.startswith(b"HEAD "):
        text = b""
    return (b"HTTP/1.1 " + status + b" As ordered\r\nContent-Type: text/html\r\n" + more
            + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
