"""21: nginx finds out by itself which calls are slow, with real servers that have few processes."""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles

import pytest

from rig.begun import Begun
from rig.client import ALL_TRANSPORTS, FORM, exchange, of_type, post
from rig.configurations import PRIMARY, SECONDARY, text
from rig.http1 import Http1
from rig.nginx import Nginx
from rig.slow import Server
from rig.waiting import until

# `slow=` of the tests. All times are a tenth of real ones, so that the tests are short.
SLOW = 0.2
REPORT = 1.2
CLICKS = [f"click.{number}" for number in range(6)]

CONF = """
    frappe_status_zone calls 1m @{zone};
    frappe_pace calls slow=200ms;
    map $frappe_pace $pool { default primary; slow reports; }
    map $http_x_route $by_name { default primary; "~^report" reports; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    server {
        @{listen_all}
        frappe_cmd on;
        add_header X-Pace $frappe_pace always;
        location / { proxy_pass http://$pool; }
        location /named/ { proxy_pass http://$by_name/; }
        location /preread/ {
            frappe_body preread; proxy_request_buffering off; proxy_pass http://$pool/;
        }
        location /off/ { frappe_cmd off; proxy_pass http://$pool/; }
        location /status { frappe_cmd off; frappe_status calls; }
        @{more}
    }
"""


@pytest.fixture(scope="module", name="servers")
def fixture_servers(tmp_path_factory):
    """Four server processes for all calls, and one for slow ones."""
    directory = tmp_path_factory.mktemp("slow")
    servers = {"primary": Server("primary", directory, 4), "reports": Server("reports", directory, 1)}
    try:
        for server in servers.values():
            server.wait()
        yield servers
    finally:
        for server in servers.values():
            server.stop()


@pytest.fixture(name="paced")
def fixture_paced(env, servers, tmp_path, request):
    """Starts CONF."""
    started = []

    def start(conf=CONF, *, zone="", more="", **options):
        nginx = Nginx(env, tmp_path / f"nginx{len(started)}", conf,
                      {name: server.address for name, server in servers.items()},
                      values={"zone": zone, "more": more}, **options)
        nginx.allowed += [mark.args[0] for mark in request.node.iter_markers("allow_log")]
        started.append(nginx)
        return nginx.start()

    yield start
    for nginx in started:
        nginx.stop()


def run(nginx, cmd, seconds=0.01, *, path="/", **options):
    """One run of a call: its pace and the pool that answered."""
    body = f"cmd={cmd}&seconds={seconds}"
    headers = [*of_type(FORM), ("X-Route", cmd)]
    found = exchange(nginx, "POST", path, headers, body.encode(), **options)
    return found.response.header("X-Pace"), found.response.text


def call_of(nginx, cmd):
    """A call in the JSON of the figures' page."""
    with Http1(nginx.port()) as client:
        answer = json.loads(client.request("GET", "/status?format=json").response().body)
    return next((call for call in answer["calls"] if call["call"] == cmd), None)


def pace_of(nginx, cmd):
    """The pace of a call in the JSON."""
    found = call_of(nginx, cmd)
    return found and found["pace"]


class Clicks:
    """People who click. The same seed gives the same clicks at the same times."""

    def __init__(self, nginx, path="/", rate=25):
        self.nginx, self.path, self.rate = nginx, path, rate
        self.taken, self.paces = [], []
        self.pool = ThreadPoolExecutor(64)

    def _click(self, cmd, seconds):
        begun = time.monotonic()
        pace, _ = run(self.nginx, cmd, seconds, path=self.path)
        self.taken.append(time.monotonic() - begun)
        self.paces.append((cmd, pace))

    def send(self, seconds, seed=1, also=()):
        """Clicks for `seconds`; `also` has other calls as (second, cmd, work). Returns when all are answered."""
        dice = random.Random(seed)
        events, at = [], 0
        while (at := at + dice.expovariate(self.rate)) < seconds:
            events.append((at, dice.choice(CLICKS), dice.uniform(0.002, 0.01)))
        begun, waiting = time.monotonic(), []
        for at, cmd, work in sorted([*events, *also]):
            time.sleep(max(0, begun + at - time.monotonic()))
            to = self._click if cmd in CLICKS else self._other
            waiting.append(self.pool.submit(to, cmd, work))
        for one in waiting:
            one.result()

    def _other(self, cmd, seconds):
        run(self.nginx, cmd, seconds, path=self.path)

    def p90(self):
        """The time that nine of ten clicks did not exceed."""
        return quantiles(self.taken, n=10)[-1]


def warm(nginx, *calls):
    """Sends clicks and `calls`, until nginx knows their pace."""
    for cmd in CLICKS:
        for _ in range(3):
            run(nginx, cmd)
    for cmd, seconds in calls:
        for _ in range(3):
            run(nginx, cmd, seconds)


def test_21_01_a_run_in_flight_makes_a_new_call_slow(paced):
    """A new call becomes slow after twice slow= of its first run, and stays slow when the run has ended."""
    nginx = paced()
    warm(nginx)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(run, nginx, "report.a", REPORT)
        until(lambda: run(nginx, "click.0") and pace_of(nginx, "report.a") == "slow", "slow")
        assert not first.done()
        assert first.result() == ("new", "primary")
    assert run(nginx, "report.a", REPORT) == ("slow", "reports")
    assert {run(nginx, cmd) for cmd in CLICKS} == {("fast", "primary")}


def test_21_02_three_runs_make_a_call_known(paced):
    """After three runs a call is slow or fast."""
    nginx = paced()
    assert [run(nginx, "report.b", 0.3)[0] for _ in range(4)] == ["new", "new", "new", "slow"]
    assert [run(nginx, "click.0")[0] for _ in range(4)] == ["new", "new", "new", "fast"]
    found = call_of(nginx, "report.b")
    assert found["pace"] == "slow" and found["pace_why"].startswith("work 0.3"), found
    assert call_of(nginx, "click.0")["pace_why"].startswith("work 0.0"), call_of(nginx, "click.0")


def test_21_03_a_storm_makes_no_click_slow(paced):
    """One person opens an unknown call in six tabs, and then three times as many reports come as their server
    can do. Clicks stay fast, and wait no longer than with a map that names the reports."""
    nginx = paced()
    warm(nginx, ("report.a", 0.5), ("report.b", 0.5))
    storm = [(0.1 + 0.25 * number, f"report.{'ab'[number % 2]}", 0.75) for number in range(6)]
    ratios = []
    for seed in (1, 2):
        taken = []
        for path in ("/named/", "/"):
            clicks = Clicks(nginx, path)
            clicks.send(2.5, seed, storm)
            assert {pace for _, pace in clicks.paces} == {"fast"}
            taken.append(clicks.p90())
        ratios.append(taken[1] / taken[0])
    # The better of two tries counts, since the machine has other work. A click that waits for a report would
    # take thirty times as long.
    assert min(ratios) < 3, ratios

    tabs = [(0.5 + 0.01 * number, "report.new", 0.75) for number in range(6)]
    clicks = Clicks(nginx)
    clicks.send(2.5, 4, [*tabs, *storm])
    assert {pace for _, pace in clicks.paces} == {"fast"}
    assert run(nginx, "report.new", 0.3)[0] == "slow"


def test_21_04_what_changes_is_found_out(paced):
    """A call that becomes slow is found out within eight runs, one that becomes quick within three."""
    nginx = paced()
    warm(nginx, ("report.a", 0.01))
    assert run(nginx, "report.a", 0.01)[0] == "fast"
    clicks = Clicks(nginx)
    clicks.send(3, 5, [(0.3 * number, "report.a", 0.5) for number in range(8)])
    assert run(nginx, "report.a", 0.01) == ("slow", "reports")
    for _ in range(2):
        run(nginx, "report.a", 0.01)
    assert run(nginx, "report.a", 0.01) == ("fast", "primary")


def test_21_05_a_stall_changes_nothing(paced, servers):
    """During a storm all servers stand still for ten times slow=, and no pace changes."""
    nginx = paced()
    warm(nginx, ("report.a", 0.5))
    storm = [(0.2 + 0.3 * number, "report.a", 0.75) for number in range(6)]
    clicks = Clicks(nginx)
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(clicks.send, 3, 6, storm)
        until(lambda: len(clicks.taken) > 20, "clicks")
        servers["primary"].stall.touch()
        begun = time.monotonic()
        until(lambda: time.monotonic() - begun > 10 * SLOW, "the stall's end")
        servers["primary"].stall.unlink()
        busy.result()
    assert {pace_of(nginx, cmd) for cmd in CLICKS} == {"fast"}
    assert pace_of(nginx, "report.a") == "slow"


def test_21_06_errors_and_cancelled_runs_teach_nothing(paced):
    """Errors and cancelled runs do not change a call's pace, and do not make a call known."""
    nginx = paced()
    for _ in range(8):
        post(nginx, "/", "cmd=click.err&seconds=0.01&status=500")
        with Http1(nginx.port()) as client:
            client.request("POST", "/", of_type(FORM), b"cmd=click.err&seconds=0.05")
    assert run(nginx, "click.err")[0] == "new"


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("path", ["/", "/preread/"])
def test_21_07_however_it_comes(paced, via, path):
    """Over HTTP/1.1, 2 and 3, with `whole` and `preread`, the call's pace chooses the pool."""
    nginx = paced()
    warm(nginx, ("report.a", 0.3))
    assert run(nginx, "report.a", 0.01, via=via, path=path) == ("slow", "reports")
    assert run(nginx, "click.0", 0.01, via=via, path=path) == ("fast", "primary")
    assert run(nginx, "nobody.knows", 0.01, via=via, path=path) == ("new", "primary")
    assert run(nginx, "report.a", 0.01, via=via, path="/off/") == ("", "primary")


def test_21_08_it_survives_a_reload_and_a_restart(paced, tmp_path):
    """The pace survives a reload in the zone, and a restart in the file of `state=`."""
    state = tmp_path / "state"
    nginx = paced(zone=f"state={state}")
    warm(nginx, ("report.a", 0.3))
    old = nginx.reload()
    until(lambda: not set(old) & set(nginx.workers()), "the old worker to go")
    assert run(nginx, "report.a", 0.01)[0] == "slow"
    nginx.stop()
    nginx = paced(zone=f"state={state}")
    assert run(nginx, "report.a", 0.01) == ("slow", "reports")
    assert run(nginx, "click.0") == ("fast", "primary")


@pytest.mark.allow_log("exited on signal 9")
def test_21_09_a_worker_that_is_killed_leaves_nothing(paced):
    """If a worker is killed, its runs in flight are forgotten: their calls are `new`."""
    nginx = paced()
    warm(nginx)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(run, nginx, "report.a", REPORT)
        until(lambda: run(nginx, "click.0") and pace_of(nginx, "report.a") == "slow", "slow")
        worker = nginx.worker()
        nginx.signal(9, worker)
        with pytest.raises(Exception):
            first.result()
    until(lambda: nginx.workers() and nginx.worker() != worker, "another worker")
    until(lambda: run(nginx, "click.0") and pace_of(nginx, "report.a") == "new", "new")
    assert run(nginx, "click.0") == ("fast", "primary")






def test_21_10_several_zones_each_with_its_own_border(paced):
    """Each location has the settings of its own `frappe_pace`."""
    more = """
        location /other/ { frappe_pace others slow=5s min=1; proxy_pass http://$pool/; }
    """
    nginx = paced(CONF.replace("frappe_pace calls", "frappe_status_zone others 1m; frappe_pace calls"),
                  more=more)
    warm(nginx, ("report.a", 0.3))
    assert run(nginx, "report.a", 0.01) == ("slow", "reports")
    # The other zone has counted the call, too, but no `frappe_pace` has judged it there.
    assert run(nginx, "report.a", 0.01, path="/other/")[0] == "new"
    assert run(nginx, "report.a", 0.01, path="/other/") == ("fast", "primary")


@pytest.mark.parametrize("directive, message", [
    ("frappe_pace nowhere slow=2s;", 'unknown zone "nowhere" in "frappe_pace" directive, it must be calls'),
    ("frappe_pace calls;", "invalid number of arguments"),
    ("frappe_pace calls min=3;", 'no "slow=TIME", as in "frappe_pace calls slow=2s;"'),
    ("frappe_pace slow=2s calls;", '"slow=2s" stands where the name of a zone must be'),
    ("frappe_pace calls slow=1ms;", 'invalid parameter "slow=1ms", it must be a time of 50ms to 300s'),
    ("frappe_pace calls slow=fast;", 'invalid parameter "slow=fast", it must be a time'),
    ("frappe_pace calls slow=2s min=9;", 'invalid parameter "min=9", it must be a number of runs from 1 to 8'),
    ("frappe_pace calls slow=2s window=1s;", 'invalid parameter "window=1s", it must be a time of 60s to 366d'),
    ("frappe_pace calls slow=2s slow=3s;", 'duplicate parameter "slow=3s"'),
    ("frappe_pace calls slow=2s size=3;", 'invalid parameter "size=3", it must be "slow=TIME", "min=N" or'),
    ("frappe_pace calls slow=2s; frappe_pace calls slow=3s;", '"frappe_pace" directive is duplicate'),
])
def test_21_11_a_mistake_is_told(serve_once, directive, message):
    """The message names the directive, the value, and what is allowed."""
    conf = f"""
        frappe_status_zone calls 1m;
        server {{ @{{listen main}} frappe_cmd on; location / {{ {directive} return 204; }} }}
    """
    good, said = serve_once(conf, start=False).test()
    assert not good and message in said, said
    if "number" not in message and "duplicate\"" not in message:
        assert "nginx.conf:" in said


def test_21_12_it_needs_a_zone(serve_once):
    """Without a zone the message says which line to write."""
    conf = "server { @{listen main} frappe_cmd on; frappe_pace calls slow=2s; }"
    good, said = serve_once(conf, start=False).test()
    assert not good and '"frappe_status_zone calls 1m;" in the http block' in said, said


@pytest.fixture(name="balanced")
def fixture_balanced(env, servers, tmp_path):
    """nginx with pace.conf and limits.conf, with times of a tenth."""
    addresses = dict.fromkeys(PRIMARY, servers["primary"].address)
    addresses |= dict.fromkeys(SECONDARY, servers["reports"].address)
    conf = text("pace.conf", {"listen 80;": "@{listen main}", "slow=2s": "slow=200ms",
                              "/var/lib/nginx/frappe/calls": str(tmp_path / "state"), **addresses})
    conf += text("sid-hash.conf") + text("limits.conf")
    nginx = Nginx(env, tmp_path / "nginx", conf).start()
    yield nginx
    nginx.stop()


def status_of(nginx, cmd, seconds):
    """A run's status, and the pool that answered."""
    answer = post(nginx, "/", f"cmd={cmd}&seconds={seconds}").response
    return answer.status, answer.text if answer.status == 200 else ""


def test_21_13_pace_conf_needs_no_name(balanced):
    """With pace.conf, slow calls go to the secondary servers, and a person may run two of them at a time."""
    for _ in range(3):
        assert status_of(balanced, "my.app.report", 0.3) == (200, "primary")
        assert status_of(balanced, "my.app.click", 0.01) == (200, "primary")
    assert status_of(balanced, "my.app.report", 0.3) == (200, "reports")
    assert status_of(balanced, "my.app.click", 0.01) == (200, "primary")
    with ThreadPoolExecutor(5) as pool:
        tabs = [pool.submit(status_of, balanced, "my.app.report", 0.6) for _ in range(5)]
        assert sorted(tab.result()[0] for tab in tabs) == [200, 200, 429, 429, 429]
        clicks = [pool.submit(status_of, balanced, "my.app.click", 0.1) for _ in range(5)]
        assert {click.result() for click in clicks} == {(200, "primary")}


def test_21_14_the_log_says_what_has_routed(paced):
    """The log shows the pace that has routed the request, also if the call's pace has changed since."""
    nginx = paced(log="""
        log_format rig escape=json '{"id":"$http_x_rig_id","pace":"$frappe_pace"}';
        access_log @{prefix}/access.log rig;
    """)
    for pace in ("new", "new", "new", "slow"):
        found = post(nginx, "/", "cmd=report.a&seconds=0.3")
        assert (found.response.header("X-Pace"), found.logged["pace"]) == (pace, pace)


def test_21_15_a_client_that_sends_slowly_makes_nothing_slow(paced):
    """While a slow client's body is streamed, the server is busy, but the run has not begun."""
    nginx = paced()
    warm(nginx)
    for _ in range(4):
        begun = Begun(nginx, "length", "/preread/", b"cmd=click.0&seconds=0.01&x=" + b"x" * 40000, 20000)
        start = time.monotonic()
        until(lambda: time.monotonic() - start > 2 * SLOW, "a slow client")
        assert begun.finish().status == 200
    assert run(nginx, "click.0") == ("fast", "primary")
    for _ in range(3):
        run(nginx, "report.streamed", 0.3, path="/preread/")
    assert run(nginx, "report.streamed", 0.3) == ("slow", "reports")
