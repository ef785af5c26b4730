"""15: clients that leave at any time leave nothing behind."""

import socket
import threading

import pytest

from rig.begun import Begun
from rig.client import ALL_TRANSPORTS, FORM, of_type
from rig.http1 import Http1
from rig.message import head
from rig.modes import MODES
from rig.rawserver import RawServer

WITHOUT = {"whole": "off", "preread": "off", "streamed": "off_streamed"}
STREAMED = "proxy_request_buffering off; proxy_http_version 1.1;"
PLACES = "".join(f"""
    location /{mode}/ {{
        {directives}
        proxy_buffering off;
        proxy_pass http://127.0.0.1:@{{silent}};
        location /{mode}/talks/ {{ proxy_pass http://127.0.0.1:@{{talking}}; }}
        location /{mode}/early/ {{ proxy_pass http://127.0.0.1:@{{early}}; }}
        location /{mode}/denied/ {{ deny all; }}
        location /{mode}/pool/ {{ @{{show}} proxy_http_version 1.0; proxy_pass http://primary; }}
    }}
""" for mode, directives in {**MODES, "off": "", "off_streamed": STREAMED}.items())
CONF = f"server {{ @{{listen_all}} client_max_body_size 0; @{{stub_status}} {PLACES} }}"

MODE = pytest.mark.parametrize("mode", MODES)
VIA = pytest.mark.parametrize("via", [*ALL_TRANSPORTS, "h2 endless"])
LAST = b"&end"
BODY = b"a=1&cmd=f&b=" + b"x" * 5000 + LAST
# How many bytes of the body have come when the client leaves; with preread, before and after they decide.
STAGES = {"head": 0, "undecided": 5, "decided": 12, "all": len(BODY)}
PART = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart"
EARLY = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"


class Upstream(RawServer):
    """Sends `what` to each client that has sent `behind`, and nothing else."""

    def __init__(self, what=b"", behind=b""):
        super().__init__()
        self._what, self._behind, self._taken = what, behind, []
        self._listener.settimeout(None)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # the tests have ended and closed the socket
            self._taken.append(sock)
            received = b""
            while self._behind not in received and (data := sock.recv(65536)):
                received += data
            sock.sendall(self._what)


@pytest.fixture(scope="module")
def nginx(serve):
    with Upstream() as silent, Upstream(PART, LAST) as talking, Upstream(EARLY) as early:
        yield serve(CONF, values={"silent": silent.port, "talking": talking.port,
                                  "early": early.port})


def logged_once(nginx, name):
    """The status in the access log, where one request has one line."""
    status = nginx.access.entry(name)["status"]
    assert nginx.access.text().count(name) == 1
    return status


def go(begun, end):
    """Ends the client's side."""
    if end == "reset":
        begun.reset()
    elif end == "violation":
        begun.client.violate()
        begun.client.close()
    elif end == "half":
        begun.client.sock.shutdown(socket.SHUT_WR)
        begun.client.wait_closed()
        begun.client.close()
    else:
        begun.client.close()


def ends(via):
    """The ways in which a client can leave."""
    yield from ("close", "reset")
    if via in ("length", "chunked"):
        yield "half"
    if via.startswith("h2"):
        yield "violation"


GONE = [pytest.param(via, end, id=f"{via}-{end}")
        for via in (*ALL_TRANSPORTS, "h2 endless") for end in ends(via)]


@MODE
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("via", "end"), GONE)
def test_15_11_gone(nginx, nothing_left, mode, stage, via, end):
    """If the client leaves before its body has come, or before the upstream answers, the log has the same status
    as without the module."""
    statuses = []
    # With the module, streaming begins only with the decision.
    without = "off" if stage in ("head", "undecided") else WITHOUT[mode]
    for place in (mode, without):
        begun = Begun(nginx, via, f"/{place}/", BODY, STAGES[stage])
        go(begun, end)
        statuses.append(logged_once(nginx, begun.id))
    if (mode, stage) == ("streamed", "decided"):
        # The status depends on whether nginx already has a connection to the upstream.
        assert set(statuses) <= {0, 400, 499}
    else:
        assert statuses[0] == statuses[1] and not 100 <= statuses[0] < 400


@MODE
@pytest.mark.parametrize(("via", "end"), GONE)
def test_15_12_gone_while_answered(nginx, nothing_left, mode, via, end):
    """The client leaves while it gets its answer."""
    statuses = []
    for place in (mode, WITHOUT[mode]):
        begun = Begun(nginx, via, f"/{place}/talks/", BODY, len(BODY))
        begun.wait_answered()
        go(begun, end)
        statuses.append(logged_once(nginx, begun.id))
    assert statuses == [200, 200]


@MODE
@pytest.mark.parametrize("via", ["length", "chunked"])
@pytest.mark.parametrize("end", ["close", "reset", "half"])
def test_15_13_gone_after_100(nginx, nothing_left, mode, via, end):
    """The client leaves after it has got 100 Continue, before the body."""
    statuses = []
    for place in (mode, "off"):
        begun = Begun(nginx, via, f"/{place}/", BODY, 0, [("Expect", "100-continue")])
        assert begun.client.response().status == 100
        go(begun, end)
        statuses.append(logged_once(nginx, begun.id))
    assert statuses[0] == statuses[1] and statuses[0] >= 400


@MODE
@pytest.mark.parametrize("via", ["h2", "h2 endless"])
def test_15_14_goaway(nginx, nothing_left, mode, via):
    """After a GOAWAY the client can still finish its open streams."""
    begun = Begun(nginx, via, f"/{mode}/pool/", BODY, 5)
    begun.client.goaway()
    answer = begun.finish().json()
    assert (answer["length"], answer["headers"]["x-frappe-cmd"]) == (len(BODY), "f")


@MODE
def test_15_15_one_stream_of_many(nginx, nothing_left, mode):
    """If a client resets some streams, the other streams of the connection are not affected."""
    begun = Begun(nginx, "h2", f"/{mode}/pool/", BODY, 5)
    others = []
    for sent in STAGES.values():
        stream = begun.client.start("POST", f"/{mode}/", of_type(FORM))
        begun.client.data(stream, BODY[:sent], end=sent == len(BODY))
        others.append(stream)
    begun.client.ping()
    for stream in others:
        begun.client.reset(stream)
    answer = begun.finish().json()
    assert (answer["length"], answer["headers"]["x-frappe-cmd"]) == (len(BODY), "f")


@pytest.mark.parametrize("via", ["length", "chunked", "tls"])
@pytest.mark.parametrize("place", ["streamed", "off_streamed"])
def test_15_16_answer_before_the_body(nginx, nothing_left, place, via):
    """If an upstream answers while the body comes, the client can send the rest and then read the answer, since
    nginx reads the rest before it closes the connection."""
    begun = Begun(nginx, via, f"/{place}/early/", BODY, 12)
    begun.wait_answered()
    begun.send_rest()
    begun.wait_read()
    assert begun.response().status == 403
    begun.client.close()
    assert logged_once(nginx, begun.id) == 403


@pytest.mark.parametrize("via", ["length", "chunked"])
@pytest.mark.parametrize("place", ["preread", "streamed", "off"])
def test_15_17_refused_before_the_body(nginx, nothing_left, place, via):
    """If nginx refuses a request while its body comes, it drops the rest, and the connection goes on."""
    begun = Begun(nginx, via, f"/{place}/denied/", BODY, 12)
    assert begun.response().status == 403
    begun.send_rest()
    begun.client.send(head("GET", "/off/pool/"))
    assert begun.response().json()["method"] == "GET"
    begun.client.close()
    assert logged_once(nginx, begun.id) == 403


def test_15_18_next_request_is_well(nginx):
    """After all tests above the worker answers as usual."""
    with Http1(nginx.port()) as client:
        client.request("POST", "/preread/pool/", of_type(FORM), BODY)
        assert client.response().json()["headers"]["x-frappe-cmd"] == "f"
