"""12: the configurations and commands of the guide in docs/ work."""

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml

from rig.client import FORM, JSON, exchange, of_type, post
from rig.configurations import CONF, PRIMARY, SECONDARY, balancer, text
from rig.env import ROOT
from rig.http1 import Http1
from rig.message import head
from rig.nginx import free_port

DOCS = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACES = re.compile(r"/var/log/nginx/|/run/(?=nginx\.pid)")


def blocks(path):
    """Kind and text of each fenced block."""
    return BLOCK.findall(path.read_text())


def of_kind(kind):
    """One parameter for each block of a kind."""
    return [pytest.param(content, id=f"{path.stem}-{number}")
            for path in DOCS for number, (k, content) in enumerate(blocks(path)) if k == kind]


def commands():
    """Blocks of commands, each with the output that the guide shows behind it, or none. The first hour is left
    out, since it changes a whole system: t/test_10_first_hour.py runs it."""
    for path in DOCS:
        if path.stem == "first-hour":
            continue
        found = blocks(path)
        for number, (kind, content) in enumerate(found):
            if kind == "sh":
                after = found[number + 1 :][:1]
                shown = after[0][1] if after and after[0][0] == "text" else ""
                yield pytest.param(content, shown, id=f"{path.stem}-{number}")


def loadable(conf):
    """A block of the guide with a free port and with the route files of nginx-conf."""
    conf = conf.replace("listen 80;", "@{listen main}").replace("/var/lib/nginx/", "@{prefix}/")
    return conf.replace("include frappe/", f"include {CONF}/")


@pytest.mark.parametrize("conf", of_kind("nginx"))
def test_12_81_configurations(serve, conf):
    """nginx accepts each configuration of the guide."""
    good, said = serve(loadable(conf), start=False, log="access_log off;").test()
    assert good and "[warn]" not in said, said


@pytest.mark.parametrize(("body", "pool"), [
    ("dt=Production+Plan&method=get_items&cmd=run_doc_method", "reports"),
    ("dt=Month+End&method=close_month&cmd=runserverobj", "reports"),
    ("docs=%7B%22doctype%22:%22Month+End%22%7D&method=close_month&cmd=run_doc_method", "reports"),
    ("dt=Item&method=get_items&cmd=run_doc_method", "primary"),
    ("dt=Production+Plan&method=get_items&cmd=frappe.client.get", "primary"),
    ("report_name=General+Ledger&cmd=frappe.desk.query_report.run", "reports"),
    ("report_name=Sales+Analytics&cmd=frappe.desk.query_report.run", "reports"),
    ("report_name=Addresses&cmd=frappe.desk.query_report.run", "primary"),
    ("report_name=Mine&cmd=frappe.desk.query_report.export_query", "reports"),
    ("report_name=Addresses&cmd=frappe.desk.query_report.export_query", "primary"),
    ("doctype=ToDo&cmd=frappe.desk.reportview.delete_items", "reports"),
    ("x=1", "primary"),
])
def test_12_82_routes_of_the_guide(serve, upstreams, body, pool):
    """The map of methods of documents routes bodies as the guide says."""
    conf, = (content for kind, content in blocks(ROOT / "docs/choosing-routes.md")
             if kind == "nginx" and "run_doc_method" in content)
    conf = conf.replace(PRIMARY[0], upstreams["primary"].address)
    conf = conf.replace(SECONDARY[0], upstreams["reports"].address)
    assert post(serve(loadable(conf)), "/", body).answer["pool"] == pool


@pytest.fixture(scope="module")
def shell(serve, upstreams, env, tmp_path_factory):
    """Runs commands where nginx, with balancer.conf and log-json.conf, is erp.example.com."""
    home = tmp_path_factory.mktemp("guide")
    log = {"/var/log/nginx/frappe-access.log": "@{prefix}/frappe-access.log"}
    conf = balancer(upstreams) + text("log-json.conf", log)
    nodes = re.compile(r"consistent;\n(    server \S+;\n)+")
    assert nodes.search(conf)
    conf = nodes.sub(f"consistent;\n    server 127.0.0.1:{free_port()};\n", conf)
    nginx = serve(conf)
    (home / ".curlrc").write_text(f'connect-to = "::127.0.0.1:{nginx.port()}"\n')
    demo = (ROOT / "nginx-conf/demo/04-report-export.http").read_bytes()
    (home / "request.http").write_bytes(demo)
    (home / "saved.har").write_text('{"log": {"entries": [{"request": {"method": "GET", '
                                    '"url": "http://erp.example.com/app", "headers": []}}]}}')
    from oracle.peers import frappe_cmd

    tools = home / "bin"
    tools.mkdir()
    for name, command in {
        "nginx": [env.nginx, "-p", f"{nginx.prefix}/", "-c", nginx.prefix / "nginx.conf",
                  "-e", nginx.prefix / "error.log", '"$@"'],
        "make": [shutil.which("make"), "-s", "-C", ROOT, f"PYTHON={sys.executable}", '"$@"'],
        "frappe-cmd": [frappe_cmd(), '"$@"'],
        "frappe-report": [sys.executable, ROOT / "tools/report.py", '"$@"'],
    }.items():
        line = " ".join(part if '"$' in str(part) else shlex.quote(str(part)) for part in command)
        (tools / name).write_text(f"#!/bin/bash\nexec {line}\n")
        (tools / name).chmod(0o755)
    # The log gets a line of a report's run, and those of `trouble`.
    post(nginx, "/", "report_name=Stock+Balance&cmd=frappe.desk.query_report.run")
    trouble(nginx)

    def run(script):
        script = PLACES.sub(f"{nginx.prefix}/", script)
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], cwd=home, capture_output=True, text=True,
            timeout=50, check=False, env={"HOME": str(home), "PATH": f"{tools}:/usr/bin:/bin"})

    return run


def trouble(nginx):
    """Causes the troubles of the guide's table: a compressed body, a large one, one that is too large, and a
    socketio that does not run."""
    exchange(nginx, "POST", "/", [*of_type(JSON), ("Content-Encoding", "gzip")], gzip.compress(b'{"cmd":"f"}'))
    assert post(nginx, "/", "cmd=upload_file&x=" + "x" * 100_000).response.status == 200
    with Http1(nginx.port()) as client:
        client.send(head("POST", "/", [*of_type(FORM), ("Content-Length", "60000000")]))
        assert client.response().status == 413
    assert exchange(nginx, "GET", "/socket.io/?EIO=4").response.status == 502


@pytest.mark.parametrize(("script", "shown"), list(commands()))
def test_12_83_commands(shell, script, shown):
    """Each command succeeds and prints the lines that the guide shows."""
    # nginx writes the line of a request behind its answer, and `tail` may read the log before that.
    for _ in range(5):
        run = shell(script)
        assert run.returncode == 0, run.stdout + run.stderr
        missing = [line for line in shown.splitlines() if line.strip() not in run.stdout]
        if not missing:
            return
    pytest.fail(f"{missing} in {run.stdout}")


BASH = [content for path in DOCS if path.stem != "log-shipping"
        for kind, content in blocks(path) if kind == "bash"]


def test_12_86_kinds():
    """Each block is of a kind that a test runs or reads: `sh` and `nginx` above, `yaml` below, `ini` in
    `t/test_12_compose.py`, `make` in `t/test_10_first_hour.py`, `promql` in `t/test_21_status.py`. `bash` is
    for commands that need docker, another nginx or Elasticsearch (`t/test_12_shipping.py`)."""
    kinds = {kind for path in DOCS for kind, _ in blocks(path)}
    assert kinds <= {"sh", "nginx", "text", "yaml", "bash", "ini", "make", "promql"}


def test_12_87_not_run():
    """The files and options in commands that cannot run here exist."""
    help_ = subprocess.run([ROOT / "packaging/build-for-nginx.sh", "--help"], capture_output=True,
                           text=True, check=True).stdout
    seen = set()
    for words in (shlex.split(line) for block in BASH for line in block.splitlines()):
        if words[0] == "packaging/build-for-nginx.sh":
            assert all(word in help_ for word in words[1:] if word.startswith("--"))
        elif words[:2] == ["docker", "build"]:
            file = ROOT / words[words.index("-f") + 1]
            name, _, _ = words[words.index("--build-arg") + 1].partition("=")
            assert f"ARG {name}=" in file.read_text() and words[-1] == "."
        elif "compose.host.yaml" in words:
            assert (ROOT / "packaging/docker/compose.host.yaml").exists()
        elif "docker" in words:
            assert (ROOT / words[-4].removeprefix("$ROUTES/")).exists()
            line = (ROOT / "packaging/docker/compose.frappe.yaml").read_text()
            assert words[0] in line
        else:
            continue
        seen.add(words[0].partition("=")[0])
    assert seen == {"packaging/build-for-nginx.sh", "docker", "ROUTES"}


def test_12_88_ingress(serve, upstreams):
    """The snippets for the ingress work where the ingress controller puts them."""
    (block,) = [content for kind, content in blocks(ROOT / "docs/build-for-nginx.md")
                if kind == "yaml"]
    data = yaml.safe_load(block)["data"]
    assert data["main-snippets"].strip() == "load_module modules/ngx_http_frappe_module.so;"
    conf = f"""
        {data["http-snippets"]}
        server {{
            @{{listen main}}
            {data["server-snippets"]}
            location / {{
                {data["location-snippets"]}
                proxy_pass http://primary;
            }}
        }}"""
    service = "erpnext-reports.erpnext.svc.cluster.local:8080"
    assert service in conf
    nginx = serve(loadable(conf.replace(service, upstreams["reports"].address)))
    for body, pool in (("cmd=frappe.desk.query_report.run", "reports"), ("cmd=upload_file", "reports"),
                       ("cmd=frappe.client.get", "primary"), ("x=1", "primary")):
        done = post(nginx, "/api/method/frappe.desk.form.save.savedocs"
                    if pool == "primary" else "/", body)
        assert done.answer["pool"] == pool
        assert done.answer["length"] == len(body)


def test_12_89_state():
    """Each `state=` in the documentation lies in the directory that the package makes, and purges."""
    texts = [*DOCS, ROOT / "README.md", *CONF.glob("*.conf"), *(ROOT / "packaging/snippets").glob("*")]
    named = [found for path in texts for found in re.findall(r"state=(/[^\s;`]+)", path.read_text())]
    assert len(named) >= 3 and set(named) == {"/var/lib/nginx/frappe/calls"}
    scripts = [(ROOT / f"packaging/debian/libnginx-mod-http-frappe.{name}").read_text()
               for name in ("postinst", "postrm")]
    assert "    install -d -o www-data /var/lib/nginx/frappe\n" in scripts[0]
    assert "    rm -rf /var/lib/nginx/frappe\n" in scripts[1]


def test_12_84_links():
    """Links within the project lead to files and headings that exist."""
    for path in DOCS:
        markdown = path.read_text()
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", markdown):
            place = (path.parent / target).resolve() if target else path
            assert place.exists(), f"{path.name}: {target}"
            if anchor:
                heads = re.findall(r"^#+ (.*)$", place.read_text(), re.MULTILINE)
                assert anchor in [head.lower().replace(" ", "-") for head in heads]


def test_12_85_failover_table():
    """The guide's table of failures agrees with balancer.conf, which t/test_11 tests."""
    conf = (CONF / "balancer.conf").read_text()
    for line in ("proxy_next_upstream error timeout http_502;", "proxy_next_upstream_timeout 10s;"):
        assert line in conf
    assert not re.search(r"^\s*proxy_next_upstream .*non_idempotent", conf, re.MULTILINE)
