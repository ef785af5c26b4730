"""An HTTP/1.1 client on a bare socket: the test decides which bytes go out, and when."""

import socket
import ssl
import struct

from .message import Response, chunked, cut, head, to_bytes
from .unread import unread, unsent
from .waiting import TIMEOUT, until


# A state of a connection in linux/tcp.h.
TCP_CLOSE = 7


class Closed(Exception):
    """The server closed the connection where a response was due."""


class Http1:
    """One connection."""

    def __init__(self, port, timeout=TIMEOUT, wrap=None):
        self.port = port
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._local = self.sock.getsockname()[1]
        if wrap:
            self.sock = wrap(self.sock)
        self._buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    # Sending

    def send(self, *parts):
        """Sends bytes as they are."""
        self.sock.sendall(b"".join(to_bytes(part) for part in parts))
        return self

    def send_pieces(self, data, size=1):
        """Sends the data piece by piece; the server has read each piece before the next is sent."""
        for piece in cut(data, size):
            self.send(piece)
            self.wait_read()
        return self

    def request(self, method, target, headers=(), body=None, chunk_size=None):
        """Sends one whole request with Content-Length, or chunked when `chunk_size` is given."""
        headers = list(headers)
        if body is not None and chunk_size:
            headers.append(("Transfer-Encoding", "chunked"))
            body = chunked(body, chunk_size)
        elif body is not None:
            headers.append(("Content-Length", str(len(body))))
        return self.send(head(method, target, headers), body or b"")

    def wait_read(self):
        """Returns once the server has taken everything sent so far out of its socket, or has reset
        the connection."""
        def is_reset():
            return self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSE

        until(lambda: not unsent(self.sock) and not unread(self.port, self._local) or is_reset(),
              "the server to read what was sent")
        return self

    # Receiving

    def response(self, *, to_head=False):
        """Reads one response, which may be an interim one."""
        block = self._until(b"\r\n\r\n")
        status_line, *lines = block.split(b"\r\n")
        headers = []
        for line in lines:
            name, _, value = line.partition(b":")
            headers.append((name.decode("latin-1"), value.strip().decode("utf-8", "replace")))
        answer = Response(int(status_line.split()[1]), headers)
        if not to_head and answer.status >= 200 and answer.status not in (204, 304):
            answer.body = self._body(answer)
        return answer

    def wait_begun(self):
        """Returns once the head of a response is there."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()

    def _body(self, answer):
        if "chunked" in answer.header("Transfer-Encoding"):
            body = b""
            while size := int(self._until(b"\r\n"), 16):
                body += self._exactly(size)
                self._until(b"\r\n")
            self._until(b"\r\n")
            return body
        if answer.all("Content-Length"):
            return self._exactly(int(answer.header("Content-Length")))
        return self._rest()

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Closed(f"connection closed after {self._buffer[:200]!r}")
        self._buffer += data

    def _until(self, mark):
        while mark not in self._buffer:
            self._more()
        found, self._buffer = self._buffer.split(mark, 1)
        return found

    def _exactly(self, size):
        while len(self._buffer) < size:
            self._more()
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _rest(self):
        try:
            while True:
                self._more()
        except Closed:
            found, self._buffer = self._buffer, b""
            return found

    def read(self, size):
        """The next bytes of a connection that no longer speaks HTTP."""
        return self._exactly(size)

    def wait_closed(self):
        """Returns what came before the server closed the connection."""
        try:
            return self._rest()
        except ConnectionResetError:
            return self._buffer

    def silent(self):
        """Whether nothing has arrived so far."""
        if self._buffer:
            return False
        self.sock.setblocking(False)
        try:
            self._buffer = self.sock.recv(1)
            return not self._buffer
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        finally:
            self.sock.settimeout(TIMEOUT)

    # Ending

    def close(self):
        """Closes the connection in good order."""
        self.sock.close()

    def reset(self):
        """Ends the connection by RST, as a client that has crashed."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
