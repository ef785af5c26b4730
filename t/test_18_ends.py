"""18: if servers die, workers are killed, or connections and descriptors run out, nginx does what it does without
the module, and nothing is left behind."""

import itertools
import os
import signal
import socket
import threading

import pytest

from rig import process
from rig.begun import Begun
from rig.client import FORM, connect, of_type, post
from rig.figures import figures
from rig.http1 import Closed, Http1
from rig.message import head, new_id
from rig.modes import MODES
from rig.rawserver import RawServer
from rig.waiting import until

WITHOUT = {"whole": "off", "preread": "off", "streamed": "off_streamed"}
STREAMED = "proxy_request_buffering off; proxy_http_version 1.1;"
PLACES = "".join(
    f"location /{mode}/{stage}/ {{ {directives} proxy_pass http://127.0.0.1:@{{{stage}}}; }}\n"
    for mode, directives in {**MODES, "off": "", "off_streamed": STREAMED}.items()
    for stage in ("accepts", "reads_head", "reads_some", "answers_head", "answers_some", "resets")
) + "".join(f"location /{mode}/ {{ {directives} @{{show}} proxy_pass http://primary; }}\n"
            for mode, directives in MODES.items())
CONF = f"server {{ @{{listen_all}} client_max_body_size 0; @{{stub_status}} {PLACES} }}"

MODE = pytest.mark.parametrize("mode", MODES)
BODY = b"a=1&cmd=f&b=" + b"x" * 100_000


class Dying(RawServer):
    """An upstream that closes the connection at one stage of each request."""

    def __init__(self, stage):
        super().__init__()
        self._stage = stage
        self._listener.settimeout(None)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # the tests have ended and closed the socket
            with sock:
                try:
                    self._serve(sock)
                except OSError:
                    pass

    def _serve(self, sock):
        stage, received = self._stage, b""
        if stage == "accepts":
            return
        while b"\r\n\r\n" not in received or (stage != "reads_head" and len(received) < 20_000):
            data = sock.recv(4096)
            if not data:
                return
            received += data
        if stage == "resets":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        elif stage == "answers_head":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n")
        elif stage == "answers_some":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart")


STAGES = ("accepts", "reads_head", "reads_some", "answers_head", "answers_some", "resets")


@pytest.fixture(scope="module")
def dying():
    """An upstream for each stage."""
    servers = {stage: Dying(stage) for stage in STAGES}
    yield servers
    for server in servers.values():
        server.__exit__()


@pytest.fixture(scope="module")
def nginx(serve, dying):
    return serve(CONF, values={stage: server.port for stage, server in dying.items()})


def status(nginx, via, target):
    """The status in the access log, in which the request must have one line."""
    name = new_id()
    try:
        with connect(nginx, via) as client:
            headers = [("X-Rig-Id", name), *of_type(FORM)]
            if via == "h2":
                client.response(client.request("POST", target, headers, BODY))
            else:
                client.request("POST", target, headers, BODY, chunk_size=4096 if via == "chunked" else None)
                client.response()
    except (Closed, OSError):
        pass
    found = nginx.access.entry(name)["status"]
    assert nginx.access.text().count(name) == 1
    return found


@MODE
@pytest.mark.parametrize("via", ["length", "chunked", "h2"])
@pytest.mark.parametrize("stage", STAGES)
def test_18_31_upstream_dies(nginx, nothing_left, mode, via, stage):
    """At each stage the client gets the status that it gets without the module."""
    seen = {status(nginx, via, f"/{place}/{stage}/") for place in (mode, WITHOUT[mode])}
    # In these stages nginx may or may not read the end of the answer before it writes more of the body.
    assert len(seen) == 1 or (stage in ("answers_head", "answers_some", "resets") and seen <= {200, 502})


@MODE
@pytest.mark.allow_log("exited on signal 9")
def test_18_32_worker_killed(serve_once, mode, dying):
    """After `kill -9` with half-sent requests, the next worker serves."""
    nginx = serve_once(CONF, values={stage: server.port for stage, server in dying.items()})
    halves = [Begun(nginx, via, f"/{mode}/", BODY, sent)
              for via in ("length", "chunked", "h2") for sent in (0, 5, 50_000)]
    old = nginx.worker()
    os.kill(old, signal.SIGKILL)
    until(lambda: [pid for pid in nginx.workers() if pid != old], "a new worker")
    for begun in halves:
        with pytest.raises((Closed, OSError)):
            begun.finish()
    assert post(nginx, f"/{mode}/", BODY).found == ("f", "form", "ok")


@pytest.mark.parametrize("via", ["length", "h2"])
@pytest.mark.parametrize("mode", ["whole", "preread"])
@pytest.mark.allow_log("worker_connections are not enough|socket.. failed|accept4.. failed|24: Too many")
@pytest.mark.parametrize("what", ["connections", "descriptors"])
def test_18_33_no_connection_is_left(serve_once, mode, via, what):
    """Requests wait for their bodies until nginx has no connection, or no file descriptor, for one more. When
    they have ended, all connections are free again."""
    main = "worker_rlimit_nofile 48;" if what == "descriptors" else ""
    nginx = serve_once(f"server {{ @{{listen_all}} @{{stub_status}} location /{mode}/ {{ {MODES[mode]} @{{show}}"
                       " proxy_pass http://primary; } }", main=main,
                       values={"connections": 40 if what == "connections" else 256})
    worker = nginx.worker()
    assert post(nginx, f"/{mode}/", "cmd=f").found == ("f", "form", "ok")
    idle = process.sockets(worker)
    halves = []
    with pytest.raises((Closed, OSError)):
        for _ in range(100):
            halves.append(Begun(nginx, via, f"/{mode}/", b"cmd=f&x=" + b"y" * 100, 5))
            if halves[-1].via == "length":
                halves[-1].client.sock.settimeout(0.3)
            if len(halves) % 8 == 0:
                ask(nginx)
    assert len(halves) > 10
    for begun in halves:
        begun.client.close()
    until(lambda: process.sockets(worker) <= idle, "the worker to close its sockets")
    assert post(nginx, f"/{mode}/", "cmd=f").found == ("f", "form", "ok")
    assert nginx.worker() == worker


def ask(nginx):
    """Sends a request; fails where nginx has no connection for it."""
    with Http1(nginx.port(), timeout=2) as client:
        client.send(head("GET", "/stub"))
        client.response()


VANISHING = """
    upstream inner { server 127.0.0.1:@{port inner}; }
    frappe_status_zone calls 1m;
    frappe_pace calls slow=1s;
    server { listen 127.0.0.1:@{port inner}; access_log off; location / { return 200; } }
    server {
        @{listen_all} @{stub_status}
        location /status { frappe_status calls; }
""" + "".join(f"location /{mode}/ {{ {directives} @{{show}} proxy_pass http://inner; }}"
              for mode, directives in MODES.items()) + "}"
CLIENTS = 1000


@pytest.mark.timeout(180)
@pytest.mark.parametrize("end", ["close", "reset"])
def test_18_34_a_thousand_clients_vanish(serve_once, end):
    """A thousand clients leave at once with half-sent bodies. nginx frees their connections and memory, and
    each request has one line in the log and counts once in the figures."""
    nginx = serve_once(VANISHING, values={"connections": 8192})
    ways = itertools.cycle(itertools.product(("length", "chunked", "h2"), MODES, (5, 50_000)))
    worker = nginx.worker()
    idle = process.sockets(worker)
    sizes = []
    for turn in range(1, 6):
        halves = [Begun(nginx, via, f"/{mode}/", BODY, sent)
                  for via, mode, sent in itertools.islice(ways, CLIENTS)]
        assert process.sockets(worker) > CLIENTS // 2
        for begun in halves:
            getattr(begun.client, "close" if begun.via == "h2" else end)()
        until(lambda: process.sockets(worker) <= idle, "the worker to close its sockets")
        until(lambda: figures(nginx)["total"]["requests"] == turn * CLIENTS, "all to be counted")
        text = nginx.access.text()
        assert all(text.count(begun.id) == 1 for begun in halves)
        sizes.append(nginx.memory())
    # The allocator keeps more memory in each of the first turns.
    assert sizes[4] - sizes[3] < 4096, sizes
    assert post(nginx, "/whole/", "cmd=f").response.header("X-Cmd") == "f"
    assert nginx.worker() == worker
