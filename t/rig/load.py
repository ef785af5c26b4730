"""Sends many requests at once, and only counts the answers."""

import socket
import threading
from dataclasses import dataclass, field

from .waiting import TIMEOUT

PIPELINED = 200


@dataclass
class Count:
    """How many requests were sent, and how many were answered with 200."""

    sent: int = 0
    answered: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, sent, answered):
        """Adds the numbers of one connection."""
        with self._lock:
            self.sent += sent
            self.answered += answered


def get(target):
    """A GET as bytes."""
    return f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def pipelined(port, targets):
    """Sends a GET for each target on one connection, many before the first answer; all must be
    answered with 200."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as sock:
        batch = []
        for target in targets:
            batch.append(get(target))
            if len(batch) == PIPELINED:
                _exchange(sock, batch)
                batch = []
        _exchange(sock, batch)


def _exchange(sock, batch):
    sock.sendall(b"".join(batch))
    answered, tail = 0, b""
    while answered < len(batch):
        data = sock.recv(65536)
        assert data, "the connection was closed"
        data = tail + data
        answered += data.count(b"HTTP/1.1 200 ")
        # A read may end within a status line. The part that is kept is shorter than the text that is counted,
        # so nothing counts twice.
        tail = data[-12:]


class Load:
    """Connections that each send one request after the other until they are told to end. A
    connection that breaks is replaced."""

    def __init__(self, port, targets, connections=32):
        self.count = Count()
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(port, targets, first), daemon=True)
            for first in range(0, len(targets), -(-len(targets) // connections))
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc):
        self._ending.set()
        for thread in self._threads:
            thread.join(TIMEOUT)

    def _run(self, port, targets, at):
        sent, answered = 0, 0
        while not self._ending.is_set():
            try:
                with socket.create_connection(("127.0.0.1", port), TIMEOUT) as sock:
                    while not self._ending.is_set():
                        sent += 1
                        at += 1
                        sock.sendall(get(targets[at % len(targets)]))
                        if not _is_answered(sock):
                            break
                        answered += 1
            except OSError:
                continue
        self.count.add(sent, answered)


def _is_answered(sock):
    data = b""
    while not data.endswith(b"ok\n"):
        more = sock.recv(4096)
        if not more:
            return False
        data += more
    return data.startswith(b"HTTP/1.1 200 ")
