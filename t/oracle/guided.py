"""Answers the fuzz target `difference`: does the core say what the oracle says?

Standard input has frames: 4 bytes of length, and the data `VERSION CHUNK METHOD TARGET\\nCONTENT-TYPE\\nBODY`,
in which VERSION and CHUNK are one byte each. Standard output gets a line with the versions, and then a line
for each frame, which is empty if there is no difference. A difference is shrunk and saved as by
`oracle.fuzz`.
"""

import re
import sys

from .compare import Comparison
from .families import FAMILIES
from .fuzz import FAILURES, show
from .generate.request import Case, Request
from .shrink import shrink

# nginx refuses other methods and targets.
METHOD = re.compile(rb"[A-Z]{1,12}")
TARGET = re.compile(rb"[!-\xff]{1,4000}")
VALUE = re.compile(rb"[\t -~\x80-\xff]{0,4000}")


class Guide:
    """The comparisons, each started when it is first asked for."""

    def __init__(self):
        self._comparisons = {}
        self._count = 0

    def ask(self, data):
        """The difference as a text; empty where there is none."""
        family, chunk, request = FAMILIES[data[0]], data[1] or 1, parse(data[2:])
        if request is None:
            return ""
        self._count += 1
        if family.version not in self._comparisons:
            self._comparisons[family.version] = Comparison(family)
        comparison = self._comparisons[family.version]
        found = comparison.difference(Case(self._count, request, chunk))
        if not found:
            return ""
        found = shrink(comparison, found)
        FAILURES.mkdir(parents=True, exist_ok=True)
        path = FAILURES / f"{family.version}-guided-{self._count}.http"
        path.write_bytes(found.case.request.raw())
        return show(family.version, found, path)


def parse(text):
    """The request, or None where nginx would refuse it."""
    line, _, rest = text.partition(b"\n")
    content_type, _, body = rest.partition(b"\n")
    method, _, target = line.partition(b" ")
    content_type = content_type.strip(b" \t")
    good = METHOD.fullmatch(method) and TARGET.fullmatch(target) and VALUE.fullmatch(content_type)
    if not good or not target.startswith(b"/"):
        return None
    headers = ((b"Content-Type", content_type),) if content_type else ()
    return Request(method, target, headers, body)


def main():
    """Answers until standard input ends."""
    guide, source = Guide(), sys.stdin.buffer
    print(*(family.version for family in FAMILIES), flush=True)
    while head := source.read(4):
        answer = guide.ask(source.read(int.from_bytes(head, "little")))
        print(answer.replace("\n", "\\n"), flush=True)


if __name__ == "__main__":
    main()
