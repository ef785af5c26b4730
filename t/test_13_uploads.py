"""13: a large upload streams through `frappe_body preread` to the pool that its body names."""

import hashlib
import itertools
import os

import pytest

from rig.client import BOUNDARY, JSON, MULTIPART, MULTIPLEXED, connect, multipart, of_type
from rig.message import chunk, head, new_id
from rig.rawserver import RawServer
from rig.waiting import TIMEOUT

K, M, G = 1 << 10, 1 << 20, 1 << 30
SIZE = 16 * K

CONF = """
    map $frappe_cmd $backend { default 127.0.0.1:@{others}; upload_file 127.0.0.1:@{uploads}; }
    server {
        @{listen_all}
        client_max_body_size 0;
        frappe_cmd on;
        frappe_version 15;
        frappe_body preread=16k;
        proxy_request_buffering off;
        proxy_http_version 1.1;
        location / { @{show} proxy_pass http://$backend; }
    }
"""

VIA = [("length", G), ("chunked", 64 * M), ("tls", 64 * M), ("h2", 32 * M), ("h3", 8 * M)]
FRONT = multipart(("cmd", "upload_file"), ("file", "", "backup.tar"), end=False)[:-2]
END = f"\r\n--{BOUNDARY}--\r\n".encode()


@pytest.fixture(scope="module")
def pools():
    with RawServer() as uploads, RawServer() as others:
        yield {"uploads": uploads, "others": others}


@pytest.fixture(scope="module")
def nginx(serve, pools):
    return serve(CONF, values={name: pool.port for name, pool in pools.items()})


class Upload:
    """A client that sends a body piece by piece and knows what it has sent."""

    def __init__(self, client, via, content_type, length):
        self.id = new_id()
        self.sent = 0
        self._client = client
        self._via = via
        self._sha256 = hashlib.sha256()
        headers = [("X-Rig-Id", self.id), *of_type(content_type)]
        if via in MULTIPLEXED:
            self._stream = client.start("POST", "/", headers)
        elif via == "chunked":
            client.send(head("POST", "/", [*headers, ("Transfer-Encoding", "chunked")]))
        else:
            client.send(head("POST", "/", [*headers, ("Content-Length", str(length))]))

    def send(self, data, end=False):
        """Sends the next bytes, or the last ones."""
        self.sent += len(data)
        self._sha256.update(data)
        if self._via in MULTIPLEXED:
            self._client.data(self._stream, data, end=end)
            if self._via == "h3":  # wait, so that no more than this is on the way
                self._client.ping()
        elif self._via == "chunked":
            self._client.send(chunk(data), b"0\r\n\r\n" if end else b"")
        else:
            self._client.send(data)

    def digest(self):
        """The digest of all bytes that were sent."""
        return self._sha256.hexdigest()

    def response(self):
        """Waits for the answer."""
        return self._client.response(*[self._stream] if self._via in MULTIPLEXED else [])


def blocks(total):
    """`total` bytes in blocks, no two of which are the same."""
    noise = os.urandom(M)
    for number in itertools.count():
        if total <= 0:
            return
        yield (number.to_bytes(8) + noise[8:])[:total]
        total -= M


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("via", "total"), VIA)
def test_13_40_upload(nginx, pools, via, total):
    """The pool has the first byte before the client has sent 64 KiB more than the peek. nginx keeps nothing in
    memory or on disk, and every byte arrives."""
    temp = nginx.prefix / "temp" / "client_body"
    for size in (128 * K, total):  # the first one only warms nginx up
        before, untouched = nginx.memory("VmHWM"), temp.stat().st_mtime_ns
        pool = pools["uploads"].digest_one()
        with connect(nginx, via) as client:
            upload = Upload(client, via, MULTIPART, size)
            file = blocks(size - len(FRONT) - len(END))
            first = next(file)
            early = SIZE + 64 * K - 1 - len(FRONT)
            upload.send(FRONT + first[:early])
            assert pool.begun.wait(TIMEOUT), f"the pool has nothing of {upload.sent} bytes"
            assert pool.headers["x-cmd-status"] == "ok"
            upload.send(first[early:])
            for block in file:
                upload.send(block)
            upload.send(END, end=True)
            assert upload.response().text == "ok"
        assert (upload.sent, pool.join()) == (size, upload.digest())
        entry = nginx.access.entry(upload.id)
        assert (entry["cmd"], entry["cmd_status"]) == ("upload_file", "ok")
        # nginx would have made a file here, which changes the directory's time even if it is gone by now.
        assert (entry["body_file"], temp.stat().st_mtime_ns) == ("", untouched)
    assert nginx.memory("VmHWM") - before < 256


@pytest.mark.parametrize("via", [via for via, _ in VIA])
def test_13_41_undecided(nginx, pools, via):
    """JSON decides at its end only. After the bytes of the peek the module does not wait for that."""
    pool = pools["others"].digest_one()
    body = b'{"a":"' + b"x" * M + b'","cmd":"upload_file"}'
    with connect(nginx, via) as client:
        upload = Upload(client, via, JSON, len(body))
        upload.send(body[: SIZE + 64 * K - 1])
        assert pool.begun.wait(TIMEOUT), f"the pool has nothing of {upload.sent} bytes"
        assert pool.headers["x-cmd-status"] == "truncated"
        upload.send(body[upload.sent :], end=True)
        assert upload.response().text == "ok"
    assert pool.join() == upload.digest()
    entry = nginx.access.entry(upload.id)
    assert (entry["cmd"], entry["cmd_status"]) == ("upload_file", "late")
