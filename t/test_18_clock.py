"""18: if the machine's clock is set back or forward, requests, figures and pace go on."""

import time

import pytest

from rig.begun import Begun
from rig.client import FORM, of_type, post
from rig.faults import Faults, FaultyNginx
from rig.figures import ask, calls, figures, reset
from rig.http1 import Http1
from rig.modes import MODES
from rig.waiting import until

CONF = """
    frappe_status_zone calls 1m state=@{prefix}/calls;
    frappe_pace calls slow=1s;
    server {
        @{listen_all}
        client_max_body_size 0;
        location /status { frappe_status calls; }
""" + "".join(f"""
        location /{mode}/ {{ {directives} @{{show}} add_header X-Pace $frappe_pace; proxy_pass http://primary; }}
""" for mode, directives in MODES.items()) + "}"
BODY = b"cmd=f&x=" + b"y" * 30_000
DAY = 24 * 60 * 60
JUMPS = {"a second back": -1, "a second": 1, "an hour back": -3600, "an hour": 3600, "a day back": -DAY, "a day": DAY,
         "a year back": -400 * DAY, "a year": 400 * DAY,
         # The figures keep seconds since 1970 in 32 bits without a sign.
         "1970": 100 - int(time.time()), "2038": 2 ** 31 - int(time.time())}


@pytest.fixture(scope="module")
def faults(env, tmp_path_factory):
    """The library that sets the clock."""
    if env.is_checked:
        pytest.skip("the sanitizer's library is another one")
    return Faults(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def nginx(env, upstreams, tmp_path_factory, faults):
    server = FaultyNginx(env, tmp_path_factory.mktemp("nginx"), CONF, upstreams.addresses(), faults=faults)
    server.start()
    yield server
    faults.disarm()
    server.stop()


def is_well(response):
    """Asserts that the response is that of a request that runs f."""
    assert response.status == 200 and response.json()["frappe"]["cmd"] == "f"
    assert response.header("X-Cmd") == "f" and response.header("X-Pace") in ("fast", "slow", "new")


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_18_51_requests_go_on(nginx, faults, jump):
    """Requests go on that were half sent, that come after the jump, and that come when the clock is right
    again."""
    worker, count = nginx.worker(), 0
    reset(nginx)
    for clock in (jump, 0):
        halves = [Begun(nginx, via, f"/{mode}/", BODY, sent)
                  for via in ("length", "chunked", "h2") for mode in MODES for sent in (5, 20_000)]
        faults["clock"] = clock
        for begun in halves:
            is_well(begun.finish())
        for mode in MODES:
            is_well(post(nginx, f"/{mode}/", "cmd=f").response)
        count += len(halves) + len(MODES)
        until(lambda: calls(nginx)["f"]["requests"] == count, "all to be counted")
        found = figures(nginx)
        assert found["total"]["requests"] == found["total"]["request"]["count"] == count
        assert ask(nginx, "/status?format=prometheus")[0] == 200
    assert nginx.worker() == worker


@pytest.mark.timeout(120)
@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_18_52_the_state_is_written(nginx, faults, jump):
    """A worker writes the state within a minute, also if the time of the last state is in the future now."""
    state = nginx.prefix / "calls"

    def written():
        return state.stat().st_ino if state.exists() else 0

    with Http1(nginx.port()) as client:
        client.request("POST", "/whole/", of_type(FORM), b"cmd=f")
        client.response()
    until(written, "the first time", timeout=20)
    for clock in (jump, 0):
        before = written()
        faults["clock"] = clock
        until(lambda: written() != before, "the next time", timeout=20)


@pytest.mark.parametrize("jump", [-DAY, 0, 30 * DAY])
def test_18_53_the_pace_is_known(nginx, faults, jump):
    """A quick call becomes fast after some runs, also if its earlier runs have times of another clock."""
    faults["clock"] = jump
    for _ in range(4):
        assert post(nginx, "/whole/", "cmd=paced").response.status == 200
    assert post(nginx, "/whole/", "cmd=paced").response.header("X-Pace") == "fast"
