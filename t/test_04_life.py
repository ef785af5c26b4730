"""04: the rules that decide when nginx sends a request from one location to another, and the states of the
request's life."""

import re

import pytest

from rig.client import FORM, exchange, of_type, post, sha256
from rig.http1 import Http1
from rig.message import head, new_id

CONF = """
    map $frappe_cmd $pool { default primary; heavy reports; secret uploads; }

    server {
        @{listen_all}
        client_max_body_size 0;
        client_body_buffer_size 16k;
        root @{prefix}/root;
        frappe_cmd on;
        error_log @{prefix}/debug.log debug;

        location / { @{show} proxy_pass http://$pool; }

        # By path and query first, then by the whole body.
        location /off {
            frappe_body off;
            if ($frappe_cmd = x) { return 400; }
            if ($pool = nowhere) { return 400; }
            location /off/rewrite { frappe_body off; if ($pool = nowhere) { return 400; }
                                    rewrite ^ /boundary last; }
            location /off/named { frappe_body off; try_files /none @boundary;
                                  if ($pool = nowhere) { return 400; } }
            location /off/plain { frappe_body off; try_files /none /boundary;
                                  if ($pool = nowhere) { return 400; } }
            location /off/error { frappe_body off; error_page 418 = @boundary;
                                  if ($pool = primary) { return 418; } }
        }
        # By other rules first: 13.0 ignores the query beside a form.
        location /old {
            frappe_version 13.0;
            if ($pool = nowhere) { return 400; }
            location /old/rewrite { frappe_version 13.0; if ($pool = nowhere) { return 400; }
                                    rewrite ^ /boundary last; }
            location /old/named { frappe_version 13.0; if ($pool = nowhere) { return 400; }
                                  try_files /none @boundary; }
        }
        # By the first bytes first.
        location /first {
            frappe_body preread=1k;
            if ($pool = nowhere) { return 400; }
            location /first/rewrite { frappe_body preread=1k; if ($pool = nowhere) { return 400; }
                                      rewrite ^ /boundary last; }
            location /first/named { frappe_body preread=1k; if ($pool = nowhere) { return 400; }
                                    try_files /none @boundary; }
            location /first/off { frappe_body preread=1k; try_files /none @streamed; }
            @{show}
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_pass http://$pool;
        }
        location @streamed {
            frappe_cmd off;
            proxy_request_buffering off;
            proxy_http_version 1.1;
            @{show}
            proxy_pass http://$pool;
        }

        location /boundary {
            frappe_body whole;
            if ($frappe_cmd = secret) { return 403; }
            if ($pool = uploads) { return 403; }
            @{show}
            proxy_pass http://$pool;
        }
        location @boundary {
            frappe_body whole;
            if ($frappe_cmd = secret) { return 403; }
            if ($pool = uploads) { return 403; }
            @{show}
            proxy_pass http://$pool;
        }

        location /try { try_files /none @try; }
        location @try { @{show} proxy_pass http://$pool; }
        location /gone { proxy_pass http://127.0.0.1:@{port nobody}; error_page 502 = @try; }
        location /accel { proxy_pass http://primary;
                          proxy_set_header X-Order-Accel /protected/file.txt; }
        location /protected/ { internal; frappe_body off; @{show} alias @{prefix}/root/; }
        location /mirrored { mirror /_copy; @{show} proxy_pass http://$pool; }
        location /_copy { internal; proxy_pass http://primary; }
    }

    # A server whose own rules are others than those of its locations.
    server {
        @{listen level}
        frappe_cmd on;
        frappe_body off;
        frappe_version 13.0;
        set $asked $pool;
        set $early "$frappe_cmd|$pool";
        location / { frappe_body whole; frappe_version 15; @{show} proxy_pass http://$pool; }
        location /preread { frappe_body preread; @{show} proxy_pass http://$pool; }
        location /off { frappe_cmd off; @{show} proxy_pass http://$pool; }
    }
"""

VIA = pytest.mark.parametrize("via", ["length", "chunked", "h2", "h3"])
FILLED = b"a=" + b"x" * 30_000 + b"&"


@pytest.fixture(scope="module")
def nginx(serve):
    nginx = serve(CONF)
    (nginx.prefix / "root").mkdir()
    (nginx.prefix / "root/file.txt").write_text("a file")
    return nginx


@VIA
@pytest.mark.parametrize("filler", [b"", FILLED], ids=["small", "large"])
@pytest.mark.parametrize("target", [
    "/off/rewrite", "/off/named", "/off/plain", "/off/error", "/old/rewrite", "/old/named",
    "/first/rewrite", "/first/named",
])
def test_04_81_the_location_decides(nginx, target, filler, via):
    """After a redirect the rules of the new location decide, also for an `if` and a map there, even if the old
    location had other rules and asked for the same map."""
    assert post(nginx, target, filler + b"cmd=secret", via=via).response.status == 403
    done = post(nginx, target, filler + b"cmd=heavy", via=via)
    assert done.answer["pool"] == "reports"
    assert done.passed == done.shown == done.found == ("heavy", "form", "ok")
    assert done.answer["sha256"] == sha256(filler + b"cmd=heavy")


@VIA
def test_04_82_versions_differ(nginx, via):
    """Frappe 13.0 takes the query only where there is no form; 17 takes both."""
    done = post(nginx, "/old?cmd=heavy", b"x=1", via=via)
    assert done.found == ("", "", "none")
    done = post(nginx, "/old/rewrite?cmd=heavy", b"x=1", via=via)
    assert (done.answer["pool"], done.found) == ("reports", ("heavy", "query", "ok"))


@VIA
def test_04_83_late_behind_a_redirect(nginx, via):
    """A streamed body is scanned to its end after `try_files`, also in a location where `frappe_cmd` is off."""
    done = post(nginx, "/first/off", FILLED + b"cmd=heavy", via=via)
    assert done.answer["pool"] == "primary"
    assert done.passed == ("", "", "truncated")
    assert done.found == ("heavy", "form", "late")


@VIA
def test_04_84_before_the_log_it_says_what_routed(nginx, via):
    """Over every protocol, headers show the values that routed the request, and the log those of the whole
    body."""
    done = post(nginx, "/first", FILLED + b"cmd=heavy", via=via)
    assert done.answer["pool"] == "primary"
    assert done.passed == done.shown == ("", "", "truncated")
    assert done.found == ("heavy", "form", "late")


@pytest.mark.parametrize(("target", "body", "pool", "found"), [
    ("/", b"cmd=heavy", "reports", ("heavy", "form", "ok")),
    ("/", FILLED + b"cmd=heavy", "reports", ("heavy", "form", "ok")),
    ("/?cmd=heavy", b"x=1", "reports", ("heavy", "query", "ok")),
    ("/preread", b"cmd=heavy", "reports", ("heavy", "form", "ok")),
    ("/off?cmd=heavy", b"x=1", "primary", ("", "", "")),
    ("/off?cmd=heavy", None, "primary", ("", "", "")),
])
def test_04_85_server_level(nginx, target, body, pool, found):
    """A map that was asked for at server level is computed again by the rules of the location."""
    method, headers = ("POST", of_type(FORM)) if body else ("GET", [])
    done = exchange(nginx, method, target, headers, body, port="level")
    assert done.answer["pool"] == pool
    assert done.found == found


STATES = {
    "page": ("/?x=1", None, ["Decided none"]),
    "query": ("/api/method/p?cmd=heavy", None, ["Decided ok"]),
    "small": ("/", b"cmd=heavy", ["Decided ok"]),
    "spilled": ("/", FILLED + b"cmd=heavy", ["Decided ok"]),
    "rewrite, off": ("/off/rewrite", b"cmd=heavy", ["Decided none", "Decided ok"]),
    "rewrite, version": ("/old/rewrite", b"cmd=heavy", ["Decided ok", "Decided ok"]),
    "rewrite, preread": ("/first/rewrite", FILLED + b"cmd=heavy",
                         ["Routed truncated", "Decided ok"]),
    "try_files, named": ("/off/named", b"cmd=heavy", ["Decided none", "cleared", "Decided ok"]),
    "try_files, plain": ("/off/plain", b"cmd=heavy", ["Decided none", "cleared", "Decided ok"]),
    "try_files, same rules": ("/try", b"cmd=heavy", ["Decided ok", "cleared"]),
    "error_page": ("/gone", b"cmd=heavy", ["Decided ok", "cleared"]),
    "X-Accel-Redirect": ("/accel", b"cmd=heavy", ["Decided ok", "cleared"]),
    "subrequest": ("/mirrored", b"cmd=heavy", ["Decided ok"]),
    "preread, decided": ("/first", b"cmd=heavy&" + FILLED, ["Routed ok", "Ended ok, ok"]),
    "preread, late": ("/first", FILLED + b"cmd=heavy", ["Routed truncated", "Ended truncated, late"]),
    "preread, late, redirected": ("/first/off", FILLED + b"cmd=heavy",
                                  ["Routed truncated", "cleared", "Ended truncated, late"]),
}


def states(nginx, mark):
    """The states in the debug log, in a short form."""
    found = []
    for line in (nginx.prefix / "debug.log").read_text()[mark:].splitlines():
        if "frappe: contexts cleared" in line:
            found.append("cleared")
        elif match := re.search(r"frappe: life: (\w+)(.*)", line):
            name, rest = match.groups()
            statuses = ", ".join(status.lower() for status in re.findall(r"status: (\w+)", rest))
            found.append(f"{name} {statuses}".strip())
    return found


@pytest.mark.parametrize("name", STATES)
def test_04_86_states(nginx, env, name):
    """The states of a request's life, by its debug lines."""
    if not env.has("debug"):
        pytest.skip("this nginx is built without debug lines")
    target, body, expected = STATES[name]
    mark = len((nginx.prefix / "debug.log").read_text())
    method, headers = ("POST", of_type(FORM)) if body else ("GET", [])
    done = exchange(nginx, method, target, headers, body)
    assert done.response.status == 200
    assert done.logged
    assert states(nginx, mark) == expected


def test_04_87_failed(nginx, env):
    """The life of a request whose client leaves in the middle of the body ends as `Failed`."""
    if not env.has("debug"):
        pytest.skip("this nginx is built without debug lines")
    mark = len((nginx.prefix / "debug.log").read_text())
    name = new_id()
    with Http1(nginx.port()) as client:
        client.send(head("POST", "/", [("X-Rig-Id", name), *of_type(FORM),
                                       ("Content-Length", "20")]), "cmd=f").wait_read()
    assert nginx.access.entry(name)["cmd_status"] == "unread"
    assert states(nginx, mark) in ([], ["Failed"])


def test_04_88_debug_lines(nginx, env):
    """As every nginx module, ours writes debug lines: the phase, the bytes that it looked at, why the request
    goes on."""
    if not env.has("debug"):
        pytest.skip("this nginx is built without debug lines")
    mark = len((nginx.prefix / "debug.log").read_text())
    post(nginx, "/first", FILLED + b"cmd=heavy")
    text = (nginx.prefix / "debug.log").read_text()[mark:]
    assert re.search(r"frappe: peek: \w+, bytes of the body: 1024", text)
    assert "frappe: Rewrite handler: " in text
