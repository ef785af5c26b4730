"""09: the README's configurations and the demo work."""

import re
import socket
import subprocess

import pytest

from rig.env import ROOT
from rig.nginx import free_port

README = (ROOT / "README.md").read_text()
# The file that each configuration of the README is for, and its text.
BLOCKS = re.findall(r"^```nginx\n(?=# (\S+)\n)(.*?)^```$", README, re.MULTILINE | re.DOTALL)
MAIN = [text for path, text in BLOCKS if path == "/etc/nginx/nginx.conf"]
SITES = [text for path, text in BLOCKS if path.startswith("/etc/nginx/conf.d/")]


@pytest.mark.parametrize("number", range(len(SITES)))
def test_09_01_readme(env, tmp_path, number):
    """nginx accepts each configuration of the README unchanged, in the file that it names, which the README's
    nginx.conf includes. t/test_10_first_hour.py does the same on Debian."""
    main, = MAIN
    main = main.replace("modules/ngx_http_frappe_module.so", str(env.module))
    main = main.replace("/etc/nginx/", f"{tmp_path}/")
    # With these changes nginx needs no root, and writes only to the test's directory.
    site = SITES[number].replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    site = site.replace("/var/log/nginx/", f"{tmp_path}/")
    main = main.replace("http {", "http { " + " ".join(
        f"{name}_temp_path {tmp_path}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")), 1)
    for name in ("logs", "conf.d"):
        (tmp_path / name).mkdir()
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid;\n{main}")
    (tmp_path / "conf.d/00-erpnext.conf").write_text(site)
    run = subprocess.run(
        [env.nginx, "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf",
         "-e", tmp_path / "error.log"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_09_02_readme_names_files():
    """Every configuration names its file, so that the test above finds all of them."""
    assert README.count("```nginx\n") == len(BLOCKS) == len(MAIN) + len(SITES)
    assert len(SITES) >= 3


def test_09_11_contents():
    """Each section stands in the table of contents."""
    contents = README.split("\n## ", 1)[0]
    for head in re.findall(r"^## (.*)$", README, re.MULTILINE):
        if head not in ("License",):
            assert f"[{head}](#{head.lower().replace(' ', '-')})" in contents


def test_09_12_install_not_cp():
    """No page tells the reader to overwrite a module by cp: a running nginx has the file mapped."""
    for path in [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("packaging/*.sh")]:
        assert not re.search(r"^ *(\$ |sudo )?cp .*\.so", path.read_text(), re.MULTILINE), path


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
