"""Compares the module's core with the oracle.

It makes requests from a seed, asks both sides, and shrinks the requests to which they give different
answers. It must run in `t`.
"""

import argparse
import random
import sys
import time
from pathlib import Path

from .compare import Comparison
from .families import BY_VERSION, FAMILIES
from .generate import CHUNKS
from .generate.request import Case, parse
from .install import CACHE
from .peers import Died
from .shrink import shrink

FAILURES = CACHE / "failures"
# How many differences of one kind are shrunk and shown; the rest are counted.
SHOWN = 2


class Report:
    """The findings and the progress of a run."""

    def __init__(self, seed, out=None, quiet=False):
        self.seed = seed
        self.out = out or sys.stdout
        self.quiet = quiet
        self.differences = 0
        self.kinds = {}
        self.files = []
        self._next = 0.0

    def say(self, text):
        """Prints a line."""
        print(text, file=self.out, flush=True)

    def progress(self, comparison, started, total, *, last=False):
        """Prints how far the run is and how fast, once a second at most."""
        now = time.monotonic()
        if not last and (self.quiet or now < self._next):
            return
        self._next = now + 5
        rate = comparison.cases / max(now - started, 0.001)
        self.say(f"frappe {comparison.family.version:8} {comparison.cases:>9,} of {total:,} cases"
                 f"  {rate:8,.0f}/s  {self.differences} differences")

    def add(self, comparison, difference):
        """Counts a difference. Shrinks, saves and shows the first ones of a kind."""
        self.differences += 1
        version = comparison.family.version
        kind = (version, difference.signature)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if self.kinds[kind] > SHOWN:
            return
        small = shrink(comparison, difference)
        path = FAILURES / f"{version}-{self.seed}-{difference.case.number}.http"
        FAILURES.mkdir(parents=True, exist_ok=True)
        path.write_bytes(small.case.request.raw())
        self.files.append(path)
        self.say(show(version, small, path))


def show(version, found, path):
    """A difference as a text."""
    pieces = ""
    if found.pieces != found.ours:
        pieces = f"\nin pieces of {found.case.chunk}: {_answer(found.pieces)}"
    return (f"\n--- Frappe {version}, case {found.case.number}: {path}\n"
            f"{found.case.request.readable()}\n\n"
            f"oracle: {_answer(found.theirs)}\nmodule: {_answer(found.ours)}{pieces}\n")


def _answer(said):
    arguments = {name: text for name, text in said["arguments"].items() if text}
    more = said.get("error") or said.get("note") or ""
    return (f"cmd={said['cmd']!r} source={said['source'] or '-'} status={said['status']} "
            f"call={said.get('call', '')!r} {arguments or ''} {f'({more})' if more else ''}").rstrip()


def compare(family, seed, numbers, report, chunks=CHUNKS):
    """Runs the cases of one family. Returns the comparison, closed, for its figures."""
    started = time.monotonic()
    # While the one comparison has a batch under way, the other answers the questions of the shrinker.
    with Comparison(family, chunks) as comparison, Comparison(family, chunks) as aside:
        try:
            for found in comparison.run(seed, numbers):
                if found:
                    report.add(aside, found)
                report.progress(comparison, started, len(numbers))
        finally:
            report.progress(comparison, started, len(numbers), last=True)
    return comparison


def options(argv=None):
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m oracle.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000, metavar="N", help="a version (20000)")
    parser.add_argument("--seed", help="repeats a run; printed when it is not given")
    parser.add_argument("--version", default="all", metavar="V[,V]", help=", ".join(BY_VERSION))
    parser.add_argument("--chunk", default=CHUNKS, type=_sizes, metavar="SIZE[,SIZE]",
                        help="bytes of the pieces in which the core gets bodies, besides the whole")
    parser.add_argument("--case", type=int, metavar="NUMBER", help="only this one of the run")
    parser.add_argument("--figures", action="store_true", help="also print what the cases were")
    parser.add_argument("file", nargs="*", type=Path, help="ask about saved requests instead")
    chosen = parser.parse_args(argv)
    versions = chosen.version.split(",")
    if unknown := [v for v in versions if v != "all" and v not in BY_VERSION]:
        parser.error(f"--version {unknown[0]} is none of {', '.join(BY_VERSION)}")
    chosen.families = FAMILIES if "all" in versions else [BY_VERSION[v] for v in versions]
    chosen.seed = chosen.seed or str(random.randrange(10**6))
    return chosen


def _sizes(text):
    return tuple(int(size) for size in text.split(","))


def ask_files(chosen):
    """Prints both answers to saved requests."""
    differ = False
    for path in chosen.file:
        request = parse(path.read_bytes())
        for family in chosen.families:
            with Comparison(family, chosen.chunk) as comparison:
                theirs, ours, pieces = comparison.ask(request, chosen.chunk[0])
                found = comparison.difference(Case(0, request, chosen.chunk[0]))
            differ |= found is not None
            print(f"{path} {family.version:8} {'DIFFER' if found else 'same'}\n"
                  f"  oracle: {_answer(theirs)}\n  module: {_answer(ours)}"
                  + (f"\n  pieces: {_answer(pieces)}" if pieces != ours else ""))
    return differ


def main(argv=None):
    """Runs the command, and returns the exit code."""
    chosen = options(argv)
    if chosen.file:
        return int(ask_files(chosen))
    numbers = range(chosen.cases) if chosen.case is None else (chosen.case,)
    report, done = Report(chosen.seed), []
    print(f"seed {chosen.seed}, {len(numbers):,} cases for each of "
          f"{', '.join(family.version for family in chosen.families)}", flush=True)
    try:
        for family in chosen.families:
            done.append(compare(family, chosen.seed, numbers, report, chosen.chunk))
    except KeyboardInterrupt:
        print("\ninterrupted")
    except Died as error:
        print(f"\n{error}")
        return 2
    summary(report, done, chosen)
    return int(bool(report.differences))


def summary(report, done, chosen):
    """Prints the figures of a run."""
    print(f"\n{sum(c.cases for c in done):,} cases, {report.differences} differences "
          f"of {len(report.kinds)} kinds; --seed {report.seed} repeats this")
    for (version, signature), count in sorted(report.kinds.items(), key=lambda kind: -kind[1]):
        print(f"  {count:>6}  {version:8} {signature}")
    for comparison in done:
        for note, count in comparison.beyond.items():
            print(f"  {count:>6}  {comparison.family.version:8} differ by a known limit: {note}")
        if chosen.figures:
            for what, count in comparison.seen.most_common():
                print(f"  {count:>6}  {comparison.family.version:8} {what}")
    for path in report.files:
        print(f"  {path}")


if __name__ == "__main__":
    sys.exit(main())
