"""13: after a peek, nginx writes a body to a file if it would do so without the module."""

import pytest

from rig.client import FORM, exchange, of_type, sha256

SERVER = """
    server {
        @{listen NAME}
        @{listen_h2 NAME_h2}
        listen 127.0.0.1:@{port NAME_tls} ssl; @{listen_h3 NAME_h3} @{certificate}
        client_max_body_size 0;
        client_body_buffer_size 1k;
        client_header_buffer_size 1k;
        FRAPPE
        location / { add_header X-File $request_body_file; proxy_pass http://primary; }
        location /large { client_body_buffer_size 16k; add_header X-File $request_body_file;
                          proxy_pass http://primary; }
        location /streamed { proxy_request_buffering off; proxy_http_version 1.1;
                             add_header X-File $request_body_file; proxy_pass http://primary; }
        location /again { try_files /none @again; }
        location @again { add_header X-File $request_body_file; proxy_pass http://primary; }
    }
"""

KINDS = {
    "alone": "frappe_cmd off;",
    "preread": "frappe_cmd on; frappe_body preread;",
    "short": "frappe_cmd on; frappe_body preread=2k;",
}


@pytest.fixture(scope="module")
def nginx(serve):
    return serve("".join(SERVER.replace("NAME", name).replace("FRAPPE", directives)
                         for name, directives in KINDS.items()))


@pytest.mark.parametrize("via", ["length", "chunked", "tls", "h2", "h3"])
@pytest.mark.parametrize("target", ["/", "/large", "/streamed", "/again"])
@pytest.mark.parametrize("size", [100, 1000, 3000, 12_000, 40_000])
def test_13_71_request_body_file(nginx, target, size, via):
    """`$request_body_file` has a value exactly where it has one without the module, and the body arrives."""
    body = b"a=" + b"x" * size + b"&cmd=f"
    suffix = {"h2": "_h2", "h3": "_h3", "tls": "_tls"}.get(via, "")
    found = {}
    for name in KINDS:
        # The client sends the body in two writes, so that only the first is in the header's buffer. With one
        # write it would be chance how much of the body comes with the header.
        done = exchange(nginx, "POST", target, of_type(FORM), body, via=via, port=name + suffix,
                        size=None if via in ("h2", "h3") else len(body) - 60)
        assert done.answer["sha256"] == sha256(body)
        found[name] = bool(done.response.all("X-File"))
    assert found == dict.fromkeys(KINDS, found["alone"])
