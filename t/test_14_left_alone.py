"""14: gRPC and WebSocket send in both directions at once, so the module does not wait for their bodies."""

import json
import socket
import subprocess
import sys

import pytest

from rig import process
from rig.client import FORM, of_type
from rig.env import ROOT
from rig.http1 import Http1
from rig.http2 import Http2
from rig.message import new_id
from rig.modes import MODES, servers
from rig.nginx import free_port
from rig.waiting import until

CONF = servers("""
    location /rig.Echo/ {
        grpc_pass grpc://127.0.0.1:@{grpc};
        grpc_set_header X-Frappe-CMD $frappe_cmd_status;
    }
    location /socket {
        @{show}
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_pass http://127.0.0.1:@{raw};
    }
""")
EACH_MODE = pytest.mark.parametrize("mode", MODES)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
UPGRADE = [("Upgrade", "websocket"), ("Connection", "Upgrade")]


def rig(*argv):
    """The command line of the gRPC peers."""
    return [sys.executable, "-m", "rig.grpc_echo", *map(str, argv)]


@pytest.fixture(scope="module")
def grpc(tmp_path_factory):
    """The port of a gRPC server."""
    pytest.importorskip("grpc")
    port, log = free_port(), tmp_path_factory.mktemp("grpc") / "log"
    server = process.spawn(rig("serve", port), log, cwd=ROOT / "t")

    def ready():
        assert server.poll() is None, log.read_text()
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(ready, "the gRPC server", 30)
        yield port
    finally:
        process.stop(server)


@pytest.fixture(scope="module")
def nginx(serve, env, grpc, raw):
    if env.lacks("http_grpc_module"):
        pytest.skip("this nginx has no gRPC")
    return serve(CONF, values={"grpc": grpc, "raw": raw.port})


@EACH_MODE
def test_14_61_grpc(nginx, mode):
    """The server answers each word before the client sends the next one."""
    run = subprocess.run(rig("talk", nginx.port(f"{mode}_h2"), *"abc"), cwd=ROOT / "t",
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {"heard": ["none:a", "none:b", "none:c"], "code": "OK"}


@EACH_MODE
@pytest.mark.parametrize("content_type", ["application/grpc+proto", "application/grpc"])
def test_14_62_grpc_frames(nginx, mode, content_type):
    """The same frame by frame, with each of gRPC's types, and for a call that the client cancels."""
    def message(*words):
        return b"".join(b"\0" + len(word).to_bytes(4, "big") + word for word in words)

    headers = [("X-Rig-Id", name := new_id()), ("te", "trailers"), *of_type(content_type)]
    echoes = [message(b"none:a"), message(b"none:a", b"none:bc")]
    with Http2(nginx.port(f"{mode}_h2")) as client:
        stream = client.start("POST", "/rig.Echo/Talk", headers)
        for word, echo in zip((b"a", b"bc"), echoes):
            client.data(stream, message(word))
            assert client.body_so_far(stream, len(echo)) == echo
        client.data(stream, b"", end=True)
        assert client.response(stream).status == 200
        other = client.start("POST", "/rig.Echo/Talk", headers[1:])
        client.data(other, message(b"a"))
        assert client.body_so_far(other, len(echoes[0])) == echoes[0]
        client.reset(other)
        client.ping()
    assert nginx.access.entry(name)["cmd_status"] == "none"


def test_14_63_grpc_json(nginx):
    """The module waits for a body whose type Frappe takes for JSON, as the README's limits say."""
    message = b"\0\0\0\0\1a"
    headers = [("te", "trailers"), *of_type("application/grpc+json")]
    with Http2(nginx.port("whole_h2")) as client:
        stream = client.start("POST", "/rig.Echo/Talk", headers)
        client.data(stream, message)
        client.ping()
        assert client.silent()
        client.data(stream, b"", end=True)
        assert client.response(stream).body.endswith(b"malformed:a")
    with Http2(nginx.port("preread_h2")) as client:
        stream = client.start("POST", "/rig.Echo/Talk", headers)
        client.data(stream, message)
        assert client.body_so_far(stream, 16).endswith(b"malformed:a")


@EACH_MODE
def test_14_64_websocket(nginx, raw, mode):
    """After the upgrade any bytes go in both directions."""
    with Http1(nginx.port(mode)) as client:
        client.request("GET", "/socket?cmd=f", UPGRADE)
        upstream = raw.accept()
        head = upstream.read_request()
        assert b"Upgrade: websocket\r\n" in head and b"X-Frappe-CMD: f\r\n" in head
        upstream.sock.sendall(SWITCH)
        assert client.response().status == 101
        for word in (b"\x81\x05hello", b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\ncmd=f"):
            client.send(word)
            upstream.read_until(lambda got, word=word: got.endswith(word))
            upstream.sock.sendall(word)
            assert client.read(len(word)) == word
        upstream.sock.close()
        assert client.wait_closed() == b""


@EACH_MODE
def test_14_65_upgrade_with_type(nginx, raw, mode):
    """An upgrade with a Content-Type but without a body works, too."""
    with Http1(nginx.port(mode)) as client:
        client.request("POST", "/socket", [*UPGRADE, *of_type(FORM)])
        upstream = raw.accept()
        upstream.read_request()
        upstream.sock.sendall(SWITCH + b"first")
        assert client.response().status == 101
        assert client.read(5) == b"first"
        client.send(b"second")
        upstream.read_until(lambda got: got.endswith(b"second"))
        upstream.sock.close()
