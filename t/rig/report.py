"""Runs the report of the log, and reads its output."""

import json
import re
import subprocess
import sys

from .env import ROOT

TOOL = ROOT / "tools/report.py"


def report(*args, **options):
    """Runs the tool."""
    return subprocess.run([sys.executable, TOOL, *map(str, args)], capture_output=True, text=True,
                          check=False, **options)


def request(cmd="", time=0.1, **fields):
    """A line of the log."""
    return json.dumps({"time": "2026-01-01T00:00:00+00:00", "cmd": cmd, "call": cmd, "report": "",
                       "status": 200, "pool": "erpnext_primary", "request_time": time,
                       "upstream_time": str(time)} | fields) + "\n"


def table(output, name):
    """The rows of a table by their first column. A long name has a line of its own."""
    (found,) = [part for part in output.split("\n\n") if part.startswith(name)]
    _, heads, _, *lines = [re.split(" {2,}", line.strip()) for line in found.splitlines()]
    rows, long = {}, []
    for line in lines:
        if len(line) == 1:
            long = line
            continue
        first, *rest = long + line
        assert len(rest) == len(heads) - 1, line
        rows[first], long = dict(zip(heads[1:], rest)), []
    return rows
