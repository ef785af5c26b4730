"""12: limits.conf limits the requests that it names and no others; only reports may take long."""

import base64
import re
import time
from contextlib import ExitStack

import pytest

from rig.client import FORM, exchange, of_type, post
from rig.configurations import balancer, text
from rig.http1 import Http1
from rig.message import head
from rig.rawserver import RawServer
from rig.waiting import until

REPORT = b"cmd=frappe.desk.query_report.run&report_name=x"
ALICE = [("Cookie", "full_name=A; sid=" + "a1" * 28)]
BOB = [("Cookie", "sid=" + "b2" * 28)]
GUEST = [("Cookie", "sid=Guest")]


def basic(key, secret):
    """An API key as a header of HTTP Basic authentication."""
    return [("Authorization", "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode())]


def limited(upstreams, replace=(), **others):
    """balancer.conf, sid-hash.conf and limits.conf."""
    return balancer(upstreams, **others) + text("sid-hash.conf") + text("limits.conf", replace)


@pytest.fixture
def nginx(serve_once, upstreams):
    """A new nginx for each test, since limits remember earlier requests."""
    return serve_once(limited(upstreams))


def statuses(nginx, count, body, headers=(), method="POST", target="/"):
    """The answers to `count` requests, one after the other."""
    if body is not None:
        headers = [*headers, *of_type(FORM)]
    return [exchange(nginx, method, target, headers, body).response.status for _ in range(count)]


def test_12_31_nginx_t(serve, upstreams):
    """nginx accepts the files without a warning."""
    good, said = serve(limited(upstreams), start=False).test()
    assert good and "[warn]" not in said, said


@pytest.mark.parametrize(("method", "target", "body"), [
    ("POST", "/", b"usr=a&pwd=b&cmd=login"),
    ("POST", "/login", b"cmd=login&usr=a&pwd=b"),
    ("POST", "/api/method/login", b"usr=a&pwd=b"),
    ("POST", "/?cmd=login&usr=a&pwd=b", None),
    ("POST", "/api/method/login", b"usr=a&pwd=b&cmd=ping"),
    ("POST", "//api/method/%6cogin", b"usr=a&pwd=b&cmd=ping"),
    ("POST", "/", b"email=a&cmd=frappe.core.doctype.user.user.sign_up"),
    ("POST", "/", b"user=a&cmd=frappe.core.doctype.user.user.reset_password"),
    ("POST", "/", b"new_password=a&cmd=frappe.core.doctype.user.user.update_password"),
    ("POST", "/", b"email=a&cmd=frappe.www.login.send_login_link"),
    ("GET", "/api/method/frappe.www.login.login_via_key?key=x", None),
    ("POST", "/", b"sender=a&cmd=frappe.www.contact.send_message"),
    ("POST", "/api/method/frappe.core.api.auth.reset_password", b"user=a"),
    ("POST", "/api/method/frappe.website.api.send_message", b"sender=a"),
    ("POST", "/api/v2/method/User/reset_password", b"user=a"),
    ("POST", "/api/v2/method/User/sign_up", b"email=a"),
    ("POST", "/api/v2/method/User/update_password", b"new_password=a"),
    ("POST", "/api/v2/method/User/test_password_strength", b"new_password=a"),
    ("POST", "/api/v2/method/login", b"usr=a&pwd=b"),
    ("POST", "/api/method/login/", b"usr=a&pwd=b"),
    ("POST", "/", b"cmd=frappe.www.login.login_via_token&login_token=a"),
    ("POST", "/", b"cmd=frappe.core.api.user_invitation.accept_invitation&key=a"),
    ("POST", "/api/method/frappe.integrations.oauth2.get_token", b"grant_type=password"),
    ("POST", "/api/method/frappe.integrations.oauth2.register_client", b"x=1"),
    ("POST", "/", b"cmd=frappe.website.doctype.web_form.web_form.accept&data=a"),
    ("POST", "/api/v2/method/Web%20Form/accept", b"data=a"),
])
def test_12_32_login(nginx, method, target, body):
    """nginx passes on eleven logins at once and then no more, whatever sid they have."""
    answers = [statuses(nginx, 1, body, [("Cookie", f"sid={number:056x}")], method, target)[0]
               for number in range(13)]
    assert answers[:11] == [200] * 11 and answers[-1] == 429
    assert statuses(nginx, 3, b"cmd=frappe.client.get") == [200] * 3


def test_12_43_short_names():
    """If a method of a doctype's module is limited, so is its short name."""
    conf = text("limits.conf")
    dotted = re.findall(r"\\\.doctype\\\.(\w+)\\\.\1\\\.\(?([\w|]+)\)?:", conf)
    short = re.findall(r'"~\*\^([\w ]+)/\(?([\w|]+)\)?:"', conf)
    assert {(folder.replace("_", " "), methods) for folder, methods in dotted} == set(short)
    assert len(short) >= 2


def test_12_33_not_login(nginx):
    """Pages, forms and lists have no limit."""
    for body in (b"cmd=frappe.client.get", b"cmd=logout", b"cmd=frappe.desk.form.save.savedocs",
                 b"cmd=frappe.core.doctype.user.user.get_roles"):
        assert set(statuses(nginx, 40, body, ALICE)) == {200}
    assert set(statuses(nginx, 40, None, ALICE, "GET", "/login")) == {200}


@pytest.mark.parametrize(("one", "other"), [
    (ALICE, BOB),
    ([("Authorization", "token keyofalice:secret")], [("Authorization", "token keyofbob:secret")]),
    ([*BOB, ("Authorization", "token keyofalice:secret")], BOB),
    (GUEST, ALICE),
    (basic("keyofalice00001", "secret1"), basic("keyofbob0000001", "secret1")),
    (basic("keyofalice00001", "secret1"), BOB),
    ([("Authorization", "Bearer abc")], [("Authorization", "Bearer abd")]),
    ([("Authorization", "Bearer abc"), *BOB], BOB),
], ids=["session", "token", "token-first", "guest", "basic", "basic-first", "bearer",
        "bearer-first"])
def test_12_34_reports_of_one(nginx, one, other):
    """A person who starts too many reports is limited, and no other person is."""
    answers = statuses(nginx, 25, REPORT, one)
    assert answers[:21] == [200] * 21 and answers[-1] == 429
    assert statuses(nginx, 5, REPORT, other) == [200] * 5
    assert statuses(nginx, 5, b"cmd=frappe.client.get", one) == [200] * 5


def test_12_35_guests(nginx):
    """All guests have the same session, so they are counted by address, with it or without."""
    assert statuses(nginx, 25, REPORT, GUEST)[-1] == 429
    assert statuses(nginx, 1, REPORT) == [429]
    assert statuses(nginx, 1, REPORT, [("Cookie", "sid=x")]) == [429]


def test_12_42_one_key(nginx):
    """An API key counts as one person, whether it comes as `token` alone or with another sid. As Basic it
    counts separately, with any secret."""
    token = [("Authorization", "token keyofalice00001:x")]
    assert statuses(nginx, 25, REPORT, [*token, *ALICE])[-1] == 429
    assert statuses(nginx, 1, REPORT, [*token, *BOB]) == [429]
    assert statuses(nginx, 25, REPORT, basic("keyofalice00001", "one"))[-1] == 429
    assert statuses(nginx, 1, REPORT, basic("keyofalice00001", "another")) == [429]


class Held:
    """Report servers that keep every request until they are told to answer."""

    def __init__(self, stack, nginx, server):
        self._stack, self._nginx, self._server = stack, nginx, server
        self.held = []

    def send(self, headers, body=REPORT):
        """A client that has sent a request."""
        client = self._stack.enter_context(Http1(self._nginx.port()))
        client.send(head("POST", "/", [*headers, *of_type(FORM),
                                       ("Content-Length", str(len(body)))]), body)
        return client

    def hold(self, headers, body=REPORT):
        """Sends a request, and returns once it has reached a server."""
        client = self.send(headers, body)
        connection = self._server.accept()
        connection.read_request()
        self.held.append((client, connection))

    def finish(self):
        """Answers all requests that are held."""
        for client, connection in self.held:
            connection.answer()
            assert client.response().status == 200
        self.held.clear()


@pytest.fixture
def hold(serve_once, upstreams):
    """Makes an nginx whose report servers are one `RawServer`."""
    with ExitStack() as stack:
        server = stack.enter_context(RawServer())
        address = f"127.0.0.1:{server.port}"

        def make(replace=(), balance=None):
            conf = limited(upstreams, replace, _21=address, _22=address)
            for old, new in (balance or {}).items():
                assert old in conf
                conf = conf.replace(old, new)
            return Held(stack, serve_once(conf), server)

        yield make


def test_12_36_reports_at_a_time(hold):
    """A person may run two reports at a time, and more when those have ended."""
    held = hold()
    held.hold(ALICE)
    held.hold(ALICE)
    assert held.send(ALICE).response().status == 429
    held.hold(BOB)
    # A request that is no report is not limited.
    assert held.send(ALICE, b"cmd=frappe.client.get").response().status == 200
    held.finish()
    held.hold(ALICE)
    held.finish()


def test_12_37_reports_of_all(hold):
    """All persons together may run a fixed number of reports at a time."""
    held = hold({"limit_conn report_of_all 16;": "limit_conn report_of_all 3;"})
    for letter in "cde":
        held.hold([("Cookie", f"sid={letter * 56}")])
    assert held.send(BOB).response().status == 429
    held.finish()
    held.hold(BOB)
    held.finish()


QUICK = {"proxy_read_timeout 120s;": "proxy_read_timeout 200ms;",
         "proxy_next_upstream_timeout 10s;": "proxy_next_upstream_timeout 100ms;"}


@pytest.mark.parametrize("body", [
    REPORT, b"x=1&cmd=upload_file", b"cmd=frappe.desk.reportview.delete_items"])
def test_12_38_long_work(hold, upstreams, body):
    """A report, an upload or a background command may take longer than other requests, here more than 200 ms."""
    held = hold(balance=QUICK)
    held.hold(ALICE, body)
    with RawServer() as slow:
        other = hold(balance=QUICK | {f"server {upstreams['primary'].address} max_fails=3":
                                      f"server 127.0.0.1:{slow.port} max_fails=3"})
        assert other.send(BOB, b"cmd=frappe.client.get").response().status == 504
    (client, _), = held.held
    assert client.silent()
    held.finish()


def test_12_39_not_tried_twice(serve_once, upstreams):
    """nginx does not try a GET on another server after it has taken too long on the first."""
    with RawServer() as slow:
        conf = limited(upstreams, _11=f"127.0.0.1:{slow.port}")
        for old, new in QUICK.items():
            conf = conf.replace(old, new)
        assert exchange(serve_once(conf), "GET", "/app").response.status == 504


def test_12_40_not_tried_late(serve_once, upstreams):
    """nginx does not try a GET on another server if the first fails after that time."""
    with RawServer() as late:
        conf = limited(upstreams, _11=f"127.0.0.1:{late.port}").replace(
            "proxy_next_upstream_timeout 10s;", "proxy_next_upstream_timeout 1ms;")
        with Http1(serve_once(conf).port()) as client:
            client.send(head("GET", "/app"))
            connection = late.accept()
            connection.read_request()
            started = time.monotonic()
            until(lambda: time.monotonic() > started + 0.01, "the time to pass")
            connection.answer(b"")
            assert client.response().status == 502


def test_12_41_dry_run(serve_once, upstreams):
    """With the dry run of the file's first comment, nginx only logs what it would refuse."""
    nginx = serve_once(limited(upstreams) + "limit_req_dry_run on; limit_conn_dry_run on;")
    assert set(statuses(nginx, 25, REPORT, ALICE)) == {200}
    lines = nginx.errors.lines("limiting requests, dry run")
    assert lines and not any("a1a1" in line for line in lines)


def test_12_40_sid_hash(serve):
    """The hash of a sid has 24 bits, is always the same, shows no part of the sid, and differs for others."""
    show = 'server { @{listen main} location / { return 200 "$sid_hash"; } }'
    sids = [f"{number * 0x9e3779b97f4a7c15 % (1 << 64):056x}" for number in range(1, 201)]
    with Http1(serve(text("sid-hash.conf") + show).port()) as client:

        def of(sid):
            client.request("GET", "/", [("Cookie", f"sid={sid}")])
            return client.response().body.decode()

        hashes = [of(sid) for sid in sids]
        assert [of(sid) for sid in sids] == hashes
    assert all(re.fullmatch("[0-9a-f]{6}", found) for found in hashes), hashes
    assert len(set(hashes)) == len(sids)
    # Each digit takes all of its values.
    for place in range(6):
        digits = {found[place] for found in hashes}
        pairs = {(found[place], found[(place + 1) % 6]) for found in hashes}
        assert len(digits) == 16 and len(pairs) > 100, (place, digits, len(pairs))
