"""08: a panic in the module harms nobody: it is logged, and the request goes on without a cmd."""

import os
from pathlib import Path

import pytest

from rig.client import ALL_TRANSPORTS, FORM, exchange, of_type, sha256
from rig.conf import PROXY
from rig.http1 import Http1
from rig.nginx import Nginx

INTERNAL_ERROR = "frappe: internal error, request goes on without cmd"

pytestmark = pytest.mark.allow_log(r"frappe: internal error|panicked at|note: run with|probe")


@pytest.fixture(scope="module")
def nginx(env, upstreams, tmp_path_factory):
    """nginx with a module that panics on request."""
    path = os.environ.get("TEST_NGINX_PANIC_MODULE", "")
    if not Path(path).is_file():
        pytest.fail("TEST_NGINX_PANIC_MODULE is not set: run by `make test-nginx`")
    prefix = tmp_path_factory.mktemp("panics")
    preread = "location /preread { frappe_body preread; @{show} proxy_pass http://primary; }"
    conf = PROXY.replace("location / {", f"{preread} location / {{")
    instance = Nginx(env, prefix, conf, upstreams.addresses(), values={
        "load_module": f"load_module {path};"})
    instance.allowed.append(r"frappe: internal error|panicked at|note: run with|probe")
    instance.start()
    yield instance
    instance.stop()


@pytest.mark.parametrize(("target", "body", "status"), [
    ("/api/method/panic-in-phase", b"cmd=f", "unread"),
    ("/api/method/p", b"x=panic-in-scanner&cmd=f", "unread"),
    ("/api/method/panic-in-resolver", b"cmd=f", "unread"),
    ("/api/method/panic-in-variable", b"", ""),
], ids=["phase", "body filter", "body handler", "variable"])
def test_08_01_panic(nginx, target, body, status):
    """The upstream answers as ever, the variable is empty, the worker lives on."""
    worker = nginx.worker()
    before = nginx.errors.text().count(INTERNAL_ERROR)
    done = exchange(nginx, "POST", target, of_type(FORM), body)
    assert done.answer["length"] == len(body)
    assert done.found == ("", "", status)
    assert nginx.errors.text().count(INTERNAL_ERROR) > before
    assert exchange(nginx, "POST", "/", of_type(FORM), b"cmd=f").found == ("f", "form", "ok")
    assert nginx.worker() == worker


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("size", [None, 4])
def test_08_02_panic_in_peek(nginx, via, size):
    """The same during a peek, at once or while the request waits: nothing of it stays behind."""
    worker = nginx.worker()
    body = b"x=panic-in-scanner&cmd=f"
    done = exchange(nginx, "POST", "/preread", of_type(FORM), body, via=via, size=size)
    assert done.answer["sha256"] == sha256(body)
    assert done.found in [("", "", "unread"), ("f", "form", "ok")]
    again = exchange(nginx, "POST", "/preread", of_type(FORM), b"cmd=f", via=via, size=size)
    assert again.found == ("f", "form", "ok")
    assert nginx.worker() == worker


# What AddressSanitizer and memcheck say of it.
READ_BEHIND = "heap-buffer-overflow|Invalid read of size 1"


@pytest.mark.allow_log(r"AddressSanitizer|worker process .* exited|^==\d+== ")
def test_08_03_memory_is_watched(nginx, env):
    """An nginx that is made to show errors in the use of memory shows one in the module."""
    if not env.is_checked:
        pytest.skip("for `make test-asan` and `make test-memcheck`")
    client = Http1(nginx.port())
    client.request("POST", "/api/method/read-behind-the-end", of_type(FORM), b"cmd=f")
    nginx.errors.wait(READ_BEHIND)
