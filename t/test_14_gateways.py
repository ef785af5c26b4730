"""14: FastCGI, uwsgi and SCGI servers get their bodies, as a whole or while they arrive."""

from contextlib import ExitStack

import pytest

from rig.client import FORM, JSON, MULTIPART, multipart, of_type, sha256
from rig.gateways import PROTOCOLS, Gateway
from rig.http1 import Http1
from rig.message import chunk, new_id
from rig.modes import FOUND, LARGE, MODES, SMALL, VIA, send, servers
from rig.waiting import until

LOCATION = """
    location /@{protocol} {
        @{protocol}_param X_CMD $frappe_cmd;
        @{protocol}_param X_SOURCE $frappe_cmd_source;
        @{protocol}_param X_STATUS $frappe_cmd_status;
        @{protocol}_param CONTENT_TYPE $content_type;
        @{more}
        @{protocol}_request_buffering @{buffering};
        @{protocol}_pass 127.0.0.1:$@{protocol}_port;
    }
"""
# nginx sends SCGI's CONTENT_LENGTH by itself; the others need this.
LENGTH = "@{protocol}_param CONTENT_LENGTH $content_length;"
EACH_MODE = pytest.mark.parametrize("mode", MODES)
EACH_PROTOCOL = pytest.mark.parametrize("protocol", PROTOCOLS)


def locations(buffering):
    """One location for each protocol."""
    return "".join(
        LOCATION.replace("@{more}", "" if protocol == "scgi" else LENGTH)
        .replace("@{protocol}", protocol)
        # Without buffering nginx would send SCGI only the length of the bytes that have come, with the module
        # and without.
        .replace("@{buffering}", "on" if protocol == "scgi" else buffering)
        for protocol in PROTOCOLS
    )


@pytest.fixture(scope="module")
def gateways():
    with ExitStack() as stack:
        yield {name: stack.enter_context(Gateway(name)) for name in PROTOCOLS}


@pytest.fixture(scope="module")
def nginx(serve, env, gateways):
    for protocol in PROTOCOLS:
        if env.lacks(f"http_{protocol}_module"):
            pytest.skip(f"this nginx has no {protocol}")
    # With every protocol the module finds the command, and `map` the server.
    ports = "".join(f"map $frappe_cmd ${name}_port {{ default 1; f {gateway.port}; }}"
                    for name, gateway in gateways.items())
    return serve(ports + "".join(
        servers(locations("off" if mode == "streamed" else "on"), {mode: MODES[mode]})
        for mode in MODES
    ))


@EACH_PROTOCOL
@EACH_MODE
@pytest.mark.parametrize("via", VIA)
@pytest.mark.parametrize(("body", "content_type"), [
    (SMALL, FORM),
    (LARGE, FORM),
    (b'{"cmd": "f", "a": "' + b"x" * 5000 + b'"}', JSON),
    (multipart(("cmd", "f"), ("file", b"\0\xff" * 100_000, "a.bin")), MULTIPART),
], ids=["small", "large", "json", "multipart"])
def test_14_51_body(nginx, protocol, mode, via, body, content_type):
    """The server that `map` has chosen gets the values and every byte."""
    done = send(nginx, mode, f"/{protocol}", body, content_type=content_type, via=via)
    assert (done.answer["length"], done.answer["sha256"]) == (len(body), sha256(body))
    params = done.answer["params"]
    found = FOUND[0], {JSON: "json", MULTIPART: "multipart"}.get(content_type, "form"), "ok"
    assert (params["X_CMD"], params["X_SOURCE"], params["X_STATUS"]) == done.found == found


@EACH_PROTOCOL
@EACH_MODE
def test_14_52_no_body(nginx, protocol, mode):
    """A request without a body."""
    done = send(nginx, mode, f"/{protocol}?cmd=f", None, method="GET", content_type=None)
    assert (done.answer["length"], done.answer["params"]["X_CMD"]) == (0, "f")


# uwsgi needs a length, so nginx collects a chunked body before it sends it.
@pytest.mark.parametrize(("protocol", "chunked"), [
    ("fastcgi", False), ("fastcgi", True), ("uwsgi", False),
])
def test_14_53_streamed(nginx, gateways, protocol, chunked):
    """With preread and no buffering the server has the first bytes before the client sends the
    last."""
    name, frame = new_id(), chunk if chunked else bytes
    length = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", "40000")
    received = gateways[protocol].received
    with Http1(nginx.port("streamed")) as client:
        client.request("POST", f"/{protocol}", [("X-Rig-Id", name), *of_type(FORM), length])
        body = b"cmd=f&a=" + b"x" * 19_992
        client.send(frame(body))
        until(lambda: received.get(name, b"") == body, "the first half")
        client.send(frame(b"y" * 20_000), b"0\r\n\r\n" if chunked else b"")
        assert client.response().json()["sha256"] == sha256(body + b"y" * 20_000)
    assert nginx.access.entry(name)["body_file"] == ""
