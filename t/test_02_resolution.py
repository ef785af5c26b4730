"""02: `$frappe_cmd` is what Frappe runs, in all the corners of its parsers."""

import pytest

from oracle.permissive import LEVELS, is_deeper
from rig.client import BOUNDARY, FORM, JSON, MULTIPART, exchange, multipart, post
from rig.conf import SHOW
from vectors.all import ROWS_15, ROWS_17
from vectors.multiparts import CMD, END, part

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


def rows(table):
    """A parametrisation by the rows of a table."""
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
    """The module, the table and the oracle on real werkzeug say the same."""
    mark = nginx.errors.mark()
    done = exchange(nginx, row.method, row.target, row.headers, row.body)
    wanted = (row.cmd, row.source, row.status)
    assert done.found == wanted
    # Header values lose the spaces around them on the way.
    seen = pool.saw(done.id)
    headers = (seen["headers"].get(n, "") for n in ("x-frappe-cmd", "x-cmd-source", "x-cmd-status"))
    assert tuple(headers) == tuple(text.strip(" ") for text in wanted)
    if row.info is not None:
        # Written before the response, so it is there by now.
        assert len(nginx.errors.lines(REFUSAL, mark)) == int(row.info)
    said = {name: done.logged[name] for name in ("doctype", "call")}
    for name, text in said.items():
        assert getattr(row, name) in (None, text)
    if row.body and version == "frappe" and is_deeper(row.body):
        return  # more levels than the Python of the tests takes
    frappe = seen[version]
    assert (frappe["cmd"], frappe["source"], frappe["status"]) == wanted, "the oracle disagrees"
    assert {name: frappe[name] for name in said} == said, "the oracle disagrees"


@rows(ROWS_15)
def test_02_01_frappe_15(frappe15, upstreams, row):
    """Every row, by the rules of Frappe 15."""
    check(frappe15, upstreams["primary"], row, "frappe")


@rows(ROWS_17)
def test_02_02_frappe_17(frappe17, upstreams, row):
    """Every row, by the rules of Frappe 17."""
    check(frappe17, upstreams["primary"], row, "frappe17")


@rows({name: row for name, row in ROWS_17.items() if row != ROWS_15[name]})
def test_02_03_frappe_16(frappe16, upstreams, row):
    """Frappe 16 does as 17 where 15 and 17 differ."""
    check(frappe16, upstreams["primary"], row, "frappe17")


@rows({name: row for name, row in ROWS_17.items() if row != ROWS_15[name]})
def test_02_04_default_is_the_newest(newest, upstreams, row):
    """Without `frappe_version`, the newest rules hold."""
    check(newest, upstreams["primary"], row, "frappe17")


def test_02_05_header_is_not_believed(frappe15):
    """`X-Frappe-CMD` of the client neither sets the value nor reaches the server as such."""
    assert "X-Frappe-CMD" in SHOW
    done = exchange(frappe15, "POST", "/", [("X-Frappe-CMD", "forged")], b"")
    assert done.found == ("", "", "none")
    assert "x-frappe-cmd" not in done.answer["headers"]
    done = exchange(frappe15, "POST", "/?cmd=a", [("X-Frappe-CMD", "")], b"")
    assert done.passed == ("a", "query", "ok")


BEYOND = {
    "path": ("/api/method/" + "a" * 9000, b"", None),
    "json": ("/", b'{"cmd":"f","x":' + b"[" * LEVELS + b"]" * LEVELS + b"}", JSON),
    "content type": ("/?cmd=q", b"cmd=f", FORM + "; x=" + "y" * 4096),
    "boundary": ("/", (CMD + END).replace(BOUNDARY, "b" * 600).encode(),
                 "multipart/form-data; boundary=" + "b" * 600),
    "disposition": ("/", (part(f'Content-Disposition: form-data; x="{"b" * 5000}"; name="cmd"')
                          + END).encode(), MULTIPART),
}


@pytest.mark.parametrize(("target", "body", "content_type"), BEYOND.values(), ids=BEYOND.keys())
def test_02_06_beyond_the_bounds(frappe15, target, body, content_type):
    """What is larger than the module follows is not guessed at: no cmd, `invalid`, and a line."""
    mark = frappe15.errors.mark()
    headers = [("Content-Type", content_type)] if content_type else []
    done = exchange(frappe15, "POST", target, headers, body)
    logged = done.logged
    assert (logged["cmd"], logged["cmd_status"]) == ("", "invalid")
    assert len(frappe15.errors.lines(REFUSAL, mark)) == 1


def test_02_07_same_name_in_a_file(frappe15):
    """A file called `cmd` does not hide the field of that name behind it."""
    body = multipart(("cmd", "file", "a.txt"), ("cmd", "f"))
    done = post(frappe15, "/", body, MULTIPART)
    assert done.found == ("f", "multipart", "ok")
    assert done.answer["frappe"]["cmd"] == "f"
