"""14: a value that is asked for at server level, before the body has come, does not stay."""

import pytest

from rig.client import exchange
from rig.modes import FOUND, LARGE, MODES, SMALL, VIA, send, servers

# All maps, also a map of a map; the server, a location and a header ask for them.
VALUES = "$pool|$word|$either|$part|$open|$volatile"

CONF = f"""
    map $frappe_cmd $pool {{ default primary; f reports; }}
    map $pool $word {{ primary first; reports second; }}
    map $http_x_want $either {{ default $frappe_cmd; constant same; }}
    # The hash of nothing is 0.
    split_clients $frappe_cmd $part {{ 0.01% none; * some; }}
    map $frappe_cmd_status $open {{ default no; unread yes; }}
    map $frappe_cmd $volatile {{ volatile; default $frappe_cmd; }}
    map $uri $first_uri {{ default $uri; }}
    map "$http_x_want:$frappe_cmd" $sometimes {{ default $uri; }}
""" + servers(f"""
    set $server "{VALUES}";
    set $seen no;
    if ($word = second) {{ set $seen yes; }}
    set $first "$first_uri $sometimes";
    rewrite ^/moved(.*)$ $1;

    location / {{
        @{{show}}
        set $location "{VALUES}";
        add_header X-Server $server;
        add_header X-Location $location;
        add_header X-Header "{VALUES}";
        add_header X-Seen $seen;
        add_header X-First "$first $first_uri $sometimes";
        proxy_pass http://$pool;
    }}
    location /if {{
        if ($word = second) {{ return 200 "$pool"; }}
        return 403;
    }}
    location /off {{
        frappe_cmd off;
        proxy_request_buffering on;
        proxy_set_header X-Order-Status 502;
        proxy_set_header X-Values "{VALUES}";
        proxy_intercept_errors on;
        error_page 502 = @on;
        proxy_pass http://$pool;
    }}
    location /first {{
        frappe_body preread=1k;
        if ($pool = nowhere) {{ return 403; }}
        add_header X-Word $word;
        rewrite ^/first/then-whole /whole last;
        proxy_pass http://$pool;
    }}
    location /whole {{ frappe_body whole; @{{show}} proxy_pass http://$pool; }}
    location @on {{ @{{show}} proxy_pass http://$pool; }}
""") + """
    server {
        @{listen none}
        set $first "$first_uri";
        rewrite ^/moved(.*)$ $1;
        location / { add_header X-First "$first $first_uri"; proxy_pass http://primary; }
    }
"""

EARLY = "primary|first||none|yes|"
DECIDED = "reports|second|f|some|no|f"

pytestmark = [
    pytest.mark.parametrize("via", VIA),
    pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"]),
    pytest.mark.parametrize("mode", MODES),
]


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(CONF)


def test_14_41_map(nginx, mode, body, via):
    """nginx computes `map`, a `map` of a `map` and `split_clients` again when the body has come. A value that
    `set` has copied before stays, and an `if` at server level sees no cmd."""
    done = send(nginx, mode, "/", body, via=via)
    assert done.answer["pool"] == "reports"
    assert done.passed == done.found == FOUND
    assert done.response.header("X-Server") == EARLY
    assert done.response.header("X-Seen") == "no"
    for name in ("X-Location", "X-Header"):
        assert done.response.header(name) == DECIDED


def test_14_42_if(nginx, mode, body, via):
    """The same for `if`."""
    assert send(nginx, mode, "/if", body, via=via).response.text == "reports"
    other = body.replace(b"cmd=f", b"cmd=g")
    assert send(nginx, mode, "/if", other, via=via).response.status == 403


def test_14_43_others(nginx, mode, body, via):
    """nginx keeps a map that uses none of our variables, as it does without the module."""
    done = send(nginx, mode, "/moved/x", body, via=via)
    assert done.response.header("X-First") == "/moved/x /moved/x /moved/x /x"
    plain = exchange(nginx, "POST", "/moved/x", [], body, port="none")
    assert plain.response.header("X-First") == "/moved/x /moved/x"


def test_14_44_off(nginx, mode, body, via):
    """A map that was computed where the module is off is computed again where it is on."""
    done = send(nginx, mode, "/off", body, via=via)
    assert done.answer["pool"] == "reports"
    assert done.passed == done.found == FOUND


def test_14_45_no_body(nginx, mode, body, via):
    """Without a body the first value stays."""
    target = "/moved/?" + body[:5].decode()
    done = send(nginx, mode, target, None, method="GET", content_type=None, via=via)
    assert done.answer["pool"] == "reports"
    assert done.response.header("X-Seen") == "yes"
    for name in ("X-Server", "X-Location", "X-Header"):
        assert done.response.header(name) == DECIDED
    # The location might have other rules than the server, so the map is computed again there.
    assert done.response.header("X-First") == "/moved/ /moved/ /moved/ /"


def test_14_46_first_bytes(nginx, mode, body, via):
    """A map has the value of the first bytes until a rewrite leads to a location where the whole body decides.
    Where the first bytes route, that value stays, whatever the rest holds."""
    body = b"a=" + b"x" * (len(body) + 3000) + b"&cmd=f"
    done = send(nginx, mode, "/first/then-whole", body, via=via)
    assert done.answer["pool"] == "reports"
    assert done.passed == done.found == FOUND
    done = send(nginx, mode, "/first", body, via=via)
    assert (done.answer["pool"], done.response.header("X-Word")) == ("primary", "first")
    assert done.found == ("f", "form", "late")
