"""14: wherever nginx sends a request, the body and the values go with it."""

import pytest

from rig.client import FORM, exchange, of_type, sha256
from rig.http1 import Http1
from rig.message import head, new_id
from rig.modes import FOUND, LARGE, MODES, SMALL, VIA, send, servers

CONF = "limit_req_zone $server_port zone=all:1m rate=20r/s;" + servers("""
    location /files/ { }
    location /files/shown/ { error_page 405 =200 $uri; }
    location /files/web/ { error_page 405 = @web; }
    location /returned { return 200 "$frappe_cmd|$frappe_cmd_status"; }

    location /hidden/ { internal; @{show} proxy_pass http://primary; }
    location /to-hidden { rewrite ^/to(.*)$ /hidden/$1 last; }

    location / {
        rewrite ^(.+)/$ $1 permanent;
        try_files /sites/$uri @web;
    }
    location @web {
        @{show}
        proxy_set_header X-Order-Accel $http_x_want_file;
        proxy_pass http://primary;
    }
    location ~ ^/protected/(.*) { internal; @{show} try_files /$1 =404; }

    location /delayed { rewrite ^ /limited last; }
    location /limited { limit_req zone=all burst=9; @{show} proxy_pass http://primary; }

    location /bad {
        proxy_pass http://primary;
        proxy_set_header X-Order-Status 502;
        proxy_intercept_errors on;
        location /bad/named { error_page 502 = @other; proxy_pass http://primary; }
        location /bad/uri { error_page 502 = /page; proxy_pass http://primary; }
        location /bad/kept { error_page 502 /page; proxy_pass http://primary; }
    }
    location @other { @{show} proxy_pass http://reports; }
    location /page { return 200 "$request_method $frappe_cmd|$frappe_cmd_status"; }

    location /post-action { @{show} proxy_pass http://primary; post_action /_done; }
    location /_done {
        internal;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-Frappe-CMD $frappe_cmd;
        proxy_pass http://reports;
    }

    location /outer {
        frappe_cmd off;
        if ($http_x_want) { return 418; }
        location /outer/inner {
            @{show}
            if ($http_x_want) { set $one 1; }
            if ($http_x_want = on) { frappe_cmd on; }
            if ($http_x_want = off) { frappe_cmd off; }
            proxy_pass http://primary;
        }
    }
    location /if-pass {
        if ($frappe_cmd = f) { proxy_pass http://reports; }
        proxy_pass http://primary;
    }
""")

ALL = [
    pytest.mark.parametrize("via", VIA),
    pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"]),
    pytest.mark.parametrize("mode", MODES),
]
EACH_MODE = ALL[-1]


def everywhere(test):
    """Runs a test for each mode, body and transport."""
    for mark in ALL:
        test = mark(test)
    return test


@pytest.fixture(scope="module")
def nginx(serve):
    nginx = serve(CONF)
    for name in ("files/a.txt", "files/shown/a.txt", "files/web/x", "private/a.txt",
                 "sites/assets/a.txt"):
        path = nginx.prefix / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a file")
    return nginx


def arrived(done, body, pool="primary"):
    """The pool got the whole body and the value."""
    assert (done.answer["pool"], done.answer["sha256"]) == (pool, sha256(body))
    assert done.passed == done.found == FOUND


@everywhere
def test_14_11_static(nginx, mode, body, via):
    """nginx answers 405 to a POST for a file; an `error_page` for that gets the body where nginx has it."""
    done = send(nginx, mode, "/files/a.txt", body, via=via)
    assert (done.response.status, done.found) == (405, FOUND)
    done = send(nginx, mode, "/files/shown/a.txt", body, via=via)
    assert (done.response.status, done.response.text, done.found) == (200, "a file", FOUND)
    # With `whole` the module has read the body by now, so nothing is lost. In other modes nginx discards the
    # body before it answers 405, as it does without the module.
    if mode == "whole":
        arrived(send(nginx, mode, "/files/web/x", body, via=via), body)


@everywhere
def test_14_12_return(nginx, mode, body, via):
    """`return` knows the command."""
    assert send(nginx, mode, "/returned", body, via=via).response.text == "f|ok"


@EACH_MODE
@pytest.mark.parametrize("target", ["/files/a.txt", "/returned", "/hidden/", "/app/"])
def test_14_13_on_one_connection(nginx, target, mode):
    """After a body that went to no upstream, nginx answers the next request."""
    with Http1(nginx.port(mode)) as client:
        for number in range(3):
            client.request("POST", target, of_type(FORM), SMALL, chunk_size=number)
            assert client.response().status in (200, 301, 404, 405)
        client.request("POST", "/api", [("X-Rig-Id", new_id()), *of_type(FORM)], SMALL)
        assert client.response().json()["sha256"] == sha256(SMALL)


@everywhere
def test_14_14_internal(nginx, mode, body, via):
    """A client gets 404 for an internal location, and a rewrite leads there."""
    done = send(nginx, mode, "/hidden/x", body, via=via)
    assert done.response.status == 404
    arrived(send(nginx, mode, "/to-hidden/x", body, via=via), body)


@everywhere
def test_14_15_try_files(nginx, mode, body, via):
    """`try_files` with files and a named location, as in Frappe's frontends."""
    arrived(send(nginx, mode, "/api/method/p", body, via=via), body)
    assert send(nginx, mode, "/assets/a.txt", body, via=via).response.status == 405
    assert send(nginx, mode, "/app/", body, via=via).response.status == 301


@everywhere
def test_14_16_accel_redirect(nginx, mode, body, via):
    """`X-Accel-Redirect` to an internal location with `try_files`."""
    for name, status in (("/protected/private/a.txt", 200), ("/protected/private/b.txt", 404)):
        done = send(nginx, mode, "/", body, headers=[("X-Want-File", name)], via=via)
        assert (done.response.status, done.found) == (status, FOUND)
        assert status == 404 or (done.response.text, done.shown) == ("a file", FOUND)


@everywhere
def test_14_17_limit_req(nginx, mode, body, via):
    """A request that `limit_req` delays after a redirect goes on in the end, and has one line in the log."""
    names = [new_id() for _ in range(3)]
    mark = nginx.access.mark()
    clients = [Http1(nginx.port(mode)) for _ in names]
    for client, name in zip(clients, names):
        client.request("POST", "/delayed", [("X-Rig-Id", name), *of_type(FORM)], body)
    for client in clients:
        with client:
            assert client.response().json()["sha256"] == sha256(body)
    # One more over each transport, directly after those.
    done = send(nginx, mode, "/delayed", body, via=via)
    arrived(done, body)
    entries = [entry["id"] for entry in nginx.access.entries(mark)]
    assert sorted(entries) == sorted([*names, done.id])


@EACH_MODE
def test_14_18_gone_while_delayed(nginx, mode):
    """A client that leaves while its request is delayed is logged, and leaves nothing behind."""
    names = [new_id() for _ in range(4)]
    clients = [Http1(nginx.port(mode)) for _ in names]
    for client, name in zip(clients, names):
        client.request("POST", "/delayed", [("X-Rig-Id", name), *of_type(FORM)], SMALL)
    for client in clients:
        client.close()
    for name in names:
        assert nginx.access.entry(name)["status"] in (200, 499)


@everywhere
def test_14_19_error_page(nginx, mode, body, via):
    """`error_page` after a 502 of an upstream that has had the body keeps the values; a buffered body goes to
    the next upstream, too."""
    if mode != "streamed":
        arrived(send(nginx, mode, "/bad/named", body, via=via), body, "reports")
    for target, status in (("/bad/uri", 200), ("/bad/kept", 502)):
        done = send(nginx, mode, target, body, via=via)
        assert (done.response.status, done.response.text) == (status, "GET f|ok")
        assert done.found == FOUND


@everywhere
def test_14_20_post_action(nginx, upstreams, mode, body, via):
    """`post_action` has the value, and the request is logged once."""
    mark = nginx.access.mark()
    done = send(nginx, mode, "/post-action", body, via=via)
    arrived(done, body)
    assert upstreams["reports"].saw(done.id)["headers"]["x-frappe-cmd"] == "f"
    assert [entry["id"] for entry in nginx.access.entries(mark)] == [done.id]


@everywhere
@pytest.mark.parametrize(("want", "found"), [
    ("on", FOUND), ("off", ("", "", "")), ("else", ("", "", "")), ("", ("", "", "")),
])
def test_14_21_nested_if(nginx, want, found, mode, body, via):
    """The last `if` that holds in a nested location decides."""
    headers = [("X-Want", want)] if want else []
    done = send(nginx, mode, "/outer/inner", body, headers=headers, via=via)
    assert done.answer["sha256"] == sha256(body)
    assert done.passed == done.found == found


@everywhere
def test_14_22_pass_in_if(nginx, mode, body, via):
    """An `if` on the command chooses the upstream as a `map` does."""
    done = send(nginx, mode, "/if-pass", body, via=via)
    assert (done.answer["pool"], done.answer["sha256"]) == ("reports", sha256(body))
    other = body.replace(b"cmd=f", b"cmd=g")
    assert send(nginx, mode, "/if-pass", other, via=via).answer["pool"] == "primary"


@EACH_MODE
def test_14_23_body_behind_404(nginx, mode):
    """nginx refuses an internal location without waiting for the body."""
    with Http1(nginx.port(mode)) as client:
        client.send(head("POST", "/hidden/", [*of_type(FORM), ("Content-Length", "9")]))
        assert client.response().status == 404
        client.send("cmd=f&a=1")
        client.request("GET", "/api")
        assert client.response().status == 200


@EACH_MODE
def test_14_24_get(nginx, mode):
    """Requests without a body go the same ways."""
    for target in ("/api?cmd=f", "/to-hidden/?cmd=f", "/delayed?cmd=f"):
        done = exchange(nginx, "GET", target, port=mode)
        assert done.passed == done.found == ("f", "query", "ok")
