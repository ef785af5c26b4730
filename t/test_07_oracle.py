"""07: for every generated request the module gives the answer of Frappe, with the werkzeug of each version."""

import json
import os
import random
import signal
import socket
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import oracle
from oracle import fuzz, peers
from oracle.families import ARGUMENTS, FAMILIES
from oracle.generate import case
from oracle.install import ensure
from oracle.limits import limit
from rig import process
from rig.http1 import Closed, Http1
from rig.message import chunked, head, new_id
from rig.waiting import until
from vectors import ROWS, Answer

CASES = int(os.environ.get("ORACLE_CASES", "20000"))
# How many cases go through nginx. They take long, and the core's cases find as much in less time.
THROUGH_NGINX = max(10, min(CASES // 60, 2000))
SEED = os.environ.get("ORACLE_SEED", "07")

SERVE = Path(oracle.__file__).with_name("serve.py")

FAMILY = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.version)

LOG = """
    log_format oracle escape=json '{"id":"$http_x_rig_id","status":"$frappe_cmd_status",'
        '"cmd":"$frappe_cmd","source":"$frappe_cmd_source","doctype":"$frappe_doctype",'
        '"call":"$frappe_call"'
        @{arguments} '}';
    access_log @{prefix}/access.log oracle;
"""

SERVER = """
    server {
        @{listen PORT}
        frappe_cmd on;
        frappe_version VERSION;
        client_max_body_size 0;
        large_client_header_buffers 4 16k;
        location / { proxy_pass http://unix:@{sockets}/VERSION; }
    }
"""


def answered(peer, rows):
    """The answers of one side to all rows, in its words."""
    try:
        peer.send([row.request.raw() for row in rows])
        return list(map(json.loads, peer.lines(len(rows))))
    finally:
        peer.close()


def as_answer(said):
    """An answer of a process in the form of a row's answer. Only the core reports what it would log."""
    arguments = {name: value for name, value in said["arguments"].items() if value}
    return Answer(said["cmd"], said["source"], said["status"], arguments.pop("doctype", ""),
                  said["call"], said.get("note") or "", arguments)


@FAMILY
def test_07_01_the_oracle_knows_the_vectors(family):
    """The oracle gives the answers of the vectors, apart from limits, so it may judge other requests."""
    beyond = Counter()
    rows = ROWS.values()
    for row, said in zip(rows, answered(peers.oracle(family), rows), strict=True):
        wanted, found = row.at(family.version), as_answer(said)
        if said["status"] == "gunicorn":
            beyond["gunicorn"] += 1
        elif found != replace(wanted, log=""):
            known = limit(family, row.request,
                          {"status": wanted.status, "source": wanted.source, "note": wanted.log})
            assert known, (row.request.readable(), wanted, found, said["error"])
            beyond[known] += 1
    # The limits hide few rows besides those that were written to show a limit, and those that are deeper than
    # this Python reads.
    del beyond["deeper_than_this_python"]
    assert beyond.total() < len(rows) / 40, beyond


@FAMILY
def test_07_02_the_core_knows_the_vectors(family):
    """frappe-cmd gives the answers of the vectors. `cargo test` feeds the core each of them at every split."""
    rows = ROWS.values()
    for row, said in zip(rows, answered(peers.core(family, 1), rows), strict=True):
        assert as_answer(said) == row.at(family.version), row.request.readable()


@FAMILY
@pytest.mark.timeout(1800)
def test_07_10_core_and_oracle_agree(family):
    """The core, fed whole and in pieces, says of each generated request what the oracle says."""
    report = fuzz.Report(SEED, quiet=True)
    done = fuzz.compare(family, SEED, range(CASES), report)
    assert not report.differences, "\n".join(map(str, report.files))
    assert done.cases == CASES
    # The generator still reaches all kinds of answers.
    reached = Counter()
    for what, count in done.seen.items():
        reached[what.split()[0]] += count
    assert all(reached[status] > CASES / 200 for status in ("ok", "none", "invalid", "malformed"))
    assert reached["gunicorn"] < CASES / 100


class Upstream:
    """The oracle behind the gunicorn of a family."""

    def __init__(self, family, directory):
        ensure(family)
        self.answers = directory / f"{family.version}.answers"
        self.answers.touch()
        self.socket = directory / family.version
        self.log = directory / f"{family.version}.log"
        self._read = 0
        argv = [sys.executable, "-I", "-S", SERVE, family.version, "--bind", f"unix:{self.socket}",
                "--workers", "1", "--log-level", "error", "--worker-tmp-dir", directory,
                "--limit-request-line", "0"]
        self._process = process.spawn(argv, self.log, env={
            "ORACLE_VERSION": family.version, "ORACLE_ANSWERS": str(self.answers)})
        until(self._ready, f"gunicorn for {family.version}", 20)

    def _ready(self):
        assert self._process.poll() is None, self.log.read_text()
        # The socket's file exists before gunicorn listens on it.
        with socket.socket(socket.AF_UNIX) as sock:
            return sock.connect_ex(str(self.socket)) == 0

    def new(self):
        """Answers since the last call."""
        with open(self.answers, encoding="ascii") as file:
            file.seek(self._read)
            lines = file.readlines()
            self._read = file.tell()
        return [json.loads(line) for line in lines]

    def stop(self):
        """Ends it."""
        process.stop(self._process, signal.SIGTERM)


def port_name(family):
    """The name of its server's port."""
    return "v" + family.version.replace(".", "_")


@pytest.fixture(scope="module")
def sockets(tmp_path_factory):
    return tmp_path_factory.mktemp("oracle")


@pytest.fixture(scope="module")
def nginx(serve, sockets):
    """A server for each version."""
    servers = "".join(
        SERVER.replace("PORT", port_name(family)).replace("VERSION", family.version)
        for family in FAMILIES)
    arguments = "".join(f',"arg_{name}":"$frappe_arg_{name}"' for name in ARGUMENTS)
    return serve(servers, log=LOG, values={"sockets": sockets, "arguments": f"'{arguments}'"})


@pytest.fixture(params=FAMILIES, ids=lambda family: family.version)
def upstream(request, sockets):
    server = Upstream(request.param, sockets)
    server.family = request.param
    yield server
    server.stop()


def send(port, name, request, framing):
    """One request over a connection of its own. Returns the status, 0 where none came."""
    headers = [(b"X-Rig-Id", name.encode()), *request.headers]
    body = request.body
    if body and framing.random() < 0.3:
        headers.append((b"Transfer-Encoding", b"chunked"))
        body = chunked(body, framing.choice((1 + len(body) // 3, 7 + len(body) // 50, 4096)))
    elif body:
        headers.append((b"Content-Length", b"%d" % len(body)))
    with Http1(port) as client:
        client.send(head(request.method, request.target, headers), body)
        try:
            return client.response(to_head=request.method == b"HEAD").status
        except Closed:
            return 0


def logged(nginx, since, count):
    """The log's lines by id, once there are `count`. It splits them itself, since values may hold characters
    that Python takes for the end of a line."""
    def lines():
        with open(nginx.access.path, "rb") as file:
            file.seek(since)
            found = file.read().decode().split("\n")
        return found if len(found) > count else None

    entries = until(lines, "the access log")
    return {entry["id"]: entry for entry in map(json.loads, filter(None, entries))}


def words(entry):
    """A line of the log as an answer. `doctype` is that of `$frappe_doctype`, which also knows the path."""
    arguments = {name: entry[f"arg_{name}"] for name in ARGUMENTS} | {"doctype": entry["doctype"]}
    fields = {field: entry[field] for field in ("cmd", "source", "status", "call")}
    return fields | {"arguments": arguments}


@pytest.mark.timeout(900)
def test_07_20_nginx_and_oracle_agree(nginx, upstream):
    """Requests go through nginx with the module to gunicorn. The variables name what the application would
    run, and it gets every request as it was sent."""
    port, since = nginx.port(port_name(upstream.family)), nginx.access.mark()
    framing = random.Random(SEED)
    sent = {}
    for number in range(THROUGH_NGINX):
        request = case(f"{SEED}/nginx", number).request
        name = new_id()
        sent[name] = request, send(port, name, request, framing)
    answers = {answer["id"]: answer for answer in upstream.new()}
    said, compared = logged(nginx, since, len(sent)), 0
    for name, (request, status) in sent.items():
        if name not in answers:
            # nginx itself refuses a path that climbs above the root.
            assert status == 400, request.readable()
            continue
        answer = answers[name]
        assert arrived(answer) == as_sent(request), request.readable()
        ours, theirs = words(said[name]), answer["frappe"]
        if not peers.same(ours, theirs):
            assert limit(upstream.family, request, ours), request.readable()
        compared += 1
    assert compared > THROUGH_NGINX * 0.9


def arrived(answer):
    """The request that the application saw, in a form to compare."""
    return (answer["method"].encode(), answer["target"].encode("latin-1"), answer["sha256"],
            answer["type"].strip(), answer["headers"].get("x-frappe-cmd"))


def as_sent(request):
    """The request that was sent, in the same form. gunicorn uses the last Content-Type."""
    types = [value for name, value in request.headers if name.lower() == b"content-type"]
    forged = [value.decode() for name, value in request.headers if name == b"X-Frappe-CMD"]
    return (request.method, request.target, peers.sha256(request.body),
            types[-1].decode("latin-1").strip() if types else "", forged[0] if forged else None)
