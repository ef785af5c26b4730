"""12: log-json.conf writes one JSON object a line and no secret, and `make report` reads it."""

import gzip
import json
import math
import os
import random
import re
import subprocess
import sys

import pytest

from rig.client import FORM, JSON, exchange, of_type, post
from rig.configurations import balancer, text
from rig.env import ROOT
from rig.http1 import Http1
from rig.logs import Log
from rig.nginx import free_port
from rig.waiting import until

TOOL = ROOT / "tools/report.py"
FIELDS = {"time", "id", "client", "site", "method", "path", "cmd", "cmd_source", "cmd_status",
          "call", "doctype", "report", "status", "pool", "upstream", "upstream_status",
          "upstream_time",
          "request_time", "bytes_in", "bytes_out"}


def logging(conf):
    """A configuration with log-json.conf behind it, as the names in conf.d order them."""
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
    """nginx takes the file, and it needs no other one."""
    good, said = serve(logging("server { @{listen main} frappe_cmd on; }"), start=False).test()
    assert good and "[warn]" not in said, said


def test_12_02_fields(nginx):
    """What a line says."""
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
    """Whatever a path holds, the line is JSON in UTF-8."""
    done = exchange(nginx, "GET", target)
    assert line_of(nginx, done)["path"] == path
    (nginx.prefix / "log.json").read_bytes().decode("utf-8", "strict")


def test_12_05_any_text(nginx):
    """Names that a client makes up."""
    body = json.dumps({"cmd": 'a"\\名', "doctype": "é\"}", "report_name": "☃"}).encode()
    line = line_of(nginx, post(nginx, "/", body.decode(), JSON))
    assert (line["cmd"], line["doctype"], line["report"]) == ('a"\\名', 'é"}', "☃")


def test_12_06_bad_request(nginx):
    """A request that nginx itself refuses is a line, too."""
    log = Log(nginx.prefix / "log.json")
    mark = log.mark()
    with Http1(nginx.port()) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert client.response().status == 400
    line = json.loads(log.wait("{", mark))
    assert (line["status"], line["pool"], line["cmd"]) == (400, "", "")


def test_12_07_several_servers(serve_once, upstreams):
    """Where two servers were tried, both stand in the line."""
    nginx = serve_once(logging(balancer(upstreams, _11=f"127.0.0.1:{free_port()}")))
    line = line_of(nginx, post(nginx, "/", "cmd=frappe.client.get"))
    assert line["upstream_status"] == "502, 200"
    assert [float(time) >= 0 for time in line["upstream_time"].split(", ")] == [True, True]


# The report

def report(*args):
    """Runs the tool."""
    return subprocess.run([sys.executable, TOOL, *map(str, args)], capture_output=True, text=True,
                          check=False)


def request(cmd="", time=0.1, **fields):
    """A line of the log."""
    return json.dumps({"time": "2026-01-01T00:00:00+00:00", "cmd": cmd, "report": "", "status": 200,
                       "pool": "erpnext_primary", "request_time": time, "upstream_time": str(time)}
                      | fields) + "\n"


@pytest.fixture
def log(tmp_path):
    """A hundred requests of known times, in seconds 0.01 to 1.00, and a few others."""
    path = tmp_path / "access.json"
    path.write_text(
        "".join(request("frappe.client.get", number / 100, status=502 if number > 95 else 200)
                for number in range(1, 101))
        + "".join(request("frappe.desk.query_report.run", 20, pool="erpnext_secondary",
                          report="General Ledger") for _ in range(7))
        + request(upstream_time="0.5, 0.25", status=417)
        + request("ping", 0, upstream_time="-", pool=""))
    return path


def table(output, name):
    """Rows of a table by their first column."""
    found = output.split(f"{name}\n", 1)[1].split("\n\n", 1)[0].splitlines()
    heads, _, *lines = [line.split("  ") for line in found]
    heads = [word for word in heads if word]
    rows = [[word.strip() for word in line if word.strip()] for line in lines]
    return {row[0]: dict(zip((head.strip() for head in heads[1:]), row[1:])) for row in rows}


def test_12_08_figures(log):
    """The arithmetic."""
    run = report(log)
    assert run.returncode == 0 and run.stderr == "", run.stderr
    assert run.stdout.startswith("109 requests from 2026-01-01T00:00:00+00:00 to ")
    rows = table(run.stdout, "Most time of the servers")
    assert rows["frappe.client.get"] == {
        "count": "100", "errors": "5.0%", "p50": "0.500", "p95": "0.950", "p99": "0.990",
        "max": "1.000", "time": "50.5", "share": "26.4%"}
    assert rows["(no command)"]["time"] == "0.8"
    assert rows["(no command)"]["errors"] == "0.0%"
    assert list(rows)[0] == "frappe.desk.query_report.run"
    assert list(table(run.stdout, "Slowest, by p95"))[0] == "frappe.desk.query_report.run"
    assert list(table(run.stdout, "Most frequent"))[0] == "frappe.client.get"
    assert table(run.stdout, "By pool")["erpnext_secondary"]["count"] == "7"
    assert table(run.stdout, "By pool")["(nginx itself)"]["time"] == "0.0"
    assert table(run.stdout, "Reports")["General Ledger"]["p95"] == "20.000"


def test_12_09_real_log(nginx):
    """The log that nginx wrote in the tests above, whole."""
    post(nginx, "/", "cmd=upload_file")
    run = report(nginx.prefix / "log.json")
    assert run.returncode == 0 and run.stderr == "", run.stderr
    assert "upload_file" in table(run.stdout, "Most frequent")


def test_12_10_top(log):
    """`--top` cuts the tables."""
    assert len(table(report(log, "--top", 2).stdout, "Most frequent")) == 2


def test_12_11_html(log, tmp_path):
    """`--html` writes a page that needs nothing else; names cannot break out of it."""
    with open(log, "a", encoding="utf-8") as file:
        file.write(request("<script>alert(1)</script>"))
    run = report(log, "--html", tmp_path / "report.html")
    assert run.returncode == 0, run.stderr
    page = (tmp_path / "report.html").read_text()
    assert "frappe.desk.query_report.run" in page and page.count("<svg") >= 8
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "http://" not in page and "https://" not in page


def test_12_12_terminal(log):
    """No name can send control characters to the terminal."""
    with open(log, "a", encoding="utf-8") as file:
        file.write(request("a\x1b[2J\x9b\u202e"))
    run = report(log)
    assert run.returncode == 0 and not set("\x1b\x9b\u202e") & set(run.stdout)


def test_12_13_several_and_compressed(log, tmp_path):
    """Rotated logs, one of them compressed; a name with a pattern's characters is a name."""
    packed = tmp_path / "access[1]*.json.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    assert report(log, packed).stdout.startswith("218 requests")


def test_12_14_bad_lines(log):
    """Lines that are something else are counted and left out."""
    with open(log, "a", encoding="utf-8") as file:
        file.write('no JSON\n{"status": 200}\n[1]\n\n' + request()[:40])
    run = report(log)
    assert run.stdout.startswith("109 requests")
    assert "4 of 113 lines were left out" in run.stderr


@pytest.mark.parametrize(("content", "args", "message"), [
    (None, [], "No such file or directory"),
    ("", [], "is empty"),
    ("127.0.0.1 - - [x] \"GET /\" 200\n", [], "was it written by the log_format"),
    ('{"a": 1}\n', [], "was it written by the log_format"),
    (request(), ["--top", "0"], "--top must be 1 or more"),
    (request(), ["--html", "/nonexistent/x.html"], "/nonexistent/x.html: No such file"),
], ids=["missing", "empty", "text", "other", "top", "html"])
def test_12_15_errors(tmp_path, content, args, message):
    """A wrong call says what is wrong, in one line."""
    path = tmp_path / "access.json"
    if content is not None:
        path.write_text(content)
    run = report(path, *args)
    assert run.returncode != 0 and message in run.stderr and "Traceback" not in run.stderr


def test_12_16_help():
    """`--help` says what the columns mean."""
    run = report("--help")
    assert run.returncode == 0
    for word in ("--top", "--html", "share", "Errors", ".gz"):
        assert word in run.stdout


def make(*args):
    """`make report`."""
    return subprocess.run(
        ["make", "-s", "report", f"PYTHON={sys.executable}", *args],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")})


def test_12_17_make(log, tmp_path):
    """`make report`, with a page."""
    run = make(f"LOG={log}", f"HTML={tmp_path}/report.html")
    assert run.returncode == 0, run.stderr
    assert "Most time of the servers" in run.stdout and (tmp_path / "report.html").exists()


def test_12_18_make_without_log():
    """It asks for the log."""
    run = make()
    assert run.returncode != 0 and "make report LOG=" in run.stderr


def test_12_19_standard_library():
    """The report needs a Python and nothing else: no package, no site directory."""
    run = subprocess.run([sys.executable, "-I", "-S", TOOL, "--help"], capture_output=True,
                         text=True, check=False)
    assert run.returncode == 0, run.stderr


def independent(lines, key):
    """What the report should say of some lines, by the definitions and no database."""
    times = sorted(line["request_time"] for line in lines)
    busy = [sum(float(time) for time in re.findall(r"[\d.]+", line["upstream_time"]))
            for line in lines]
    # The smallest value that a part q of all does not exceed.
    rank = {q: times[max(math.ceil(q * len(times)) - 1, 0)] for q in (0.50, 0.95, 0.99)}
    return {
        "count": f"{len(lines):,}", "errors": sum(line["status"] >= 499 for line in lines) / len(lines),
        "p50": f"{rank[0.50]:.3f}", "p95": f"{rank[0.95]:.3f}", "p99": f"{rank[0.99]:.3f}",
        "max": f"{times[-1]:.3f}", "busy": sum(busy), "key": key}


@pytest.mark.parametrize(("name", "field"), [
    ("Most time of the servers", "cmd"), ("By pool", "pool"), ("Reports", "report")])
def test_12_20_independent(tmp_path, name, field):
    """Another way of counting comes to the same figures, over a log of many kinds of lines."""
    dice = random.Random(20)
    lines = []
    for number in range(2000):
        tries = dice.choice([1, 1, 1, 2])
        lines.append({
            "time": f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}+00:00",
            "cmd": dice.choice(["a", "b", "b", "b", "c.d"]), "pool": dice.choice(["one", "two", "two"]),
            "report": dice.choice(["R", "S"]), "status": dice.choice([200] * 20 + [403, 499, 500, 502]),
            "request_time": round(dice.expovariate(2), 3),
            "upstream_time": ", ".join(f"{dice.expovariate(3):.3f}" for _ in range(tries))})
    path = tmp_path / "access.json"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = report(path)
    assert run.returncode == 0, run.stderr
    rows = table(run.stdout, name)
    assert set(rows) == {line[field] for line in lines}
    total = independent(lines, None)["busy"]
    for key, row in rows.items():
        wanted = independent([line for line in lines if line[field] == key], key)
        assert {head: row[head] for head in ("count", "p50", "p95", "p99", "max")} == {
            head: wanted[head] for head in ("count", "p50", "p95", "p99", "max")}
        # Rounded to a tenth, which two ways of summing may do differently.
        assert abs(float(row["errors"][:-1]) - 100 * wanted["errors"]) <= 0.051
        assert abs(float(row["time"].replace(",", "")) - wanted["busy"]) <= 0.051
        assert abs(float(row["share"][:-1]) - 100 * wanted["busy"] / total) <= 0.051
