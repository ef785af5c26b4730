"""04: the value survives redirects and rewrites."""

import pytest

from rig.client import ALL_TRANSPORTS, FORM, exchange, of_type, post, sha256
from rig.http1 import Http1
from rig.message import head

CONF = """
    upstream dead_then_alive {
        server 127.0.0.1:@{port nobody};
        server @{reports} backup;
    }
    server {
        @{listen_all}
        frappe_cmd on;
        client_body_buffer_size 16k;
        root @{prefix}/root;

        location /gone {
            proxy_pass http://127.0.0.1:@{port nobody};
            error_page 502 = @fallback;
        }
        location /intercept {
            proxy_pass http://primary;
            proxy_set_header X-Order-Status 502;
            proxy_intercept_errors on;
            error_page 502 = @fallback;
        }
        location @fallback { @{show} proxy_pass http://reports; }

        location /refuse { return 403; error_page 403 = /page; }
        location /page { @{show} return 200 "$frappe_cmd|$frappe_cmd_source|$frappe_cmd_status"; }

        location /try { try_files $uri @web; }
        location @web { @{show} proxy_pass http://primary; }

        location /old { rewrite ^/old(.*)$ /new$1 last; }
        location /new { @{show} proxy_pass http://primary; }
        location /break { @{show} rewrite ^/break(.*)$ /x$1 break; proxy_pass http://primary; }
        location /off-then-on { frappe_cmd off; rewrite ^ /new last; }
        rewrite ^/server-wide /new last;

        location /accel {
            proxy_pass http://primary;
            proxy_set_header X-Order-Accel /protected/file.txt;
        }
        location /protected/ { internal; @{show} alias @{prefix}/root/; }

        location /from-off {
            frappe_cmd off;
            proxy_pass http://primary;
            proxy_set_header X-Order-Status 502;
            proxy_intercept_errors on;
            error_page 502 = @fallback;
        }
        location /streamed {
            frappe_cmd off;
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_pass http://127.0.0.1:@{port nobody};
            error_page 502 = /page;
        }
        location /to-off { error_page 418 = @off; return 418; }
        location @off { frappe_cmd off; @{show} proxy_pass http://primary; }

        location /next { @{show} proxy_pass http://dead_then_alive; }

        location /index/ { @{show} index file.txt; }
    }
"""

LARGE = b"a=" + b"x" * 200_000 + b"&cmd=f"
BODIES = pytest.mark.parametrize("body", [b"cmd=f", LARGE], ids=["small", "spilled"])
VIA = pytest.mark.parametrize("via", ALL_TRANSPORTS)
FOUND = ("f", "form", "ok")


@pytest.fixture(scope="module")
def nginx(serve, upstreams):
    nginx = serve(CONF, values={"reports": upstreams["reports"].address})
    for folder in (nginx.prefix / "root", nginx.prefix / "root" / "index"):
        folder.mkdir()
        (folder / "file.txt").write_text("a file")
    return nginx


def arrived(done, body):
    """The pool got the whole body and the value."""
    assert (done.answer["length"], done.answer["sha256"]) == (len(body), sha256(body))
    assert done.passed == done.shown == done.found == FOUND


@VIA
@BODIES
@pytest.mark.parametrize("target", ["/gone", "/intercept"])
def test_04_30_error_page_named(nginx, target, body, via):
    """`error_page` to a named location, from a dead upstream and from one that answered."""
    done = post(nginx, target, body, via=via)
    assert done.answer["pool"] == "reports"
    arrived(done, body)


@VIA
def test_04_31_error_page_uri(nginx, via):
    """`error_page` to a URI: nginx changes the method to GET, and our variables keep their values."""
    done = post(nginx, "/refuse", LARGE, via=via)
    assert done.response.text == "|".join(FOUND)
    assert done.found == FOUND


@VIA
@BODIES
def test_04_32_try_files(nginx, body, via):
    """`try_files` to a named location, as the Frappe template has it."""
    arrived(post(nginx, "/try", body, via=via), body)


@VIA
@BODIES
@pytest.mark.parametrize("target", ["/old/x", "/break/x", "/off-then-on", "/server-wide"])
def test_04_33_rewrite(nginx, target, body, via):
    """`rewrite`, also where it leads from a location without `frappe_cmd` to one with it."""
    arrived(post(nginx, target, body, via=via), body)


def test_04_34_path_as_sent(nginx):
    """The path of the request line counts, not the one that a rewrite has made of it."""
    done = exchange(nginx, "GET", "/api/method/p", [])
    assert done.found == ("p", "path", "ok")
    assert post(nginx, "/old/api/method/p", "x=1").found == ("", "", "none")


@VIA
@BODIES
def test_04_35_accel_redirect(nginx, body, via):
    """`X-Accel-Redirect` changes the URI and the location before the line is logged."""
    done = post(nginx, "/accel", body, via=via)
    assert done.response.text == "a file"
    assert done.found == done.shown == FOUND


def test_04_36_index(nginx):
    """The internal redirect of `index`."""
    done = exchange(nginx, "GET", "/index/?cmd=f", [("Content-Type", FORM)])
    assert done.response.text == "a file"
    assert done.found == done.shown == ("f", "query", "ok")


@VIA
@BODIES
def test_04_37_from_off_to_on(nginx, body, via):
    """When a redirect leads from a location where the module is off to one where it is on, the module scans
    the body that nginx has read, in memory or on disk."""
    done = post(nginx, "/from-off", body, via=via)
    assert done.answer["pool"] == "reports"
    arrived(done, body)


@VIA
@BODIES
def test_04_38_from_on_to_off(nginx, body, via):
    """When a redirect leads to a location where the module is off, the values stay."""
    done = post(nginx, "/to-off", body, via=via)
    assert done.answer["pool"] == "primary"
    arrived(done, body)


@VIA
@BODIES
def test_04_39_next_upstream(nginx, body, via):
    """The second server gets the whole body when the first one is dead."""
    done = post(nginx, "/next", body, via=via)
    assert done.answer["pool"] == "reports"
    arrived(done, body)


def test_04_40_half_read(nginx):
    """A body of which nginx has read and passed on a part is not judged by that part."""
    with Http1(nginx.port()) as client:
        client.send(head("POST", "/streamed?cmd=q", [*of_type(FORM), ("Content-Length", "9")]))
        client.send("x=1&")
        assert client.response().text == "||unread"
