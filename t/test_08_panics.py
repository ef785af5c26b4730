"""08: a panic in the module harms nobody: it is logged, and the request goes on without a cmd."""

import os
from pathlib import Path

import pytest

from rig.client import FORM, exchange, of_type
from rig.conf import PROXY
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
    instance = Nginx(env, prefix, PROXY, upstreams.addresses(), values={
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
