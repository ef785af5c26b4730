"""10: apt installs the package by its name from a repository of packaging/repo.sh, checks its signature,
and brings the next version; the package's snippets load, one line each.

`make test-debs` runs it, and `make test` does not: it takes a minute or two. TEST_DEB is the package,
TEST_DEB_SUITE the release that it is for.
"""

import os
import platform
import re
import shutil
import socket
import subprocess
import threading
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rig import process
from rig.debian import output
from rig.env import ROOT
from rig.nginx import free_port
from rig.system import PACKAGE, clean, deb, older, suite
from rig.waiting import until

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not os.environ.get("TEST_DEB"),
                       reason="TEST_DEB names no package: `make test-debs` makes and tests them"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can install packages"),
    pytest.mark.skipif(not all(map(shutil.which, ("debootstrap", "apt-ftparchive", "gpg"))),
                       reason="debootstrap, apt-ftparchive or gpg is missing"),
]

REPO = ROOT / "packaging/repo.sh"
# README's lines that make the repository known to apt: all but those that update and install.
(INTRODUCE,) = re.findall(r"^    sudo curl -o /etc/apt/keyrings(?:.*\n)+?(?=    sudo apt-get update)",
                          (ROOT / "README.md").read_text(), re.MULTILINE)
ROUTES = "etc/nginx/frappe/routes-reports.map"


@pytest.fixture(scope="module")
def system():
    with clean() as made:
        yield made


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args):
        pass


class Repository:
    """A repository with a keyring of its own."""

    def __init__(self, directory, keyring):
        self.directory, self.keyring = directory, keyring
        self.release = output("dpkg-deb", "-f", deb(), "Version").strip()

    def add(self, *packages, check=True, **env):
        run = subprocess.run([REPO, self.directory, self.suite, *packages], check=False, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env={**os.environ, "GNUPGHOME": str(self.keyring), **env})
        assert not check or run.returncode == 0, run.stdout
        return run.stdout

    @property
    def suite(self):
        """The release's name in the repository, without the processor."""
        this = "this" if suite() != "this" else platform.freedesktop_os_release()["VERSION_CODENAME"]
        return suite().replace("this", this).split(":")[0]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository without packages."""
    directory, keyring = (tmp_path_factory.mktemp(name) for name in ("repo", "keys"))
    keyring.chmod(0o700)
    yield Repository(directory, keyring)
    subprocess.run(["gpgconf", "--homedir", keyring, "--kill", "all"], check=True)


@pytest.fixture(scope="module")
def known(system, repository, tmp_path_factory):
    """A system whose apt knows the repository, which holds an old version of the package."""
    repository.add(older(deb(), tmp_path_factory.mktemp("older")))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=repository.directory))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (system.path / "etc/apt/apt.conf.d/91direct").write_text(
        'Acquire::http::Proxy::127.0.0.1 "DIRECT";\n')
    system.apt("install", "curl", "ca-certificates")
    commands = INTRODUCE.replace("https://apt.example.com", f"http://127.0.0.1:{server.server_port}")
    system.run("sh", "-euc", commands.replace("sudo ", ""))
    yield system
    server.shutdown()


def update(system, check=True):
    """Updates only the lists of the repository."""
    return system.apt("update", "-o", "Dir::Etc::SourceList=/dev/null",
                      "-o", "APT::Get::List-Cleanup=0", check=check)


def test_10_40_install_by_name(known):
    """One command installs the package, and nginx loads the module."""
    update(known)
    known.apt("install", PACKAGE)
    assert known.version() == "0.0.1-1"
    assert "load_module modules/ngx_http_frappe_module.so;" in known.run("nginx", "-T")


def test_10_41_upgrade(known, repository):
    """`apt-get upgrade` installs the next version. A route list that the operator has changed stays as it is."""
    routes = known.path / ROUTES
    routes.write_text(routes.read_text() + "mine.run reports;\n")
    repository.add(deb())
    update(known)
    assert f"{PACKAGE}/" in known.run("apt", "list", "--upgradable")
    known.apt("upgrade")
    assert known.version() == repository.release
    assert routes.read_text().endswith("mine.run reports;\n")
    assert "successful" in known.run("nginx", "-t")


def test_10_42_signature(known, repository):
    """apt refuses a list that was changed on its way."""
    (packages,) = (repository.directory / f"dists/{repository.suite}").rglob("Packages")
    true = packages.read_bytes()
    zipped = packages.with_name("Packages.gz")
    kept = zipped.read_bytes()
    release = repository.directory / f"dists/{repository.suite}/InRelease"
    signed = release.read_text()
    try:
        zipped.unlink()
        packages.write_bytes(true + b"\n")
        release.write_text(signed.replace(f"Suite: {repository.suite}", "Suite: other"))
        said = update(known, check=False)
        # The message of gpgv, or that of sqv.
        assert "NO_PUBKEY" not in said and re.search("BADSIG|has been manipulated", said), said
        release.write_text(signed)
        # apt does not download lists that it already has.
        for path in (known.path / "var/lib/apt/lists").glob("127.0.0.1*"):
            path.unlink()
        said = update(known, check=False)
        assert "Hash Sum mismatch" in said or "unexpected size" in said, said
    finally:
        packages.write_bytes(true)
        zipped.write_bytes(kept)
        release.write_text(signed)
    update(known)


def test_10_43_one_key(repository):
    """repo.sh makes the key once. If REPO_KEY names a key that does not exist, the message says so."""
    keys = output("gpg", "--homedir", repository.keyring, "--list-secret-keys", "--with-colons")
    assert keys.count("\nsec:") + keys.startswith("sec:") == 1
    assert "no secret key \"nobody@example.org\"" in repository.add(
        deb(), check=False, REPO_KEY="nobody@example.org")
    (fingerprint,) = re.findall("^fpr:+([0-9A-F]+):", keys, re.MULTILINE)
    assert f"signed by {fingerprint}" in repository.add(deb(), REPO_KEY=fingerprint)


SITE = """
map $cmd_class $pool { default primary; reports secondary; }
server {
    listen 127.0.0.1:PORT;
    location / { frappe_cmd on; proxy_pass http://127.0.0.1:PORT/pool/$pool; }
    location /pool/ { return 200 $uri; }
}
"""


def test_10_44_snippets(known, repository):
    """Each line that README.Debian names loads in Debian's own nginx.conf; together they serve and log."""
    known.apt("install", PACKAGE)
    text = (known.path / f"usr/share/doc/{PACKAGE}/README.Debian").read_text()
    lines = re.findall(r"^ +(include snippets/frappe-\w+\.conf;)", text, re.MULTILINE)
    brought = sorted(path.name for path in (known.path / "etc/nginx/snippets").glob("frappe-*"))
    assert lines and sorted(line.split("/")[1].rstrip(";") for line in lines) == brought
    conf = known.path / "etc/nginx/conf.d/mine.conf"
    for line in lines:
        needed = "include snippets/frappe-figures.conf;\n" if "-pace" in line else ""
        conf.write_text(f"{needed}{line}\n")
        assert "successful" in known.run("nginx", "-t"), line
    # Debian's nginx may write to this directory; the directory above it belongs to root.
    place = (known.path / "var/lib/nginx/frappe").stat()
    www_data = int(known.run("id", "-u", "www-data"))
    assert (place.st_uid, place.st_mode & 0o777) == (www_data, 0o755)
    examples = known.path / f"usr/share/doc/{PACKAGE}/examples"
    pace = (examples / "pace.conf").read_text()
    if suite().endswith(":arm64"):
        # The emulated CPU has cache lines of 32 bytes. They are nginx's default for this size, and its name is
        # longer; a real CPU has 64.
        names = known.path / "etc/nginx/conf.d/00-names.conf"
        names.write_text("server_names_hash_bucket_size 64;\n")
    conf.write_text(pace)
    assert "successful" in known.run("nginx", "-t")
    conf.write_text(pace.replace("state=/var/lib/nginx/frappe/calls", "state=/var/lib/nginx/calls"))
    assert "may not make files in" in known.run("nginx", "-t", check=False)
    port, figures = free_port(), free_port()
    snippet = known.path / "etc/nginx/snippets/frappe-figures.conf"
    assert "listen 127.0.0.1:8421;" in snippet.read_text()
    snippet.write_text(snippet.read_text().replace("127.0.0.1:8421;", f"127.0.0.1:{figures};"))
    conf.write_text("\n".join(lines) + SITE.replace("PORT", str(port)))
    (known.path / "etc/nginx/sites-enabled/default").unlink()
    log = known.scratch / "stderr.log"
    nginx = process.spawn(known.argv("/usr/sbin/nginx", "-g", "daemon off;"), log)

    def ready():
        assert nginx.poll() is None, log.read_text()
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(ready, "nginx to accept connections")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/",
                                    b"cmd=frappe.desk.query_report.run", timeout=10) as answer:
            assert answer.read() == b"/pool/secondary"
        page = f"http://127.0.0.1:{figures}/?format=prometheus"
        until(lambda: b"frappe.desk.query_report.run" in urllib.request.urlopen(page, timeout=10).read(),
              "the call among the figures")
        lines = known.path / "var/log/nginx/frappe-access.log"
        until(lambda: '"cmd":"frappe.desk.query_report.run"' in lines.read_text(), "a line in the log")
        assert "frappe.desk.query_report.run" in known.run("frappe-report", known.inside(lines))
    finally:
        process.stop(nginx)
        conf.unlink()
    # When nginx ends, it writes the figures there.
    assert (known.path / "var/lib/nginx/frappe/calls").is_file()


def test_10_45_demo(known):
    """The demo's requests, which are those of `make run`, go where they should with Debian's nginx and the
    installed module."""
    known.apt("install", PACKAGE)
    shutil.copytree(ROOT / "nginx-conf", known.scratch / "nginx-conf")
    demo = known.inside(known.scratch / "nginx-conf/demo/run.py")
    said = known.run("python3", demo, "--once", "--port", str(free_port()), "--nginx", "/usr/sbin/nginx",
                     "--module", "/usr/lib/nginx/modules/ngx_http_frappe_module.so",
                     "--directory", known.inside(known.scratch / "demo"))
    requests = [path.stem[3:] for path in (ROOT / "nginx-conf/demo").glob("*.http")]
    assert len(requests) == 12 and not [name for name in requests if f"\n{name} " not in said], said
