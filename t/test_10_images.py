"""10: the Dockerfiles of packaging/docker/ build images whose nginx routes by the body.

Docker itself is not needed: buildah builds the images from the same files. The base images are made here
from Debian packages, with the layout of the public ones. `make test-images` runs this; it takes minutes, so
`make test` only lints. TEST_IMAGES is the directory for the images; base images are built once.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from rig import process
from rig.client import post
from rig.debian import archive, output
from rig.env import ROOT
from rig.images import Images, copy_project, rust_tarball
from rig.nginx import free_port
from rig.waiting import until

DOCKER = ROOT / "packaging/docker"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))


def with_buildah(test):
    """Marks a test that runs only where images can be built."""
    for mark in (
        pytest.mark.timeout(1500),
        pytest.mark.skipif(not os.environ.get("TEST_IMAGES"),
                           reason="`make test-images` builds and tests the images"),
        pytest.mark.skipif(os.geteuid() != 0, reason="only root can build images here"),
        pytest.mark.skipif(not shutil.which("buildah"), reason="buildah is missing"),
    ):
        test = mark(test)
    return test


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_10_21_lint(path):
    """hadolint finds nothing."""
    hadolint = Path(sys.executable).with_name("hadolint")
    run = subprocess.run([hadolint, "--failure-threshold", "warning", path],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_10_22_lint_finds():
    """The test above can fail."""
    hadolint = Path(sys.executable).with_name("hadolint")
    run = subprocess.run([hadolint, "-"], input="FROM debian\nRUN cd /tmp && apt-get install x\n",
                         capture_output=True, text=True, check=False)
    assert run.returncode != 0 and "DL3003" in run.stdout


def test_10_23_what_is_copied():
    """The last stage of each Dockerfile has the module and its configuration, and nothing else of the build."""
    assert [path.stem for path in DOCKERFILES] == ["frappe", "nginx"]
    for path in DOCKERFILES:
        last = path.read_text().rpartition("\nFROM ")[2]
        copies = [line for line in last.splitlines() if line.startswith("COPY")]
        assert [line for line in copies if "--from=" in line] == copies[:1]
        assert copies[0].endswith("ngx_http_frappe_module.so /usr/lib/nginx/modules/")
        for line in copies[1:]:
            source = line.split()[1]
            assert list(ROOT.glob(source)) and source.split("/")[0] in ("nginx-conf", "packaging")


@pytest.fixture(scope="module")
def images():
    """buildah, with the base images of the Dockerfiles."""
    directory = Path(os.environ["TEST_IMAGES"]).resolve()
    images = Images(directory)
    bases = directory / "bases"
    bases.mkdir(parents=True, exist_ok=True)
    (bases / "root.tar").unlink(missing_ok=True)
    os.link(archive(), bases / "root.tar")
    if not (bases / "rust.tar").exists():
        rust_tarball(bases / "rust.tar", directory)
    images.base("rust:test")
    try:
        yield images
    finally:
        images.run("rm", "--all")
        # Removes intermediate images, which take gigabytes. Images with a name stay for the next run.
        images.run("rmi", "--prune")


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """The directory from which images are built."""
    path = tmp_path_factory.mktemp("context")
    copy_project(path)
    return path


@pytest.fixture
def running(tmp_path):
    """`running(root, user, *argv)` runs nginx in a container's files until the test ends."""
    started = []

    def start(root, port, *argv, user="0:0", env=None):
        log = tmp_path / "stderr.log"
        started.append(process.spawn(["chroot", f"--userspec={user}", root, *argv], log, env))

        def ready():
            assert started[-1].poll() is None, log.read_text()
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0

        until(ready, "nginx to accept connections")

    yield start
    for one in started:
        process.stop(one)


@pytest.fixture(scope="module")
def pools():
    """Two servers on ports that answer with their name, and their addresses."""
    with ExitStack() as stack:
        addresses = {}
        for name in ("primary", "reports"):
            handler = type(name, (Named,), {"name": name})
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            stack.callback(server.shutdown)
            Thread(target=server.serve_forever, daemon=True).start()
            addresses[name] = f"127.0.0.1:{server.server_port}"
        yield addresses


class Named(BaseHTTPRequestHandler):
    """Reads a request and answers with the server's name."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.name)))
        self.end_headers()
        self.wfile.write(self.name.encode())

    def log_message(self, *_args):
        pass


class Served:
    """The attributes of an nginx that rig.client uses."""

    def __init__(self, port):
        self._port = port

    def port(self, _name="main"):
        return self._port


@pytest.fixture(scope="module")
def frappe_image(images, context, pools):
    """The image of frappe_docker, built for two backends, and for one."""
    images.base("erpnext:test")
    for tag, args in (("routes:one", {}), ("routes:two", {"REPORTS_BACKEND": pools["reports"]})):
        images.build(tag, context / "packaging/docker/frappe.Dockerfile", context,
                     IMAGE="localhost/erpnext:test", RUST="localhost/rust:test", **args)
    return images


def entrypoint(root, port, pools):
    """Fills in the template as the entrypoint of frappe_docker does, by its defaults."""
    template = root / "templates/nginx/frappe.conf.template"
    text = template.read_text()
    assert "listen 8080;" in text
    template.write_text(text.replace("listen 8080;", f"listen 127.0.0.1:{port};"))
    values = {"BACKEND": pools["primary"], "SOCKETIO": pools["primary"],
              "FRAPPE_SITE_NAME_HEADER": "$host", "UPSTREAM_REAL_IP_ADDRESS": "127.0.0.1",
              "UPSTREAM_REAL_IP_HEADER": "X-Forwarded-For", "UPSTREAM_REAL_IP_RECURSIVE": "off",
              "PROXY_READ_TIMEOUT": "120", "CLIENT_MAX_BODY_SIZE": "50m"}
    names = " ".join(f"${{{name}}}" for name in values)
    script = (f"envsubst '{names}' </templates/nginx/frappe.conf.template "
              ">/etc/nginx/conf.d/frappe.conf && exec nginx -g 'daemon off;'")
    return ["/bin/bash", "-c", script], values


@with_buildah
@pytest.mark.parametrize(("tag", "reports"), [("routes:one", "primary"), ("routes:two", "reports")])
def test_10_24_frappe(frappe_image, running, pools, tag, reports):
    """The frontend routes by the body. nginx runs as the image's own user, with the template that its
    entrypoint fills in."""
    root, port = frappe_image.mount(tag), free_port()
    argv, values = entrypoint(root, port, pools)
    running(root, port, *argv, user="1000:0", env=values)
    nginx = Served(port)
    report = "cmd=frappe.desk.query_report.export_query"
    assert post(nginx, "/", report).response.text == reports
    assert post(nginx, "/api/method/frappe.client.get", report).response.text == reports
    assert post(nginx, "/", "cmd=frappe.client.get").response.text == "primary"


def added(images, tag, base):
    """Files that the image has and its base has not, or that differ."""
    roots = [images.mount(name) for name in (tag, base)]
    files = [{str(path.relative_to(root)): path.lstat().st_size
              for top in ("etc", "usr", "opt", "home", "src", "templates", "root", "tmp", "var/lib")
              for path in (root / top).rglob("*") if not path.is_dir()} for root in roots]
    return {name for name, size in files[0].items() if files[1].get(name) != size}


MAPS = {f"etc/nginx/frappe/{path.name}" for path in (ROOT / "nginx-conf").glob("routes-*.map")}
MODULE = "usr/lib/nginx/modules/ngx_http_frappe_module.so"


@with_buildah
def test_10_25_frappe_adds(frappe_image):
    """Nothing of the build is in the image, and its user and command are unchanged."""
    assert added(frappe_image, "routes:two", "erpnext:test") == MAPS | {
        MODULE, "etc/nginx/modules-enabled/50-mod-http-frappe.conf",
        "templates/nginx/frappe.conf.template"}
    config, base = (frappe_image.config(tag) for tag in ("routes:two", "erpnext:test"))
    assert config["User"] == base["User"] == "frappe"
    assert (config.get("Entrypoint"), config.get("Cmd")) == (base.get("Entrypoint"), base.get("Cmd"))


@pytest.fixture(scope="module")
def nginx_image(images, context, env):
    """The image with the nginx of cargo's crate in place of the official one; curl downloads its source."""
    version = ".".join(map(str, env.version))
    metadata = json.loads(output("cargo", "metadata", "--format-version", "1", "--locked",
                                 "--features", "vendored", "--manifest-path", ROOT / "Cargo.toml"))
    sources = [Path(package["manifest_path"]).parent / "nginx" for package in metadata["packages"]
               if package["name"] == "nginx-src" and package["version"].endswith(f"+{version}")]
    if not sources:
        pytest.skip(f"cargo has no source of nginx {version}")
    # Makes a tarball like that of nginx.org. The crate is a git tree, with configure in auto/.
    tree = images.directory / f"nginx-{version}"
    shutil.copytree(sources[0], tree, dirs_exist_ok=True)
    shutil.copy(tree / "auto/configure", tree)
    tarball = context / f"download/{tree.name}.tar.gz"
    tarball.parent.mkdir()
    subprocess.run(["tar", "--sort=name", "-C", tree.parent, "-czf", tarball, tree.name], check=True)
    shutil.copy(tarball, images.directory / "bases/nginx.tar.gz")
    images.base("nginx:test", version)
    images.build("nginx:frappe", context / "packaging/docker/nginx.Dockerfile", context,
                 NGINX="localhost/nginx:test", RUST="localhost/rust:test",
                 DOWNLOAD="file:///src/download")
    return images


@with_buildah
def test_10_26_nginx(nginx_image, running, pools):
    """An nginx that is not Debian's loads the module and the maps."""
    root, port = nginx_image.mount("nginx:frappe"), free_port()
    conf = root / "etc/nginx/nginx.conf"
    head = conf.read_text().splitlines()[0]
    assert head == "load_module modules/ngx_http_frappe_module.so;"
    conf.write_text(f"""{head}
        daemon off;
        events {{}}
        http {{
            map_hash_bucket_size 128;
            map $frappe_cmd $pool {{
                default {pools["primary"]};
                include frappe/routes-reports.map;
            }}
            upstream reports {{ server {pools["reports"]}; }}
            server {{
                listen 127.0.0.1:{port};
                frappe_cmd on;
                location / {{ proxy_pass http://$pool; }}
            }}
        }}""")
    running(root, port, "/usr/sbin/nginx")
    nginx = Served(port)
    assert post(nginx, "/", "cmd=frappe.desk.query_report.run").response.text == "reports"
    assert post(nginx, "/", "cmd=frappe.client.get").response.text == "primary"


@with_buildah
def test_10_27_nginx_adds(nginx_image):
    """Nothing of the build is in the image."""
    assert added(nginx_image, "nginx:frappe", "nginx:test") == MAPS | {
        MODULE, "etc/nginx/nginx.conf"}
