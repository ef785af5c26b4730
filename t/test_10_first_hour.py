"""10: runs every command of docs/first-hour.md in order, and the configurations of README, in a fresh Debian.
The package is the one that the page's first command, `make deb`, has built.

`make test-deb` runs it, with TEST_DEB as in test_10_package.py.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from rig.env import ROOT
from rig.page import Machine, blocks, docs

PAGE = docs("first-hour.md")
SERVERS = ("10.0.0.11:8080", "10.0.0.21:8080")
README = re.findall(r"^```nginx\n(# (/etc/nginx/\S+)\n.*?)^```$", (ROOT / "README.md").read_text(),
                    re.MULTILINE | re.DOTALL)
SITES = [text for text, path in README if path.startswith("/etc/nginx/conf.d/")]
LINK = "/etc/nginx/sites-enabled/default"

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get("TEST_DEB"),
                       reason="TEST_DEB names no package: `make test-deb` makes and tests one"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can install packages"),
    pytest.mark.skipif(not all(map(shutil.which, ("debootstrap", "ip", "unshare"))),
                       reason="debootstrap, ip or unshare is missing"),
]


@pytest.fixture(scope="module")
def machine():
    """A fresh Debian that has the package's file."""
    path = Path(tempfile.mkdtemp(prefix="frappe-page-"))
    path.chmod(0o755)
    try:
        made = Machine(path, ["nginx"])
        made.copy(os.environ["TEST_DEB"])
        yield made
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", path], check=True)


def test_10_30_first_hour(machine):
    """Each block runs, and prints the lines that the page shows behind it."""
    found = blocks(PAGE)
    assert [text for kind, text in found if kind == "make"] == ["make deb\n"]
    assert {kind for kind, _ in found} == {"make", "sh", "text"}
    found = [block for block in found if block[0] != "make"]
    scripts = [text for kind, text in found if kind == "sh"]
    printed = machine.run(scripts, SERVERS)
    number = -1
    for kind, text in found:
        if kind == "sh":
            number += 1
            continue
        for line in text.splitlines():
            assert line.strip() in printed[number], f"{scripts[number]}\n{printed[number]}"
    # The log has owner and mode of Debian's logs, is rotated with them, and is the only one with requests.
    log = machine.path / "var/log/nginx/frappe-access.log"
    debian = machine.path / "var/log/nginx/access.log"
    assert log.stat().st_mode & 0o777 == debian.stat().st_mode & 0o777 == 0o640
    assert (log.stat().st_uid, log.stat().st_gid) == (debian.stat().st_uid, debian.stat().st_gid)
    assert log.suffix == ".log"
    assert "/var/log/nginx/*.log {" in (machine.path / "etc/logrotate.d/nginx").read_text()
    assert "export_query" in log.read_text() and debian.read_text() == ""
    # The last block purges the package: nothing of it is left, and nginx still starts.
    assert "successful" in printed[-1]
    assert not (machine.path / "etc/nginx/frappe").exists()
    kept = (machine.path / "var/backups/nginx-frappe/etc/nginx/conf.d/00-balancer.conf").read_text()
    assert "frappe_cmd off;" in kept


ASK = """
curl -s http://erp.example.com/ -d cmd=frappe.desk.query_report.run; echo
curl -s http://127.0.0.1/x | tr -d '\\r\\n'; echo
curl -s -o /dev/null -w '%{http_code}\\n' http://erp.example.com/ --data-binary @/page/two-megabytes
"""
# Restores the state before the page.
FRESH = f"""
rm -rf /etc/nginx/conf.d/* /var/backups/nginx-frappe
ln -sf /etc/nginx/sites-available/default {LINK}
apt-get install -y ./libnginx-mod-http-frappe_*.deb
"""


def test_10_31_readme_on_debian(machine):
    """README's files load where README puts them, beside Debian's default site, which answers requests by IP
    until it is removed. A map in a later file does no harm; a map in an earlier file gives the error that
    README describes."""
    (machine.path / "page/two-megabytes").write_bytes(b"x=" + b"y" * 2_000_000)
    scripts = [FRESH, "echo 'map $uri $other { default 1; }' >/etc/nginx/conf.d/z.conf"]
    for site in SITES:
        scripts += [f"cat >/etc/nginx/conf.d/00-erpnext.conf <<'END'\n{site}END",
                    "nginx -t", "nginx -s reload", ASK]
    scripts += [f"rm {LINK}", "nginx -s reload", ASK,
                "cp /etc/nginx/conf.d/z.conf /etc/nginx/conf.d/0.conf; nginx -t || true"]
    servers = [*(f"10.0.0.{n}:8000" for n in (1, 2, 3)), "127.0.0.1:8000"]
    printed = machine.run(scripts, servers)
    for number, site in enumerate(SITES):
        routed = re.search(r"frappe\.desk\.query_report\.run +reports;", site)
        wanted = "127.0.0.1" if "proxy_pass http://127." in site else "10.0.0.2" if routed else "10.0.0.1"
        _, checked, _, answers = printed[2 + 4 * number:6 + 4 * number]
        assert "successful" in checked and "[warn]" not in checked, checked
        by_name, by_ip, large = answers.splitlines()
        assert by_name == f"{wanted} got erp.example.com /"
        assert "404 Not Found" in by_ip and large == "200"
    # Without the default site, README's site answers for every name.
    assert printed[-2].splitlines()[1] == f"{wanted} got 127.0.0.1 /x"
    assert '"map_hash_bucket_size" directive is duplicate' in printed[-1]
