"""12: the page that `make report` writes: true, readable on a telephone, and harmless."""

import re
import shutil

import pytest

from rig.report import report, request, table

HOSTILE = "<script>alert(1)</script>"
LONG = "n" * 255


@pytest.fixture(name="log", scope="module")
def fixture_log(tmp_path_factory):
    """Three calls that share the servers' time as 3 to 1 to 0, and a few with names of all kinds."""
    path = tmp_path_factory.mktemp("log") / "access.json"
    path.write_text(request("report", 3, report="General Ledger") * 10 + request("click", 1) * 10
                    + "".join(request(name, 0) for name in (HOSTILE, LONG, "\N{SNOWMAN}", "a.b.c")))
    return path


@pytest.fixture(name="written", scope="module")
def fixture_written(log):
    """The page's file."""
    path = log.with_name("report.html")
    run = report(log, "--html", path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith(f"{path} shows it as a picture.\n")
    return path


def test_12_11_nothing_else_needed(written):
    """The page needs no other file and no network; names cannot break out of it."""
    page = written.read_text()
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r"https?:|src=|href=|url\(|@import", page)


@pytest.fixture(name="browser", scope="module")
def fixture_browser():
    if not shutil.which("chromium"):
        pytest.skip("no Chromium: `build/deps.sh figures` installs it")
    from rig.browser import chromium
    with chromium() as browser:
        yield browser


@pytest.fixture(name="look")
def fixture_look(written, browser):
    """Opens the page. At the end of the test the page must have no errors, and must have asked for nothing
    else."""
    from rig.browser import Seen
    opened = []

    def look(**options):
        opened.append(Seen(browser, written.as_uri(), **options))
        return opened[-1].page
    yield look
    for seen in opened:
        assert seen.complaints == [] and seen.requests == [written.as_uri()]
        seen.page.close()


CELLS = """(table) => Object.fromEntries([...table.querySelectorAll("tbody tr")].map((row) =>
    [row.querySelector("th").textContent, Object.fromEntries(
        [...row.querySelectorAll("td[data-head]")].map((cell) => [cell.dataset.head, cell.textContent]))]))"""


@pytest.mark.timeout(120)
def test_12_71_the_same_figures(log, look):
    """Each table has the figures that are printed, with units in its heads. A hostile name is shown as text."""
    page, printed = look(), report(log).stdout
    names = page.locator("h2").all_inner_texts()
    assert len(names) == 6
    for number, name in enumerate(names):
        shown = page.locator("table").nth(number).evaluate(CELLS)
        assert shown == table(printed, name), name
    assert {HOSTILE, LONG} <= set(page.locator("table").nth(0).evaluate(CELLS))
    heads = page.locator("table").nth(0).locator("thead th").all_inner_texts()
    assert heads[1:-1] == ["requests", "errors %", "p50 s", "p95 s", "p99 s", "max s", "servers s",
                           "share %"]


@pytest.mark.timeout(120)
def test_12_72_one_bar_one_scale(look):
    """A row has one bar for its share of the servers' time. All tables have the same 100 %."""
    page = look()
    bars = page.evaluate("""() => [...document.querySelectorAll("tbody tr")].map((row) =>
        [[...row.querySelectorAll("i")].map((bar) => bar.getBoundingClientRect().width),
         row.querySelector(".bar").clientWidth,
         Number(row.querySelector('[data-head="share %"]').textContent)])""")
    assert len(bars) >= 20
    fulls = []
    for widths, cell, share in bars:
        (width,) = widths
        assert width <= cell
        if share:
            fulls.append(width / share * 100)
    assert max(fulls) - min(fulls) < 1, fulls
    assert {75.0, 25.0, 0.0, 100.0} == {share for _, _, share in bars}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_12_73_readable(look, scheme, width):
    """axe-core finds nothing serious. No text is cut off, and no part has to be scrolled to, with any name."""
    from axe_playwright_python.sync_playwright import Axe
    page = look(color_scheme=scheme, viewport={"width": width, "height": 800})
    results = Axe().run(page)
    serious = [violation for violation in results.response["violations"]
               if violation["impact"] in ("serious", "critical")]
    assert not serious, results.generate_report()
    beyond = """() => [...document.querySelectorAll("h1, h2, p, th, td")].filter((cell) =>
        cell.getBoundingClientRect().right > innerWidth || cell.scrollWidth > cell.clientWidth + 1).length"""
    assert page.evaluate(beyond) == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    size = page.locator("tbody td").first.evaluate("(cell) => parseFloat(getComputedStyle(cell).fontSize)")
    assert size >= 14
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    assert dark == (scheme == "dark")
