"""08: a panic in the module is logged, the request goes on without a cmd, and no other request is affected."""

import os
from pathlib import Path

import pytest

from rig.begun import Begun
from rig.client import ALL_TRANSPORTS, FORM, Exchange, exchange, of_type, sha256
from rig.conf import PROXY
from rig.http1 import Http1
from rig.nginx import Nginx

MARK = b"panic-in-scanner"
BODY = b"x=12&" + MARK + b"&cmd=f"
INTERNAL_ERROR = "frappe: internal error, request goes on without cmd"

pytestmark = pytest.mark.allow_log(r"frappe: internal error|panicked at|note: run with|probe")


@pytest.fixture(scope="module")
def nginx(env, upstreams, tmp_path_factory):
    """nginx with a module that panics on request."""
    path = os.environ.get("TEST_NGINX_PANIC_MODULE", "")
    if not Path(path).is_file():
        pytest.fail("TEST_NGINX_PANIC_MODULE is not set: run by `make test-nginx`")
    prefix = tmp_path_factory.mktemp("panics")
    preread = """
        @{stub_status}
        location /preread { frappe_body preread; @{show} proxy_pass http://primary; }
        location /streamed { frappe_body preread=4k; @{show} proxy_request_buffering off;
                             proxy_http_version 1.1; proxy_pass http://primary; }
    """
    conf = PROXY.replace("location / {", f"{preread} location / {{")
    instance = Nginx(env, prefix, conf, upstreams.addresses(), values={
        "load_module": f"load_module {path};"})
    instance.allowed.append(r"frappe: internal error|panicked at|note: run with|probe")
    instance.start()
    yield instance
    instance.stop()


@pytest.mark.parametrize(("target", "body", "status"), [
    ("/api/method/panic-in-phase", b"cmd=f", "unread"),
    ("/api/method/p", BODY, "unread"),
    ("/api/method/panic-in-resolver", b"cmd=f", "unread"),
    ("/api/method/panic-in-variable", b"", ""),
], ids=["phase", "body that came with the head", "resolver", "variable"])
def test_08_01_panic(nginx, target, body, status):
    """The upstream answers as usual, the variable is empty, and the worker goes on."""
    worker = nginx.worker()
    before = nginx.errors.text().count(INTERNAL_ERROR)
    done = exchange(nginx, "POST", target, of_type(FORM), body)
    assert done.answer["length"] == len(body)
    assert done.found == ("", "", status)
    assert nginx.errors.text().count(INTERNAL_ERROR) > before
    assert exchange(nginx, "POST", "/", of_type(FORM), b"cmd=f").found == ("f", "form", "ok")
    assert nginx.worker() == worker


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("place", ["preread", "whole"])
@pytest.mark.parametrize("sent", [0, 4, len(BODY)], ids=["head", "some", "all"])
def test_08_02_panic_while_it_waits(nginx, nothing_left, via, place, sent):
    """The same for a panic in a peek and in the body filter, with the first bytes or with later ones. The
    request goes on, and no timer and no private body of HTTP/2 is left."""
    before = nginx.errors.text().count(INTERNAL_ERROR)
    begun = Begun(nginx, via, f"/{place}", BODY, sent)
    done = Exchange(begun.id, nginx, begun.response() if sent == len(BODY) else begun.finish())
    assert done.answer["sha256"] == sha256(BODY)
    assert done.found == ("", "", "unread")
    assert nginx.errors.text().count(INTERNAL_ERROR) == before + 1
    begun.client.close()
    again = Begun(nginx, via, f"/{place}", b"x=12&cmd=f", min(sent, 5))
    assert Exchange(again.id, nginx, again.finish()).found == ("f", "form", "ok")


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
def test_08_05_panic_when_it_is_complete(nginx, nothing_left, via):
    """The same for a panic when the body that the request waited for is complete."""
    before = nginx.errors.text().count(INTERNAL_ERROR)
    begun = Begun(nginx, via, "/api/method/panic-in-resolver", b"cmd=f", 0)
    done = Exchange(begun.id, nginx, begun.finish())
    assert (done.answer["length"], done.found) == (5, ("", "", "unread"))
    assert nginx.errors.text().count(INTERNAL_ERROR) > before


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
def test_08_04_panic_in_the_stream(nginx, nothing_left, via):
    """A panic while the rest of a body streams, after its first bytes have decided: the values that have routed
    stay, and every byte arrives."""
    before = nginx.errors.text().count(INTERNAL_ERROR)
    # A piece may cut one of the marks, but not all of them.
    body = b"cmd=f&x=" + b"y" * 20_000 + b"&" + MARK * 8 + b"&cmd=g" + b"z" * 20_000
    begun = Begun(nginx, via, "/streamed", body, 10_000)
    done = Exchange(begun.id, nginx, begun.finish())
    assert done.answer["sha256"] == sha256(body)
    assert done.found == ("f", "form", "ok")
    assert nginx.errors.text().count(INTERNAL_ERROR) == before + 1


# The messages of AddressSanitizer and memcheck for such a read.
READ_BEHIND = "heap-buffer-overflow|Invalid read of size 1"


@pytest.mark.allow_log(r"AddressSanitizer|worker process .* exited|^==\d+== ")
def test_08_03_memory_is_watched(nginx, env):
    """The checker of memory finds an error in the module, and not only in nginx."""
    if not env.is_checked:
        pytest.skip("for `make test-asan` and `make test-memcheck`")
    client = Http1(nginx.port())
    client.request("POST", "/api/method/read-behind-the-end", of_type(FORM), b"cmd=f")
    nginx.errors.wait(READ_BEHIND)
