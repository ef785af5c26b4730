"""One request and its results: the response, the upstream's answer and the log line."""

import hashlib
import ssl
from dataclasses import dataclass

from .http1 import Http1
from .http2 import Http2
from .http3 import Http3
from .message import Response, new_id
from .nginx import Nginx

# HTTP/1.1 with Content-Length, HTTP/1.1 chunked, HTTP/2. Ports are named `main` and `h2`.
TRANSPORTS = ("length", "chunked", "h2")
# These, HTTP/1.1 over TLS and HTTP/3, for a server with `@{listen_all}`.
ALL_TRANSPORTS = (*TRANSPORTS, "tls", "h3")
# The transports on which streams share a connection.
MULTIPLEXED = {"h2": Http2, "h3": Http3}

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
BOUNDARY = "rigboundary"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def sha256(body):
    """A body's digest in the form in which the pools report it."""
    return hashlib.sha256(body).hexdigest()


def of_type(content_type):
    """A header list with just a Content-Type."""
    return [("Content-Type", content_type)]


def connect(nginx, via, port=None):
    """A client with a connection of its own."""
    if via in MULTIPLEXED:
        return MULTIPLEXED[via](nginx.port(port or via))
    if via == "tls":
        return Http1(nginx.port(port or "tls"), wrap=encrypt)
    return Http1(nginx.port(port or "main"))


def encrypt(sock):
    """A socket with TLS on top."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(sock, server_hostname="localhost")


@dataclass
class Exchange:
    """A finished request."""

    id: str
    nginx: Nginx
    response: Response

    @property
    def answer(self):
        """What the pool answered."""
        return self.response.json()

    @property
    def logged(self):
        """The line of the access log."""
        return self.nginx.access.entry(self.id)

    @property
    def found(self):
        """cmd, source and status as the access log has them."""
        logged = self.logged
        return logged["cmd"], logged["source"], logged["cmd_status"]

    @property
    def passed(self):
        """cmd, source and status as `proxy_set_header` passed them to the pool."""
        headers = self.answer["headers"]
        return tuple(headers.get(n, "") for n in ("x-frappe-cmd", "x-cmd-source", "x-cmd-status"))

    @property
    def shown(self):
        """cmd, source and status as `add_header` gave them to the client."""
        return tuple(self.response.header(n) for n in ("X-Cmd", "X-Cmd-Source", "X-Cmd-Status"))


def exchange(nginx, method, target, headers=(), body=None, *, via="length", size=None, port=None):
    """Sends one request on a connection of its own. `size` cuts the body into chunks or DATA frames
    of that many bytes; with HTTP/1.1 and Content-Length into writes that nginx reads one by one."""
    name = new_id()
    headers = [("X-Rig-Id", name), *headers]
    with connect(nginx, via, port) as client:
        if via in MULTIPLEXED:
            stream = client.request(method, target, headers, body, size=size)
            return Exchange(name, nginx, client.response(stream))
        if via == "chunked":
            client.request(method, target, headers, body, chunk_size=size or 4096)
        elif size and body:
            client.request(method, target, [*headers, ("Content-Length", str(len(body)))])
            client.send_pieces(body, size)
        else:
            client.request(method, target, headers, body)
        return Exchange(name, nginx, client.response(to_head=method == "HEAD"))


def post(nginx, target, body, content_type=FORM, **options):
    """A POST of a form, or of another type."""
    body = body.encode() if isinstance(body, str) else body
    return exchange(nginx, "POST", target, of_type(content_type), body, **options)


def multipart(*parts, end=True):
    """A multipart body of (name, value) fields and (name, value, filename) files."""
    body = b""
    for name, value, *filename in parts:
        more = f'; filename="{filename[0]}"' if filename else ""
        value = value.encode() if isinstance(value, str) else value
        body += (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
            + value
            + b"\r\n"
        )
    return body + (f"--{BOUNDARY}--\r\n".encode() if end else b"")
