"""The table of the figures, for the terminal and for a file in benches/results."""

import os
import platform
import re
import subprocess
from datetime import date
from pathlib import Path

from .contestants import DOCTYPE, MODULE
from .measure import SLICE


def machine():
    """The kind of machine, without its name."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", cpuinfo, re.M)
    distribution = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    kernel = platform.release().split("-")[0]
    return (f"{os.cpu_count()} × {model.group(1) if model else platform.machine()}, "
            f"{distribution}, Linux {kernel}")


def wrk_version():
    """The version, in wrk's own words."""
    run = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    return run.stdout.split("[")[0].strip()


def table(results, contestants):
    """A table in Markdown, with a row for each load and contestant. `results` has the loads, and for each
    the results by the contestant's name."""
    lines = [
        "| load | server | CPU µs | of floor | middle half | goal | | requests/s "
        "| p50 ms | p99 ms | peak MiB |",
        "| --- | --- | ---: | ---: | --- | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for load, found in results:
        for contestant in contestants:
            if contestant.name in found:
                lines.append(row(load, contestant, found[contestant.name]))
    return "\n".join(lines)


def row(load, contestant, result):
    """One line of the table."""
    of_floor = middle = goal = verdict = ""
    if contestant.floor:
        of_floor = f"{result.ratio:.2f}"
        middle = "{:.2f} to {:.2f}".format(*result.spread)
    if contestant.name in (MODULE, DOCTYPE):
        goal = f"≤ {load.goal:.2f}"
        # The ratio is rounded to two digits, as the goals are.
        verdict = "met" if round(result.ratio, 2) <= load.goal else "missed"
    if contestant.floor and load.finds and not result.routes:
        verdict = "does not find the cmd"
    return (f"| {load.name} | {contestant.name} | {result.cpu:.1f} | {of_floor} | {middle} "
            f"| {goal} | {verdict} | {result.rate:,.0f} | {result.latency('p50'):.2f} "
            f"| {result.latency('p99'):.2f} | {result.peak_kib / 1024:.1f} |")


def write(path, text, contestants, rounds, seconds, load_average, awake):
    """Writes the results to a file."""
    sleep = "never sleep" if awake else "may fall asleep, and the workers wake them"
    versions = "\n".join(f"- {contestant.name}: {contestant.version}"
                         + (f", compared with {contestant.floor.name}" if contestant.floor else "")
                         for contestant in contestants)
    path.write_text(f"""# {date.today().isoformat()}

{machine()}; other work on the machine: load average {load_average:.1f} before the first round.

{versions}
- client: {wrk_version()}, one thread

{rounds} rounds for each load, each with new processes, of which each is asked for {seconds} s, four times
as long for 8 MB, by turns of {SLICE * 1000:.0f} ms. `CPU µs` is the user and system time of the one worker
for each proxied request; `of floor` is the median of the rounds' ratios to the floor, `middle half` says
how far they were apart. Workers run on one CPU, client and upstream on the others. Idle CPUs {sleep}.
Requests a second and latencies are those of a server that is asked alone; they include the client.

{text}
""")
