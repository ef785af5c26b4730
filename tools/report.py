#!/usr/bin/env python3
"""Which commands take the time of the servers, by an access log of nginx-conf/log-json.conf.

Shows the commands that took the most time of the servers, the slowest and the most frequent
ones, and the same by pool and by report. With --html it writes a page with a picture, too.

Times are those of nginx ($request_time: the client's network is in them), in seconds. `share`
is the part of all time that the upstream servers were busy. Errors are answers 5xx and clients
that gave up (499); what Frappe refuses with 403 or 417 is an answer to a person and no error.
"""

import argparse
import gzip
import html
import json
import os
import re
import sqlite3
import sys
import time
from pathlib import Path

HEADS = ("count", "errors", "p50", "p95", "p99", "max", "time", "share")
SORTS = {"share": "busy DESC, count DESC", "p95": "p95 DESC, count DESC",
         "count": "count DESC, busy DESC"}
NUMBER = re.compile(r"[0-9.]+")

CREATE = """
    CREATE TABLE requests (time TEXT, cmd TEXT, report TEXT, pool TEXT, status INTEGER,
                           request_time REAL, busy REAL)
"""
# A percentile is the smallest time that this part of all requests does not exceed.
TABLE = """
    WITH ranked AS (
        SELECT {key} AS key, status, request_time, busy,
               row_number() OVER (PARTITION BY {key} ORDER BY request_time) AS rank,
               count(*) OVER (PARTITION BY {key}) AS count
        FROM requests {where}
    )
    SELECT key, count, avg(status >= 499) AS errors,
           min(request_time) FILTER (WHERE rank >= count * 0.50) AS p50,
           min(request_time) FILTER (WHERE rank >= count * 0.95) AS p95,
           min(request_time) FILTER (WHERE rank >= count * 0.99) AS p99,
           max(request_time) AS max,
           sum(busy) AS busy,
           coalesce(sum(busy) / nullif((SELECT sum(busy) FROM requests), 0), 0) AS share
    FROM ranked GROUP BY key ORDER BY {order}, key LIMIT {top}
"""


def main():
    options = arguments()
    database = read(options.log)
    tables = list(make_tables(database, options.top))
    title = headline(database)
    print(title, end="\n\n")
    for name, key, rows in tables:
        print_table(name, key, rows)
    if options.html:
        write(options.html, page(title, tables))
        print(f"{options.html} shows it as a picture.")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path, nargs="+",
                        help="access log, one JSON object a line; may end in .gz")
    parser.add_argument("--top", type=int, default=15, metavar="N", help="rows of a table (15)")
    parser.add_argument("--version", action="version", version="%(prog)s of ngx_http_frappe_module")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with a picture")
    options = parser.parse_args()
    if options.top < 1:
        parser.error(f"--top must be 1 or more, not {options.top}")
    return options


def fail(message):
    sys.exit(f"report: {message}")


def read(logs):
    """A database with the table `requests`."""
    # In a temporary file, which SQLite removes by itself: logs may be larger than the memory.
    database = sqlite3.connect("")
    database.execute(CREATE)
    lines = Lines(logs)
    try:
        database.executemany("INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?)", lines)
    except sqlite3.Error as error:
        fail(f"the temporary database: {error}")
    names = ", ".join(map(str, logs))
    if not lines.read:
        fail(f"{names} is empty")
    if not lines.good:
        fail(f"{names} has no line with the fields status and request_time: was it written by the "
             "log_format of nginx-conf/log-json.conf?")
    if lines.good < lines.read:
        print(f"report: {lines.read - lines.good} of {lines.read} lines were left out: no JSON, or "
              "not of this log_format", file=sys.stderr)
    return database


class Lines:
    """The rows of some logs. Says every ten seconds how far it is."""

    def __init__(self, logs):
        self.logs, self.read, self.good = logs, 0, 0

    def __iter__(self):
        told = time.monotonic()
        for log in self.logs:
            try:
                with (gzip.open if log.suffix == ".gz" else open)(log, "rb") as file:
                    for line in file:
                        if not line.strip():
                            continue
                        self.read += 1
                        if time.monotonic() - told >= 10:
                            told = time.monotonic()
                            print(f"report: {self.read:,} lines so far", file=sys.stderr)
                        found = row(line)
                        if found:
                            self.good += 1
                            yield found
            except (OSError, EOFError) as error:
                fail(f"{log}: {getattr(error, 'strerror', None) or error}")


def row(line):
    """A line as a row, or None if it is no JSON or of another log_format."""
    try:
        fields = json.loads(line)
        status, seconds = int(fields["status"]), float(fields["request_time"])
        # A request that was tried on several servers has several times: "0.010, 0.250".
        busy = sum(map(float, NUMBER.findall(text(fields, "upstream_time"))))
        return (text(fields, "time"), text(fields, "cmd") or "(no command)",
                text(fields, "report") or "(no report)", text(fields, "pool") or "(nginx itself)",
                status, seconds, busy)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def text(fields, name):
    """A field that may be missing. SQLite takes no half of a surrogate pair."""
    value = fields.get(name) or ""
    return str(value).encode("utf-8", "replace").decode()


def query(database, statement):
    return database.execute(statement).fetchall()


def headline(database):
    (count, first, last, busy), = query(
        database, "SELECT count(*), min(time), max(time), sum(busy) FROM requests")
    return f"{count:,} requests from {first} to {last}, {busy:,.1f} s of the servers' time"


def make_tables(database, top):
    """Name, head of the first column, and rows of each table."""
    def rows(key, order, where=""):
        return query(database, TABLE.format(key=key, order=SORTS[order], where=where, top=top))

    yield "Most time of the servers", "command", rows("cmd", "share")
    yield "Slowest, by p95", "command", rows("cmd", "p95")
    yield "Most frequent", "command", rows("cmd", "count")
    yield "By pool", "pool", rows("pool", "share")
    yield "Reports", "report", rows("report", "share", "WHERE report <> '(no report)'")


def cells(row):
    """A row as text."""
    key, count, errors, *times, busy, share = row
    return [printable(key), f"{count:,}", f"{errors:.1%}", *(f"{time:.3f}" for time in times),
            f"{busy:,.1f}", f"{share:.1%}"]


def printable(text):
    """Names come from clients: nothing may reach the terminal but text."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def print_table(name, key, rows):
    if not rows:
        return
    lines = [[key, *HEADS], *map(cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    print(name)
    for number, (first, *rest) in enumerate(lines):
        right = "  ".join(cell.rjust(width) for cell, width in zip(rest, widths[1:]))
        print(f"  {first.ljust(widths[0])}  {right}")
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
    print()


STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em }
table { border-collapse: collapse; width: 100% }
th, td { padding: .2em .6em; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left; white-space: normal; word-break: break-all }
tr:nth-child(even) { background: #f4f5f6 }
svg { width: 14em; height: 1em; vertical-align: middle }
"""


def page(title, tables):
    """A page that needs no other file and no network."""
    body = "".join(html_table(*table) for table in tables if table[2])
    return (f"<!doctype html><html lang=en><meta charset=utf-8><title>Frappe commands</title>"
            f"<style>{STYLE}</style><h1>Frappe commands</h1><p>{html.escape(title)}</p>"
            f"<p>Bars: blue is the share of the servers' time; the line goes from p50 to p99, "
            f"the red mark is p95, as parts of the slowest p99.</p>{body}</html>\n")


def html_table(name, key, rows):
    slowest = max(row[5] for row in rows) or 1
    head = "".join(f"<th>{column}</th>" for column in (key, *HEADS, ""))
    lines = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells(row))
        + f"<td>{picture(row, slowest)}</td></tr>" for row in rows)
    return f"<h2>{name}</h2><table><tr>{head}</tr>{lines}</table>"


def picture(row, slowest):
    p50, p95, p99 = (100 * time / slowest for time in row[3:6])
    return (f'<svg viewBox="0 0 100 8" preserveAspectRatio="none">'
            f'<rect width="{100 * row[8]:.2f}" height="8" fill="#9ec5fe"/>'
            f'<rect x="{p50:.2f}" y="3.5" width="{p99 - p50:.2f}" height="1" fill="#333"/>'
            f'<rect x="{max(p95 - 0.5, 0):.2f}" y="2" width="1" height="4" fill="#c00"/></svg>')


def write(path, text):
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{path}: {error.strerror}")


if __name__ == "__main__":
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:
        # As in `| head`: what is still in the buffer would fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
