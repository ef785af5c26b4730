"""23: the page of the figures in a real browser: its figures are true, everybody can use it, and it is safe."""

import shutil
import urllib.parse

import pytest

from rig.figures import calls, figures, reset
from rig.http1 import Http1
from rig.load import pipelined
from rig.waiting import until

pytestmark = [
    pytest.mark.skipif(not shutil.which("chromium"),
                       reason="no Chromium: `build/deps.sh figures` installs it"),
    pytest.mark.timeout(120),
]

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"

CONF = """
    frappe_status_zone calls 1m;
    keepalive_requests 1000000;
    server {
        @{listen main}
        frappe_cmd on;
        location / { return 200 "ok\\n"; }
        location /pool/ { proxy_pass http://primary/; }
        location /broken { return 500; }
        location /status { frappe_status calls; }
    }
"""


@pytest.fixture(name="browser", scope="module")
def fixture_browser():
    from rig.browser import chromium
    with chromium() as browser:
        yield browser


@pytest.fixture(name="nginx", scope="module")
def fixture_nginx(serve):
    nginx = serve(CONF, log="access_log off;")
    for number in range(25):
        pipelined(nginx.port(), [f"/api/method/app.{number:02}"] * (number + 1))
    for target in ("/pool/?cmd=pooled", "/broken?cmd=broken",
                   f"/?cmd={urllib.parse.quote(HOSTILE)}"):
        with Http1(nginx.port()) as client:
            client.request("GET", target)
            client.response()
    return nginx


@pytest.fixture(name="look")
def fixture_look(nginx, browser):
    """Opens the page. At the end of the test the page must have no errors, and must have asked for nothing
    else."""
    from rig.browser import Seen
    opened = []

    def look(path="/status", **options):
        seen = Seen(browser, f"http://127.0.0.1:{nginx.port()}{path}", **options)
        opened.append(seen)
        return seen
    yield look
    for seen in opened:
        assert seen.complaints == []
        own = f"http://127.0.0.1:{nginx.port()}/status"
        assert all(url.startswith((own, "data:,")) for url in seen.requests), seen.requests
        seen.page.close()


def test_23_01_the_figures_are_those_that_were_sent(nginx, look):
    """Each row has the figures of the JSON."""
    seen = look()
    rows = {row["Call"]: row for row in seen.rows()}
    found = calls(nginx)
    assert set(rows) == set(found)
    for name, call in found.items():
        assert rows[name]["Requests"] == str(call["requests"])
        assert rows[name]["p95"] == f"{call['request']['p95']:.3f}"
        assert rows[name]["Longest"] == f"{call['request']['max']:.3f}"
    assert rows["pooled"]["Pools"] == "primary"
    assert rows["broken"]["5xx"] == "100.0 %"
    assert rows["app.24"]["Requests"] == "25"
    assert f"{figures(nginx)['total']['requests']} requests" in seen.page.inner_text("#facts")


def test_23_02_a_hostile_name_is_text(look):
    """The page shows a hostile name as text: it makes no element of it and runs nothing."""
    seen = look()
    assert HOSTILE in seen.calls()
    assert seen.page.locator("tbody img, tbody script").count() == 0


def test_23_03_each_column_sorts(look):
    """Each column sorts up and down, and its head says so."""
    seen = look()
    heads = seen.page.locator("thead button").all_inner_texts()
    for head in heads:
        seen.sort(head)
        first = seen.calls()
        state = seen.page.locator("thead th[aria-sort]")
        assert state.count() == 1
        before = state.get_attribute("aria-sort")
        seen.sort(head)
        assert {before, state.get_attribute("aria-sort")} == {"ascending", "descending"}
        assert sorted(first) == sorted(seen.calls())
    seen.sort("Requests")
    counts = [int(row["Requests"]) for row in seen.rows()]
    assert counts == sorted(counts, reverse=True)
    seen.sort("Call")
    assert seen.calls() == sorted(seen.calls(), key=str.lower)


def test_23_04_filter(look):
    """The filter finds text and ignores case."""
    seen = look()
    seen.page.get_by_label("Filter").fill("APP.1")
    assert sorted(seen.calls()) == [f"app.{number}" for number in range(10, 20)]
    assert seen.page.inner_text("#shown") == "10 of 28 calls"


def test_23_05_by_keyboard(look):
    """The keyboard reaches everything that can be clicked, shows where it is, and uses it."""
    seen = look()
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.id") == "filter"
    seen.page.keyboard.type("app.0")
    assert len(seen.calls()) == 10
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "table"
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.textContent") == "Call"
    seen.page.keyboard.press("Enter")
    assert seen.calls()[0] == "app.00"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert seen.page.evaluate(outline) == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_23_06_accessible_and_readable(look, scheme, width):
    """axe-core finds nothing serious. At 360 px no text is cut off, and no part has to be scrolled to."""
    from axe_playwright_python.sync_playwright import Axe
    seen = look(color_scheme=scheme, viewport={"width": width, "height": 800})
    results = Axe().run(seen.page)
    serious = [violation for violation in results.response["violations"]
               if violation["impact"] in ("serious", "critical")]
    assert not serious, results.generate_report()
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    if width == 360:
        beyond = """() => [...document.querySelectorAll("tbody th, tbody td, thead th")]
            .filter((cell) => cell.getBoundingClientRect().right > innerWidth).length"""
        assert seen.page.evaluate(beyond) == 0
    dark = seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    assert dark == (scheme == "dark")


def test_23_07_the_rate_now(nginx, look):
    """After new requests the page shows how many come in a second, and draws them."""
    seen = look()
    pipelined(nginx.port(), ["/api/method/app.now"] * 500)

    def rate():
        seen.page.wait_for_timeout(100)
        return {row["Call"]: row["Now /s"] for row in seen.rows()}.get("app.now", "–")
    assert float(until(lambda: rate() not in ("–", "0.00") and rate(), "a rate")) > 50
    assert seen.page.locator("#chart path.rate").get_attribute("d").startswith("M")


def test_23_08_a_server_that_does_not_answer(serve_once, browser):
    """If the server does not answer, the page says so, and goes on when it answers again."""
    from rig.browser import Seen
    nginx = serve_once(CONF, log="access_log off;")
    pipelined(nginx.port(), ["/?cmd=f"])
    seen = Seen(browser, f"http://127.0.0.1:{nginx.port()}/status")
    seen.page.route("**/status?*", lambda route: route.abort())
    alarm = seen.page.locator("#alarm")
    alarm.wait_for(state="visible", timeout=20_000)
    assert "No figures since" in alarm.inner_text()
    seen.page.unroute("**/status?*")
    alarm.wait_for(state="hidden", timeout=20_000)
    seen.page.close()


def test_23_09_after_a_reset(serve_once, browser):
    """After a reset the page shows the new figures, and no negative ones."""
    from rig.browser import Seen
    nginx = serve_once(CONF, log="access_log off;")
    pipelined(nginx.port(), ["/?cmd=f"] * 100)
    seen = Seen(browser, f"http://127.0.0.1:{nginx.port()}/status")
    reset(nginx)
    pipelined(nginx.port(), ["/?cmd=g"])

    def new():
        seen.page.wait_for_timeout(100)
        return seen.calls() == ["g"]
    until(new, "the new figures")
    assert "-" not in seen.rows()[0]["Now /s"]
    assert seen.complaints == []
    seen.page.close()
