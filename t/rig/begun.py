"""Requests of which the client has sent only a part."""

from .client import FORM, MULTIPLEXED, connect, of_type
from .http1 import Closed
from .message import chunk, head, new_id


class Begun:
    """A POST of which nginx has read the head and the first `sent` bytes of the body. `via` is one of
    client.ALL_TRANSPORTS, or `h2 endless`, which declares no length."""

    def __init__(self, nginx, via, target, body, sent, headers=()):
        self.id = new_id()
        self.body, self.sent = body, sent
        self.via, _, endless = via.partition(" ")
        self.client = connect(nginx, self.via)
        headers = [("X-Rig-Id", self.id), *of_type(FORM), *headers]
        if self.via == "chunked":
            headers.append(("Transfer-Encoding", "chunked"))
        elif not endless:
            headers.append(("Content-Length", str(len(body))))
        if self.via in MULTIPLEXED:
            self.stream = self.client.start("POST", target, headers)
        else:
            self.client.send(head("POST", target, headers))
        if sent:
            self.send(body[:sent], end=sent == len(body))
        self.wait_read()

    def send(self, data, *, end=False):
        """Sends more of the body."""
        if self.via in MULTIPLEXED:
            self.client.data(self.stream, data, end=end)
        elif self.via == "chunked":
            self.client.send(chunk(data), b"0\r\n\r\n" if end else b"")
        else:
            self.client.send(data)

    def send_rest(self):
        """Sends the rest of the body."""
        self.send(self.body[self.sent :], end=True)

    def wait_read(self):
        """Returns once nginx has read what was sent."""
        if self.via in MULTIPLEXED:
            self.client.ping()
        else:
            self.client.wait_read()

    def wait_answered(self):
        """Returns once the answer begins."""
        self.client.wait_begun(*[self.stream] if self.via in MULTIPLEXED else [])

    def response(self):
        """The answer."""
        if self.via in MULTIPLEXED:
            return self.client.response(self.stream)
        return self.client.response()

    def finish(self):
        """Sends the rest, ends the connection after the answer, and returns the answer."""
        self.send_rest()
        answer = self.response()
        self.client.close()
        return answer

    def reset(self):
        """Resets the stream, or a connection that has no streams."""
        if self.via not in MULTIPLEXED:
            self.client.reset()
            return
        self.client.reset(self.stream)
        try:
            self.client.ping()
        except Closed:
            pass  # a server may reset its side, too
        self.client.close()
