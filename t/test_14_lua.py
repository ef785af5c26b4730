"""14: beside Debian's Lua module, which reads, changes and sends bodies. It is loaded before our module and after
it, with figures and pace on. `build/deps.sh debian lua` installs it."""

import pytest

from rig.begun import Begun
from rig.client import FORM, exchange, of_type, sha256
from rig.figures import calls
from rig.neighbours import load
from rig.waiting import until

CONF = """
    frappe_status_zone calls 1m;
    frappe_pace calls slow=1s;
    map $frappe_cmd $pool { default primary; heavy reports; }
    lua_shared_dict seen 1m;
    client_body_buffer_size 16k;
    init_by_lua_block { require "resty.core" }
    log_by_lua_block { ngx.shared.seen:incr(ngx.var.frappe_call or "", 1, 0) }
    server {
        @{listen main} @{listen_h2 h2} @{listen_h3 h3} @{certificate}
        client_max_body_size 0;
        frappe_cmd on;
        @{show}
        add_header X-Chosen $pool;
        location /status { frappe_cmd off; frappe_status calls; }
        location /seen/ { frappe_cmd off;
                          content_by_lua_block { ngx.print(ngx.shared.seen:get(ngx.var.arg_call) or 0) } }

        location /rewrite/ { rewrite_by_lua_block { ngx.req.read_body() } proxy_pass http://$pool; }
        location /access/ { access_by_lua_block { ngx.req.read_body() } proxy_pass http://$pool; }
        location /precontent/ { frappe_phase precontent; access_by_lua_block { ngx.req.read_body() }
                                proxy_pass http://$pool; }
        location /preread/ { frappe_body preread; rewrite_by_lua_block { ngx.req.read_body() }
                             proxy_pass http://$pool; }
        location /streamed/ { frappe_body preread; proxy_request_buffering off; proxy_http_version 1.1;
                              access_by_lua_block { ngx.ctx.cmd = ngx.var.frappe_cmd } proxy_pass http://$pool; }
        location /needs/ { lua_need_request_body on; rewrite_by_lua_block { ngx.ctx.x = 1 } proxy_pass http://$pool; }
        location /balanced/ { set $lua ""; access_by_lua_block { ngx.var.lua = ngx.var.frappe_cmd }
                              proxy_set_header X-Lua $lua; proxy_pass http://$pool; }
        location /changed/ { access_by_lua_block {
            ngx.req.read_body() ngx.req.set_body_data("cmd=other") } proxy_pass http://$pool; }
        location /jump/ { rewrite_by_lua_block { ngx.req.read_body() ngx.req.set_uri("/access/x", true) } }
        location /exec/ { content_by_lua_block { ngx.exec("/access/x") } }
        location /content/ { client_body_buffer_size 256k; content_by_lua_block {
            ngx.req.read_body() ngx.print(ngx.var.frappe_cmd, " ", #ngx.req.get_body_data()) } }
        location /capture/ { content_by_lua_block {
            ngx.req.read_body()
            local found = ngx.location.capture("/access/x", { method = ngx.HTTP_POST, always_forward_body = true })
            ngx.status = found.status ngx.print(found.body) } }
    }
"""
PROXIED = ("rewrite", "access", "precontent", "preread", "streamed", "needs", "balanced")
BODIES = {"small": b"a=1&cmd=heavy", "large": b"cmd=heavy&x=" + b"y" * 100_000}
VIA = pytest.mark.parametrize("via", ["length", "chunked", "h2", "h3"])


@pytest.fixture(scope="module", params=["lua first", "ours first"])
def nginx(serve, env, request):
    """nginx with both modules."""
    modules = load(env, ["ndk_http_module.so", "ngx_http_lua_module.so"], "lua",
                   ours_first=request.param == "ours first")
    return serve(CONF, values={"load_module": modules})


@VIA
@pytest.mark.parametrize("size", BODIES)
@pytest.mark.parametrize("place", PROXIED)
def test_14_71_both_read(nginx, place, size, via):
    """Both modules find the command, and the upstream gets every byte once."""
    body = BODIES[size]
    done = exchange(nginx, "POST", f"/{place}/", of_type(FORM), body, via=via)
    assert done.answer["sha256"] == sha256(body) and done.answer["frappe"]["cmd"] == "heavy"
    assert done.found == ("heavy", "form", "ok") and done.response.header("X-Chosen") == "reports"


@VIA
@pytest.mark.parametrize("size", BODIES)
def test_14_72_lua_answers(nginx, size, via):
    """Lua gets a body that our module has read."""
    body = BODIES[size]
    done = exchange(nginx, "POST", "/content/", of_type(FORM), body, via=via)
    assert done.response.text == f"heavy {len(body)}"


@VIA
@pytest.mark.parametrize("size", BODIES)
@pytest.mark.parametrize("place", ["jump", "exec"])
def test_14_73_redirects(nginx, place, size, via):
    """When Lua sends a request to another location, its body and values stay."""
    done = exchange(nginx, "POST", f"/{place}/", of_type(FORM), BODIES[size], via=via)
    assert done.answer["sha256"] == sha256(BODIES[size])
    assert done.found == ("heavy", "form", "ok")


@VIA
def test_14_74_what_lua_changes(nginx, via):
    """Our module sees the client's command; Lua may send another one to the upstream (README's limits)."""
    done = exchange(nginx, "POST", "/changed/", of_type(FORM), BODIES["small"], via=via)
    assert done.found == ("heavy", "form", "ok") and done.answer["frappe"]["cmd"] == "other"
    if via == "h2":
        return  # Lua forbids subrequests over this protocol
    done = exchange(nginx, "POST", "/capture/", of_type(FORM), BODIES["small"], via=via)
    assert done.response.json()["frappe"]["cmd"] == "heavy"


def test_14_75_log(nginx):
    """Lua's handler of the log phase sees the same call as the log and the figures."""
    name = "app.logged"
    for _ in range(3):
        done = exchange(nginx, "POST", "/access/", of_type(FORM), f"cmd={name}".encode())
        assert done.logged["call"] == name
    until(lambda: calls(nginx)[name]["requests"] == 3, "them to be counted")
    assert exchange(nginx, "GET", f"/seen/?call={name}").response.text == "3"


def test_14_76_reload(nginx):
    """At a reload, requests that are half sent are answered, whether Lua or our module waits for them."""
    halves = [Begun(nginx, via, f"/{place}/", BODIES["large"], sent)
              for via in ("length", "h2") for place in PROXIED for sent in (5, 50_000)]
    (old,) = nginx.reload()
    for begun in halves:
        response = begun.finish()
        assert response.json()["sha256"] == sha256(BODIES["large"]) and response.header("X-Cmd") == "heavy"
    until(lambda: old not in nginx.workers(), "the old worker to end")
