"""15: no signal loses a request whose body is half sent.

HTTP/3 is left out, since a packet may reach a worker that does not know its connection.
"""

import signal

import pytest

from rig import process
from rig.begun import Begun
from rig.client import post
from rig.http1 import Closed
from rig.modes import MODES
from rig.waiting import until

PLACES = "".join(f"""
    location /{mode}/ {{ {directives} @{{show}} add_header X-Pid $pid; proxy_pass http://primary; }}
""" for mode, directives in MODES.items())
CONF = f"server {{ @{{listen_all}} client_max_body_size 0; {PLACES} }}"

VIA = ("length", "chunked", "tls", "h2", "h2 endless")
BODY = b"a=1&cmd=f&b=" + b"x" * 60_000
# How many bytes are sent: so that preread still waits, and so that it already streams.
SENT = (5, 30_000)


@pytest.fixture
def nginx(serve_once):
    return serve_once(CONF)


def begin(nginx):
    """One half-sent request of each kind, on connections of their own."""
    return [Begun(nginx, via, f"/{mode}/", BODY, sent)
            for via in VIA for mode in MODES for sent in SENT]


@pytest.fixture
def halves(nginx):
    """Half-sent requests, whose connections are closed after the test."""
    begun = begin(nginx)
    yield begun
    for half in begun:
        half.client.close()


def wait_ending(nginx, worker):
    """Returns once a worker takes no more connections."""
    nginx.errors.wait(f"{worker}#.*gracefully shutting down")


def finish(halves, pid):
    """Finishes all requests. The worker that has begun them answers each with its cmd and its whole body."""
    for begun in halves:
        response = begun.finish()
        answer = response.json()
        assert answer["length"] == len(BODY) and answer["frappe"]["cmd"] == "f"
        assert answer["headers"]["x-frappe-cmd"] == response.header("X-Cmd") == "f"
        assert response.header("X-Pid") == str(pid)


def logged_once(nginx, halves):
    """Each request has one line in the log, with status 200."""
    text = nginx.access.text()
    for begun in halves:
        assert nginx.access.entry(begun.id)["status"] == 200
        assert text.count(begun.id) == 1


def test_15_31_quit(nginx, halves):
    """QUIT: nginx ends when it has answered the requests."""
    worker = nginx.worker()
    nginx.signal(signal.SIGQUIT)
    wait_ending(nginx, worker)
    finish(halves, worker)
    assert nginx.exited() == 0
    logged_once(nginx, halves)
    assert not nginx.errors.bad_lines()


def test_15_32_reload(nginx, halves):
    """HUP: the old worker ends when it has answered the requests, while the new one serves others."""
    (old,) = nginx.reload()
    wait_ending(nginx, old)
    assert post(nginx, "/preread/", "cmd=new").response.header("X-Pid") != str(old)
    finish(halves, old)
    until(lambda: not process.alive(old), "the old worker to end")
    logged_once(nginx, halves)


def test_15_33_two_reloads(nginx, halves):
    """Two reloads in a row, with half-sent requests at each worker."""
    (first,) = nginx.reload()
    wait_ending(nginx, first)
    (second,) = set(nginx.workers()) - {first}
    more = [Begun(nginx, via, "/preread/", BODY, 5) for via in VIA]
    nginx.reload()
    finish(halves, first)
    finish(more, second)
    until(lambda: len(nginx.workers()) == 1, "the old workers to end")
    logged_once(nginx, halves + more)


def test_15_34_binary_upgrade(serve_once):
    """USR2: a new binary takes over the sockets; the old one ends by QUIT when it has answered all requests that
    it has begun."""
    nginx = serve_once(CONF, start=False)
    masters = [nginx.start_daemon()]
    try:
        (old,) = until(lambda: process.children(masters[0]), "the worker")
        halves = begin(nginx)
        nginx.signal(signal.SIGUSR2, masters[0])
        until(lambda: nginx.pid() not in (None, masters[0]), "the new binary's pid")
        masters.append(nginx.pid())
        (worker,) = until(lambda: process.children(masters[1]), "its worker")

        nginx.signal(signal.SIGQUIT, masters[0])
        wait_ending(nginx, old)
        assert post(nginx, "/whole/", "cmd=new").response.header("X-Pid") == str(worker)
        more = Begun(nginx, "length", "/preread/", BODY, 5)
        finish(halves, old)
        until(lambda: not process.alive(masters[0]), "the old binary to end")
        finish([more], worker)
        assert post(nginx, "/streamed/", "cmd=f").found == ("f", "form", "ok")
        logged_once(nginx, [*halves, more])
    finally:
        for master in filter(process.alive, masters):
            nginx.signal(signal.SIGTERM, master)
    until(lambda: not any(map(process.alive, masters)), "all to end")
    assert not nginx.errors.bad_lines()


@pytest.mark.parametrize("sig", ["SIGTERM", "SIGINT"])
def test_15_35_fast_end(nginx, halves, sig):
    """A fast shutdown drops the requests, without a crash and without a bad line in the log."""
    nginx.signal(getattr(signal, sig))
    assert nginx.exited() == 0
    for begun in halves:
        with pytest.raises((Closed, OSError)):
            begun.finish()
    assert not nginx.errors.bad_lines()
