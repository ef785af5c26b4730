"""14: beside nginx's JavaScript module, which reads bodies, redirects requests and makes subrequests. It is loaded
before our module and after it. `build/deps.sh debian njs` installs it."""

import pytest

from rig.client import FORM, exchange, of_type, sha256
from rig.neighbours import load

SCRIPT = """
function cmd(r) { return r.variables.frappe_cmd }
function upper(r) { return r.variables.frappe_cmd.toUpperCase() }
function content(r) { r.return(200, r.variables.frappe_cmd + " " + r.requestBuffer.length) }
function late(r) { const length = r.requestBuffer.length; r.return(200, length + " " + r.variables.frappe_cmd_status) }
function jump(r) { r.internalRedirect("/proxied/") }
async function again(r) {
    const reply = await r.subrequest("/proxied/", { method: "POST", body: r.requestBuffer })
    r.return(reply.status, reply.responseBuffer)
}
async function other(r) {
    const reply = await r.subrequest("/proxied/", { method: "POST", body: "cmd=other" })
    r.return(reply.status, reply.responseBuffer)
}
export default { cmd, upper, content, late, jump, again, other }
"""

CONF = """
    map $frappe_cmd $pool { default primary; heavy reports; }
    js_import main from @{script};
    js_set $js_cmd main.cmd;
    js_set $js_upper main.upper;
    map $js_upper $js_pool { default primary; HEAVY reports; }
    client_body_buffer_size 16k;
    server {
        @{listen main} @{listen_h2 h2} @{listen_h3 h3} @{certificate}
        client_max_body_size 0;
        frappe_cmd on;
        @{show}
        proxy_set_header X-Js $js_cmd;
        location /proxied/ { add_header X-Chosen $pool; proxy_pass http://$pool; }
        location /chosen/ { add_header X-Chosen $js_pool; proxy_pass http://$js_pool; }
        location /preread/ { frappe_body preread; add_header X-Chosen $js_pool; proxy_pass http://$js_pool; }
        location /content/ { client_body_buffer_size 256k; js_content main.content; }
        location /precontent/ { frappe_phase precontent; client_body_buffer_size 256k; js_content main.content; }
        location /off/ { frappe_body off; client_body_buffer_size 256k; js_content main.late; }
        location /jump/ { js_content main.jump; }
        location /again/ { client_body_buffer_size 256k; js_content main.again; }
        location /other/ { js_content main.other; }
    }
"""
VIA = pytest.mark.parametrize("via", ["length", "chunked", "h2", "h3"])
BODIES = {"small": b"a=1&cmd=heavy", "large": b"cmd=heavy&x=" + b"y" * 100_000}


@pytest.fixture(scope="module", params=["njs first", "ours first"])
def nginx(serve, env, request, tmp_path_factory):
    """nginx with both modules."""
    modules = load(env, ["ngx_http_js_module.so"], "njs", ours_first=request.param == "ours first")
    script = tmp_path_factory.mktemp("njs") / "main.js"
    script.write_text(SCRIPT)
    return serve(CONF, values={"load_module": modules, "script": script})


@VIA
@pytest.mark.parametrize("size", BODIES)
@pytest.mark.parametrize("place", ["proxied", "chosen", "preread"])
def test_14_81_a_script_asks(nginx, place, size, via):
    """A variable that JavaScript computes from ours, and a map of it, route as our variables do."""
    body = BODIES[size]
    done = exchange(nginx, "POST", f"/{place}/", of_type(FORM), body, via=via)
    assert done.answer["sha256"] == sha256(body) and done.answer["headers"]["x-js"] == "heavy"
    assert done.found == ("heavy", "form", "ok") and done.response.header("X-Chosen") == "reports"


@VIA
@pytest.mark.parametrize("size", BODIES)
@pytest.mark.parametrize("place", ["content", "precontent"])
def test_14_82_a_script_answers(nginx, place, size, via):
    """JavaScript gets a body that our module has read."""
    done = exchange(nginx, "POST", f"/{place}/", of_type(FORM), BODIES[size], via=via)
    assert done.response.text == f"heavy {len(BODIES[size])}"


@VIA
def test_14_83_a_script_reads_alone(nginx, via):
    """With `frappe_body off` our module reads nothing, and JavaScript reads the body."""
    done = exchange(nginx, "POST", "/off/", of_type(FORM), BODIES["large"], via=via)
    assert done.response.text == f"{len(BODIES['large'])} none"


@VIA
@pytest.mark.parametrize("size", BODIES)
@pytest.mark.parametrize("place", ["jump", "again"])
def test_14_84_a_script_sends_it_on(nginx, place, size, via):
    """After an internal redirect or a subrequest of JavaScript, body and command are the same."""
    done = exchange(nginx, "POST", f"/{place}/", of_type(FORM), BODIES[size], via=via)
    answer = done.response.json()
    assert answer["sha256"] == sha256(BODIES[size]) and answer["frappe"]["cmd"] == "heavy"
    assert done.logged["cmd"] == "heavy"


@VIA
def test_14_85_a_script_sends_another(nginx, via):
    """Our module sees the client's command; a script may send another one to the upstream (README's limits)."""
    done = exchange(nginx, "POST", "/other/", of_type(FORM), BODIES["small"], via=via)
    assert done.response.json()["frappe"]["cmd"] == "other" and done.logged["cmd"] == "heavy"
