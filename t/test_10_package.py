"""10: Debian's package is installed and loaded, serves requests, and leaves nothing behind when it is purged.

This takes minutes, so `make test-deb` and `make test-debs` run it and `make test` does not. TEST_DEB is
the package. TEST_DEB_ROOT is the root of a system to install it in; `/` is this machine itself. Without it,
debootstrap makes a system of the release TEST_DEB_SUITE (by default this machine's), which is removed
afterwards.
"""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import pytest

from rig import process
from rig.debian import output, unpack
from rig.env import ROOT
from rig.nginx import free_port
from rig.system import PACKAGE, System, deb
from rig.waiting import until

LINK = "etc/nginx/modules-enabled/50-mod-http-frappe.conf"
TARGET = "/usr/share/nginx/modules-available/mod-http-frappe.conf"
MODULE = "usr/lib/nginx/modules/ngx_http_frappe_module.so"

# Loads the module as Debian's own nginx.conf does. All other files stay in a directory of the test.
CONF = """
include /etc/nginx/modules-enabled/*.conf;
daemon off;
worker_processes 1;
pid DIRECTORY/nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path DIRECTORY/body;
    proxy_temp_path DIRECTORY/proxy;
    fastcgi_temp_path DIRECTORY/fastcgi;
    uwsgi_temp_path DIRECTORY/uwsgi;
    scgi_temp_path DIRECTORY/scgi;
    map_hash_bucket_size 128;
    map $frappe_cmd $pool {
        default                        primary;
        frappe.desk.query_report.run   reports;
    }
    server {
        listen 127.0.0.1:PORT;
        location / {
            frappe_cmd on;
            proxy_pass http://127.0.0.1:PORT/pool/$pool;
        }
        location /pool/ { return 200 $uri; }
    }
}
"""

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not os.environ.get("TEST_DEB"),
                       reason="TEST_DEB names no package: `make test-deb` makes and tests one"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can install packages"),
    pytest.mark.skipif(not shutil.which("apt-get"), reason="apt-get is not here: no Debian"),
]


def forbid_services(path):
    """Keeps packages from starting or reloading services. Returns a function that ends that."""
    policy = path / "usr/sbin/policy-rc.d"
    if policy.exists():
        return lambda: None
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    return policy.unlink


@pytest.fixture(scope="module")
def system():
    """A system with apt's lists and without our package."""
    given = os.environ.get("TEST_DEB_ROOT")
    if not given and not shutil.which("debootstrap"):
        pytest.skip("debootstrap is missing; TEST_DEB_ROOT=/ tests on this machine itself")
    path = Path(given or tempfile.mkdtemp(prefix="frappe-root-")).resolve()
    allow_services, made = lambda: None, None
    try:
        if not given:
            unpack(path)
        allow_services = forbid_services(path)
        made = System(path)
        assert made.state() in ("", "un "), f"{PACKAGE} is installed in {path} already"
        made.apt("update")
        yield made
    finally:
        if made:
            if made.state() not in ("", "un "):
                made.apt("purge", PACKAGE)
            shutil.rmtree(made.scratch)
        allow_services()
        if not given:
            subprocess.run(["rm", "-rf", "--one-file-system", path], check=True)


@pytest.fixture(scope="module")
def before(system):
    """The files of the system with nginx, which has run once, and Python."""
    if system.state("nginx") != "ii ":
        system.apt("install", "nginx")
    system.apt("install", "python3")
    temporary = system.path / "var/lib/nginx"
    there = set(temporary.glob("*"))
    system.run("nginx", "-t")
    yield system.files()
    for made in set(temporary.glob("*")) - there:
        made.rmdir()


@pytest.fixture(scope="module")
def installed(system, before):
    """The system with our package."""
    system.install()
    return system


@pytest.fixture
def pool(installed):
    """`pool(path, body)` asks an nginx of the system which pool gets a POST."""
    port = free_port()
    conf = installed.scratch / "nginx.conf"
    conf.write_text(CONF.replace("PORT", str(port))
                    .replace("DIRECTORY", installed.inside(installed.scratch)))
    log = installed.scratch / "stderr.log"
    nginx = process.spawn(installed.argv("/usr/sbin/nginx", "-c", installed.inside(conf)), log)

    def ready():
        assert nginx.poll() is None, log.read_text()
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    def ask(path, body):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", body, timeout=10) as answer:
            return answer.read().decode()

    try:
        until(ready, "nginx to accept connections")
        yield ask
    finally:
        process.stop(nginx)


def test_10_01_copyright():
    """Every crate that is linked into the module or frappe-cmd has its copyright in the package."""
    names = {line.split()[0] for line in output(
        os.environ.get("CARGO", "cargo"), "tree", "--manifest-path", ROOT / "Cargo.toml",
        "--package", "ngx_http_frappe_module", "--package", "frappe-cmd",
        "--locked", "--edges", "normal", "--prefix", "none").splitlines() if line}
    named = (ROOT / "packaging/debian/copyright").read_text()
    assert {name for name in names if f"vendor/{name}-*" not in named} == {
        "ngx_http_frappe_module", "frappe-cmd"}


def test_10_08_maintainer():
    """The maintainer is the person who built the package, or an address that cannot exist."""
    maintainer = output("dpkg-deb", "-f", deb(), "Maintainer").strip()
    if email := os.environ.get("DEBEMAIL"):
        assert maintainer.endswith(f" <{email}>")
    else:
        assert maintainer.endswith(".example>")


def test_10_02_brings_nginx(system):
    """apt also installs the nginx that the module was built for."""
    if system.state("nginx") == "ii ":
        pytest.skip("nginx is installed here already")
    plan = system.install("--simulate")
    assert "\nInst nginx (" in plan and f"\nInst {PACKAGE} (" in plan


def test_10_03_install(installed):
    """The module is where nginx looks for it, and nginx loads it."""
    assert installed.state() == "ii "
    assert (installed.path / MODULE).is_file()
    assert os.readlink(installed.path / LINK) == TARGET
    assert "successful" in installed.run("nginx", "-t")
    assert "load_module modules/ngx_http_frappe_module.so;" in installed.run("nginx", "-T")
    for name in ("copyright", "README.md", "docs/first-hour.md", "examples/balancer.conf", "README.Debian", "changelog.gz",
                 "changelog.Debian.gz"):
        assert (installed.path / "usr/share/doc" / PACKAGE / name).is_file()


def test_10_04_depends_on_abi(installed):
    """While the package is installed, apt does not install an nginx with another binary interface."""
    depends = installed.run("dpkg-query", "-W", "-f", "${Depends}", PACKAGE)
    (abi,) = [name for name in depends.split(", ") if name.startswith("nginx-abi-")]
    assert abi in installed.run("dpkg-query", "-W", "-f", "${Provides}", "nginx").split(", ")


def test_10_05_serves(pool):
    """A POST goes where the method in its body says."""
    assert pool("/", b"cmd=frappe.desk.query_report.run") == "/pool/reports"
    assert pool("/", b"cmd=frappe.desk.form.save.savedocs") == "/pool/primary"
    assert pool("/api/method/frappe.desk.query_report.run", b"x=1") == "/pool/reports"


def test_10_06_reinstall(installed):
    """A new installation does not restore a link that the administrator has removed, but one that a removal of
    the package has."""
    link = installed.path / LINK
    link.unlink()
    installed.install("--reinstall")
    assert not os.path.lexists(link)
    installed.run("dpkg", "--purge", PACKAGE)
    installed.install()
    installed.apt("remove", PACKAGE)
    assert not os.path.lexists(link)
    installed.run("nginx", "-t")
    installed.install()
    assert os.readlink(link) == TARGET
    installed.run("nginx", "-t")


USING = """
map_hash_bucket_size 128;
frappe_cmd on;
map $frappe_cmd $pool { default primary; include frappe/routes-reports.map; }
"""


def test_10_09_programs(installed):
    """The programs run; their man pages and completions and the lists for `include` are installed."""
    version = (ROOT / "Cargo.toml").read_text().split('version = "')[1].split('"')[0]
    assert installed.run("frappe-cmd", "--version") == f"frappe-cmd {version}\n"
    log = installed.scratch / "access.log"
    log.write_text('{"cmd":"a","status":200,"request_time":0.5,"upstream_time":"0.5"}\n')
    assert "Most time of the servers" in installed.run("frappe-report", installed.inside(log))
    for name in ("man/man1/frappe-cmd.1.gz", "man/man1/frappe-report.1.gz",
                 "bash-completion/completions/frappe-cmd", "zsh/vendor-completions/_frappe-cmd",
                 "fish/vendor_completions.d/frappe-cmd.fish"):
        assert (installed.path / "usr/share" / name).is_file(), name
    for path in (ROOT / "nginx-conf").glob("*.map"):
        assert (installed.path / "etc/nginx/frappe" / path.name).read_text() == path.read_text()


def test_10_11_newer(installed):
    """A later build has a higher version, so that apt replaces the one that is there."""
    version = output("dpkg-deb", "-f", deb(), "Version").strip()
    assert re.fullmatch(r"[\d.]+(~rc\d+)?(\+\d{12}\.g[0-9a-f]+)?-1~\w+", version), version
    base = version.split("-1~")[0].split("+")[0]
    for newer in (f"{base}+991231235959.g0000000-1~debian12", "99-1~debian12"):
        assert subprocess.run(["dpkg", "--compare-versions", version, "lt", newer],
                              check=False).returncode == 0
    assert output("dpkg-deb", "-f", deb(), "Homepage").strip()


@pytest.mark.parametrize("how", ["remove", "purge"])
def test_10_12_removed_while_used(installed, how):
    """nginx starts without the module, the files are named, and the next installation puts them back."""
    conf = installed.path / "etc/nginx/conf.d/using.conf"
    conf.write_text(USING)
    installed.run("nginx", "-t")
    try:
        said = installed.apt(how, PACKAGE)
        assert "\n    /etc/nginx/conf.d/using.conf\n" in said
        assert "successful" in installed.run("nginx", "-t")
        assert "frappe_cmd on" in conf.read_text() and conf.read_text() != USING
        installed.install()
        assert conf.read_text() == USING
        assert "successful" in installed.run("nginx", "-t")
        assert not (installed.path / "etc/nginx/conf.d/zz-frappe-detached.conf").exists()
        assert not (installed.path / "var/backups/nginx-frappe").exists()
    finally:
        conf.unlink()


def test_10_99_purge(installed, before):
    """Nothing stays behind, and nginx runs as before."""
    installed.apt("purge", PACKAGE)
    assert installed.state() in ("", "un ")
    assert installed.files() ^ before == set()
    assert "successful" in installed.run("nginx", "-t")
