"""01: for requests of real Frappe clients, the module finds the method that a real Frappe ran; the requests
arrive as sent."""

import ssl

import httpx
import pytest

from rig.client import ALL_TRANSPORTS, exchange, sha256
from rig.conf import PROXY
from rig.corpus import load
from rig.http1 import Http1
from rig.message import new_id

CORPUS = load()
# Requests of Desk and other clients of Frappe 16.
CORPUS_16 = load("corpus16")

TLS = """
    server {
        @{listen_tls tls}
        client_max_body_size 0;
        @{certificate}
        frappe_cmd on;
        location / { @{show} proxy_pass http://primary; }
    }
"""


def cases():
    """Every request over every transport. A request without a body cannot be chunked."""
    for captured in CORPUS:
        for via in ALL_TRANSPORTS:
            if captured.body is not None or via != "chunked":
                yield pytest.param(captured, via, id=f"{captured.name}-{via}")


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(PROXY)


@pytest.fixture(scope="module", name="nginx16")
def of_frappe_16(serve):
    return serve(PROXY.replace("frappe_version 15;", "frappe_version 16;"))


def check(captured, done, oracle="frappe"):
    """The log, the upstream and the client see the right method, and the request arrived as it was sent."""
    assert done.found == captured.expected()
    assert done.passed == captured.expected()
    answer = done.answer
    assert answer[oracle]["cmd"] == captured.expected()[0], "the oracle does not agree"
    logged = done.logged
    assert (logged["call"], logged["doctype"]) == (answer[oracle]["call"], answer[oracle]["doctype"])
    assert (answer["method"], answer["uri"]) == (captured.method, captured.target)
    body = captured.body or b""
    assert (answer["length"], answer["sha256"]) == (len(body), sha256(body))
    sent = {n.lower(): v for n, v in captured.headers if n.lower() != "x-frappe-cmd"}
    arrived = answer["headers"] | {"content-type": answer["type"]}
    assert {name: arrived.get(name) for name in sent} == sent


def test_01_01_complete():
    """The corpus is there: a missing folder must not pass for a green run."""
    assert len(CORPUS) == 130
    assert sum(1 for captured in CORPUS if captured.meta.get("body_cmd")) == 58
    assert len(CORPUS_16) == 37


@pytest.mark.parametrize(("captured", "via"), list(cases()))
def test_01_02_request(nginx, captured, via):
    """One request on a connection of its own."""
    check(captured, exchange(nginx, captured.method, captured.target, captured.headers,
                             captured.body, via=via))


@pytest.mark.parametrize("chunk_size", [None, 1000], ids=["length", "chunked"])
def test_01_03_pipelined(nginx, chunk_size):
    """All requests on one connection, ten at a time without waiting for an answer."""
    with Http1(nginx.port()) as client:
        for start in range(0, len(CORPUS), 10):
            batch = [(new_id(), captured) for captured in CORPUS[start : start + 10]]
            for name, captured in batch:
                client.request(captured.method, captured.target,
                               [("X-Rig-Id", name), *captured.headers], captured.body, chunk_size)
            for name, captured in batch:
                answer = client.response().json()
                assert answer["id"] == name
                assert answer["headers"].get("x-frappe-cmd", "") == captured.expected()[0]
                assert answer["sha256"] == sha256(captured.body or b"")


def test_01_04_tls(serve, env):
    """The whole corpus by a real HTTP/2 client over TLS, all on one connection."""
    nginx = serve(TLS)
    with httpx.Client(http2=True, verify=ssl.create_default_context(cafile=env.certificate[0]),
                      base_url=f"https://localhost:{nginx.port('tls')}") as client:
        for captured in CORPUS:
            headers = [*captured.headers, ("X-Rig-Id", new_id())]
            response = client.request(captured.method, captured.target, headers=headers,
                                      content=captured.body)
            assert response.http_version == "HTTP/2"
            answer = response.json()
            assert answer["headers"].get("x-frappe-cmd", "") == captured.expected()[0]
            assert answer["sha256"] == sha256(captured.body or b"")


@pytest.mark.parametrize("captured", CORPUS_16, ids=lambda captured: captured.name)
def test_01_05_frappe_16(nginx16, captured):
    """Requests of Frappe 16's clients, by the rules of 16."""
    check(captured, exchange(nginx16, captured.method, captured.target, captured.headers,
                             captured.body), "frappe17")
