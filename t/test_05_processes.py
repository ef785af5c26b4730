"""05: reloads, shutdowns and long lives of worker processes."""

import signal

import pytest

from rig import process
from rig.client import FORM, JSON, exchange, of_type, post
from rig.conf import PROXY
from rig.http1 import Http1
from rig.http2 import Http2
from rig.message import head, new_id
from rig.waiting import until

M = 1024 * 1024


@pytest.fixture
def nginx(serve_once):
    return serve_once(PROXY)


class HalfSent:
    """A request whose body is half there."""

    def __init__(self, nginx, body=b"a=" + b"x" * 40_000 + b"&cmd=f"):
        self.body, self.at = body, len(body) // 2
        self.client = Http1(nginx.port())
        self.client.send(head("POST", "/", [("X-Rig-Id", new_id()), *of_type(FORM),
                                            ("Content-Length", str(len(body)))]))
        self.client.send(body[: self.at]).wait_read()

    def finish(self):
        """Sends the rest; the pool must get everything, and the cmd."""
        answer = self.client.send(self.body[self.at :]).response().json()
        self.client.close()
        assert answer["length"] == len(self.body)
        assert answer["headers"]["x-frappe-cmd"] == "f"


def test_05_20_reload(nginx):
    """A body that is half sent at a reload is finished by the old worker, which then ends."""
    begun = HalfSent(nginx)
    (old,) = nginx.reload()
    assert post(nginx, "/", "cmd=new").found == ("new", "form", "ok")
    assert process.alive(old)
    begun.finish()
    until(lambda: not process.alive(old), "the old worker to end")


def test_05_21_reload_h2(nginx):
    """The same over HTTP/2."""
    with Http2(nginx.port("h2")) as client:
        stream = client.start("POST", "/", of_type(FORM))
        client.data(stream, b"a=1&cm")
        client.ping()
        (old,) = nginx.reload()
        client.data(stream, b"d=f", end=True)
        assert client.response(stream).json()["headers"]["x-frappe-cmd"] == "f"
    until(lambda: not process.alive(old), "the old worker to end")


def test_05_22_reload_again_and_again(nginx):
    """After many reloads the module still works, and the master has not grown."""
    def reload():
        (old,) = nginx.reload()
        until(lambda: not process.alive(old), "the old worker to end")
        assert post(nginx, "/", "cmd=f").found == ("f", "form", "ok")
        return nginx.memory(pid=nginx.master)

    for _ in range(5):
        warm = reload()
    for _ in range(20):
        now = reload()
    assert now - warm < 64


def test_05_23_new_configuration(nginx):
    """A reload takes over changed directives."""
    path = nginx.prefix / "nginx.conf"
    conf = path.read_text()
    path.write_text(conf.replace("frappe_cmd on;", "frappe_cmd off;"))
    nginx.reload()
    until(lambda: post(nginx, "/", "cmd=f").found == ("", "", ""), "the module to be off")
    path.write_text(conf)
    nginx.reload()
    until(lambda: post(nginx, "/", "cmd=f").found == ("f", "form", "ok"), "the module to be on")


def test_05_24_quit(nginx):
    """A graceful end waits for the body."""
    begun = HalfSent(nginx)
    nginx.signal(signal.SIGQUIT)
    nginx.errors.wait("gracefully shutting down")
    begun.finish()
    assert nginx.exited() == 0


def test_05_25_worker_quit(nginx):
    """A worker that is told to end finishes its body; the master starts another."""
    begun = HalfSent(nginx)
    old = nginx.worker()
    nginx.signal(signal.SIGQUIT, old)
    nginx.errors.wait(f"{old}#.*gracefully shutting down")
    begun.finish()
    until(lambda: nginx.workers() and old not in nginx.workers(), "another worker")
    assert post(nginx, "/", "cmd=f").found == ("f", "form", "ok")


@pytest.mark.parametrize("sig", ["SIGTERM", "SIGINT"])
def test_05_26_fast_end(nginx, sig):
    """A fast shutdown while a body is half sent: no crash, and no bad line in the log."""
    begun = HalfSent(nginx)
    nginx.signal(getattr(signal, sig))
    assert nginx.exited() == 0
    begun.client.wait_closed()


REQUESTS = [
    (FORM, b"cmd=" + b"a" * 200 + b"&doctype=" + b"b" * 900 + b"&report_name=" + b"c" * 900),
    (FORM, b"cmd=" + b"a" * 5000),
    (JSON, b'{"cmd":"f","doctype":"' + b"d" * 900 + b'","x":' + b"[" * 50 + b"]" * 50 + b"}"),
    (JSON, b'{"cmd":"f"'),
    ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="cmd"\r\n\r\n'
                                        b"f\r\n--b--\r\n"),
    ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="cmd"\r\n'),
]


def test_05_27_no_leak(serve_once):
    """Thousands of requests of every kind leave the worker as large as it was."""
    nginx = serve_once("""
        server {
            @{listen main}
            keepalive_requests 1000000;
            frappe_cmd on;
            access_log off;
            error_log @{prefix}/error.log notice;
            location / { return 200 "$frappe_cmd$frappe_doctype$frappe_arg_report_name"; }
        }
    """)
    batch = b"".join(
        head("POST", "/", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        + body
        for content_type, body in REQUESTS
    )
    worker = nginx.worker()

    def rounds(count):
        with Http1(nginx.port()) as client:
            for _ in range(count):
                client.send(batch)
                for _ in REQUESTS:
                    assert client.response().status == 200
        return nginx.memory()

    warm = rounds(300)
    assert rounds(1500) - warm < 64
    assert nginx.worker() == worker


def waiting_growth(nginx, port):
    """KiB by which the worker grows when two hundred multipart bodies are half sent."""
    post(nginx, "/", "cmd=f", port=port)
    before = nginx.memory()
    clients = []
    for _ in range(200):
        client = Http1(nginx.port(port))
        client.send(head("POST", "/", [*of_type("multipart/form-data; boundary=b"),
                                       ("Content-Length", "1000")]), b"--b\r\nContent-")
        clients.append(client)
    for client in clients:
        client.wait_read()
    grown = nginx.memory() - before
    for client in clients:
        client.close()
    return grown


def test_05_28_memory_of_one_request(serve_once):
    """For a request that waits for its body, the module keeps at most 8 KiB more than nginx alone, and 1 KiB
    for each argument that the configuration names (the log format has one)."""
    conf = """
        server { @{listen on} frappe_cmd on; location / { proxy_pass http://primary; } }
        server { @{listen off} location / { proxy_pass http://primary; } }
    """
    plain = waiting_growth(serve_once(conf), "off")
    assert waiting_growth(serve_once(conf), "on") - plain < 200 * (8 + 1)


def test_05_29_large_bodies_in_turn(nginx):
    """Bodies of 8 MiB one after the other leave no file open and no memory behind."""
    worker = nginx.worker()
    sizes = []
    for _ in range(6):
        done = exchange(nginx, "POST", "/", of_type(FORM), b"a=" + b"x" * 8 * M + b"&cmd=f")
        assert done.found == ("f", "form", "ok")
        sizes.append(nginx.memory())
    assert sizes[-1] - sizes[0] < 64
    assert not [fd for fd in process.files(worker) if "/temp/" in fd]
