"""20: the workers' user can write to the directory of the state file, and nothing that this user puts there makes
the master, which is root, read or write another file."""

import os

import pytest

from rig.figures import figures
from rig.load import pipelined

SERVER = """
    frappe_status_zone calls 1m state=@{state};
    server {
        @{listen main}
        frappe_cmd on;
        location / { return 200 "ok\\n"; }
        location /status { frappe_status calls; }
    }
"""

NAMES = {"link": os.symlink, "second name": os.link, "pipe": lambda _victim, place: os.mkfifo(place)}


@pytest.fixture(name="start")
def fixture_start(serve_once, tmp_path):
    """Starts nginx with a state file, and counts one call."""
    def start():
        nginx = serve_once(SERVER, values={"state": str(tmp_path / "calls")}, log="access_log off;")
        pipelined(nginx.port(), ["/api/method/f"])
        return nginx
    return start


@pytest.mark.allow_log(r"state \".*\" cannot be written")
@pytest.mark.parametrize("put", NAMES.values(), ids=NAMES)
def test_20_40_nothing_else_is_written(start, tmp_path, put):
    """nginx writes to no other file and does not wait; the error log says why."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    put(victim, tmp_path / "calls.tmp")
    nginx = start()
    nginx.stop()
    assert victim.read_text() == "precious"
    assert not (tmp_path / "calls").exists()
    assert nginx.errors.lines(r"\[error\].*state \".*calls\" cannot be written")


@pytest.mark.parametrize("put", NAMES.values(), ids=NAMES)
def test_20_41_nothing_else_is_read(start, tmp_path, put):
    """nginx reads no other file: it starts at once, with empty figures."""
    nginx = start()
    nginx.stop()
    state = tmp_path / "calls"
    state.rename(tmp_path / "elsewhere")
    put(tmp_path / "elsewhere", state)
    nginx = start()
    assert len(nginx.errors.lines(r"\[warn\].*state \".*calls\" is not used")) == 1
    assert figures(nginx)["total"]["requests"] == 1
