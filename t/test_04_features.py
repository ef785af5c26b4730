"""04: the variables work in every directive that takes one."""

import json

import pytest

from rig.client import JSON, MULTIPART, TRANSPORTS, multipart, post
from rig.http1 import Http1
from rig.logs import Log
from rig.message import head

CONF = r"""
    map $frappe_cmd $pool {
        default primary;
        frappe.desk.query_report.run reports;
        ~\.export_query$ reports;
        upload_file uploads;
    }
    map $frappe_cmd $worth_a_line { default 1; quiet 0; }
    map $frappe_cmd $volatile_cmd { volatile; default $frappe_cmd; }
    split_clients $frappe_cmd $half { 50% primary; * reports; }
    limit_req_zone $frappe_cmd zone=per_cmd:1m rate=1r/m;
    log_format line '"$frappe_cmd" "$frappe_cmd_source" "$frappe_cmd_status" "$frappe_doctype"';

    server {
        @{listen main}
        @{listen_h2 h2}
        client_max_body_size 0;
        frappe_cmd on;

        location /map { @{show} proxy_pass http://$pool; }
        location /volatile { proxy_set_header X-Frappe-CMD $volatile_cmd; proxy_pass http://$pool; }
        location /split { @{show} proxy_pass http://$half; }
        location /if {
            @{show}
            if ($frappe_cmd = refused) { return 403; }
            if ($frappe_cmd ~ "^(?<app>\w+)\.") { add_header X-App $app; }
            proxy_pass http://primary;
        }
        location /set {
            @{show}
            set $copy "<$frappe_cmd>";
            add_header X-Copy $copy;
            proxy_pass http://primary;
        }
        location /return { return 200 "$frappe_cmd|$frappe_cmd_source|$frappe_cmd_status"; }
        location /limit {
            limit_req zone=per_cmd;
            limit_req_status 429;
            proxy_pass http://primary;
        }
        location /quiet {
            access_log @{prefix}/access.log rig if=$worth_a_line;
            proxy_pass http://primary;
        }
        location /line { access_log @{prefix}/line.log line; proxy_pass http://primary; }
        location /path-only { @{show} frappe_body off; proxy_pass http://primary; }
    }
"""


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(CONF)


@pytest.mark.parametrize("via", TRANSPORTS)
@pytest.mark.parametrize(("body", "pool"), [
    ("cmd=frappe.client.get", "primary"),
    ("filters=%7B%7D&cmd=frappe.desk.query_report.run", "reports"),
    ("cmd=frappe.desk.reportview.export_query", "reports"),
    ("x=1", "primary"),
])
def test_04_01_map_and_proxy_pass(nginx, body, pool, via):
    """`map` chooses the upstream by a name in the body."""
    assert post(nginx, "/map", body, via=via).answer["pool"] == pool


def test_04_02_map_other_types(nginx):
    """The same for multipart and JSON."""
    body = multipart(("file", "x" * 50_000, "a.bin"), ("cmd", "upload_file"))
    assert post(nginx, "/map", body, MULTIPART).answer["pool"] == "uploads"
    body = '{"report":"x","cmd":"frappe.desk.query_report.run"}'
    assert post(nginx, "/map", body, JSON).answer["pool"] == "reports"


def test_04_03_volatile_map(nginx):
    """A `volatile` map, which nginx computes anew each time, sees the same value."""
    done = post(nginx, "/volatile", "cmd=upload_file")
    assert (done.answer["pool"], done.answer["headers"]["x-frappe-cmd"]) == ("uploads",
                                                                           "upload_file")


def test_04_04_split_clients(nginx):
    """With the command as the key of `split_clients`, each command has one pool, and not all have the same."""
    pools = {}
    for number in [*range(20), *range(20)]:
        pool = post(nginx, "/split", f"cmd=m{number}").answer["pool"]
        assert pools.setdefault(number, pool) == pool
    assert set(pools.values()) == {"primary", "reports"}


@pytest.mark.parametrize("via", TRANSPORTS)
def test_04_05_if(nginx, via):
    """`if` in a location compares and captures."""
    assert post(nginx, "/if", "cmd=refused", via=via).response.status == 403
    done = post(nginx, "/if", "cmd=erpnext.stock.x", via=via)
    assert (done.response.status, done.response.header("X-App")) == (200, "erpnext")
    assert post(nginx, "/if", "cmd=refuse", via=via).response.status == 200


def test_04_06_set(nginx):
    """`set` in a location copies the value."""
    assert post(nginx, "/set", "cmd=f").response.header("X-Copy") == "<f>"


@pytest.mark.parametrize("via", TRANSPORTS)
def test_04_07_return(nginx, via):
    """`return` answers with the value, once the body has come."""
    assert post(nginx, "/return", "x=1&cmd=f", via=via).response.text == "f|form|ok"
    assert post(nginx, "/return/app", "x=1", via=via).response.text == "||none"


def test_04_08_return_on_one_connection(nginx):
    """The connection goes on after a body that only our module has read."""
    with Http1(nginx.port()) as client:
        for number in range(5):
            client.request("POST", "/return", [("Content-Type", "application/json")],
                           b'{"cmd":"m%d"}' % number, chunk_size=number)
            assert client.response().text == f"m{number}|json|ok"


def test_04_09_limit_req(nginx):
    """Each command has its own limit; requests without one have none."""
    statuses = [post(nginx, "/limit", f"cmd={cmd}").response.status for cmd in ("a", "a", "b", "b")]
    assert statuses == [200, 429, 200, 429]
    assert [post(nginx, "/limit", "x=1").response.status for _ in range(3)] == [200] * 3


def test_04_10_headers(nginx):
    """`add_header` and `proxy_set_header` carry the same value."""
    for cmd in ("frappe.ping", "naïve.名", 'a"b\\c', "a b"):
        done = post(nginx, "/map", json.dumps({"cmd": cmd}), JSON)
        assert done.shown == done.passed == done.found == (cmd, "json", "ok")


@pytest.mark.parametrize("control", [*range(0x20), 0x7F], ids=lambda code: f"{code:02x}")
def test_04_11_no_injection(nginx, control):
    """No control character gets anywhere: not through the cmd, the doctype or an argument."""
    text = f"a%{control:02x}X-Evil: 1"
    done = post(nginx, "/map", f"cmd={text}&doctype={text}&report_name={text}")
    assert done.found == ("", "form", "invalid")
    assert (done.logged["doctype"], done.logged["report"]) == ("", "")
    assert not done.response.all("X-Evil") and not done.response.all("X-Cmd")
    assert "x-evil" not in done.answer["headers"]
    assert "x-frappe-cmd" not in done.answer["headers"]


def test_04_12_log_line(nginx):
    """A log line with default escaping: empty values are `-`, quotes cannot end a field."""
    log = Log(nginx.prefix / "line.log")
    post(nginx, "/line", "cmd=a%22b%5C&doctype=To+Do")
    assert log.wait("ok") == r'"a\x22b\x5C" "form" "ok" "To Do"'
    post(nginx, "/line", "")
    assert log.wait("none") == '"-" "-" "none" "-"'


def test_04_13_access_log_if(nginx):
    """`access_log if=` chooses by the command."""
    mark = nginx.access.mark()
    post(nginx, "/quiet", "cmd=quiet")
    loud = post(nginx, "/quiet", "cmd=loud")
    assert loud.found == ("loud", "form", "ok")
    assert [entry["cmd"] for entry in nginx.access.entries(mark)] == ["loud"]


def test_04_14_body_off(nginx):
    """`frappe_body off`: the path and the query decide, and the body is passed on unchanged."""
    done = post(nginx, "/path-only?cmd=q", "cmd=f")
    assert done.found == ("q", "query", "ok")
    assert (done.answer["length"], done.answer["frappe"]["cmd"]) == (5, "f")
    assert post(nginx, "/path-only", "cmd=f").found == ("", "", "none")


def test_04_15_body_off_reads_nothing(serve_once):
    """With `frappe_body off`, `frappe_cmd off`, or a type that holds no arguments, nginx does not wait for the
    body: `return` answers before the client has sent it."""
    nginx = serve_once("""
        server {
            @{listen main}
            location /body-off { frappe_cmd on; frappe_body off; return 200 "$frappe_cmd_status"; }
            location /off { return 200 "[$frappe_cmd_status]"; }
            location /on { frappe_cmd on; return 200 "$frappe_cmd_status"; }
        }
    """)
    for target, content_type, text in (
        ("/body-off", "application/x-www-form-urlencoded", "none"),
        ("/off", "application/x-www-form-urlencoded", "[]"),
        ("/on", "image/png", "none"),
        ("/on", "text/plain", "none"),
    ):
        with Http1(nginx.port()) as client:
            client.send(head("POST", target, [("Content-Type", content_type),
                                              ("Content-Length", "10")]))
            assert client.response().text == text
    with Http1(nginx.port()) as client:
        client.send(head("POST", "/on", [("Content-Type", "application/x-www-form-urlencoded"),
                                         ("Content-Length", "5")]))
        client.wait_read()
        assert client.silent(), "a form must be waited for"
        client.send("cmd=f")
        assert client.response().text == "ok"
