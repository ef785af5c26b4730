"""Asks both sides about requests, and finds where they differ."""

import itertools
import json
import os
from collections import Counter
from dataclasses import dataclass

from . import peers
from .generate import CHUNKS, case
from .generate.request import Case
from .limits import limit

WHOLE = 1 << 24
BATCH = 500
ORACLES = min(2, os.cpu_count() or 1)


@dataclass
class Difference:
    """A request to which the two sides give different answers."""

    case: Case
    theirs: dict
    ours: dict
    # the core's answer when the body is fed in pieces of `case.chunk` bytes
    pieces: dict

    @property
    def signature(self):
        """A short form: differences with the same signature are likely to have the same cause."""
        fields = tuple(f for f in peers.FIELDS if self.ours[f] != self.theirs[f])
        said = tuple((a["status"], a["source"]) for a in (self.theirs, self.ours))
        split = not peers.same(self.ours, self.pieces)
        return fields, said, self.theirs["error"].partition(":")[0], self.ours["note"], split


class Comparison:
    """Both sides of one family."""

    def __init__(self, family, chunks=CHUNKS):
        self.family = family
        self.chunks = tuple(chunks)
        # The oracle takes most of the time, so several processes share its work.
        self._oracles = [peers.oracle(family) for _ in range(ORACLES)]
        self._whole = peers.core(family, WHOLE)
        self._pieces = {}
        self.cases = 0
        # which statuses and errors have occurred, so that a run shows how much it covers
        self.seen = Counter()
        # differences that README's limits explain
        self.beyond = Counter()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        """Ends all processes."""
        for peer in (*self._oracles, self._whole, *self._pieces.values()):
            peer.close()

    def _core(self, chunk):
        chunk = chunk if chunk in self.chunks else self.chunks[chunk % len(self.chunks)]
        if chunk not in self._pieces:
            self._pieces[chunk] = peers.core(self.family, chunk)
        return self._pieces[chunk]

    def ask(self, request, chunk=1):
        """The answers of the oracle, of the core, and of the core in pieces."""
        raw = request.raw()
        return self._oracles[0].ask(raw), self._whole.ask(raw), self._core(chunk).ask(raw)

    def difference(self, one):
        """The difference about one case, or None."""
        found = Difference(one, *self.ask(one.request, one.chunk))
        return found if self._differs(found) else None

    def run(self, seed, numbers):
        """Yields a difference, or None, for each case. It works in batches: while the processes answer one,
        this makes the next."""
        waiting = None
        for batch in itertools.chain(_batches(seed, numbers), [None]):
            if batch:
                raws = [one.request.raw() for one in batch]
                groups = {}
                for index, one in enumerate(batch):
                    groups.setdefault(self._core(one.chunk), []).append(index)
            if waiting:
                yield from self._collect(*waiting)
            if batch:
                for index, oracle in enumerate(self._oracles):
                    oracle.send(raws[index::ORACLES])
                self._whole.send(raws)
                for core, indexes in groups.items():
                    core.send([raws[index] for index in indexes])
                waiting = batch, groups

    def _collect(self, batch, groups):
        whole = self._whole.lines(len(batch))
        pieces = [b""] * len(batch)
        for core, indexes in groups.items():
            for index, line in zip(indexes, core.lines(len(indexes)), strict=True):
                pieces[index] = line
        theirs = [b""] * len(batch)
        for index, oracle in enumerate(self._oracles):
            theirs[index::ORACLES] = oracle.lines(len(theirs[index::ORACLES]))
        for one, *lines in zip(batch, theirs, whole, pieces, strict=True):
            found = Difference(one, *_loads(*lines))
            self.cases += 1
            self._count(found)
            yield found if self._differs(found) else None

    def _count(self, found):
        theirs = found.theirs
        error = theirs["error"].partition(":")[0]
        self.seen[" ".join(filter(None, (theirs["status"], theirs["source"], error)))] += 1

    def _differs(self, found):
        if found.theirs["status"] == "gunicorn":
            return False  # gunicorn refuses the request, so Frappe does not see it
        if not peers.same(found.pieces, found.ours):
            return True
        if peers.same(found.ours, found.theirs):
            return False
        beyond = limit(self.family, found.case.request, found.ours)
        if beyond:
            self.beyond[beyond] += 1
        return not beyond


def _loads(theirs, whole, pieces):
    ours = json.loads(whole)
    return json.loads(theirs), ours, ours if pieces == whole else json.loads(pieces)


def _batches(seed, numbers):
    numbers = iter(numbers)
    while batch := [case(seed, number) for number in itertools.islice(numbers, BATCH)]:
        yield batch
