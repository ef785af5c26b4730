"""12: the frontends of frappe_docker and of a bench, with the module added."""

import os
import re
import subprocess
from types import SimpleNamespace

import pytest

from rig.client import JSON, MULTIPART, exchange, multipart, post
from rig.configurations import CONF, text
from rig.nginx import free_port

# The variables that the entrypoint of frappe_docker fills in, with its defaults.
VARIABLES = {
    "UPSTREAM_REAL_IP_ADDRESS": "127.0.0.1", "UPSTREAM_REAL_IP_HEADER": "X-Forwarded-For",
    "UPSTREAM_REAL_IP_RECURSIVE": "off", "FRAPPE_SITE_NAME_HEADER": "$host",
    "PROXY_READ_TIMEOUT": "120", "CLIENT_MAX_BODY_SIZE": "50m",
}
EXPORT = "cmd=frappe.desk.query_report.export_query"


def docker(upstreams):
    """The template as the entrypoint renders it."""
    template = text("frappe-docker.conf.template")
    values = VARIABLES | {"BACKEND": upstreams["primary"].address,
                          "SOCKETIO": upstreams["uploads"].address}
    # Adds the second backend, as the template's comment describes.
    reports = "upstream reports-server {\n\tserver "
    template = template.replace(f"{reports}${{BACKEND}}", reports + upstreams["reports"].address)
    run = subprocess.run(["envsubst", " ".join(f"${{{name}}}" for name in values)],
                         input=template, capture_output=True, text=True, check=True,
                         env=os.environ | values)
    return run.stdout


def bench(upstreams):
    """bench.conf with a second gunicorn."""
    conf = text("bench.conf", {"server 127.0.0.1:9000": f"server {upstreams['uploads'].address}"})
    for pool in ("primary", "reports"):
        conf = conf.replace("server 127.0.0.1:8000", f"server {upstreams[pool].address}", 1)
    return conf


@pytest.fixture(scope="module", params=[docker, bench], ids=["docker", "bench"])
def front(request, serve, upstreams, tmp_path_factory):
    """One of the two with a site named `localhost`."""
    sites = tmp_path_factory.mktemp("sites")
    for name, content in {"assets/app.js": "js", "localhost/public/files/open.txt": "open",
                          "localhost/public/files/page.svg": "<svg/>",
                          "localhost/private/files/secret.pdf": "secret"}.items():
        (sites / name).parent.mkdir(parents=True, exist_ok=True)
        (sites / name).write_text(content)
    conf = request.param(upstreams)
    conf, count = re.subn(r"listen (80|8080);", "@{listen main}", conf)
    assert count == 1
    conf = conf.replace("/home/frappe/frappe-bench/sites", str(sites))
    return SimpleNamespace(nginx=serve(conf), name=request.param.__name__)


@pytest.mark.parametrize("name", ["frappe-docker.conf.template", "bench.conf"])
def test_12_51_nginx_t(serve, name):
    """nginx accepts each file with no change but the port and the environment."""
    conf = re.sub(r"listen (80|8080);", "@{listen main}", text(name))
    values = VARIABLES | {"BACKEND": f"127.0.0.1:{free_port()}",
                          "SOCKETIO": f"127.0.0.1:{free_port()}"}
    conf = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], conf)
    good, said = serve(conf, start=False).test()
    assert good and "[warn]" not in said, said


@pytest.mark.parametrize(("target", "body", "content_type", "pool"), [
    ("/", "report_name=x&" + EXPORT, None, "reports"),
    ("/api/method/frappe.client.get", EXPORT, None, "reports"),
    ("/api/method/frappe.desk.query_report.run", "cmd=frappe.client.get", None, "primary"),
    ("/", '{"cmd": "frappe.desk.reportview.delete_items"}', JSON, "reports"),
    ("/api/method/upload_file", multipart(("file", "x" * 100_000, "a.bin")), MULTIPART, "reports"),
    ("/", "cmd=frappe.desk.form.save.savedocs", None, "primary"),
])
def test_12_52_routes(front, target, body, content_type, pool):
    """Bodies go where they should, through `try_files` and the named location."""
    done = post(front.nginx, target, body, *filter(None, [content_type]))
    assert done.answer["pool"] == pool
    assert done.answer["uri"] == target
    assert done.answer["length"] == len(body)


def test_12_53_headers(front):
    """Frappe gets the site, the host and the client's address and scheme."""
    headers = post(front.nginx, "/", EXPORT).answer["headers"]
    assert (headers["host"], headers["x-frappe-site-name"]) == ("localhost", "localhost")
    assert headers["x-use-x-accel-redirect"] == "True"
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.0.1", "http")
    # A balancer in front speaks TLS with the client.
    proto = [("X-Forwarded-Proto", "https")]
    headers = exchange(front.nginx, "GET", "/app", proto).answer["headers"]
    assert headers["x-forwarded-proto"] == "https"


def test_12_54_files(front):
    """Assets and public files come from the volume, also with a command in the query."""
    for target, content in (("/assets/app.js", "js"), ("/files/open.txt", "open"),
                            (f"/files/open.txt?{EXPORT}", "open")):
        assert exchange(front.nginx, "GET", target).response.text == content
    done = exchange(front.nginx, "GET", "/files/page.svg")
    assert done.response.header("Content-Disposition") == "attachment"
    none = exchange(front.nginx, "GET", "/assets/none.js")
    if front.name == "docker":
        assert none.answer["pool"] == "primary"
        assert done.response.header("X-Frame-Options") == "SAMEORIGIN"
    else:
        assert none.response.status == 404
    assert exchange(front.nginx, "GET", "/files/none.txt").answer["pool"] == "primary"


def test_12_55_private_files(front):
    """nginx sends a private file by X-Accel-Redirect, and the log still has the command."""
    target = "/api/method/frappe.core.doctype.file.file.download_file"
    done = exchange(front.nginx, "GET", target,
                    [("X-Order-Accel", "/protected/private/files/secret.pdf")])
    assert done.response.text == "secret"
    assert done.found == ("frappe.core.doctype.file.file.download_file", "path", "ok")
    direct = exchange(front.nginx, "GET", "/protected/private/files/secret.pdf")
    assert direct.response.status == 404


def test_12_56_socketio(front):
    """Realtime requests go to node, with the headers by which it checks the origin."""
    headers = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
    answer = exchange(front.nginx, "GET", "/socket.io/?EIO=4", headers).answer
    assert answer["pool"] == "uploads"
    assert (answer["headers"]["upgrade"], answer["headers"]["connection"]) == ("websocket",
                                                                               "upgrade")
    assert answer["headers"]["origin"] == "http://localhost"
    assert answer["headers"]["x-frappe-site-name"] == "localhost"


def test_12_57_redirects(front):
    """nginx redirects a path with a slash at its end before Frappe sees the request, with any body."""
    for target, place in (("/app/", "/app"), ("/about.html", "/about"),
                          ("/blog/index.html", "/blog")):
        done = post(front.nginx, target, EXPORT)
        assert done.response.status == 301
        assert done.response.header("Location").endswith(place)


def test_12_58_https_in_front():
    """frappe_docker keeps the scheme that a proxy in front names."""
    conf = (CONF / "frappe-docker.conf.template").read_text()
    assert conf.count("$client_proto") == 5


@pytest.mark.parametrize("name", ["frappe-docker.conf.template", "bench.conf"])
def test_12_59_marks(serve, upstreams, name):
    """Without the marked lines each file is a plain frontend, which needs no module."""
    conf = re.sub(r"[ \t]*# \[frappe\]\n.*?# \[/frappe\]\n", "", text(name), flags=re.DOTALL)
    backend = "backend-server" if "docker" in name else "frappe-bench-frappe"
    only_there = "proxy_set_header X-Use-X-Accel-Redirect True;"
    assert conf.count(only_there) == 1
    conf = conf.replace(only_there, f"{only_there} proxy_pass http://{backend};")
    conf = re.sub(r"listen (80|8080);", "@{listen main}", conf)
    values = VARIABLES | dict.fromkeys(("BACKEND", "SOCKETIO"), upstreams["primary"].address)
    conf = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], conf)
    good, said = serve(conf, start=False, module=False, log="access_log off;").test()
    assert good, said
