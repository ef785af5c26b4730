"""An upstream that shows the bytes on the wire, which gunicorn does not."""

import hashlib
import socket
import threading
import time

import h11

from .waiting import TIMEOUT

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Pool: raw\r\n\r\nok"


class RawServer:
    """Takes connections one by one, and keeps the bytes of each request as they came."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT)
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._listener.close()

    def accept(self):
        """The next connection from nginx."""
        sock, _ = self._listener.accept()
        sock.settimeout(TIMEOUT)
        return RawConnection(sock)

    def answer_one(self, answer=ANSWER, after=0.0):
        """Answers one request in a thread, `after` seconds later; `join` returns the request's bytes. If
        `answer` is None, the thread waits until nginx gives up."""
        return _OneAnswer(self, answer, after)

    def digest_one(self):
        """Answers one request in a thread that keeps only the digest of its body."""
        return _Digest(self)


class RawConnection:
    """One connection from nginx."""

    def __init__(self, sock):
        self.sock = sock
        self.received = b""

    def read_until(self, condition):
        """Reads until `condition(bytes so far)` holds."""
        while not condition(self.received):
            data = self.sock.recv(65536)
            if not data:
                raise EOFError(f"nginx closed after {self.received[-200:]!r}")
            self.received += data
        return self.received

    def read_request(self):
        """Reads one request with Content-Length, chunked, or without a body."""
        head, _, _ = self.read_until(lambda got: b"\r\n\r\n" in got).partition(b"\r\n\r\n")
        fields = dict(
            line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line
        )
        if b"transfer-encoding" in fields:
            return self.read_until(lambda got: got.endswith(b"\r\n0\r\n\r\n"))
        size = len(head) + 4 + int(fields.get(b"content-length", 0))
        return self.read_until(lambda got: len(got) >= size)

    def answer(self, data=ANSWER):
        """Sends a response and closes."""
        self.sock.sendall(data)
        self.sock.close()


class _OneAnswer(threading.Thread):
    def __init__(self, server, answer, after):
        super().__init__(daemon=True)
        self._server = server
        self._answer = answer
        self._after = after
        self.request = b""
        self.error = None
        self.start()

    def run(self):
        try:
            connection = self._server.accept()
            self.request = connection.read_request()
            time.sleep(self._after)
            if self._answer is None:
                connection.sock.recv(1)
            connection.answer(self._answer or b"")
        except OSError as error:  # shown by `join`
            self.error = error

    def join(self, timeout=TIMEOUT):
        """The bytes of the request."""
        super().join(timeout)
        assert not self.is_alive() and self.error is None, f"no request came: {self.error}"
        return self.request


class _Digest(threading.Thread):
    """`begun` is set when the first byte of the body is there."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self._server = server
        self._sha256 = hashlib.sha256()
        self.begun = threading.Event()
        self.headers = {}
        self.size = 0
        self.error = None
        self.start()

    def run(self):
        try:
            connection = self._server.accept()
            self._read(connection.sock, h11.Connection(h11.SERVER))
            connection.answer()
        except (OSError, h11.ProtocolError) as error:  # shown by `join`
            self.error = error

    def _read(self, sock, parser):
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                parser.receive_data(sock.recv(1 << 20))
            elif isinstance(event, h11.Request):
                self.headers = {n.decode(): v.decode("latin-1") for n, v in event.headers}
            elif isinstance(event, h11.Data):
                self._sha256.update(event.data)
                self.size += len(event.data)
                self.begun.set()
            elif isinstance(event, h11.EndOfMessage):
                return

    def join(self, timeout=TIMEOUT):
        """The digest of the whole body."""
        super().join(timeout)
        assert not self.is_alive() and self.error is None, f"no request came: {self.error}"
        return self._sha256.hexdigest()
