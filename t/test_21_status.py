"""21: `frappe_status` answers as docs/status.md says, with JSON by its schema, Prometheus's text, and errors."""

import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request

import jsonschema
import pytest
import yaml

from rig import process
from rig.client import exchange
from rig.env import ROOT
from rig.figures import ask, calls, figures
from rig.http1 import Http1
from rig.load import pipelined
from rig.nginx import free_port
from rig.waiting import until

CONF = """
    frappe_status_zone calls 1m;
    keepalive_requests 1000000;
    server {
        @{listen main}
        frappe_cmd on;
        location / { return 200 "ok\\n"; }
        location /pool/ { proxy_pass http://primary/; }
        location /broken { return 502; }
        location /status { frappe_status calls; }
        location /frappe-status { frappe_status; }
    }
"""

GUIDE = ROOT / "docs/status.md"
HOSTILE = "<img src=x onerror=\"alert('\\')\">"


@pytest.fixture(name="nginx", scope="module")
def fixture_nginx(serve):
    nginx = serve(CONF, log="access_log off;")
    pipelined(nginx.port(), [f"/api/method/app.{number % 30}" for number in range(300)])
    for target in ("/pool/?cmd=pooled", f"/?cmd={urllib.parse.quote(HOSTILE)}"):
        with Http1(nginx.port()) as client:
            client.request("GET", target)
            assert client.response().status == 200
    return nginx


@pytest.mark.parametrize("target", ["/status", "/status?format=json", "/status?top=3"])
def test_21_01_json_follows_its_schema(nginx, target):
    """docs/status.schema.json describes every answer."""
    schema = json.loads((ROOT / "docs/status.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(figures(nginx, target))


def test_21_02_top(nginx):
    """The report shows the calls that take most time, and one sum for all others."""
    found = figures(nginx, "/status?top=5")
    assert len(found["calls"]) == 5 == found["rows"]["shown"]
    shown = sum(call["requests"] for call in found["calls"])
    assert shown + found["other"]["requests"] == found["total"]["requests"] == 302
    times = [call["request"]["sum"] for call in figures(nginx)["calls"]]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("accept, content_type", [
    (None, "application/json"),
    ("*/*", "application/json"),
    ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"),
    ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1",
     "text/plain; version=0.0.4; charset=utf-8"),
])
def test_21_03_by_accept(nginx, accept, content_type):
    """Browsers get the page, Prometheus its text, others JSON."""
    headers = {"Accept": accept} if accept else {}
    with Http1(nginx.port()) as client:
        client.request("GET", "/status", headers.items())
        response = client.response()
    assert response.status == 200
    assert response.header("Content-Type") == content_type
    assert response.header("Cache-Control") == "no-store"
    assert response.header("X-Content-Type-Options") == "nosniff"
    policy = response.header("Content-Security-Policy")
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy


@pytest.mark.parametrize("form", ["html", "json", "prometheus"])
@pytest.mark.parametrize("via", ["length", "h2"])
def test_21_04_head_has_the_length_of_get(serve_once, form, via):
    """HEAD has the headers of GET, also Content-Length, and no body."""
    nginx = serve_once(CONF.replace("@{listen main}", "@{listen main} @{listen_h2 h2}"))
    target = f"/status?format={form}"
    answers = [exchange(nginx, method, target, via=via).response for method in ("GET", "HEAD")]
    assert [answer.status for answer in answers] == [200, 200]
    lengths = [answer.header("Content-Length") or answer.header("content-length")
               for answer in answers]
    assert lengths[0] == lengths[1] == str(len(answers[0].body))
    assert answers[1].body == b""


@pytest.mark.parametrize("method, target, status, text, allow", [
    ("PUT", "/status", 405, "GET, HEAD, or POST", "GET, HEAD, POST"),
    ("DELETE", "/status", 405, "GET, HEAD, or POST", "GET, HEAD, POST"),
    ("OPTIONS", "/status", 405, "GET, HEAD, or POST", "GET, HEAD, POST"),
    ("GET", "/status?reset=1", 405, "reset=1 needs POST", "POST"),
    ("POST", "/status", 400, "POST needs ?reset=1", None),
    ("POST", "/status?reset=2", 400, "POST needs ?reset=1", None),
    ("GET", "/status?format=xml", 400, "html, json or prometheus", None),
    ("GET", "/status?format=", 400, "html, json or prometheus", None),
    ("GET", "/status?top=0", 400, "1 to 100000", None),
    ("GET", "/status?top=100001", 400, "1 to 100000", None),
    ("GET", "/status?top=-1", 400, "1 to 100000", None),
    ("GET", "/status?top=9%39", 400, "1 to 100000", None),
    ("GET", "/status?top=99999999999999999999999", 400, "1 to 100000", None),
])
def test_21_05_a_wrong_request_is_told_what_is_right(nginx, method, target, status, text, allow):
    """One line of text says what a right request would be."""
    found, headers, body = ask(nginx, target, method=method)
    assert found == status
    assert text in body and len(body.splitlines()) == 1
    assert headers["Allow"] == allow
    assert headers["Cache-Control"] == "no-store"


def test_21_06_no_reset_from_another_site(nginx):
    """nginx refuses a reset if the browser says that another site has sent it."""
    before = figures(nginx)["total"]["requests"]
    status, _, _ = ask(nginx, "/status?reset=1", method="POST",
                       headers={"Sec-Fetch-Site": "cross-site"})
    assert status == 403
    assert figures(nginx)["total"]["requests"] == before


def test_21_07_long_answers_do_not_hold_up_others(serve_once):
    """The worker makes an answer of megabytes in turns, and answers other requests meanwhile."""
    nginx = serve_once(CONF.replace("calls 1m", "calls 16m"), log="access_log off;")
    pipelined(nginx.port(), [f"/api/method/app.{number}" for number in range(15_000)])
    with Http1(nginx.port()) as long, Http1(nginx.port()) as short:
        long.request("GET", "/status?format=json&top=100000")
        long.wait_read()
        short.request("GET", "/")
        assert short.response().status == 200
        report = json.loads(long.response().body)
    # The report may also have the page that was requested meanwhile.
    assert sum(call["call"].startswith("app.") for call in report["calls"]) == 15_000


def test_21_08_a_client_that_leaves_in_between(serve_once):
    """A client that leaves while its answer is being made leaves nothing behind."""
    nginx = serve_once(CONF.replace("calls 1m", "calls 16m"), log="access_log off;")
    pipelined(nginx.port(), [f"/api/method/app.{number}" for number in range(10_000)])
    sockets = process.sockets(nginx.worker())
    for _ in range(20):
        with Http1(nginx.port()) as client:
            client.request("GET", "/status?format=json&top=100000")
            client.wait_read()
    until(lambda: process.sockets(nginx.worker()) <= sockets, "the worker to close its sockets")


# Prometheus


@pytest.fixture(name="promtool", scope="module")
def fixture_promtool():
    """Skips the test without Debian's promtool and Prometheus."""
    for program in ("promtool", "prometheus"):
        if not shutil.which(program):
            pytest.skip(f"no {program}: `build/deps.sh figures` installs it")
    return shutil.which("promtool")


def test_21_20_promtool_finds_nothing(nginx, promtool):
    """`promtool check metrics` finds nothing, also with odd names of calls."""
    for top in (2, 500):
        _, _, text = ask(nginx, f"/status?format=prometheus&top={top}")
        check = subprocess.run([promtool, "check", "metrics"], input=text, text=True,
                               capture_output=True, check=False)
        assert (check.returncode, check.stdout, check.stderr) == (0, "", "")
    assert "onerror" in text


def test_21_21_histograms_have_12_to_20_buckets(nginx):
    """A histogram has 12 to 20 buckets, and a scrape has no more calls than `top` says."""
    _, _, text = ask(nginx, "/status?format=prometheus&top=3")
    buckets = re.findall(r'^frappe_request_duration_seconds_bucket\{call="\(other\)",le="(.*)"\}',
                         text, re.M)
    assert 12 <= len(buckets) <= 20 and buckets[-1] == "+Inf"
    assert len(set(re.findall(r'call="((?:[^"\\]|\\.)*)"', text))) == 4


class Prometheus:
    """A real Prometheus that scrapes two nginx servers each second."""

    def __init__(self, directory, targets):
        port = free_port()
        config = directory / "prometheus.yml"
        # The guide's configuration, with other addresses and a shorter interval.
        (shown,) = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.S)
        settings = yaml.safe_load(shown)
        (job,) = settings["scrape_configs"]
        job["static_configs"] = [{"targets": targets}]
        settings["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        config.write_text(yaml.safe_dump(settings))
        self.url = f"http://127.0.0.1:{port}"
        self._process = process.spawn(
            [shutil.which("prometheus"), f"--config.file={config}",
             f"--storage.tsdb.path={directory}/data", f"--web.listen-address=127.0.0.1:{port}"],
            directory / "prometheus.log")

    def query(self, text):
        """The values of a query by their labels."""
        query = urllib.parse.urlencode({"query": text})
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query?{query}", timeout=5) as response:
                result = json.load(response)["data"]["result"]
        except OSError:
            return {}
        return {tuple(sorted(series["metric"].items())): float(series["value"][1])
                for series in result}

    def stop(self):
        """Ends it."""
        process.stop(self._process)


def queries():
    """The PromQL of docs/status.md, in its order."""
    text = GUIDE.read_text()
    return [block.strip() for block in re.findall(r"```promql\n(.*?)```", text, re.S)]


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("promtool")
def test_21_22_a_real_prometheus_answers_the_queries_of_the_guide(serve_once, tmp_path):
    """A real Prometheus answers the guide's queries: the rate by call, the 95th percentile by call, and that of
    two balancers together."""
    balancers = [serve_once(CONF, log="access_log off;") for _ in range(2)]
    prometheus = Prometheus(tmp_path, [f"127.0.0.1:{nginx.port()}" for nginx in balancers])
    try:
        up = "up == 1"
        until(lambda: len(prometheus.query(up)) == 2, "two scrapes", timeout=30)
        for nginx, count in zip(balancers, (400, 200)):
            pipelined(nginx.port(), ["/api/method/app.quick"] * count)
        total = 'sum(frappe_requests_total{call="app.quick"})'
        until(lambda: prometheus.query(total).get((), 0) == 600, "the requests", timeout=30)

        def answer(query):
            # The range is about as long as this test.
            query = re.sub(r"\[\d+m\]", "[1m]", query)
            # rate() sees a series from its second sample on.
            return until(lambda: {key: value for key, value in prometheus.query(query).items()
                                  if dict(key).get("call", "app.quick") == "app.quick"},
                         query, timeout=30)

        rate, p95, both = queries()
        pipelined(balancers[0].port(), ["/api/method/app.quick"] * 600)
        until(lambda: prometheus.query(total).get((), 0) == 1200, "the requests", timeout=30)
        assert sum(answer(rate).values()) > 0
        # All requests were answered at once, so they are in the first bucket.
        assert all(0 <= value <= 0.005 for value in answer(p95).values())
        together = answer(both)
        assert len(together) == 1 and 0 <= next(iter(together.values())) <= 0.005
        ours = sum(calls(nginx)["app.quick"]["requests"] for nginx in balancers)
        assert prometheus.query(total)[()] == ours == 1200
    finally:
        prometheus.stop()


BOARD = json.loads((ROOT / "nginx-conf/log-shipping/grafana-prometheus.json").read_text())


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("promtool")
def test_21_23_it_answers_the_dashboard(serve_once, tmp_path):
    """Prometheus answers each query of the dashboard, with the values that Grafana puts in place of its
    variables. The numbers are right for the rate, the errors, and the time of the servers."""
    nginx = serve_once(CONF, log="access_log off;")

    def send():
        pipelined(nginx.port(), ["/pool/?cmd=app.pooled"] * 30 + ["/api/method/app.quick"] * 60)
        with Http1(nginx.port()) as client:
            for _ in range(10):
                client.request("GET", "/broken?cmd=app.broken")
                assert client.response().status == 502
    send()
    prometheus = Prometheus(tmp_path, [f"127.0.0.1:{nginx.port()}"])
    # The values of the variables before a user has chosen any.
    place = {"$__rate_interval": "1m", "$__range": "1m"} | {
        f"${variable['name']}": variable["allValue"] for variable in BOARD["templating"]["list"][1:]}
    try:
        count = "sum(frappe_requests_total)"
        until(lambda: prometheus.query(count).get(()) == 100, "the first scrape", timeout=30)
        send()
        until(lambda: prometheus.query(count).get(()) == 200, "all of the second", timeout=30)
        answers = {}
        for panel in BOARD["panels"]:
            for target in panel["targets"]:
                query = target["expr"]
                for name, value in place.items():
                    query = query.replace(name, value)
                assert "$" not in query
                found = until(lambda query=query: prometheus.query(query), query, timeout=30)
                answers[panel["title"], target["refId"]] = {
                    dict(labels).get("call"): value for labels, value in found.items()}
        for title in ("Requests a second by call", "p95 by call", "Calls"):
            assert {"app.quick", "app.pooled", "app.broken"} <= set(answers[title, "A"]), title
        assert answers["Errors by call", "A"] == {"app.broken": 1}
        assert answers["Calls", "B"] == {"app.broken": 1}
        rates = answers["Requests a second by call", "A"]
        assert rates["app.quick"] == pytest.approx(6 * rates["app.broken"])
        assert answers["Servers busy by call", "A"]["app.pooled"] >= 0
        assert answers["Room in the zone", "A"] == {None: 3}
        for variable in BOARD["templating"]["list"][1:]:
            query, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]).groups()
            shown = prometheus.query(query.replace("$instance", ".+"))
            assert shown and all(label in dict(labels) for labels in shown)
    finally:
        prometheus.stop()
