"""`make bench-storm`: one person opens a slow report in six tabs while others click."""

import argparse
import asyncio
import sys
import tempfile
from datetime import date
from pathlib import Path
from statistics import median

from rig.env import ROOT, Env
from rig.nginx import Nginx
from rig.slow import Server

from .contestants import CONTESTANTS, FRAME, ONE, PRIMARY, REPORTS
from .people import REPORT, REPORT_SECONDS, plan, send
from .picture import svg

RESULTS = ROOT / "benches/results"
# Seconds of clicks that one point of the picture stands for.
POINT = 2


def main():
    """Measures all contestants in turn, and writes the table and the picture."""
    parser = argparse.ArgumentParser(prog="make bench-storm BENCH_ARGS=", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quiet", type=int, default=40, help="seconds before the storm")
    parser.add_argument("--storm", type=int, default=90, help="seconds of the storm")
    parser.add_argument("--rate", type=float, default=25, help="clicks a second")
    parser.add_argument("--dry", action="store_true", help="write no results")
    arguments = parser.parse_args()
    end = arguments.quiet + arguments.storm + 2 * REPORT_SECONDS
    print(f"{len(CONTESTANTS)} contestants, {end} s each at most", flush=True)
    planned = plan(arguments.seed, arguments.quiet, arguments.storm, arguments.rate, 2)
    rows, lines = [], []
    with tempfile.TemporaryDirectory(prefix="storm-") as name:
        env = Env()
        for number, contestant in enumerate(CONTESTANTS):
            print(f"{contestant.name} ...", flush=True)
            sent = run(env, Path(name), number, contestant, planned, end)
            rows.append(row(contestant.name, sent, arguments))
            lines.append((contestant.name, points(sent)))
            print("  " + rows[-1], flush=True)
    table = "\n".join([HEAD, *rows, "", *told(rows, arguments, env)])
    print("\n" + table)
    if not arguments.dry:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{date.today()}-storm.md").write_text(table + "\n")
        picture = svg(lines, arguments.quiet, arguments.quiet + arguments.storm)
        (RESULTS / "storm.svg").write_text(picture)


def run(env, directory, number, contestant, planned, end):
    """Measures one contestant, with servers of its own."""
    state = directory / "calls.state"
    if not contestant.knows:
        state.unlink(missing_ok=True)
    servers = {name: Server(name, directory / str(number), processes)
               for name, processes in contestant.pools}
    # nginx needs an address for every name in its maps.
    addresses = dict.fromkeys((ONE, PRIMARY, REPORTS), next(iter(servers.values())).address)
    addresses |= {name: server.address for name, server in servers.items()}
    nginx = Nginx(env, directory / f"nginx{number}", FRAME, addresses, log="access_log off;",
                  values={"map": contestant.map, "connections": 8192})
    try:
        for server in servers.values():
            server.wait()
        nginx.start()
        return asyncio.run(send(nginx.port(), planned, end))
    finally:
        # When it ends, nginx's master writes the state, which the next contestant may need.
        nginx.stop()
        for server in servers.values():
            server.kill()


HEAD = ("| the pool is chosen by | clicks quiet p99 | p50 in the storm | p95 | p99 | once the report is "
        "known | above 2 s | no answer | reports p50 |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")


def row(name, sent, arguments):
    """A line of the table."""
    clicks = [one for one in sent if one.cmd != REPORT]
    # The first seconds do not count: processes and connections start.
    quiet = [one.taken for one in clicks if 5 <= one.at < arguments.quiet and one.taken]
    storm = [one for one in clicks if one.at >= arguments.quiet]
    answered = [one.taken for one in storm if one.taken]
    reports = [one.taken for one in sent if one.cmd == REPORT and one.taken]
    away = [one.at for one in sent if one.cmd == REPORT and one.pool == REPORTS]
    known = "-"
    if away:
        # The time when the reports have ended that had been sent to the clicks' pool before, and the
        # clicks that had waited behind them.
        first = min(away) + (REPORT_SECONDS + 5 if min(away) > arguments.quiet + 0.05 else 0)
        after = [one.taken for one in storm if one.at >= first and one.taken]
        known = seconds(share(after, 0.99))
    slow = sum(one.taken is None or one.taken > 2 for one in storm) / len(storm)
    return (f"| {name} | {seconds(share(quiet, 0.99))} | {seconds(share(answered, 0.5))} | "
            f"{seconds(share(answered, 0.95))} | {seconds(share(answered, 0.99))} | {known} | "
            f"{slow:.1%} | {sum(one.taken is None for one in storm)} | "
            f"{seconds(median(reports)) if reports else '-'} |")


def share(values, part):
    """The value that `part` of all values do not exceed."""
    values = sorted(values)
    return values[min(int(len(values) * part), len(values) - 1)] if values else float("nan")


def seconds(value):
    """A time as people write it."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def points(sent):
    """For each two seconds the time of the slowest click of ten; a click without an answer counts as
    120 s."""
    found = {}
    for one in sent:
        if one.cmd != REPORT:
            found.setdefault(int(one.at / POINT) * POINT, []).append(one.taken or 120)
    return [(at + POINT / 2, share(taken, 0.9)) for at, taken in sorted(found.items())]


def told(rows, arguments, env):
    """What stands below the table: how it was measured."""
    return [
        f"Seed {arguments.seed}; {arguments.rate:g} clicks a second of 20 to 80 ms; after "
        f"{arguments.quiet} s six tabs of a report of {REPORT_SECONDS} s, then {arguments.storm} s "
        "long three times as many as two processes can do. One pool of 8 gunicorn processes, else 6 "
        f"and 2. nginx {'.'.join(map(str, env.version))}.",
    ]


try:
    main()
except KeyboardInterrupt:
    print()
    sys.exit(130)
