"""04: where `frappe_cmd` may stand, how it is inherited, and variables that are asked for too early."""

import pytest

from rig.client import JSON, TRANSPORTS, exchange, of_type, post
from rig.http1 import Http1
from rig.message import new_id

CONF = """
    frappe_cmd on;

    server {
        @{listen main}
        @{listen_h2 h2}
        @{show}

        location / { proxy_pass http://primary; }
        location /off { frappe_cmd off; proxy_pass http://primary; }
        location /off/on { frappe_cmd on; proxy_pass http://primary; }
        location /outer {
            frappe_cmd off;
            location /outer/inner { proxy_pass http://primary; }
            location /outer/inner-on { frappe_cmd on; proxy_pass http://primary; }
            proxy_pass http://primary;
        }
        location /body { frappe_body off; proxy_pass http://primary;
            location /body/whole { frappe_body whole; proxy_pass http://primary; }
        }
        location /if-on {
            frappe_cmd off;
            if ($http_x_want = on) { frappe_cmd on; }
            proxy_pass http://primary;
        }
        location /if-off {
            if ($http_x_want = off) { frappe_cmd off; }
            proxy_pass http://primary;
        }
        location /version { frappe_version 15; proxy_pass http://primary; }
    }
    server {
        @{listen off}
        frappe_cmd off;
        @{show}
        location / { proxy_pass http://primary; }
        location /on { frappe_cmd on; proxy_pass http://primary; }
    }
    server {
        @{listen early}
        @{show}
        set $early_status $frappe_cmd_status;
        set $early_cmd $frappe_cmd;
        if ($frappe_cmd = f) { return 418; }
        location / {
            @{show}
            add_header X-Early "$early_status:$early_cmd";
            proxy_pass http://primary;
        }
    }
    server {
        @{listen refuse}
        return 403;
    }
"""

OFF = ("", "", "")
FOUND = ("f", "form", "ok")


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(CONF)


@pytest.mark.parametrize(("port", "target", "wanted"), [
    ("main", "/", FOUND),
    ("main", "/off", OFF),
    ("main", "/off/on", FOUND),
    ("main", "/outer", OFF),
    ("main", "/outer/inner", OFF),
    ("main", "/outer/inner-on", FOUND),
    ("main", "/body", ("", "", "none")),
    ("main", "/body/whole", FOUND),
    ("main", "/version", FOUND),
    ("off", "/", OFF),
    ("off", "/on", FOUND),
])
def test_04_20_inheritance(nginx, port, target, wanted):
    """Of http, server, location and nested location, the innermost that has the directive decides."""
    done = post(nginx, target, "cmd=f", port=port)
    assert done.found == done.passed == done.shown == wanted
    assert done.answer["frappe"]["cmd"] == "f"


@pytest.mark.parametrize("via", TRANSPORTS)
@pytest.mark.parametrize(("target", "want", "wanted"), [
    ("/if-on", "on", FOUND),
    ("/if-on", "no", OFF),
    ("/if-off", "off", OFF),
    ("/if-off", "no", FOUND),
])
def test_04_21_if_in_location(nginx, target, want, wanted, via):
    """An `if` whose condition holds has a configuration of its own."""
    headers = [("X-Want", want), *of_type("application/x-www-form-urlencoded")]
    done = exchange(nginx, "POST", target, headers, b"x=1&cmd=f", via=via, size=3)
    assert done.found == done.passed == done.shown == wanted
    assert done.answer["length"] == 9


def test_04_22_asked_too_early(nginx):
    """`set` and `if` of a server run before the body has come. The status is `unread` and there is no cmd;
    variables that are asked for later are right."""
    done = post(nginx, "/api/method/p?cmd=q", "cmd=f", port="early")
    assert done.response.header("X-Early") == "unread:"
    assert done.found == done.passed == done.shown == FOUND


def test_04_23_refused_too_early(nginx):
    """A request that a server refuses before its body has come has no cmd in the log, since the body might
    have decided."""
    done = post(nginx, "/api/method/p?cmd=q", "cmd=f", port="refuse")
    assert done.response.status == 403
    assert done.found == ("", "", "unread")
    # Without a body, path and query decide.
    done = exchange(nginx, "GET", "/api/method/p", port="refuse")
    assert done.found == ("p", "path", "ok")


def test_04_24_each_request_its_own(nginx):
    """Requests on one connection do not affect each other."""
    requests = [
        ("cmd=a", "application/x-www-form-urlencoded", "a"),
        ("x=1", "application/x-www-form-urlencoded", ""),
        ('{"cmd":"b"}', JSON, "b"),
        ("{", JSON, ""),
        ("cmd=c", "text/plain", ""),
        ("cmd=d", "application/x-www-form-urlencoded", "d"),
    ]
    with Http1(nginx.port()) as client:
        for body, content_type, cmd in requests * 2:
            headers = [("X-Rig-Id", new_id()), ("Content-Type", content_type)]
            client.request("POST", "/", headers, body.encode())
            assert client.response().header("X-Cmd") == cmd
