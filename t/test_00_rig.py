"""00: the rig itself, without the module. The other tests rely on what these show."""

import socket

import pytest

from rig.client import ALL_TRANSPORTS, FORM, exchange, of_type, post, sha256
from rig.conf import Renderer
from rig.http1 import Http1
from rig.message import chunked, head, new_id
from rig.rawserver import RawServer
from rig.unread import unread, unsent
from rig.waiting import until
from vectors import ROWS

CONF = """
    log_format plain escape=json '{"id":"$http_x_rig_id","status":$status}';
    access_log @{prefix}/access.log plain;
    server {
        @{listen_all}
        client_max_body_size 0;
        location / { proxy_pass http://primary; proxy_set_header Host $http_host; }
        location /return { return 204; }
    }
"""


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(CONF, module=False, log="")


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
def test_00_02_bytes_arrive(nginx, via):
    """Method, path, type and body are reported as sent."""
    body = bytes(range(256)) * 300
    done = exchange(nginx, "PUT", "/x//./y%2F?a=%zz", of_type("image/png"), body, via=via)
    answer = done.answer
    assert (answer["method"], answer["uri"]) == ("PUT", "/x//./y%2F?a=%zz")
    assert (answer["length"], answer["sha256"]) == (len(body), sha256(body))
    assert answer["type"] == "image/png"


def test_00_03_one_byte_at_a_time(nginx):
    """A slow sender's bytes arrive, and nginx has read each before the next."""
    assert post(nginx, "/", "cmd=slow", size=1).answer["frappe"]["cmd"] == "slow"


def test_00_04_unread_bytes():
    """The rig can tell whether a server has read what was sent."""
    with RawServer() as server, Http1(server.port) as client:
        connection = server.accept()
        client.send("abc")
        until(lambda: not unsent(client.sock), "three bytes to arrive")
        port = client.sock.getsockname()[1]
        assert unread(server.port, port) == 3
        connection.read_until(lambda got: got == b"abc")
        assert unread(server.port, port) == 0
        client.wait_read()


def test_00_05_pipelining(nginx):
    """The client separates responses that come directly one after the other."""
    ids = [new_id() for _ in range(3)]
    requests = [
        head("POST", f"/{n}", [("X-Rig-Id", name), ("Content-Type", FORM),
                               ("Transfer-Encoding", "chunked")]) + chunked(b"cmd=a", 2)
        for n, name in enumerate(ids)
    ]
    with Http1(nginx.port()) as client:
        client.send(*requests)
        assert [client.response().json()["id"] for _ in ids] == ids
        assert client.silent()


def test_00_06_interim_and_empty_responses(nginx):
    """100 Continue, 204 and HEAD leave nothing behind on the connection."""
    with Http1(nginx.port()) as client:
        client.send(head("POST", "/", [("Expect", "100-continue"), ("Content-Length", "1")]))
        assert client.response().status == 100
        client.send("x")
        assert client.response().json()["length"] == 1
        assert client.request("HEAD", "/").response(to_head=True).status == 200
        assert client.request("GET", "/return").response().status == 204
        assert client.request("GET", "/").response().json()["method"] == "GET"


@pytest.mark.allow_log("worker process .* exited on signal")
def test_00_07_log_guard_sees_a_crash(serve_once):
    """A worker that dies is a bad line in the error log."""
    crashing = serve_once(CONF, module=False, log="")
    crashing.signal(9, crashing.worker())
    crashing.errors.wait("exited on signal 9")
    assert crashing.errors.bad_lines()


def test_00_08_bad_configuration_is_shown(serve_once):
    """`-t` shows nginx's own message."""
    good, said = serve_once("nonsense on;", start=False, module=False, log="").test()
    assert not good
    assert 'unknown directive "nonsense"' in said


def test_00_09_each_listener_has_its_own_port(env, tmp_path):
    """Each listener has its own port, even if the system gives the same free port twice."""
    renderer = Renderer(env, tmp_path, {}, iter([1001, 1001, 1002]).__next__, module=False, log="",
                        values={})
    renderer.render("server { @{listen a} } server { @{listen b} }", "")
    assert renderer.ports == {"a": 1001, "b": 1002}


def test_00_10_ports_are_kept(serve_once):
    """No other process can take a port between its choice and the start of nginx."""
    nginx = serve_once(CONF, start=False, module=False, log="")
    with socket.socket() as sock, pytest.raises(OSError, match="in use"):
        sock.bind(("127.0.0.1", nginx.port()))
    nginx.start()
    try:
        assert exchange(nginx, "GET", "/return").response.status == 204
    finally:
        nginx.stop()
