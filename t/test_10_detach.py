"""10: when the package is removed while nginx's configuration still uses the module, its script changes the
configuration so that nginx starts without it, and can undo that.
"""

import os
import re
import subprocess

import pytest

from rig.client import post
from rig.configurations import balancer, text
from rig.env import ROOT

SCRIPT = ROOT / "packaging/detach.sh"

# Directives on lines of their own, on a line with others, and texts that only look like directives.
ODD = """
map_hash_bucket_size 128;
map "$frappe_cmd ${frappe_arg_method}" $frappe_site { default one; "a b" two; } # $frappe_cmd
upstream frappe_up { server 127.0.0.1:1; }
server {
    listen unix:PREFIX/odd.sock; frappe_cmd on; frappe_body   preread=8k ;
    # frappe_cmd off;
    add_header X-Pool "$frappe_site $frappe_doctype";
    frappe_version 15;  # ours
    location / { frappe_cmd off; return 200 "$frappe_cmd_status."; }
    location /up { proxy_pass http://frappe_up; }
}
"""


@pytest.fixture
def tree(env, upstreams, tmp_path):
    """A directory like /etc/nginx, which loads the module, balancer.conf and the file ODD."""
    main = tmp_path / "nginx.conf"
    parts = [f"load_module {env.module};", f"pid {tmp_path}/pid;", "events {}", "http {",
             f"include {tmp_path}/conf.d/*.conf;", f"include {tmp_path}/sites/*;",
             *(f"{name}_temp_path {tmp_path}/{name};" for name in (
                 "client_body", "proxy", "fastcgi", "uwsgi", "scgi")), "}"]
    main.write_text("\n".join(parts))
    for name in ("conf.d", "sites", "frappe", "logs"):
        (tmp_path / name).mkdir()
    for path in (ROOT / "nginx-conf").glob("*.map"):
        (tmp_path / "frappe" / path.name).write_text(path.read_text())
    conf = re.sub(r"@\{listen main\}.*", f"listen unix:{tmp_path}/main.sock;", balancer(upstreams))
    conf = re.sub(r"include \S+/(routes-\S+)", r"include frappe/\1", conf)
    (tmp_path / "conf.d/balancer.conf").write_text(conf)
    (tmp_path / "conf.d/limits.conf").write_text(text("sid-hash.conf") + text("limits.conf"))
    odd = ODD.replace("map_hash_bucket_size 128;", "").replace("PREFIX", str(tmp_path))
    (tmp_path / "sites/odd").write_text(odd)
    return tmp_path


@pytest.fixture
def detach(env, tree):
    """Runs the script."""
    def run(*args):
        return subprocess.run(
            [SCRIPT, *args, "-p", tree, "-c", tree / "nginx.conf", "-e", tree / "error.log"],
            capture_output=True, text=True, check=False,
            env={**os.environ, "NGINX_BINARY": str(env.nginx),
                 "FRAPPE_BACKUPS": str(tree / "kept")})

    return run


def files(tree):
    """Names and contents of the configuration."""
    return {path: path.read_text() for name in ("nginx.conf", "conf.d", "sites")
            for path in [tree / name, *(tree / name).glob("*")] if path.is_file()}


def good(env, tree):
    """The message of `nginx -t` if it fails, else an empty text."""
    run = subprocess.run([env.nginx, "-t", "-p", tree, "-c", tree / "nginx.conf",
                          "-e", tree / "error.log"], capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else run.stderr


def test_10_20_detach(env, tree, detach):
    """The configuration no longer uses the module, nginx starts, and the script names the changed files."""
    assert good(env, tree) == ""
    before = files(tree)
    run = detach()
    assert run.returncode == 0, run.stderr
    after = files(tree)
    changed = {path for path in before if before[path] != after[path]}
    assert {path.name for path in changed} == {"nginx.conf", "balancer.conf", "odd"}
    for path in changed:
        assert str(path) in run.stderr
    assert good(env, tree) == ""
    assert "\nload_module" not in "\n" + after[tree / "nginx.conf"]
    odd = after[tree / "sites/odd"]
    for kept in ("# frappe_cmd off;", "upstream frappe_up", "http://frappe_up", "$frappe_site {"):
        assert kept in odd


def test_10_21_every_request_takes_the_default(serve, upstreams, tree, detach):
    """Without the module the balancer sends everything to the primary servers."""
    detach()
    conf = (tree / "conf.d/balancer.conf").read_text()
    stub = (tree / "conf.d/zz-frappe-detached.conf").read_text()
    conf = conf.replace(f"listen unix:{tree}/main.sock;", "@{listen main}")
    nginx = serve(conf + stub, module=False, log="access_log off;")
    done = post(nginx, "/", "cmd=frappe.desk.query_report.export_query")
    assert done.answer["pool"] == "primary"


def test_10_22_undo(tree, detach):
    """`--undo` restores the files. A file that was changed since stays as it is, and is named."""
    before = files(tree)
    detach()
    assert detach("--undo").returncode == 0
    assert files(tree) == before
    detach()
    with open(tree / "sites/odd", "a", encoding="utf-8") as odd:
        odd.write("# mine\n")
    run = detach("--undo")
    assert run.returncode == 1 and f"left: {tree}/sites/odd" in run.stderr
    assert "# mine" in (tree / "sites/odd").read_text()
    assert files(tree)[tree / "conf.d/balancer.conf"] == before[tree / "conf.d/balancer.conf"]


def test_10_23_not_used(env, tree, detach):
    """A configuration that does not use the module stays as it is, and the script prints nothing."""
    (tree / "conf.d/balancer.conf").unlink()
    (tree / "conf.d/limits.conf").unlink()
    (tree / "sites/odd").write_text("map $uri $frappe_site { default 1; } # frappe_cmd on;\n")
    (tree / "nginx.conf").write_text(
        re.sub("^load_module.*", "", (tree / "nginx.conf").read_text()))
    before = files(tree)
    run = detach()
    assert (run.returncode, run.stderr) == (0, "")
    assert files(tree) == before


def test_10_24_not_enough(tree, detach):
    """If nginx does not start without the directives either, nothing is changed, and nginx's message is shown."""
    (tree / "sites/odd").write_text("server { listen unix:x;\n frappe_cmd\n on; }\n")
    before = files(tree)
    run = detach()
    assert run.returncode == 1
    assert f"{tree}/conf.d/balancer.conf" in run.stderr and 'unknown directive "frappe_cmd"' in run.stderr
    assert files(tree) == before


def test_10_25_broken_already(tree, detach):
    """A configuration that nginx already refuses is not changed."""
    (tree / "sites/broken").write_text("nonsense;\n")
    before = files(tree)
    run = detach()
    assert run.returncode == 1 and "fails already" in run.stderr
    assert files(tree) == before


def test_10_26_snippets(env, tree, detach):
    """The script removes the line that includes a snippet, and leaves the package's snippet as it is. The
    snippet's variables are empty, so that a map of them takes its default."""
    (tree / "conf.d/balancer.conf").unlink()
    (tree / "conf.d/limits.conf").unlink()
    (tree / "sites/odd").unlink()
    (tree / "snippets").mkdir()
    snippet = tree / "snippets/frappe-reports.conf"
    snippet.write_text((ROOT / "packaging/snippets/frappe-reports.conf").read_text())
    (tree / "conf.d/mine.conf").write_text(
        "include snippets/frappe-reports.conf;\n"
        "map $cmd_class $pool { default 127.0.0.1:1; reports 127.0.0.1:2; }\n"
        f"server {{ listen unix:{tree}/mine.sock; frappe_cmd on; location / {{ proxy_pass http://$pool; }} }}")
    assert good(env, tree) == ""
    before = snippet.read_text()
    assert detach().returncode == 0
    assert good(env, tree) == "" and snippet.read_text() == before
    assert "detached: include" in (tree / "conf.d/mine.conf").read_text()
    assert 'geo $cmd_class { default ""; }' in (tree / "conf.d/zz-frappe-detached.conf").read_text()
    assert detach("--undo").returncode == 0 and good(env, tree) == ""
