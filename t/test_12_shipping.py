"""12: the configurations for Filebeat, Elasticsearch and Grafana name exactly the log's fields, and give them the
right types.

There is no Elasticsearch, Filebeat or Grafana here. rig/pipeline.py runs the pipeline. Where the guide's
commands run, a server that accepts everything stands for Elasticsearch.
"""

import ipaddress
import json
import re
import subprocess
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import yaml
from grafana_foundation_sdk.models import dashboard, elasticsearch, prometheus

from rig import pipeline
from rig.client import exchange, post
from rig.configurations import CONF, balancer, text
from rig.env import ROOT
from rig.logs import Log
from rig.nginx import free_port
from rig.waiting import until

SHIPPING = CONF / "log-shipping"
FORMAT = (CONF / "log-json.conf").read_text()
FIELDS = re.findall(r"""^\s+'"(\w+)":""", FORMAT, re.MULTILINE)
GUIDE = (ROOT / "docs/log-shipping.md").read_text()


def load(name):
    """A JSON file."""
    return json.loads((SHIPPING / name).read_text())


TEMPLATE = load("index-template.json")
PIPELINE = load("ingest-pipeline.json")
DASHBOARD = load("grafana-dashboard.json")
FILEBEAT = yaml.safe_load((SHIPPING / "filebeat.yml").read_text())
TYPES = TEMPLATE["template"]["mappings"]["properties"]["frappe"]["properties"]


def test_12_61_fields():
    """The template has each field of the log; pipeline and dashboard have no other fields."""
    assert len(FIELDS) == 20
    assert set(TYPES) == set(FIELDS)
    for name in ("ingest-pipeline.json", "grafana-dashboard.json"):
        used = set(re.findall(r"frappe\??\.(\w+)", (SHIPPING / name).read_text()))
        assert used and used <= set(FIELDS), name


def test_12_62_filebeat():
    """Filebeat reads the log that log-json.conf writes, and sends it to the index of template and pipeline."""
    (source,) = FILEBEAT["filebeat.inputs"]
    log = re.search(r"^access_log (\S+) frappe_json;", FORMAT, re.MULTILINE)[1]
    assert source["type"] == "filestream" and source["id"]
    assert source["paths"] == [log, f"{log}.1"]
    (parser,) = source["parsers"]
    assert parser["ndjson"]["target"] == "frappe"
    output = FILEBEAT["output.elasticsearch"]
    (pattern,) = TEMPLATE["index_patterns"]
    assert output["index"].startswith(pattern.removesuffix("*"))
    assert output["pipeline"] == TEMPLATE["template"]["settings"]["index"]["default_pipeline"]
    assert FILEBEAT["setup.template.enabled"] is FILEBEAT["setup.ilm.enabled"] is False
    for variable in re.findall(r"\$\{(\w+)", json.dumps(FILEBEAT)):
        assert variable in GUIDE
    assert pattern in GUIDE


@pytest.fixture(scope="module")
def lines(serve, upstreams):
    """Lines of a real nginx: of a plain request, one that nginx itself answered, one that went to two servers, a
    bad one."""
    log = {"/var/log/nginx/frappe-access.log": "@{prefix}/log.json"}
    conf = balancer(upstreams, _11=f"127.0.0.1:{free_port()}") + text("log-json.conf", log)
    nginx = serve(conf.replace("frappe_cmd on;", "frappe_cmd on; location = /own { return 204; }", 1))
    post(nginx, "/", "report_name=Stock+Balance&doctype=Item&cmd=frappe.desk.query_report.run")
    exchange(nginx, "GET", "/own")
    for _ in range(2):
        post(nginx, "/", "cmd=frappe.client.get")
    written = Log(nginx.prefix / "log.json")
    until(lambda: written.text().count("\n") == 4, "four lines")
    return [json.loads(line) for line in written.text().splitlines()]


def shipped(line):
    """The document that Elasticsearch would store for a line."""
    return pipeline.run(PIPELINE, {"message": json.dumps(line), "frappe": dict(line),
                                   "host": {"name": "balancer"}})


FITS = {
    "keyword": lambda value: isinstance(value, str) and 0 < len(value) <= 1024,
    "float": lambda value: isinstance(value, float | int),
    "short": lambda value: isinstance(value, int) and 0 <= value < 1000,
    "long": lambda value: isinstance(value, int),
    "ip": lambda value: bool(ipaddress.ip_address(value)),
    "date": lambda value: bool(datetime.fromisoformat(value)),
}


def test_12_63_types(lines):
    """After the pipeline every value has the template's type."""
    for line in lines:
        doc = shipped(line)
        assert "error" not in doc and "message" not in doc
        assert doc["@timestamp"] == datetime.fromisoformat(line["time"]).isoformat()
        for name, value in doc["frappe"].items():
            for one in value if isinstance(value, list) else [value]:
                assert FITS[TYPES[name]["type"]](one), (name, one)


def test_12_64_values(lines):
    """The pipeline removes empty values, and makes a list of several servers."""
    report, own, *others = (shipped(line)["frappe"] for line in lines)
    assert report["report"] == "Stock Balance" and report["pool"] == "erpnext_secondary"
    assert len(report["upstream_time"]) == 1
    assert not {"cmd", "pool", "upstream", "upstream_time", "upstream_status"} & set(own)
    (two,) = [one for one in others if len(one["upstream"]) == 2]
    assert two["upstream_status"] == ["502", "200"] and len(two["upstream_time"]) == 2


@pytest.mark.parametrize(("given", "times", "servers"), [
    ("0.010, 0.250", [0.01, 0.25], 2), ("0.010, 0.250 : 0.001", [0.01, 0.25, 0.001], 3),
    ("-", [0.0], 1), ("-, 0.2", [0.0, 0.2], 2),
])
def test_12_65_lists(lines, given, times, servers):
    """The pipeline reads the lists that nginx writes for several servers."""
    names = given.replace("0.010", "10.0.0.1:80").replace("-", "10.0.0.9:80")
    names = re.sub(r"0\.\d+", "unix:/run/a.sock", names.replace("10.0.0", "10_0_0"))
    doc = shipped(lines[0] | {"upstream_time": given, "upstream": names})
    assert doc["frappe"]["upstream_time"] == times
    assert len(doc["frappe"]["upstream"]) == servers


@pytest.mark.parametrize("broken", [{"time": "yesterday"}, {"upstream_time": "soon"}])
def test_12_66_failure(lines, broken):
    """The pipeline keeps a line that it cannot read, with the reason."""
    doc = shipped(lines[0] | broken)
    assert next(iter(broken.values())) in doc["error"]["message"]
    assert doc["frappe"]["cmd"] == lines[0]["cmd"]


def kept(given, read):
    """Whether `read` still has all that `given` has."""
    if isinstance(given, dict):
        return isinstance(read, dict) and all(
            kept(value, read.get(key)) for key, value in given.items())
    if isinstance(given, list):
        return isinstance(read, list) and len(given) == len(read) and all(map(kept, given, read))
    return given == read


def plain(model):
    """A dashboard's objects as dictionaries."""
    return json.loads(json.dumps(model, default=lambda one: one.to_json()))


def targets(board, language):
    """The queries of a dashboard. Checks that Grafana's own types know all keys of the dashboard and its
    queries, that each panel has its own number, and that panels neither overlap nor leave a gap."""
    assert kept(board, plain(dashboard.Dashboard.from_json(board)))
    cells = []
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells += [(x, y) for x in range(place["x"], place["x"] + place["w"])
                  for y in range(place["y"], place["y"] + place["h"])]
        for target in panel["targets"]:
            assert kept(target, plain(language.Dataquery.from_json(target)))
            yield target
    height = 1 + max(y for _, y in cells)
    assert sorted(cells) == [(x, y) for x in range(24) for y in range(height)]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


def test_12_67_dashboard():
    """Each query asks for fields of the log, by their types. Calls and commands both occur."""
    fields = set()
    for target in targets(DASHBOARD, elasticsearch):
        ids = {metric["id"] for metric in target["metrics"]}
        for bucket in target["bucketAggs"]:
            assert bucket["settings"].get("orderBy", "_count") in ids | {"_count"}
            assert bucket["type"] == "date_histogram" or TYPES[
                bucket["field"].removeprefix("frappe.")]["type"] == "keyword"
        for metric in target["metrics"]:
            assert metric["type"] == "count" or TYPES[
                metric["field"].removeprefix("frappe.")]["type"] == "float"
        fields |= {bucket["field"] for bucket in target["bucketAggs"]}
    assert {"frappe.call", "frappe.cmd", "frappe.report", "frappe.doctype", "frappe.pool"} <= fields


def test_12_69_dashboard_for_prometheus():
    """Each query asks for metrics of docs/status.md, by their labels. t/test_21_status.py runs them."""
    table = (ROOT / "docs/status.md").read_text().split("| metric | labels |", 1)[1].split("\n\n")[0]
    known = {}
    for line in table.splitlines()[2:]:
        names, labels = line.strip("|").split("|")
        for name in re.findall(r"`(\w+)`", names):
            parts = ("_bucket", "_sum", "_count") if "(histogram)" in names else ("",)
            known |= {name + part: set(re.findall(r"`(\w+)`", labels)) for part in parts}
    used = set()
    for target in targets(load("grafana-prometheus.json"), prometheus):
        metrics = set(re.findall(r"frappe_\w+", target["expr"]))
        assert metrics and metrics <= set(known), target
        labels = set().union(*(known[name] for name in metrics)) | {"instance", "le"}
        asked = re.findall(r"(\w+)=~", target["expr"])
        asked += re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"])))
        asked += re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
        assert asked and set(asked) <= labels, target
        used |= metrics
    assert len(used) >= 8


class Taker(BaseHTTPRequestHandler):
    """A server that accepts JSON from a client with the key."""

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.command, self.path, json.loads(body)))
        good = self.headers["Authorization"] == "ApiKey k3y"
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT

    def log_message(self, *_args):
        pass


def test_12_68_commands(lines, tmp_path):
    """The guide's commands send the files that they name."""
    (tmp_path / "frappe-access.log").write_text(json.dumps(lines[0]) + "\n")
    scripts = re.findall(r"^```bash\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    server.taken = []
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        for script in scripts:
            subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script.replace("/var/log/nginx", str(tmp_path))],
                cwd=ROOT, check=True, timeout=30,
                env={"PATH": "/usr/bin:/bin", "ELASTICSEARCH_API_KEY": "k3y",
                     "ELASTICSEARCH": f"http://127.0.0.1:{server.server_port}"})
    finally:
        server.shutdown()
        server.server_close()
    name = FILEBEAT["output.elasticsearch"]["pipeline"]
    assert server.taken == [
        ("PUT", f"/_ingest/pipeline/{name}", PIPELINE),
        ("PUT", "/_index_template/frappe-access", TEMPLATE),
        ("POST", f"/_ingest/pipeline/{name}/_simulate", {"docs": [{"_source": {"frappe": lines[0]}}]}),
    ]
