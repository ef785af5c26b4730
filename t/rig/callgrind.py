"""Counts instructions and calls that nginx makes for a request. A busy machine does not change them."""

import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field

from .nginx import Nginx

NAME = re.compile(r"(c?)(fn|ob)=\((\d+)\)(?: (.*))?")


@dataclass
class Counts:
    """The counts between two dumps."""

    instructions: int = 0
    # Calls by the name of the function that was called: those of all callers, and those of our module.
    calls: Counter = field(default_factory=Counter)
    own_calls: Counter = field(default_factory=Counter)


class CountedNginx(Nginx):
    """An nginx of one process under valgrind's callgrind."""

    def __init__(self, *args, main="", **options):
        super().__init__(*args, main=f"master_process off; {main}", **options)
        self._dumps = 0

    def _argv(self, *more):
        return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.prefix}/callgrind",
                *super()._argv(*more)]

    def workers(self):
        """The one process is its own worker."""
        return [self.master]

    def count(self, send):
        """The counts of nginx while `send()` runs."""
        self._dump()
        send()
        return read(self._dump(), self.env.module.name)

    def _dump(self):
        subprocess.run(["callgrind_control", "--dump", str(self.master)], check=True,
                       capture_output=True)
        self._dumps += 1
        return self.prefix / f"callgrind.{self._dumps}"


@dataclass(frozen=True)
class Reading:
    """One request of benches/hostile.json, read by one dialect, whole or in pieces."""

    kind: str
    name: str
    version: str
    piece: int
    size: int
    instructions: int

    @property
    def a_byte(self):
        return self.instructions / self.size


def readings(directory, size):
    """Reads all of benches/hostile.json in one run, for which callgrind writes a file for each reading."""
    reading = "work::inputs::resolve"
    run = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/out", "--dump-line=no",
         f"--dump-after={reading}", f"--zero-before={reading}", os.environ["TEST_COUNTED"], str(size)],
        capture_output=True, text=True, check=True)
    for number, line in enumerate(run.stdout.splitlines(), 1):
        kind, _, name, version, piece, length, *_ = line.split("\t")
        summary = re.search(r"^summary: (\d+)$", (directory / f"out.{number}").read_text(), re.MULTILINE)
        yield Reading(kind, name, version, int(piece), int(length), int(summary[1]))


def read(path, module):
    """The counts in a file of callgrind. `module`: the file name of our module."""
    counts = Counts()
    names = {"fn": {}, "ob": {}}
    caller = callee = ""
    for line in path.read_text().splitlines():
        if match := NAME.match(line):
            called, kind, number, name = match.groups()
            if name is not None:
                names[kind][number] = name
            if kind == "ob" and not called:
                caller = names[kind][number]
            elif kind == "fn" and called:
                callee = names[kind][number]
        elif line.startswith("calls="):
            times = int(line[6:].split()[0])
            counts.calls[callee] += times
            if caller.endswith(module):
                counts.own_calls[callee] += times
        elif line.startswith("totals:"):
            counts.instructions = int(line.split()[1])
    return counts
