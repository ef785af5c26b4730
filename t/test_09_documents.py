"""09: what the README and the demo show works."""

import json
import re
import socket
import subprocess

import pytest

from rig.env import ROOT
from rig.nginx import free_port

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```nginx\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_09_01_readme(env, tmp_path, number):
    """nginx takes each configuration of the README as it stands there."""
    conf = BLOCKS[number].replace("modules/ngx_http_frappe_module.so", str(env.module))
    # No root is needed, and nothing outside of the directory is written.
    conf = conf.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    conf = conf.replace("/var/log/nginx/", f"{tmp_path}/")
    conf = conf.replace("http {", f"http {{ client_body_temp_path {tmp_path}/body; "
                        f"proxy_temp_path {tmp_path}/proxy; fastcgi_temp_path {tmp_path}/fastcgi; "
                        f"uwsgi_temp_path {tmp_path}/uwsgi; scgi_temp_path {tmp_path}/scgi;", 1)
    (tmp_path / "logs").mkdir()
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid;\n{conf}")
    run = subprocess.run(
        [env.nginx, "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf",
         "-e", tmp_path / "error.log"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_09_02_readme_has_configurations():
    """The test above tests something."""
    assert len(BLOCKS) >= 2


@pytest.mark.parametrize("name", ["frappe_cmd", "frappe_body", "frappe_version"])
def test_09_03_directives(name):
    """Every directive is described in nginx.org's form."""
    section = README.split(f"### {name}\n", 1)[1].split("\n### ", 1)[0]
    for row in ("Syntax:", "Default:", "Context:"):
        assert row in section


def test_09_04_demo(env, tmp_path):
    """The demo sends its requests to the pools that they belong to, and leaves nothing running."""
    port = free_port()
    run = subprocess.run(
        ["python3", ROOT / "nginx-conf/demo/run.py", "--nginx", env.nginx, "--module", env.module,
         "--directory", tmp_path, "--once"],
        env={"PATH": "/usr/bin:/bin", "PORT": str(port)},
        capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "frappe.desk.query_report.export_query" in run.stdout
    assert not list(tmp_path.rglob("nginx.pid"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.fixture(scope="session")
def frappe_cmd():
    """Runs the example program."""
    from oracle.peers import frappe_cmd as path

    def run(*args, data=None):
        return subprocess.run([path(), *map(str, args)], input=data,
                              capture_output=True, text=True, check=False)

    return run


def test_09_05_frappe_cmd_explains(frappe_cmd):
    """`frappe-cmd --explain` names the rule that decided."""
    request = ROOT / "nginx-conf/demo/04-report-export.http"
    run = frappe_cmd("--explain", request)
    assert "cmd     frappe.desk.query_report.export_query" in run.stdout
    assert "the argument cmd, found in form, beats the path" in run.stdout


def test_09_06_frappe_cmd_reads_har(frappe_cmd, tmp_path):
    """A HAR file gives an answer for each of its requests."""
    entries = [
        {"request": {"method": "POST", "url": "https://erp.example/api/method/p", "headers": [
            {"name": ":method", "value": "POST"},
            {"name": "content-type", "value": "application/json"}],
            "postData": {"text": '{"cmd": "a"}'}}},
        {"request": {"method": "GET", "url": "https://erp.example/api/method/b?x=1",
                     "headers": []}},
    ]
    archive = tmp_path / "saved.har"
    archive.write_text(json.dumps({"log": {"entries": entries}}))
    run = frappe_cmd("--json", "--arg", "x", archive)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(a["cmd"], a["source"], a["arguments"]["x"]) for a in answers] == [
        ("a", "json", ""), ("b", "path", "1")]


@pytest.mark.parametrize(("args", "message"), [
    ([], "no file"),
    (["--version", "9", "x"], "--version must be"),
    (["--nonsense"], "unknown option --nonsense"),
    (["/nonexistent"], "/nonexistent: "),
])
def test_09_07_frappe_cmd_errors(frappe_cmd, args, message):
    """A wrong call says what is wrong."""
    run = frappe_cmd(*args)
    assert run.returncode == 2
    assert message in run.stderr


def test_09_08_frappe_cmd_help(frappe_cmd):
    """`--help` lists the options."""
    run = frappe_cmd("--help")
    assert run.returncode == 0
    for option in ("--version", "--arg", "--explain", "--json", "--chunk", "--frames"):
        assert option in run.stdout
