"""14: with the module as without, every feature of nginx gives the same response, sends the same bytes to the
upstreams, writes one line to the log, and ends its connections."""

import re
from contextlib import ExitStack

import pytest

from rig.client import FORM, JSON, MULTIPART, exchange, multipart
from rig.gateways import PROTOCOLS, Gateway
from rig.keeper import Keeper
from rig.modes import LARGE, MODES, SMALL, VIA, send, servers
from rig.waiting import until

STREAMED = "proxy_request_buffering off; proxy_http_version 1.1;"
# Each mode with the module, and the server without the module to compare it with.
SIDES = {"whole": "off", "preread": "off", "streamed": "off_streamed"}
PASS = "proxy_pass http://127.0.0.1:@{keeper}"

FEATURES = {
    "proxy": f"{PASS};",
    "mirror": f"mirror /_copy; {PASS};",
    "auth": f"auth_request /_auth; {PASS};",
    "refused": f"auth_request /_auth; proxy_set_header X-Order-Status 403; {PASS};",
    "satisfy": f"satisfy any; deny all; auth_request /_auth; {PASS};",
    "denied": f"deny all; {PASS};",
    "ssi": f"""ssi on; {PASS};
        proxy_set_header X-Order-Text '<!--#include virtual="/_part" -->';""",
    "addition": f"add_before_body /_part; add_after_body /_part; {PASS};",
    "slice": f"""slice 4; proxy_set_header Range $slice_range; proxy_request_buffering on;
        proxy_set_header X-Order-Text 0123456789; {PASS};""",
    "cache": f"""proxy_cache cache; proxy_cache_methods GET HEAD POST; proxy_cache_valid 200 1m;
        proxy_cache_key $server_port$request_uri; proxy_request_buffering on; {PASS};""",
    "limit": f"limit_req zone=all burst=99; {PASS};",
    "named": f"error_page 502 = @other; proxy_request_buffering on; {PASS};"
             "proxy_intercept_errors on; proxy_set_header X-Order-Status 502;",
    "page": f"error_page 502 /_part; {PASS};"
            "proxy_intercept_errors on; proxy_set_header X-Order-Status 502;",
    "accel": f"proxy_set_header X-Order-Accel /files/a.txt; {PASS};",
    "try": "try_files $uri @other;",
    "rewrite": "rewrite ^ /proxy/$request_method last;",
    "post-action": f"post_action /_after; {PASS};",
    "return": 'return 200 "$request_method";',
    "redirect": "return 301 /x;",
    "files": "",
    "shown": "error_page 405 =200 /files/a.txt;",
    "internal": f"internal; {PASS};",
    "if": f"if ($request_method = POST) {{ set $one 1; {PASS}; }} {PASS};",
    "dav": "root @{prefix}/root-$server_port; dav_methods PUT; create_full_put_path on;",
    "in-file": f"client_body_in_file_only clean; {PASS};",
    "single": f"client_body_in_single_buffer on; {PASS};",
    "set-body": f'proxy_set_body "body"; proxy_request_buffering on; {PASS};',
    "no-body": f'proxy_pass_request_body off; proxy_set_header Content-Length ""; {PASS};',
    "too-large": f"client_max_body_size 100; {PASS};",
    "gone": "proxy_pass http://127.0.0.1:1;",
} | {
    protocol: f"{protocol}_pass 127.0.0.1:@{{{protocol}}}; {protocol}_param M $request_method;"
              + ("" if protocol == "scgi" else f"{protocol}_param CONTENT_LENGTH $content_length;")
    for protocol in PROTOCOLS
}

# The features whose requests do not reach the keeper.
ANSWERED = {"denied", "internal", "return", "redirect", "files", "shown", "dav", "gone", *PROTOCOLS}

SHARED = f"""
    location /_auth {{ internal; {PASS}; proxy_pass_request_body off;
                      proxy_set_header Content-Length ""; proxy_set_header X-Order-Status $auth; }}
    location /_copy {{ internal; {PASS}; }}
    location /_part {{ internal; return 200 "a part"; }}
    location /_after {{ internal; {PASS}; proxy_pass_request_body off;
                       proxy_set_header Content-Length ""; }}
    location @other {{ {PASS}; proxy_set_header X-Other 1; }}
"""

CONF = """
    port_in_redirect off;
    limit_req_zone $server_port zone=all:1m rate=1000r/s;
    proxy_cache_path @{prefix}/cache keys_zone=cache:1m;
    map $uri $auth { default 200; ~refused 403; }
    server { @{listen status} location / { stub_status; access_log off; } }
""" + servers(
    SHARED + "".join(f"location /{name} {{ {conf} }}\n" for name, conf in FEATURES.items()),
    MODES | {"off": "", "off_streamed": STREAMED},
)

REQUESTS = {
    "get": ("GET", None, None),
    "form": ("POST", FORM, SMALL),
    "spilled": ("POST", FORM, LARGE),
    "json": ("PUT", JSON, b'{"cmd": "f"}'),
    "broken": ("POST", JSON, b'{"cmd": "f'),
    "multipart": ("PUT", MULTIPART, multipart(("cmd", "f"), ("file", b"\0" * 30_000, "a"))),
    "text": ("POST", "text/plain", b"cmd=f"),
    "none": ("POST", None, b"cmd=f"),
    "empty": ("POST", FORM, b""),
    "head": ("HEAD", None, None),
    "options": ("OPTIONS", FORM, SMALL),
}


@pytest.fixture(scope="module")
def keeper():
    with Keeper() as server:
        yield server


@pytest.fixture(scope="module")
def nginx(serve, env, keeper):
    for module in ("http_auth_request_module", "http_addition_module", "http_slice_module",
                   "http_dav_module", "http_stub_status_module"):
        if not env.has(module):
            pytest.skip(f"this nginx has no {module}")
    with ExitStack() as stack:
        ports = {name: stack.enter_context(Gateway(name)).port for name in PROTOCOLS}
        nginx = serve(CONF, values={"keeper": keeper.port, **ports})
        file = nginx.prefix / "root" / "files" / "a.txt"
        file.parent.mkdir(parents=True)
        file.write_text("a file")
        yield nginx


def counters(nginx):
    """The numbers of active, reading, writing and waiting connections, without the one that asks."""
    text = exchange(nginx, "GET", "/", port="status").response.text
    active, reading, writing, waiting = (
        int(re.search(rf"{word}: (\d+)", text)[1])
        for word in ("connections", "Reading", "Writing", "Waiting"))
    return active - 1, reading, writing - 1, waiting


def passed(keeper, done, streamed):
    """The requests that the upstreams got. The framing of a streamed body is left out, since it depends on the
    time."""
    found = []
    for head, body in keeper.requests.get(done.id, ()):
        head = head.replace(done.id.encode(), b"ID")
        if streamed:
            head = re.sub(rb"(?i)\r\n(content-length|transfer-encoding): [^\r]*", b"", head)
        found.append((head, body))
    return sorted(found)


def response(done):
    """The response that the client got, without the Date header."""
    headers = [(n, v) for n, v in done.response.headers if n.lower() != "date"]
    body = done.response.body.replace(done.id.encode(), b"ID")
    return done.response.status, headers, body


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("feature", FEATURES)
def test_14_81_unchanged(nginx, keeper, feature, side):
    """Sends each request to both sides, and compares."""
    mark = nginx.access.mark()
    pairs = {}
    for name, (method, content_type, body) in REQUESTS.items():
        for via in VIA if body is not None else ("length", "h2"):
            target = f"/{feature}/{side}-{name}-{via}"
            on, off = pairs[target] = [
                send(nginx, mode, target, body, method=method, content_type=content_type, via=via)
                for mode in (side, SIDES[side])]
            assert response(on) == response(off), target
    # Mirrored requests, for which nginx does not wait, hold the connection, too.
    until(lambda: counters(nginx) == (0, 0, 0, 0), "all connections to end")
    for target, (on, off) in pairs.items():
        streamed = side == "streamed"
        assert passed(keeper, on, streamed) == passed(keeper, off, streamed), target
    some_passed = any(on.id in keeper.requests for on, _ in pairs.values())
    assert some_passed == (feature not in ANSWERED)
    logged = sorted(entry["id"] for entry in nginx.access.entries(mark))
    assert logged == sorted(done.id for pair in pairs.values() for done in pair)
