#!/usr/bin/env python3
"""Makes a table of what `cargo bench` has measured, and says which goals are missed.

usage: benches/table.py CRITERION-DIRECTORY

The directory is criterion's, below cargo's target directory; the inputs and their goals are in
benches/inputs.json. A figure is the least of the samples' CPU times, since other work of the machine and of
its neighbours only adds to them.
"""

import json
import re
import sys
from operator import truediv
from pathlib import Path

INPUTS = Path(__file__).resolve().parent / "inputs.json"
# SIZE is the size at which inputs are compared with a bare search; the other two show whether the work is
# linear.
SIZE = 1 << 20
SMALL, LARGE = 64 << 10, 64 << 20
# A byte of a body that is 1024 times as long may take so many times as long. The bound is not 1, since
# reading 64 MiB takes long enough for other processes to fill the cache meanwhile.
LINEAR = 2


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__.strip())
    measured = Measured(Path(sys.argv[1]))
    rows = [Row(entry, measured) for entry in json.loads(INPUTS.read_text())]

    print(f"{'input':32} {'ns':>8} {'GB/s':>6} {'bare':>6} {'of bare':>8} {'64 MiB/64 KiB':>14}  goal")
    for row in rows:
        print(row)
    missed = [row.name for row in rows if row.misses]
    print(f"\nMissed: {'; '.join(missed)}" if missed else "\nAll goals are met.")


class Measured:
    """What criterion has measured: (nanoseconds, bytes) by input and function."""

    def __init__(self, directory):
        self.found = {}
        for file in directory.glob("*/*/new/benchmark.json"):
            about = json.loads(file.read_text())
            sample = json.loads((file.parent / "sample.json").read_text())
            size = about["throughput"]["Bytes"]
            key = about["group_id"], about["function_id"]
            self.found[key] = min(map(truediv, sample["times"], sample["iters"])), size

    def get(self, name, function):
        """The nanoseconds and bytes of one measurement."""
        try:
            return self.found[name, str(function)]
        except KeyError:
            sys.exit(f"{name}, {function}: not measured; run `make bench`")


class Row:
    """One input's figures and goal."""

    def __init__(self, entry, measured):
        self.name = entry["name"]
        once = entry.get("once")
        self.ns, size = measured.get(self.name, 1 << 10 if once else SIZE)
        self.rate = size / self.ns
        self.bare = self.of_bare = self.linear = None
        if "bare" in entry:
            bare_ns, bare_size = measured.get(self.name, "bare")
            self.bare = bare_size / bare_ns
            self.of_bare = self.rate / self.bare
        if not once:
            (small_ns, small), (large_ns, large) = (
                measured.get(self.name, size) for size in (SMALL, LARGE)
            )
            self.linear = (large_ns / large) / (small_ns / small)
        self.goals = [
            self._goal(*goal, entry) for goal in entry.get("goal", {}).items()
        ]
        self.misses = not all(met for _, met in self.goals) or (self.linear or 0) > LINEAR

    def _goal(self, kind, value, entry):
        if kind == "of bare":
            name = next(iter(entry["bare"]))
            return f"{value} of {name}", self.of_bare >= value
        if kind == "GB/s":
            return f"{value} GB/s", self.rate >= value
        if kind == "ns":
            return f"{value} ns", self.ns <= value
        sys.exit(f"{INPUTS}: {self.name}: unknown goal {kind}")

    def __str__(self):
        def cell(value, width, digits):
            return f"{value:{width}.{digits}f}" if value is not None else " " * width

        goals = ", ".join(f"{text}: {'met' if met else 'MISSED'}" for text, met in self.goals)
        if (self.linear or 0) > LINEAR:
            goals += f"{', ' if goals else ''}NOT LINEAR"
        line = " ".join([
            f"{self.name:32}", cell(self.ns, 8, 0), cell(self.rate, 6, 2), cell(self.bare, 6, 1),
            cell(self.of_bare, 8, 2), cell(self.linear, 14, 2), "", goals,
        ])
        return re.sub(r" +$", "", line)


main()
