"""An upstream that keeps the bytes of every request, also of one that did not come to its end."""

import socket
import threading

from .message import head
from .rawserver import ANSWER, RawServer
from .waiting import TIMEOUT

STOP = b"/recorder-stop"


class Recorder:
    """Answers requests one after the other, until the `with` block ends; `requests` has their bytes."""

    def __init__(self, server: RawServer):
        self._server = server
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.requests = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        # This request comes after all that nginx has sent.
        with socket.create_connection(("127.0.0.1", self._server.port), TIMEOUT) as sock:
            sock.sendall(head("GET", STOP))
            self._thread.join(TIMEOUT)
        assert not self._thread.is_alive(), "nginx left a request open"

    def _run(self):
        while True:
            connection = self._server.accept()
            try:
                whole = connection.read_request()
            except (EOFError, OSError):
                whole = None
            if whole and whole.startswith(b"GET " + STOP):
                connection.sock.close()
                return
            if whole:
                self.requests.append(parse(whole))
                connection.answer(ANSWER)
            else:
                connection.sock.close()


def parse(request):
    """The head and the body of a whole request; the body is decoded from chunks."""
    fields, _, body = request.partition(b"\r\n\r\n")
    if b"\r\ntransfer-encoding: chunked" in fields.lower():
        body = dechunked(body)
    return fields, body


def dechunked(body):
    """The bytes of a chunked body that nginx has sent."""
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        found, body = found + body[:length], body[length + 2 :]
    return found
