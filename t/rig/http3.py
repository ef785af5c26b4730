"""An HTTP/3 client on a bare socket: the test decides which frames go out, and when."""

import socket
import ssl
import time

from aioquic.buffer import encode_uint_var
from aioquic.h3 import events as h3_events
from aioquic.h3.connection import H3_ALPN, ErrorCode, H3Connection
from aioquic.quic import events as quic_events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from .http1 import Closed
from .http2 import CONNECTION_HEADERS
from .message import Response, cut, to_bytes
from .waiting import TIMEOUT

# The loopback interface takes larger datagrams than Ethernet, and few large ones are less work.
DATAGRAM = 8192
FRAME = 16384
H3_REQUEST_CANCELLED = 0x10C


class Http3:
    """One connection; streams are named by their number."""

    def __init__(self, port):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect(("127.0.0.1", port))
        self._address = self.sock.getpeername()
        self._quic = QuicConnection(configuration=QuicConfiguration(
            alpn_protocols=H3_ALPN, server_name="localhost", verify_mode=ssl.CERT_NONE,
            max_datagram_size=DATAGRAM))
        self._answers = {}
        self._ended = set()
        self._acknowledged = set()
        self._pings = 0
        self._h3 = None
        self._stopped = set()
        self.resets = {}
        self._quic.connect(self._address, now=time.monotonic())
        self._flush()
        self._receive_until(lambda: self._h3, "the handshake")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        """Closes the connection, and tells the server at once."""
        self._quic.close(error_code=ErrorCode.H3_NO_ERROR)
        self._flush()
        self.sock.close()

    # Sending

    def _flush(self):
        for data, _ in self._quic.datagrams_to_send(now=time.monotonic()):
            self.sock.send(data)

    def start(self, method, target, headers=(), *, end=False):
        """Sends HEADERS; returns the stream."""
        stream = self._quic.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "https"), (":path", target),
                  (":authority", "localhost")]
        fields += [(n.lower(), v) for n, v in headers if n.lower() not in CONNECTION_HEADERS]
        self._h3.send_headers(stream, [(to_bytes(n), to_bytes(v)) for n, v in fields], end)
        self._flush()
        return stream

    def data(self, stream, data, *, end=False, size=None):
        """Sends DATA. With `size`, in frames of so many bytes; the server has read each one before the next
        is sent. A server that answers early may stop the stream; the rest is then not sent."""
        pieces = cut(data, size or FRAME) or [b""]
        for number, piece in enumerate(pieces):
            if stream not in self._stopped:
                self._h3.send_data(stream, piece, end and number == len(pieces) - 1)
            if size:
                self.ping()
        self._flush()

    def raw(self, stream, data, *, end=False):
        """Sends bytes on a stream that need not be frames."""
        if stream not in self._stopped:
            self._quic.send_stream_data(stream, data, end)
        self._flush()

    def raw_pieces(self, stream, data, size=None):
        """Sends all bytes of a stream. With `size`, in pieces that the server reads one by one."""
        for piece in cut(data, size) if size else [data]:
            self.raw(stream, piece)
            if size:
                self.ping()
        self.raw(stream, b"", end=True)

    def request(self, method, target, headers=(), body=None, *, size=None, length=True):
        """Sends one whole request; returns the stream."""
        headers = list(headers)
        if body is not None and length:
            headers.append(("content-length", str(len(body))))
        stream = self.start(method, target, headers, end=body is None)
        if body is not None:
            self.data(stream, body, end=True, size=size)
        return stream

    def reset(self, stream, code=H3_REQUEST_CANCELLED):
        """Sends RESET_STREAM."""
        self._quic.reset_stream(stream, code)
        self._flush()

    def ping(self):
        """Returns once the server has acknowledged, and so has read, all that was sent."""
        # The server acknowledges two datagrams at once, and a single one only after a delay.
        for _ in range(2):
            self._pings += 1
            self._quic.send_ping(self._pings)
            self._flush()
        first = self._pings - 1
        self._receive_until(lambda: first in self._acknowledged, "the acknowledgement")

    # Receiving

    def response(self, stream):
        """Waits for the whole response of a stream."""
        self._receive_until(lambda: stream in self._ended or stream in self.resets, "the response")
        if stream not in self._ended:
            raise Closed(f"stream reset with {self.resets[stream]}")
        return self._answers.pop(stream)

    def wait_begun(self, stream):
        """Returns once the head of a stream's response is there."""
        self._receive_until(lambda: stream in self._answers, "the response to begin")

    def _receive_until(self, condition, what):
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            now = time.monotonic()
            if now > deadline:
                raise TimeoutError(f"waited {TIMEOUT:g} s for {what}")
            if self._receive(deadline):
                deadline = time.monotonic() + TIMEOUT

    def _receive(self, deadline):
        """Handles the next datagram or timer. True for a datagram."""
        timer = self._quic.get_timer()
        until = deadline if timer is None else min(timer, deadline)
        self.sock.settimeout(max(0.0001, until - time.monotonic()))
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            data = None
        now = time.monotonic()
        if data:
            self._quic.receive_datagram(data, self._address, now=now)
        elif timer is not None and now >= timer:
            self._quic.handle_timer(now=now)
        while (event := self._quic.next_event()) is not None:
            self._handle(event)
        self._flush()
        return data is not None

    def _handle(self, event):
        if isinstance(event, quic_events.ProtocolNegotiated):
            self._h3 = H3Connection(self._quic)
        elif isinstance(event, quic_events.PingAcknowledged):
            self._acknowledged.add(event.uid)
        elif isinstance(event, quic_events.ConnectionTerminated):
            raise Closed(f"connection closed: {event.error_code} {event.reason_phrase}")
        elif isinstance(event, quic_events.StopSendingReceived):
            self._stopped.add(event.stream_id)
        elif isinstance(event, quic_events.StreamReset):
            self.resets[event.stream_id] = event.error_code
        for part in self._h3.handle_event(event) if self._h3 else ():
            if isinstance(part, h3_events.HeadersReceived):
                fields = [(n.decode(), v.decode("utf-8", "replace")) for n, v in part.headers]
                self._answers[part.stream_id] = Response(int(fields[0][1]), fields[1:])
            elif isinstance(part, h3_events.DataReceived):
                self._answers[part.stream_id].body += part.data
            if part.stream_ended:
                self._ended.add(part.stream_id)

    def silent(self):
        """Whether no part of a response has come."""
        self.ping()
        return not self._answers


def frame(kind, data):
    """A frame of any type, for `raw`."""
    return encode_uint_var(kind) + encode_uint_var(len(data)) + data
