"""02: `$frappe_cmd` is what Frappe runs, in all the corners of its parsers."""

import re

import pytest

from oracle.families import BY_VERSION
from oracle.limits import limit
from rig.client import MULTIPART, exchange, multipart, post
from rig.conf import SHOW
from vectors import ROWS

CONF = """
    server {{
        @{{listen main}}
        @{{listen_h2 h2}}
        client_max_body_size 0;
        large_client_header_buffers 4 32k;
        frappe_cmd on;
        {version}
        location / {{ @{{show}} proxy_pass http://primary; }}
    }}
"""

REFUSAL = r"\[info\].*frappe: \w+"


# nginx refuses a broken escape in a path.
BROKEN_ESCAPE = re.compile(rb"[^?]*%(?![0-9A-Fa-f]{2})")
# gunicorn refuses longer request lines.
LINE_MAX = 8190

# The fields of an answer that the log, the upstream and the oracle show.
SHOWN = ("cmd", "source", "status", "doctype", "call")


def rows(table):
    """A parametrisation by rows."""
    return pytest.mark.parametrize("row", table.values(), ids=table.keys())


@pytest.fixture(scope="module")
def frappe15(serve):
    return serve(CONF.format(version="frappe_version 15;"))


@pytest.fixture(scope="module")
def frappe16(serve):
    return serve(CONF.format(version="frappe_version 16;"))


@pytest.fixture(scope="module")
def frappe17(serve):
    return serve(CONF.format(version="frappe_version 17;"))


@pytest.fixture(scope="module")
def newest(serve):
    return serve(CONF.format(version=""))


def check(nginx, pool, row, version):
    """The module, the row and the oracle on real werkzeug say the same."""
    mark, request, wanted = nginx.errors.mark(), row.request, row.at(version)
    headers = [(name.decode(), value) for name, value in request.headers]
    done = exchange(nginx, request.method.decode(), request.target, headers, row.body)
    if BROKEN_ESCAPE.match(request.target):
        assert done.response.status == 400
        return
    logged = done.logged
    said = {name: logged["cmd_status" if name == "status" else name] for name in SHOWN}
    assert said == {name: getattr(wanted, name) for name in SHOWN}
    # nginx writes the line before it sends the response, so it is there by now.
    lines = nginx.errors.lines(REFUSAL, mark)
    assert len(lines) == bool(wanted.log)
    assert all(wanted.log in line for line in lines)
    if len(request.target) > LINE_MAX:
        assert not done.response.all("X-Pool")
        return
    # On the way, header values lose the spaces around them.
    seen = pool.saw(done.id)
    names = ("x-frappe-cmd", "x-cmd-source", "x-cmd-status")
    assert [seen["headers"].get(name, "") for name in names] == [
        text.strip(" ") for text in (wanted.cmd, wanted.source, wanted.status)]
    if limit(BY_VERSION[version], request, {"source": wanted.source, "status": wanted.status}):
        return
    frappe = seen["frappe17" if version == "17" else "frappe"]
    assert {name: frappe[name] for name in SHOWN} == said, "the oracle disagrees"


DIFFERENT = {name: row for name, row in ROWS.items() if row.at("15") != row.at("17")}


@rows(ROWS)
def test_02_01_frappe_15(frappe15, upstreams, row):
    """Every row, by the rules of Frappe 15."""
    check(frappe15, upstreams["primary"], row, "15")


@rows(ROWS)
def test_02_02_frappe_17(frappe17, upstreams, row):
    """Every row, by the rules of Frappe 17."""
    check(frappe17, upstreams["primary"], row, "17")


@rows(DIFFERENT)
def test_02_03_frappe_16(frappe16, upstreams, row):
    """Where 15 and 17 differ, Frappe 16 does what 17 does."""
    check(frappe16, upstreams["primary"], row, "17")


@rows(DIFFERENT)
def test_02_04_default_is_the_newest(newest, upstreams, row):
    """Without `frappe_version`, the newest rules hold."""
    check(newest, upstreams["primary"], row, "17")


def test_02_05_header_is_not_believed(frappe15):
    """A client's own `X-Frappe-CMD` does not set the value, and does not reach the server."""
    assert "X-Frappe-CMD" in SHOW
    done = exchange(frappe15, "POST", "/", [("X-Frappe-CMD", "forged")], b"")
    assert done.found == ("", "", "none")
    assert "x-frappe-cmd" not in done.answer["headers"]
    done = exchange(frappe15, "POST", "/?cmd=a", [("X-Frappe-CMD", "")], b"")
    assert done.passed == ("a", "query", "ok")


def test_02_06_same_name_in_a_file(frappe15):
    """A file called `cmd` does not hide the field of that name behind it."""
    body = multipart(("cmd", "file", "a.txt"), ("cmd", "f"))
    done = post(frappe15, "/", body, MULTIPART)
    assert done.found == ("f", "multipart", "ok")
    assert done.answer["frappe"]["cmd"] == "f"
