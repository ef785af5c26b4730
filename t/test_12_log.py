"""12: log-json.conf writes one JSON object in each line, and no secret."""

import json

import pytest

from rig.client import FORM, JSON, exchange, of_type, post
from rig.configurations import balancer, text
from rig.http1 import Http1
from rig.logs import Log
from rig.nginx import free_port
from rig.report import report, table
from rig.waiting import until

FIELDS = {"time", "id", "client", "site", "method", "path", "cmd", "cmd_source", "cmd_status",
          "call", "doctype", "report", "status", "pool", "upstream", "upstream_status",
          "upstream_time",
          "request_time", "bytes_in", "bytes_out"}


def logging(conf):
    """A configuration with log-json.conf behind it, in the order of the files' names in conf.d."""
    log = {"/var/log/nginx/frappe-access.log": "@{prefix}/log.json"}
    return conf + text("log-json.conf", log)


@pytest.fixture(scope="module")
def nginx(serve, upstreams):
    return serve(logging(balancer(upstreams)))


def line_of(nginx, done):
    """The line of the last exchange."""
    assert done.logged
    log, other = Log(nginx.prefix / "log.json"), nginx.access
    until(lambda: log.text().count("\n") == other.text().count("\n"), "a line in both logs")
    return json.loads(log.text().split("\n")[-2])


def test_12_01_nginx_t(serve):
    """nginx accepts the file, which needs no other one."""
    good, said = serve(logging("server { @{listen main} frappe_cmd on; }"), start=False).test()
    assert good and "[warn]" not in said, said


def test_12_02_fields(nginx):
    """A line has the right values in its fields."""
    done = post(nginx, "/api/method/x?a=1", "report_name=General+Ledger&doctype=ToDo"
                "&cmd=frappe.desk.query_report.export_query")
    line = line_of(nginx, done)
    assert set(line) == FIELDS
    assert {name: line[name] for name in ("client", "site", "method", "path", "cmd", "cmd_source",
                                          "cmd_status", "doctype", "report", "status", "pool",
                                          "upstream_status")} == {
        "client": "127.0.0.1", "site": "localhost", "method": "POST", "path": "/api/method/x",
        "cmd": "frappe.desk.query_report.export_query", "cmd_source": "form", "cmd_status": "ok",
        "doctype": "ToDo", "report": "General Ledger", "status": 200, "pool": "erpnext_secondary",
        "upstream_status": "200"}
    assert line["call"] == "frappe.desk.query_report.export_query:General Ledger"
    assert line["bytes_in"] > 100 and line["bytes_out"] > 100
    assert isinstance(line["request_time"], float) and float(line["upstream_time"]) >= 0


def test_12_03_no_secrets(nginx):
    """Passwords, sessions, keys and documents are not in the log."""
    headers = [("Cookie", "sid=S3CRET"), ("Authorization", "token a:S3CRET"),
               ("Referer", "http://localhost/update-password?key=S3CRET")]
    secret = "usr=S3CRET&pwd=S3CRET&key=S3CRET&otp=S3CRET&sid=S3CRET&csrf_token=S3CRET"
    for done in (
        exchange(nginx, "POST", f"/?cmd=login&{secret}", headers),
        exchange(nginx, "GET", "/update-password?key=S3CRET", headers),
        exchange(nginx, "POST", "/", [*headers, *of_type(FORM)], f"cmd=login&{secret}".encode()),
        exchange(nginx, "POST", "/", [*headers, *of_type(JSON)],
                 b'{"doc": "S3CRET", "pwd": "S3CRET", "cmd": "frappe.client.insert"}'),
    ):
        assert done.response.status == 200
        line_of(nginx, done)
    written = Log(nginx.prefix / "log.json").text()
    assert written.count('"cmd":"login"') >= 2 and "S3CRET" not in written


@pytest.mark.parametrize(("target", "path"), [
    (b"/caf\xe9?x=1", "/caf"),
    (b'/a"b\\c', '/a"b\\c'),
    ("/naïve".encode(), "/na"),
    (b"/%e9%22", "/%e9%22"),
    (b"http://localhost/x?y", "/x"),
])
def test_12_04_any_path(nginx, target, path):
    """With any path the line is JSON in UTF-8."""
    done = exchange(nginx, "GET", target)
    assert line_of(nginx, done)["path"] == path
    (nginx.prefix / "log.json").read_bytes().decode("utf-8", "strict")


def test_12_05_any_text(nginx):
    """With any names that a client invents, the line is JSON."""
    body = json.dumps({"cmd": 'a"\\名', "doctype": "é\"}", "report_name": "☃"}).encode()
    line = line_of(nginx, post(nginx, "/", body.decode(), JSON))
    assert (line["cmd"], line["doctype"], line["report"]) == ('a"\\名', 'é"}', "☃")


def test_12_06_bad_request(nginx):
    """A request that nginx itself refuses has a line, too."""
    log = Log(nginx.prefix / "log.json")
    mark = log.mark()
    with Http1(nginx.port()) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert client.response().status == 400
    line = json.loads(log.wait("{", mark))
    assert (line["status"], line["pool"], line["cmd"]) == (400, "", "")


def test_12_07_several_servers(serve_once, upstreams):
    """If nginx has tried two servers, the line names both."""
    nginx = serve_once(logging(balancer(upstreams, _11=f"127.0.0.1:{free_port()}")))
    line = line_of(nginx, post(nginx, "/", "cmd=frappe.client.get"))
    assert line["upstream_status"] == "502, 200"
    assert [float(time) >= 0 for time in line["upstream_time"].split(", ")] == [True, True]


def test_12_09_real_log(nginx):
    """The report reads the log that nginx has written in the tests above."""
    post(nginx, "/", "cmd=upload_file")
    run = report(nginx.prefix / "log.json")
    assert run.returncode == 0 and run.stderr == "", run.stderr
    assert "upload_file" in table(run.stdout, "Most frequent")
