"""09: what the README and the demo show works."""

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
