"""An HTTP/2 client that shows its frames, over cleartext with prior knowledge."""

import socket

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from .http1 import Closed, Http1
from .message import Response, cut

# Headers that HTTP/2 forbids. The corpus has them, since it was captured over HTTP/1.1.
CONNECTION_HEADERS = {"connection", "keep-alive", "transfer-encoding", "upgrade", "host",
                      "proxy-connection"}

# nginx accepts larger frames, but its window for a body that streams is not much larger.
FRAME = 16384

# Bytes of a frame's header, and some types of frames.
HEADER = 9
DATA, HEADERS, PRIORITY, GOAWAY, WINDOW_UPDATE = 0, 1, 2, 7, 8
END_STREAM, END_HEADERS, PADDED = 0x1, 0x4, 0x8
NO_ERROR = bytes(4)


def frame(kind, flags, stream, payload):
    """One frame, for `raw`."""
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload


class Http2:
    """One connection; streams are named by their number."""

    def __init__(self, port):
        self._tcp = Http1(port)
        # Tests send headers that a strict client would refuse, so the library must not check or change them.
        config = h2.config.H2Configuration(
            header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self._h2 = h2.connection.H2Connection(config)
        self._h2.initiate_connection()
        self._flush()
        self._incoming = b""
        self._is_raw = False
        self._answers = {}
        self._ended = set()
        self.resets = {}
        self._pong = False
        # With small windows nginx refuses streams until the client has acknowledged its settings.
        self.ping()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        """Closes the connection."""
        self._tcp.close()

    # Sending

    def _flush(self):
        self._tcp.sock.sendall(self._h2.data_to_send())

    def start(self, method, target, headers=(), *, end=False):
        """Sends HEADERS; returns the stream."""
        stream = self._h2.get_next_available_stream_id()
        fields = [(b":method", method), (b":scheme", b"http"), (b":path", target),
                  (b":authority", b"localhost")]
        fields += [(n.lower(), v) for n, v in headers if n.lower() not in CONNECTION_HEADERS]
        self._h2.send_headers(
            stream, [(self._bytes(n), self._bytes(v)) for n, v in fields], end_stream=end
        )
        self._flush()
        return stream

    @staticmethod
    def _bytes(value):
        return value.encode() if isinstance(value, str) else value

    def data(self, stream, data, *, end=False, size=None):
        """Sends DATA, in frames of `size` bytes when given, or smaller ones where the windows allow no more.
        A server that answers early may close the stream; the rest is then not sent."""
        pieces = cut(data, min(size or FRAME, self._h2.max_outbound_frame_size)) or [b""]
        try:
            for number, piece in enumerate(pieces):
                self._send(stream, piece, end and number == len(pieces) - 1)
                if size:
                    self._tcp.wait_read()
        except h2.exceptions.StreamClosedError:
            pass

    def _send(self, stream, piece, end):
        while len(piece) > (window := self._h2.local_flow_control_window(stream)):
            if window:
                self._h2.send_data(stream, piece[:window])
                piece = piece[window:]
                self._flush()
            elif stream in self.resets:
                return
            else:
                self._receive()
        self._h2.send_data(stream, piece, end_stream=end)
        self._flush()

    def request(self, method, target, headers=(), body=None, *, size=None, length=True):
        """Sends one whole request; returns the stream."""
        headers = list(headers)
        if body is not None and length:
            headers.append(("content-length", str(len(body))))
        stream = self.start(method, target, headers, end=body is None)
        if body is not None:
            self.data(stream, body, end=True, size=size)
        return stream

    def reset(self, stream, code=8):
        """Sends RST_STREAM, with CANCEL by default."""
        self._h2.reset_stream(stream, code)
        self._flush()

    def goaway(self):
        """Sends GOAWAY. The library does not know of it, so the client can still end its streams."""
        self.raw(frame(GOAWAY, 0, 0, bytes(8)))

    def violate(self):
        """Sends DATA on stream 0; the server must close the connection for that."""
        self.raw(frame(DATA, 0, 0, b"x"))
        self._tcp.wait_closed()

    def raw(self, *frames):
        """Sends frames that the library would refuse to send. The library does not count their bytes, so
        from now on it gets no WINDOW_UPDATE."""
        self._is_raw = True
        self._tcp.send(*frames)

    def ping(self):
        """Returns once the server has answered a PING, and so has read every frame before it."""
        self._pong = False
        self._h2.ping(b"rig-ping")
        self._flush()
        while not self._pong:
            self._receive()

    # Receiving

    def response(self, stream):
        """Waits for the whole response of a stream."""
        while stream not in self._ended:
            self._receive()
        return self._answers.pop(stream)

    def body_so_far(self, stream, size):
        """The body of a response that has not ended, once `size` bytes of it have come."""
        while len(getattr(self._answers.get(stream), "body", b"")) < size:
            self._receive()
        return self._answers[stream].body

    def wait_begun(self, stream):
        """Returns once the head of a stream's response is there."""
        while stream not in self._answers:
            self._receive()

    def _receive(self):
        data = self._tcp.sock.recv(65536)
        if not data:
            raise Closed("the server closed the connection")
        self._incoming += data
        for event in self._h2.receive_data(self._frames()):
            self._handle(event)
        self._flush()

    def _frames(self):
        """The frames that have arrived completely, without a GOAWAY by which a server announces its end:
        the library would end all open streams for it."""
        wanted = b""
        while len(self._incoming) >= HEADER:
            size = HEADER + int.from_bytes(self._incoming[:3], "big")
            if len(self._incoming) < size:
                break
            found, self._incoming = self._incoming[:size], self._incoming[size:]
            is_end = found[3] == GOAWAY and found[HEADER + 4 : HEADER + 8] == NO_ERROR
            if not is_end and not (self._is_raw and found[3] == WINDOW_UPDATE):
                wanted += found
        return wanted

    def _handle(self, event):
        if isinstance(event, h2.events.ResponseReceived):
            fields = [(n.decode(), v.decode("utf-8", "replace")) for n, v in event.headers]
            status = int(fields[0][1])
            self._answers[event.stream_id] = Response(status, fields[1:])
        elif isinstance(event, h2.events.DataReceived):
            self._answers[event.stream_id].body += event.data
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self._ended.add(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.resets[event.stream_id] = event.error_code
            # After a complete response the server may reset the stream with NO_ERROR, since it does not want
            # the rest of the body.
            if event.stream_id not in self._answers and event.error_code:
                raise Closed(f"stream reset with {event.error_code}")
        elif isinstance(event, h2.events.PingAckReceived):
            self._pong = True
        elif isinstance(event, h2.events.ConnectionTerminated):
            raise Closed(f"GOAWAY {event.error_code} {event.additional_data}")

    def silent(self):
        """Whether no new frame has arrived."""
        self._tcp.sock.setblocking(False)
        try:
            return not self._tcp.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        finally:
            self._tcp.sock.settimeout(10)
