"""11: balancer.conf and the route files send each request to the right servers."""

import re
import ssl
import subprocess
import sys
import threading
from urllib.parse import quote

import httpx
import pytest

from rig.client import FORM, JSON, MULTIPART, TRANSPORTS, exchange, multipart, of_type, post, sha256
from rig.configurations import CONF, balancer, rows, servers, text
from rig.corpus import load
from rig.env import ROOT
from rig.message import new_id
from rig.nginx import free_port
from rig.rawserver import RawServer

CLASSES = ("routes-reports.map", "routes-uploads.map", "routes-background.map")
HEAVY = [cmd for name in CLASSES for cmd, _ in rows(name) if "/" not in cmd]
# The short names of API v2: a doctype and a method.
SHORT = [cmd for name in CLASSES for cmd, _ in rows(name) if "/" in cmd]
# The commands of everyday work, which must stay on the primary servers.
LIGHT = ("frappe.desk.form.save.savedocs", "frappe.client.get", "frappe.desk.search.search_link",
         "run_doc_method", "login", "ping", "frappe.desk.reportview.get",
         "frappe.desk.query_report.get_script")


@pytest.fixture(scope="module")
def nginx(serve, upstreams):
    return serve(balancer(upstreams))


def went(done):
    """The pool that answered, and the one that X-Served-From names."""
    return done.answer["pool"], done.response.header("X-Served-From")


TO_PRIMARY = ("primary", "erpnext_primary")
TO_SECONDARY = ("reports", "erpnext_secondary")


def test_11_01_nginx_t(serve, upstreams):
    """nginx accepts the file with its own addresses, without a warning."""
    conf = text("balancer.conf", {"listen 80;": "@{listen main}"})
    good, said = serve(conf, start=False).test()
    assert good and "[warn]" not in said, said


@pytest.mark.parametrize("cmd", HEAVY)
def test_11_02_heavy(nginx, cmd):
    """Each row matches in a form, in JSON and in the path of a GET; the body counts before the path."""
    assert went(post(nginx, "/", f"filters=%7B%7D&cmd={cmd}")) == TO_SECONDARY
    assert went(post(nginx, "/", f'{{"x": 1, "cmd": "{cmd}"}}', JSON)) == TO_SECONDARY
    assert went(exchange(nginx, "GET", f"/api/method/{cmd}?x=1")) == TO_SECONDARY
    assert went(post(nginx, "/api/method/frappe.ping", f"cmd={cmd}")) == TO_SECONDARY


@pytest.mark.parametrize("cmd", SHORT)
def test_11_20_short_names(nginx, cmd):
    """The short form of API v2 goes where the dotted name goes."""
    path = f"/api/v2/method/{quote(cmd)}"
    assert went(exchange(nginx, "GET", path)) == TO_SECONDARY
    assert went(post(nginx, path, "x=1")) == TO_SECONDARY
    # A map ignores case, unlike Frappe. Versions before 15 have no short names.
    assert went(exchange(nginx, "GET", f"/api/v2/method/{quote(cmd)}_x")) == TO_PRIMARY


def test_11_21_short_names_are_generated():
    """Each dotted name of a doctype's module has its short name below it, and there are no other short names."""
    tool = ROOT / "tools/short-names.py"
    run = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True,
                         check=False)
    assert run.returncode == 0, run.stderr
    assert len(SHORT) >= 20


def test_11_22_short_names_that_lack(tmp_path):
    """The check finds a missing name, and a superfluous one."""
    tool = ROOT / "tools/short-names.py"
    path = tmp_path / "x.map"
    dotted = "frappe.core.doctype.prepared_report.prepared_report.enqueue x;\n"
    short = '"Prepared Report/enqueue"                                x;\n'
    for text in (dotted, f"{dotted}{short}{short.replace('enqueue', 'other')}", f"a.b x;\n{short}"):
        path.write_text(text)
        check = [sys.executable, tool, "--check", path]
        assert subprocess.run(check, capture_output=True, check=False).returncode == 1
        assert path.read_text() == text
        subprocess.run([sys.executable, tool, path], check=True)
        assert subprocess.run(check, capture_output=True, check=False).returncode == 0
    path.write_text(dotted)
    subprocess.run([sys.executable, tool, path], check=True)
    assert path.read_text().split() == (dotted + short).split()


@pytest.mark.parametrize(("method", "path", "secondary"), [
    ("POST", "/api/v2/document/File", True),
    ("POST", "/api/v2/document/File/", True),
    ("POST", "/api/v2/document/Sales%20Invoice/A-1/attachments", True),
    ("POST", "/api/v2/document/Item/a/b/attachments", True),
    ("POST", "/api/v2/document/Item/bulk_update", True),
    ("POST", "/api/v2/document/Item/bulk_delete", True),
    ("POST", "/api/v2/method/bulk_delete", True),
    ("GET", "/api/v2/document/File", False),
    ("POST", "/api/v2/document/Item", False),
    ("POST", "/api/v2/document/Item/attachments", False),
    ("POST", "/api/v2/document/File?cmd=frappe.client.get", False),
])
def test_11_23_no_command(nginx, method, path, secondary):
    """Requests of API v2 that the path alone names."""
    body = multipart(("file", b"x" * 10, "scan.pdf"))
    done = exchange(nginx, method, path, of_type(MULTIPART), body)
    assert went(done) == (TO_SECONDARY if secondary else TO_PRIMARY)


@pytest.mark.parametrize("cmd", LIGHT)
def test_11_03_light(nginx, cmd):
    """Everyday commands stay on the primary servers, also if the path names a report."""
    assert went(post(nginx, "/", f"filters=%7B%7D&cmd={cmd}")) == TO_PRIMARY
    assert went(exchange(nginx, "GET", f"/api/method/{cmd}")) == TO_PRIMARY
    report = "/api/method/frappe.desk.query_report.run"
    assert went(post(nginx, report, f"cmd={cmd}")) == TO_PRIMARY


@pytest.mark.parametrize("via", TRANSPORTS)
def test_11_04_upload(nginx, via):
    """An upload of 3 MB with the command behind the file."""
    body = multipart(("file", b"\x00" * 3_000_000, "scan.pdf"), ("cmd", "upload_file"))
    done = post(nginx, "/", body, MULTIPART, via=via)
    assert went(done) == TO_SECONDARY
    assert done.answer["length"] == len(body)


@pytest.mark.parametrize("via", TRANSPORTS)
@pytest.mark.parametrize("size", [0, 10, 20_000, 3_000_000])
def test_11_19_report_bodies(nginx, size, via):
    """On the way to the location of reports, method and body stay as they are, also a body on disk."""
    body = "filters=" + "x" * size + "&cmd=frappe.desk.query_report.export_query"
    done = post(nginx, "/", body, via=via)
    assert went(done) == TO_SECONDARY and done.response.status == 200
    assert (done.answer["method"], done.answer["sha256"]) == ("POST", sha256(body.encode()))


@pytest.mark.parametrize("captured", load(), ids=lambda captured: captured.name)
def test_11_05_corpus(nginx, captured):
    """Requests of real clients go where their command should go."""
    cmd = captured.expected()[0]
    done = exchange(nginx, captured.method, captured.target, captured.headers, captured.body)
    assert went(done) == (TO_SECONDARY if cmd in HEAVY or cmd in SHORT else TO_PRIMARY)


def test_11_06_true_header(nginx):
    """The servers get the module's X-Frappe-CMD, not the client's."""
    headers = [*of_type(FORM), ("X-Frappe-CMD", "frappe.desk.query_report.run")]
    done = exchange(nginx, "POST", "/", headers, b"cmd=frappe.client.get")
    assert went(done) == TO_PRIMARY
    assert done.answer["headers"]["x-frappe-cmd"] == "frappe.client.get"
    assert "x-frappe-cmd" not in exchange(nginx, "GET", "/app", headers[1:]).answer["headers"]


def test_11_07_host_and_proto(nginx):
    """Frappe gets the host, the client's address and the scheme."""
    headers = post(nginx, "/", "cmd=ping").answer["headers"]
    assert (headers["host"], headers["x-forwarded-for"], headers["x-forwarded-proto"]) == (
        "localhost", "127.0.0.1", "http")


def test_11_08_socketio(nginx):
    """socket.io gets its upgrade, and the module does not look at its POSTs."""
    headers = [("Upgrade", "websocket"), ("Connection", "upgrade")]
    answer = exchange(nginx, "GET", "/socket.io/?transport=websocket", headers).answer
    assert (answer["headers"]["upgrade"], answer["headers"]["connection"]) == headers_of(headers)
    done = post(nginx, "/socket.io/", "cmd=frappe.desk.query_report.run")
    assert done.found == ("", "", "")


def headers_of(pairs):
    """The values of headers."""
    return tuple(value for _, value in pairs)


def test_11_09_assets(nginx):
    """Assets come from the primary servers, and the module does not look for a command."""
    done = exchange(nginx, "GET", "/assets/frappe/js/x.js?cmd=frappe.desk.query_report.run")
    assert (went(done), done.found) == (TO_PRIMARY, ("", "", ""))


# Servers that fail

class Broken(threading.Thread):
    """A server that reads one request and answers with `answer`, or closes without a word."""

    def __init__(self, answer=None):
        super().__init__(daemon=True)
        self.server, self.reply, self.request = RawServer(), answer, b""
        self.address = f"127.0.0.1:{self.server.port}"
        self.start()

    def run(self):
        with self.server:
            connection = self.server.accept()
            self.request = connection.read_request()
            connection.answer(self.reply or b"")


BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno"


@pytest.mark.parametrize("answer", [None, BAD_GATEWAY], ids=["closes", "502"])
def test_11_10_get_is_repeated(serve_once, upstreams, answer):
    """If a server fails, nginx sends its GET to the next one."""
    broken = Broken(answer)
    nginx = serve_once(balancer(upstreams, _11=broken.address))
    assert went(exchange(nginx, "GET", "/api/method/ping")) == TO_PRIMARY
    broken.join(10)
    assert broken.request.startswith(b"GET /api/method/ping ")


@pytest.mark.parametrize("answer", [None, BAD_GATEWAY], ids=["closes", "502"])
def test_11_11_post_is_not_repeated(serve_once, upstreams, answer):
    """nginx does not send a POST to another server once one has read it."""
    broken = Broken(answer)
    nginx = serve_once(balancer(upstreams, _11=broken.address))
    done = post(nginx, "/", "cmd=frappe.desk.form.save.savedocs")
    assert done.response.status == 502
    broken.join(10)
    assert broken.request.endswith(b"cmd=frappe.desk.form.save.savedocs")
    assert not upstreams["primary"].requests.lines(done.id)


def test_11_12_dead_server(serve_once, upstreams):
    """If nginx cannot reach the first server, it sends a POST to the next one."""
    nginx = serve_once(balancer(upstreams, _11=f"127.0.0.1:{free_port()}"))
    for _ in range(4):
        assert went(post(nginx, "/", "cmd=frappe.client.get")) == TO_PRIMARY


def test_11_13_backup(serve_once, upstreams):
    """Without secondary servers the primary ones do the work."""
    dead = f"127.0.0.1:{free_port()}"
    nginx = serve_once(balancer(upstreams, _21=dead, _22=dead))
    for _ in range(3):
        assert post(nginx, "/", "cmd=upload_file").answer["pool"] == "primary"


def test_11_24_backup_behind_more(serve_once, upstreams):
    """If all secondary servers are down, requests reach their backup."""
    dead = [f"127.0.0.1:{free_port()}" for _ in range(4)]
    conf = balancer(upstreams, _21=dead[0], _22=dead[1])
    more = "".join(f"server {address} max_fails=10;\n" for address in dead[2:])
    nginx = serve_once(conf.replace("upstream erpnext_secondary {", f"upstream erpnext_secondary {{ {more}"))
    assert post(nginx, "/", "cmd=upload_file").answer["pool"] == "primary"


def for_tls(upstreams, certificate, key):
    """balancer.conf with the changes for TLS that its comments describe, and a test's ports and certificate."""
    paths = {"ssl_certificate /etc/ssl/certs/erp.example.com.pem;": f"ssl_certificate {certificate};",
             "ssl_certificate_key /etc/ssl/private/erp.example.com.key;": f"ssl_certificate_key {key};"}
    conf = text("balancer.conf", {"    listen 80;\n    #": "    #"} | servers(upstreams))
    for line, ours in {"listen 443 ssl http2;": "@{listen_tls tls}", **paths}.items():
        assert f"    # {line}\n" in conf
        conf = conf.replace(f"    # {line}\n", f"    {ours}\n")
    conf, mark, redirect = conf.rpartition("# For TLS. 308")
    redirect = re.sub("^# ", "", redirect, flags=re.MULTILINE)
    return conf + mark + redirect.replace("listen 80;", "@{listen main}")


def test_11_26_tls(serve_once, env, upstreams):
    """The TLS server works over HTTP/2, and the redirect to it keeps the method POST."""
    nginx = serve_once(for_tls(upstreams, *env.certificate))
    done = post(nginx, "/x?y=1", "cmd=frappe.client.get")
    assert done.response.status == 308
    assert done.response.header("Location") == "https://localhost/x?y=1"
    with httpx.Client(http2=True, verify=ssl.create_default_context(cafile=env.certificate[0]),
                      headers={"X-Rig-Id": new_id()}) as client:
        answer = client.post(f"https://localhost:{nginx.port('tls')}/", data={"cmd": "upload_file"})
    assert (answer.http_version, answer.headers["x-served-from"]) == ("HTTP/2", "erpnext_secondary")
    assert answer.json()["headers"]["x-forwarded-proto"] == "https"


# Two balancers

@pytest.fixture(scope="module")
def two_balancers(serve, upstreams):
    """Two balancers in front of four nodes of socketio, which the second one lists in another order. The test's
    client chooses its address by a header."""
    nodes = serve("".join(f"server {{ @{{listen node{n}}} return 200 node{n}; }}" for n in range(4)))
    addresses = [f"127.0.0.1:{nodes.port(f'node{n}')}" for n in range(4)]
    conf = balancer(upstreams).replace(
        "server_name erp.example.com;",
        "server_name erp.example.com; set_real_ip_from 127.0.0.1; real_ip_header X-Test-Address;")
    start = conf.index("hash $remote_addr consistent;")
    end = conf.index("}", start)

    def start_with(order):
        servers = "".join(f"server {address};" for address in order)
        return serve(conf[:start] + "hash $remote_addr consistent;" + servers + conf[end:])

    return start_with(addresses), start_with(reversed(addresses))


def test_11_25_two_balancers(env, two_balancers):
    """Both balancers send a client's socket.io to the same node, and share the clients among the nodes. Both
    send a command to the same pool."""
    if not env.has("http_realip_module"):
        pytest.skip("this nginx is built without real_ip")
    chosen = {}
    for number in range(40):
        client = [("X-Test-Address", f"10.1.{number}.7")]
        nodes = {exchange(nginx, "GET", "/socket.io/?transport=polling", client).response.body
                 for nginx in two_balancers for _ in range(2)}
        assert len(nodes) == 1, nodes
        chosen[number] = nodes.pop()
    assert set(chosen.values()) == {b"node0", b"node1", b"node2", b"node3"}
    for nginx in two_balancers:
        assert went(post(nginx, "/", "cmd=frappe.desk.query_report.run")) == TO_SECONDARY


def test_11_18_rows():
    """Every row is unique, is a method's name, and has a reason above it."""
    for name in (*CLASSES, "routes-readonly.map"):
        keys = [key for key, _ in rows(name)]
        assert len(keys) == len(set(keys)) >= 7
        assert all(re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*|[A-Z][A-Za-z ]+/[a-z_]+", key) for key in keys)
        paragraphs = (CONF / name).read_text().strip().split("\n\n")
        assert all(paragraph.startswith("#") for paragraph in paragraphs)
