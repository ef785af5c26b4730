"""04: beside modules that make subrequests or read bodies themselves."""

import pytest

from rig.client import ALL_TRANSPORTS, FORM, exchange, of_type, post, sha256
from rig.http1 import Http1
from rig.http2 import Http2
from rig.message import head, new_id

CONF = """
    server {
        @{listen_all}
        frappe_cmd on;
        client_body_buffer_size 16k;

        location /mirror { @{show} mirror /_mirror; proxy_pass http://primary; }
        location /_mirror { internal; @{show} proxy_pass http://uploads$request_uri; }

        location /off { frappe_cmd off; mirror /_mirror; proxy_pass http://primary; }

        location /ssi {
            ssi on;
            ssi_types text/html;
            proxy_set_header X-Order-Text
                '<!--#include virtual="/_part" -->;<!--#echo var="frappe_cmd" -->';
            proxy_pass http://primary;
        }
        location /_part {
            internal;
            return 200 "$frappe_cmd|$frappe_cmd_source|$frappe_cmd_status";
        }
    }
"""

AUTH = """
    server {
        @{listen_all}
        frappe_cmd on;
        client_body_buffer_size 16k;

        location / { @{show} auth_request /_auth; proxy_pass http://primary; }
        location /any { @{show} satisfy any; deny all; auth_request /_auth;
                        proxy_pass http://primary; }
        location /denied { @{show} satisfy any; deny all; proxy_pass http://primary; }
        location /_auth {
            internal;
            proxy_pass http://reports;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header X-Rig-Id $http_x_rig_id;
            proxy_set_header X-Frappe-CMD $frappe_cmd;
            proxy_set_header X-Order-Status $auth_status;
        }
    }
    map $frappe_cmd $auth_status { default 200; secret 403; }
"""

DAV = """
    server {
        @{listen_all}
        client_body_buffer_size 16k;
        root @{prefix}/root;
        location / { frappe_cmd on; dav_methods PUT; create_full_put_path on; }
        location /off/ { frappe_cmd off; dav_methods PUT; create_full_put_path on; }
    }
"""

LARGE = b"a=" + b"x" * 200_000 + b"&cmd=f"
BODIES = pytest.mark.parametrize("body", [b"cmd=f", LARGE], ids=["small", "spilled"])
VIA = pytest.mark.parametrize("via", ALL_TRANSPORTS)
FOUND = ("f", "form", "ok")


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(CONF)


@pytest.fixture(scope="module")
def auth(serve, env):
    if not env.has("http_auth_request_module"):
        pytest.skip("this nginx has no auth_request")
    return serve(AUTH)


@VIA
@BODIES
def test_04_41_mirror(nginx, upstreams, body, via):
    """The mirrored request has the main request's value and the whole body."""
    done = post(nginx, "/mirror", body, via=via)
    assert done.passed == done.found == FOUND
    copy = upstreams["uploads"].saw(done.id)
    assert copy["headers"]["x-frappe-cmd"] == "f"
    assert copy["sha256"] == done.answer["sha256"] == sha256(body)


def test_04_42_mirror_of_get(nginx):
    """A mirror of a request without a body."""
    done = exchange(nginx, "GET", "/mirror?cmd=f")
    assert done.passed == done.found == ("f", "query", "ok")


@VIA
@BODIES
@pytest.mark.parametrize("target", ["/off", "/off/api/method/p?cmd=q"])
def test_04_43_mirror_of_off(nginx, upstreams, target, body, via):
    """A subrequest finds nothing by itself: if `frappe_cmd` is off for the main request, it is for the
    subrequest."""
    done = post(nginx, target, body, via=via)
    assert done.found == ("", "", "")
    copy = upstreams["uploads"].saw(done.id)
    assert "x-frappe-cmd" not in copy["headers"]
    assert copy["sha256"] == done.answer["sha256"] == sha256(body)


@VIA
@BODIES
def test_04_44_ssi(nginx, body, via):
    """A subrequest of SSI, and a variable in it, have the main request's value."""
    done = post(nginx, "/ssi", body, via=via)
    assert done.response.text == "f|form|ok;f"


@VIA
@BODIES
def test_04_45_auth_request(auth, upstreams, body, via):
    """`auth_request` sees the value, and the body still arrives."""
    done = post(auth, "/", body, via=via)
    assert done.response.status == 200
    assert done.answer["sha256"] == sha256(body)
    assert done.passed == done.found == FOUND
    asked = upstreams["reports"].saw(done.id)
    assert (asked["headers"]["x-frappe-cmd"], asked["length"]) == ("f", 0)


@VIA
def test_04_46_auth_request_refuses(auth, via):
    """The authorisation may depend on the command."""
    assert post(auth, "/", b"cmd=secret", via=via).response.status == 403
    assert post(auth, "/", b"cmd=secrets", via=via).response.status == 200


@pytest.mark.parametrize("filler", [0, 2000], ids=["short head", "head above 1k"])
@pytest.mark.parametrize("cut_at", [0, 1, 5, 100])
def test_04_47_split_body_with_auth_request(auth, cut_at, filler):
    """A body that comes in two writes, the first with the head or after it, does not hang."""
    body = b"a=" + b"x" * 200 + b"&cmd=f"
    headers = [("X-Rig-Id", new_id()), *of_type(FORM), ("X-Fill", "x" * filler),
               ("Content-Length", str(len(body)))]
    with Http1(auth.port()) as client:
        client.send(head("POST", "/", headers), body[:cut_at]).wait_read()
        client.send(body[cut_at:])
        assert client.response().json()["headers"]["x-frappe-cmd"] == "f"


@pytest.mark.parametrize("length", [True, False], ids=["length", "no length"])
def test_04_48_split_body_with_auth_request_h2(auth, length):
    """The same over HTTP/2, where DATA may come long after HEADERS."""
    headers = of_type(FORM) + ([("content-length", "7")] if length else [])
    with Http2(auth.port("h2")) as client:
        stream = client.start("POST", "/", headers)
        client.ping()
        client.data(stream, b"cmd")
        client.ping()
        client.data(stream, b"=f&a")
        client.data(stream, b"", end=True)
        assert client.response(stream).json()["headers"]["x-frappe-cmd"] == "f"


def test_04_49_satisfy_any(auth):
    """That the module has read a body does not grant access."""
    assert post(auth, "/denied", b"cmd=f").response.status == 403
    assert post(auth, "/any", b"cmd=secret").response.status == 403
    assert post(auth, "/any", b"cmd=f").response.status == 200


@VIA
@BODIES
@pytest.mark.parametrize("side", ["/off/", "/on/"])
def test_04_50_dav(serve_once, env, side, body, via):
    """WebDAV stores the body as a file, so it must be the first to read it."""
    if not env.has("http_dav_module"):
        pytest.skip("this nginx has no dav")
    nginx = serve_once(DAV)
    done = exchange(nginx, "PUT", f"{side}file", of_type(FORM), body, via=via)
    assert done.response.status == 201
    assert (nginx.prefix / "root" / side.strip("/") / "file").read_bytes() == body
