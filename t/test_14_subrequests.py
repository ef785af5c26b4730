"""14: subrequests have the main request's values, and no body is lost between them."""

import pytest

from rig.client import sha256
from rig.modes import FOUND, LARGE, MODES, SMALL, VIA, send, servers

CONF = servers("""
    location /mirror { @{show} mirror /_mirror; proxy_pass http://primary; }
    location /_mirror { internal; @{show} proxy_pass http://uploads$request_uri; }

    location /auth { @{show} auth_request /_auth; proxy_pass http://primary; }
    location /any { @{show} satisfy any; deny all; auth_request /_auth; proxy_pass http://primary; }
    location /_auth {
        internal;
        proxy_pass http://reports;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-Frappe-CMD $frappe_cmd;
        proxy_set_header X-Order-Status $auth_status;
    }

    location /ssi {
        ssi on;
        proxy_set_header X-Order-Text
            '<!--#include virtual="/_part" -->;<!--#include virtual="/_deep" -->';
        proxy_pass http://primary;
    }
    location /_deep {
        internal;
        ssi on;
        proxy_set_header X-Order-Text
            '(<!--#include virtual="/_part" -->;<!--#echo var="frappe_cmd_source" -->)';
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_pass http://uploads/deep;
    }
    location /_part { internal; return 200 "$frappe_cmd|$frappe_cmd_status"; }

    location /added {
        add_before_body /_part;
        add_after_body /_after;
        proxy_set_header X-Order-Text -middle-;
        proxy_pass http://primary;
    }
    location /_after {
        internal;
        proxy_set_header X-Order-Text $frappe_cmd_source;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_pass http://uploads/after;
    }

    location /slice {
        slice 4;
        # What asks again needs the whole body, with the module and without.
        proxy_request_buffering on;
        @{show}
        proxy_set_header Range $slice_range;
        proxy_set_header X-Order-Text 0123456789;
        proxy_pass http://primary;
    }
""") + "map $frappe_cmd $auth_status { default 200; secret 403; }"

pytestmark = [
    pytest.mark.parametrize("via", VIA),
    pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"]),
    pytest.mark.parametrize("mode", MODES),
]


@pytest.fixture(scope="module")
def nginx(serve, env):
    for module in ("http_auth_request_module", "http_addition_module", "http_slice_module"):
        if not env.has(module):
            pytest.skip(f"this nginx has no {module}")
    return serve(CONF)


def test_14_01_mirror(nginx, upstreams, mode, body, via):
    """The mirrored request has the value and the whole body."""
    done = send(nginx, mode, "/mirror", body, via=via)
    assert done.passed == done.found == FOUND
    copy = upstreams["uploads"].saw(done.id)
    assert copy["headers"]["x-frappe-cmd"] == "f"
    assert copy["sha256"] == done.answer["sha256"] == sha256(body)


@pytest.mark.parametrize("target", ["/auth", "/any"])
def test_14_02_auth_request(nginx, upstreams, target, mode, body, via):
    """The subrequest of `auth_request` knows the command, also with `satisfy any`, and the body still arrives."""
    done = send(nginx, mode, target, body, via=via)
    assert (done.response.status, done.answer["sha256"]) == (200, sha256(body))
    assert done.passed == done.found == FOUND
    asked = upstreams["reports"].saw(done.id)
    assert (asked["headers"]["x-frappe-cmd"], asked["length"]) == ("f", 0)


@pytest.mark.parametrize("target", ["/auth", "/any"])
def test_14_03_refused(nginx, target, mode, body, via):
    """`auth_request` may refuse by the command; the body of a refused request does no harm."""
    body = body.replace(b"cmd=f", b"cmd=secret")
    done = send(nginx, mode, target, body, via=via)
    assert done.response.status == 403
    assert done.found == ("secret", "form", "ok")


def test_14_04_ssi(nginx, upstreams, mode, body, via):
    """`include virtual` in the response to a POST works, and so does an include in the included text."""
    done = send(nginx, mode, "/ssi", body, via=via)
    assert done.response.text == "f|ok;(f|ok;form)"
    assert done.found == FOUND
    assert upstreams["primary"].saw(done.id)["sha256"] == sha256(body)
    assert upstreams["uploads"].saw(done.id)["method"] == "GET"


def test_14_05_addition(nginx, upstreams, mode, body, via):
    """The subrequests of `add_before_body` and `add_after_body` have the values."""
    done = send(nginx, mode, "/added", body, via=via)
    assert done.response.text == "f|ok-middle-form"
    assert done.found == FOUND
    assert upstreams["primary"].saw(done.id)["sha256"] == sha256(body)


def test_14_06_slice(nginx, upstreams, mode, body, via):
    """`slice` makes a subrequest for each part, with the same body."""
    done = send(nginx, mode, "/slice", body, via=via)
    assert done.response.text == "0123456789"
    assert done.found == FOUND
    asked = upstreams["primary"].all(done.id)
    assert [one["headers"]["range"] for one in asked] == ["bytes=0-3", "bytes=4-7", "bytes=8-11"]
    assert {(one["sha256"], one["headers"]["x-frappe-cmd"]) for one in asked} == {
        (sha256(body), "f")}
