#!/usr/bin/env python3
"""Shows what takes the time of the servers, by an access log of nginx-conf/log-json.conf.

It lists the calls ($frappe_call) that took the most time of the servers, the slowest and the most
frequent ones, and the same by command ($frappe_cmd), by pool and by report. With --html it also
writes a page with a picture.

Times are nginx's ($request_time), so they include the client's network. `servers s` is the number of
seconds that the upstream servers were busy, `share %` its part of all such time. Errors are answers
5xx and clients that gave up (499). A 403 or 417 of Frappe is an answer to a person, and no error.
A line without a call, from an older log, counts under its command.
"""

import argparse
import gzip
import html
import json
import math
import os
import re
import sqlite3
import sys
import time
import unicodedata
import zlib
from pathlib import Path

HEADS = ("requests", "errors %", "p50 s", "p95 s", "p99 s", "max s", "servers s", "share %")
SORTS = {"share": "busy DESC, count DESC", "p95": "p95 DESC, count DESC",
         "count": "count DESC, busy DESC"}
NUMBER = re.compile(r"[0-9.]+")
GZIP = b"\x1f\x8b"
# Bytes of lines after which the report may say how far it is, and the least seconds between two such
# messages.
LARGE, PAUSE = 50_000_000, 5
# Columns of a name; a longer one has a line of its own.
NAME_WIDTH = 52

CREATE = """
    CREATE TABLE requests (time TEXT, call TEXT, cmd TEXT, report TEXT, pool TEXT, status INTEGER,
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
    FROM ranked GROUP BY key HAVING count(*) >= {least} ORDER BY {order}, key LIMIT {top}
"""


def main():
    options = arguments()
    database, is_large = read(options.log)
    tables = list(make_tables(database, options, is_large))
    title = headline(database)
    print(title, end="\n\n")
    for table in tables:
        print_table(*table)
    if options.html:
        write(options.html, page(title, tables))
        print(f"{options.html} shows it as a picture.")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", nargs="+", help="access log, one JSON object a line, or the same "
                        "compressed by gzip, whatever its name; - is the standard input")
    parser.add_argument("--top", type=int, default=15, metavar="N", help="rows of a table (15)")
    parser.add_argument("--min", type=int, default=5, metavar="N",
                        help="requests that a call needs to be among the slowest (5)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with a picture")
    parser.add_argument("--version", action="version", version="%(prog)s of ngx_http_frappe_module")
    options = parser.parse_args()
    for name in ("top", "min"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be 1 or more, not {getattr(options, name)}")
    return options


def note(message):
    print(f"report: {message}", file=sys.stderr, flush=True)


def fail(message):
    sys.exit(f"report: {message}")


def read(logs):
    """A database with the table `requests`, and whether the logs are large."""
    # The empty name makes SQLite use a temporary file, which it removes itself: logs may be larger than
    # the memory.
    database = sqlite3.connect("")
    database.execute(CREATE)
    lines = Lines(logs)
    try:
        database.executemany("INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)", lines)
    except sqlite3.Error as error:
        fail(f"the temporary database: {error}")
    names = ", ".join(logs)
    if not lines.read:
        fail(f"{names} is empty")
    if not lines.good:
        fail(f"{names} has no line with the fields status and request_time: was it written by the "
             "log_format of nginx-conf/log-json.conf?")
    if lines.good < lines.read:
        note(f"{lines.read - lines.good} of {lines.read} lines were left out: no JSON, or not of "
             "this log_format")
    return database, lines.bytes >= LARGE


class Lines:
    """The rows of some logs. While it reads large ones, it says how far it is."""

    def __init__(self, logs):
        self.logs, self.read, self.good, self.bytes = logs, 0, 0, 0
        self.size = sum(map(os.path.getsize, filter(os.path.isfile, logs)))
        self.next, self.told = LARGE, -math.inf

    def __iter__(self):
        before = 0
        for log in self.logs:
            try:
                with open(0 if log == "-" else log, "rb") as file:
                    yield from self.rows(log, file, before)
                before += os.path.getsize(log) if os.path.isfile(log) else 0
            except OSError as error:
                fail(f"{log}: {error.strerror or error}")

    def rows(self, log, file, before):
        """The rows of one log, which may be compressed, and whose end may be missing."""
        is_packed = file.peek(2)[:2] == GZIP
        lines = gzip.GzipFile(fileobj=file) if is_packed else file
        first = self.read
        try:
            for line in lines:
                if not line.strip():
                    continue
                self.read += 1
                self.bytes += len(line)
                if self.bytes >= self.next:
                    self.tell(before, file)
                found = row(line)
                if found:
                    self.good += 1
                    yield found
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            note(f"{log} is cut off or damaged ({error}): only the {self.read - first:,} lines "
                 "before that are counted")

    def tell(self, before, file):
        self.next += LARGE
        if time.monotonic() - self.told < PAUSE:
            return
        self.told = time.monotonic()
        part = f"{(before + file.tell()) / self.size:.0%} read, " if self.size else ""
        note(f"{part}{self.read:,} lines so far")


def row(line):
    """A line as a row, or None if it is no JSON or of another log_format."""
    try:
        fields = json.loads(line)
        status, seconds = int(fields["status"]), float(fields["request_time"])
        # A request that was tried on several servers has several times: "0.010, 0.250".
        busy = sum(map(float, NUMBER.findall(text(fields, "upstream_time"))))
        if not (0 <= status <= 999 and math.isfinite(seconds) and math.isfinite(busy)):
            return None
        cmd = text(fields, "cmd") or "(no command)"
        return (text(fields, "time"), text(fields, "call") or cmd, cmd,
                text(fields, "report") or "(no report)", text(fields, "pool") or "(nginx itself)",
                status, seconds, busy)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def text(fields, name):
    """A field that may be missing, as text. Half of a surrogate pair, which SQLite refuses, becomes `?`."""
    value = fields.get(name) or ""
    return str(value).encode("utf-8", "replace").decode()


def query(database, statement):
    return database.execute(statement).fetchall()


def headline(database):
    (count, first, last, busy), = query(
        database, "SELECT count(*), min(time), max(time), sum(busy) FROM requests")
    return f"{count:,} requests from {first} to {last}, {busy:,.1f} s of the servers' time"


def make_tables(database, options, is_large):
    """For each table: its name, the head of its first column, and its rows."""
    slowest = f"Slowest, by p95, of calls with {options.min:,} requests or more (--min)"
    for name, key, order, least, where in (
            ("Most time of the servers", "call", "share", 1, ""),
            (slowest, "call", "p95", options.min, ""),
            ("Most frequent", "call", "count", 1, ""),
            ("By command", "cmd", "share", 1, ""),
            ("By pool", "pool", "share", 1, ""),
            ("By report", "report", "share", 1, "WHERE report <> '(no report)'")):
        if is_large:
            note(f"counting: {name}")
        statement = TABLE.format(key=key, order=SORTS[order], least=least, where=where,
                                 top=options.top)
        yield name, "command" if key == "cmd" else key, query(database, statement)


def cells(row):
    """A row as text."""
    key, count, errors, *times, busy, share = row
    return [printable(key), f"{count:,}", f"{errors:.1%}"[:-1], *(f"{time:.3f}" for time in times),
            f"{busy:,.1f}", f"{share:.1%}"[:-1]]


def printable(text):
    """The text without control characters, which must not reach the terminal: names come from clients."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def columns(text):
    """How many columns of a terminal the text takes."""
    return sum(0 if unicodedata.combining(char) else
               2 if unicodedata.east_asian_width(char) in "FW" else 1 for char in text)


def print_table(name, key, rows):
    print(name)
    if not rows:
        print("  none\n")
        return
    lines = [[key, *HEADS], *map(cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(1, len(lines[0]))]
    first_width = max(width for line in lines if (width := columns(line[0])) <= NAME_WIDTH)
    for number, (first, *rest) in enumerate(lines):
        if columns(first) > first_width:
            print(f"  {first}")
            first = ""
        right = "  ".join(cell.rjust(width) for cell, width in zip(rest, widths))
        print(f"  {first}{' ' * (first_width - columns(first))}  {right}")
        if number == 0:
            print("  " + "  ".join("-" * width for width in (first_width, *widths)))
    print()


STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1b1f24; --faint: #59636e; --line: #d1d9e0;
  --row: #f6f8fa; --bar: #0969da }
@media (prefers-color-scheme: dark) {
  :root { --back: #0d1117; --text: #e6edf3; --faint: #9aa5b1; --line: #30363d; --row: #151b23;
    --bar: #58a6ff }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 90rem; padding: .75rem; background: var(--back);
  color: var(--text); font: 15px/1.4 system-ui, sans-serif }
h1 { font-size: 1.3rem } h2 { font-size: 1.1rem; margin: 1.5rem 0 .3rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .5rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap }
.name { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 18rem }
tbody .name { font-weight: 400 }
tbody tr:nth-child(even) { background: var(--row) }
.bar { width: 14rem; min-width: 9rem } .bar span { float: left; font-weight: 400 }
.bar i { display: block; height: .8em; background: var(--bar) }
@media (max-width: 60rem) {
  thead { display: none }
  table, tbody, tr { display: block }
  tr { padding: .4rem 0; border-bottom: 1px solid var(--line) }
  tbody th, td { display: flex; justify-content: space-between; border: 0; padding: .1rem .4rem }
  td::before { content: attr(data-head); color: var(--faint) }
  tbody .name { min-width: 0; font-weight: 600 }
  tbody .bar { display: block; width: auto }
}
"""


def page(title, tables):
    """A page that needs no other file and no network."""
    body = "".join(f"<h2>{html.escape(name)}</h2>{html_table(key, rows)}"
                   for name, key, rows in tables)
    return (f"<!doctype html><html lang=en><meta charset=utf-8><title>Frappe calls</title>"
            f"<meta name=viewport content='width=device-width, initial-scale=1'>"
            f"<style>{STYLE}</style><main><h1>Frappe calls</h1><p>{html.escape(title)}</p>"
            f"<p>The bar is the share of the servers' time, from 0 to 100 % in every table. "
            f"Times are in seconds.</p>{body}</main></html>\n")


def html_table(key, rows):
    if not rows:
        return "<p>none</p>"
    heads = "".join(f"<th scope=col>{head}</th>" for head in HEADS)
    lines = "".join(map(html_row, rows))
    return (f"<table><thead><tr><th scope=col class=name>{key}</th>{heads}"
            f"<th scope=col class=bar><span>0</span>100 %</th></tr></thead>"
            f"<tbody>{lines}</tbody></table>")


def html_row(row):
    name, *figures = map(html.escape, cells(row))
    figures = "".join(f'<td data-head="{head}">{cell}</td>' for head, cell in zip(HEADS, figures))
    return (f"<tr><th scope=row class=name>{name}</th>{figures}"
            f'<td class=bar aria-hidden=true><i style="width:{100 * row[8]:.2f}%"></i></td></tr>')


def write(path, text):
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{path}: {error.strerror}")


if __name__ == "__main__":
    try:
        main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader has gone, as with `| head`. Without this, Python would write its buffer at exit and
        # fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
