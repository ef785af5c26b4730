"""20: the figures of each call stay exact, also if workers are killed and clients invent names."""

import os
import random
import signal
import subprocess

import pytest

from rig import process
from rig.client import FORM, JSON, MULTIPART, multipart, post
from rig.figures import calls, figures, reset
from rig.http1 import Http1
from rig.load import Load, pipelined
from rig.waiting import until

# Invented names; `make test-figures` takes a million.
NAMES = int(os.environ.get("TEST_FIGURES_NAMES", "50000"))

# Tests fill in @{size}, @{zone}, @{more} and @{locations}. Locations answer at once, so that a test can send
# many requests.
SERVER = """
    frappe_status_zone calls @{size} @{zone};
    keepalive_requests 10000000;
    @{more}
    server {
        @{listen main}
        frappe_cmd on;
        location / { return 200 "ok\\n"; }
        location /slow/ { proxy_pass http://primary/; }
        location /status { frappe_status calls; }
        @{locations}
    }
"""


def options(workers=1, *, size="1m", zone="", more="", locations=""):
    """Arguments of `serve_once` for SERVER."""
    return {"values": {"size": size, "zone": zone, "more": more, "locations": locations},
            "main": f"#workers {workers}", "log": "access_log off;"}


@pytest.fixture(name="start")
def fixture_start(serve_once):
    """Starts SERVER."""
    def start(workers=1, **more):
        instance = serve_once(SERVER, start=False, **options(workers, **more))
        conf = instance.prefix / "nginx.conf"
        conf.write_text(conf.read_text().replace("worker_processes 1;",
                                                 f"worker_processes {workers};"))
        return instance
    started = []

    def run(*arguments, **more):
        instance = start(*arguments, **more)
        instance.start()
        started.append(instance)
        until(lambda: len(instance.workers()) >= (arguments[0] if arguments else 1), "the workers")
        return instance
    run.prepare = start
    yield run
    for instance in started:
        instance.stop()


def api(name):
    """The path of a call."""
    return f"/api/method/{name}"


def total(nginx):
    """The number of requests: the sum of all rows and the total must agree."""
    found = figures(nginx)
    rows = [*found["calls"], found["other"]]
    assert sum(row["requests"] for row in rows) == found["total"]["requests"]
    return found["total"]["requests"]


def test_20_01_each_request_counts_once(start):
    """With 4 workers, 32 connections and 5,000 calls, the total is the number of requests that were sent."""
    nginx = start(4, size="8m")
    names = [f"app.method_{number}" for number in range(5000)]
    random.Random(1).shuffle(names)
    with Load(nginx.port(), [api(name) for name in names]) as load:
        until(lambda: total(nginx) >= 20_000, "20,000 requests", timeout=40)
    assert load.count.sent == load.count.answered
    # The answer may arrive before the worker has counted the request.
    until(lambda: total(nginx) >= load.count.sent, "the last requests to be counted")
    assert total(nginx) == load.count.sent
    found = calls(nginx)
    assert set(found) == set(names)
    # If the lock is taken for too long, a worker does not wait, and counts a new call in (other): some forty of
    # them while the system holds up the lock's owner once.
    assert figures(nginx)["other"]["requests"] <= load.count.sent // 100
    for call in found.values():
        assert call["responses"] == {"2xx": call["requests"]}
        assert call["request"]["count"] == call["requests"]


def test_20_02_what_a_row_says(start, upstreams):
    """A row has the status classes, bytes, times and groups of its requests."""
    nginx = start()
    for target, status in (("/slow/", 200), ("/quick", 200)):
        with Http1(nginx.port()) as client:
            client.request("POST", target, [("Content-Type", FORM)], b"cmd=a.b&x=" + b"y" * 5000)
            response = client.response()
            assert response.status == status
    row = calls(nginx)["a.b"]
    assert row["requests"] == 2
    assert row["responses"] == {"2xx": 2}
    assert 10_000 < row["received_bytes"] < 11_000
    assert row["sent_bytes"] > 300
    assert row["upstream"]["count"] == 1
    assert row["upstreams"]["primary"]["requests"] == 1
    # nginx measures the two times by different clocks.
    assert row["request"]["max"] >= row["upstream"]["max"] - 0.002
    assert row["first_seen"] <= row["last_seen"]


def test_20_03_each_kind_of_body(start):
    """A form, a multipart body and JSON of the same call count in one row; errors count, too."""
    nginx = start(locations="location /limited { return 429; } location /gone { return 404; }"
                            "location /refused { return 503; } location /broken { return 500; }")
    for content_type, body in ((FORM, b"cmd=f"), (JSON, b'{"cmd": "f"}'),
                               (MULTIPART, multipart(("cmd", "f")))):
        post(nginx, "/", body, content_type)
        for target in ("/limited", "/gone", "/refused", "/broken"):
            with Http1(nginx.port()) as client:
                client.request("POST", target, [("Content-Type", content_type)], body)
                client.response()
    row = calls(nginx)["f"]
    assert row["responses"] == {"2xx": 3, "429": 3, "4xx": 3, "503": 3, "5xx": 3}


def test_20_04_a_client_that_gives_up_is_499(start, raw):
    """A request whose client gives up counts as 499, with the time until then."""
    nginx = start(locations=f"location /wait {{ proxy_pass http://127.0.0.1:{raw.port}; }}")
    with Http1(nginx.port()) as client:
        client.request("POST", "/wait", [("Content-Type", FORM)], b"cmd=f")
        accepted = raw.accept()
        assert accepted
        client.close()
        until(lambda: "f" in calls(nginx), "the row")
    until(lambda: "f" in calls(nginx), "the row")
    assert calls(nginx)["f"]["responses"] == {"499": 1}


def test_20_05_a_mebibyte_has_room_for_a_thousand_calls(start):
    """Of more calls, those with one request leave the zone; the totals stay."""
    nginx = start()
    names = [f"app.{number}.{'x' * 200}" for number in range(1000)]
    for _ in range(2):
        pipelined(nginx.port(), [api(name) for name in names])
    found = figures(nginx)
    assert found["rows"]["used"] == 1000 and found["rows"]["replaced"] == 0
    assert set(calls(nginx)) == set(names)
    pipelined(nginx.port(), [api(f"invented.{number}") for number in range(3000)])
    found = figures(nginx)
    assert found["total"]["requests"] == 5000
    assert found["other"]["requests"] > 0
    kept = set(calls(nginx)) & set(names)
    # An eighth of the rows is kept for new names.
    assert len(kept) >= 0.8 * len(names)


@pytest.mark.timeout(60 + NAMES // 5000)
def test_20_06_invented_names_displace_nobody(start):
    """Invented names do not change the figures of real calls, and each request counts. test_17_21 shows what one
    costs."""
    nginx = start()
    real = [f"erpnext.real_{number}" for number in range(300)]
    for _ in range(3):
        pipelined(nginx.port(), [api(name) for name in real])
    before = {name: call["requests"] for name, call in calls(nginx).items()}
    turn = 2000
    for first in range(0, NAMES, turn):
        pipelined(nginx.port(), [api(f"invented.{number}") for number in range(first, first + turn)])
    found = calls(nginx)
    assert {name: found[name]["requests"] for name in real} == before
    assert total(nginx) == NAMES + 900


@pytest.mark.allow_log(r"exited on signal 9")
@pytest.mark.timeout(180)
def test_20_07_workers_are_killed(start):
    """After 50 times kill -9 under load the other workers go on. For each dead worker at most the request that
    it was counting is missing."""
    nginx = start(4, size="128k")
    targets = [api(f"app.{number % 97}") for number in range(700)]
    targets += [api(f"rare.{number}") for number in range(5000)]
    random.Random(2).shuffle(targets)
    kills = 50
    with Load(nginx.port(), targets) as load:
        for _ in range(kills):
            seen = total(nginx)
            until(lambda seen=seen: total(nginx) > seen + 100, "requests to be counted")
            victim = random.Random(seen).choice(nginx.workers())
            nginx.signal(signal.SIGKILL, victim)
            until(lambda victim=victim: not process.alive(victim), "the worker to die")
    until(lambda: len(nginx.workers()) == 4, "the workers to be there again")
    until(lambda: total(nginx) >= load.count.answered - kills, "the last requests to be counted")
    counted = total(nginx)
    assert counted <= load.count.sent
    # The zone still works: a new name gets a row.
    for number in range(1, 4):
        pipelined(nginx.port(), [api("afterwards")])
        until(lambda number=number: total(nginx) >= counted + number, "the request to be counted")
    until(lambda: calls(nginx)["afterwards"]["requests"] == 3, "its requests to be counted")


def test_20_08_reload_under_load(start):
    """While a reload replaces the workers, no request is lost or counted twice, and the zone stays."""
    nginx = start(2)
    with Load(nginx.port(), [api(f"app.{number}") for number in range(50)], 8) as load:
        for _ in range(5):
            seen = total(nginx)
            until(lambda seen=seen: total(nginx) > seen + 100, "requests to be counted")
            nginx.reload()
    until(lambda: len(nginx.workers()) == 2, "the old workers to end")
    # An old worker has counted all requests that it has answered.
    assert load.count.answered <= total(nginx) <= load.count.sent


def test_20_09_a_reload_with_another_configuration_keeps_the_figures(start):
    """With another key or more locations the figures stay. With another size they start anew, and the log says
    so."""
    nginx = start(more="#more", locations="")
    pipelined(nginx.port(), [api("before")])
    conf = nginx.prefix / "nginx.conf"
    text = conf.read_text()
    conf.write_text(text.replace("frappe_status_zone calls 1m ;",
                                 'frappe_status_zone calls 1m "key=$host $frappe_call";'))
    (old,) = nginx.reload()
    until(lambda: not process.alive(old), "the old worker to end")
    pipelined(nginx.port(), [api("after")])
    assert set(calls(nginx)) == {"before", "localhost after"}

    mark = nginx.errors.mark()
    conf.write_text(text.replace("frappe_status_zone calls 1m ;", "frappe_status_zone calls 2m;"))
    (old,) = nginx.reload()
    until(lambda: not process.alive(old), "the old worker to end")
    nginx.errors.wait(r'\[notice\].*zone "calls" had 1024k before and is new now: its figures start '
                      "anew", mark)
    assert calls(nginx) == {}
    assert figures(nginx)["rows"]["max"] > 2000


def test_20_10_two_zones(start):
    """Each zone has its own key and its own page, so that a balancer can count its sites separately."""
    nginx = start(more='frappe_status_zone sites 1m "key=$host $frappe_call";',
                  locations="location /sites { frappe_status sites; }")
    for host in ("one.example", "two.example", "one.example"):
        with Http1(nginx.port()) as client:
            client.send(f"GET {api('f')} HTTP/1.1\r\nHost: {host}\r\n\r\n")
            assert client.response().status == 200
    assert {name: call["requests"] for name, call in calls(nginx).items()} == {"f": 3}
    found = calls(nginx, "/sites?format=json")
    assert {name: call["requests"] for name, call in found.items()} == {
        "one.example f": 2, "two.example f": 1}


def test_20_11_what_is_not_counted(start):
    """Requests do not count in locations without the module, with an empty key, and for the figures' page."""
    nginx = start(locations="location /off/ { frappe_cmd off; return 200 'ok\\n'; }"
                            "location /mine { frappe_status mine; }",
                  more="frappe_status_zone mine 1m key=$arg_x;")
    pipelined(nginx.port(), ["/off" + api("f"), "/?cmd=f", "/?x=1", "/status", "/status?cmd=f"])
    assert set(calls(nginx, "/mine?format=json")) == {"1"}
    assert {name: call["requests"] for name, call in calls(nginx).items()} == {"f": 1, "page": 1}


def test_20_12_a_reset_starts_anew(start):
    """After a reset the figures start anew, also for calls that come again."""
    nginx = start()
    pipelined(nginx.port(), [api(f"app.{number % 500}") for number in range(2000)])
    reset(nginx)
    assert total(nginx) == 0 and calls(nginx) == {}
    pipelined(nginx.port(), [api("app.7"), api("new")])
    assert {name: call["requests"] for name, call in calls(nginx).items()} == {"app.7": 1, "new": 1}


# The file of the state


def test_20_20_the_state_survives_a_restart(start, tmp_path):
    """After a restart the figures, quantiles and groups are there again. nginx writes the file when it ends."""
    state = tmp_path / "calls"
    nginx = start(zone=f"state={state}")
    pipelined(nginx.port(), [api(f"app.{number % 30}") for number in range(300)])
    with Http1(nginx.port()) as client:
        client.request("GET", "/slow/?cmd=slow")
        client.response()
    before = figures(nginx)
    nginx.stop()
    assert state.is_file() and not state.with_suffix(".tmp").exists()

    again = start(zone=f"state={state}")
    again.errors.wait(r"\[notice\].*figures of 31 calls")
    after = figures(again)
    for key in ("calls", "other", "total"):
        by_name = [sorted(found[key], key=str) if key == "calls" else found[key]
                   for found in (before, after)]
        assert by_name[0] == by_name[1]
    assert after["since"] == before["since"]


def test_20_21_a_worker_writes_the_state_while_it_runs(start, tmp_path):
    """A worker writes the state regularly, for an nginx that is killed."""
    state = tmp_path / "calls"
    nginx = start(zone=f"state={state}")
    pipelined(nginx.port(), [api("f")])
    until(state.exists, "the state to be written", timeout=20)
    assert state.read_bytes().startswith(b"frappe-calls 1\n")


@pytest.mark.parametrize("content, reason", [
    (b"", "it is damaged"),
    (b"something else", "it is damaged"),
    (b"frappe-calls 1\n" + bytes(100), "it is damaged"),
    (b"frappe-calls 2\n" + bytes(100), "another version of the module"),
])
def test_20_22_a_state_that_cannot_be_used_is_one_line(start, tmp_path, content, reason):
    """If nginx cannot use the state, it logs one line and starts with empty figures."""
    state = tmp_path / "calls"
    state.write_bytes(content)
    nginx = start(zone=f"state={state}")
    lines = nginx.errors.lines(r"\[warn\].*is not used")
    assert len(lines) == 1 and reason in lines[0] and str(state) in lines[0]
    assert total(nginx) == 0


def test_20_23_a_state_that_was_cut_off(start, tmp_path):
    """nginx does not use a state file without its end, as a copy on a full disk would be."""
    state = tmp_path / "calls"
    nginx = start(zone=f"state={state}")
    pipelined(nginx.port(), [api("f")])
    nginx.stop()
    state.write_bytes(state.read_bytes()[:-20])
    again = start(zone=f"state={state}")
    assert len(again.errors.lines("is not used: it is damaged")) == 1
    assert total(again) == 0


def test_20_24_a_full_disk(start, tmp_path):
    """If the disk is full, nginx logs one line, the old state stays, and no half file is left."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=False,
                             capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        state = disk / "calls"
        nginx = start(zone=f"state={state}")
        pipelined(nginx.port(), [api(f"app.{number}") for number in range(5)])
        nginx.stop()
        before = state.read_bytes()
        nginx = start(zone=f"state={state}")
        pipelined(nginx.port(), [api(f"many.{number}") for number in range(900)])
        nginx.errors.wait(r"\[error\].*cannot be written .*No space left")
        nginx.stop()
        assert state.read_bytes() == before
        assert not (disk / "calls.tmp").exists()
        # A worker has logged one line, and the master one at its end.
        assert len(nginx.errors.lines("cannot be written")) == 2
    finally:
        subprocess.run(["umount", disk], check=True)


def test_20_25_memory_is_what_was_configured(start):
    """The figures take no memory of the worker, however many calls there are."""
    nginx = start(size="4m")
    pipelined(nginx.port(), [api("warm") for _ in range(1000)])
    figures(nginx)
    before = nginx.memory("RssAnon")
    pipelined(nginx.port(), [api(f"app.{number}") for number in range(20_000)])
    figures(nginx)
    assert nginx.memory("RssAnon") - before <= 16 * 1024
