#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets: the vectors and the recorded requests of the tests.

usage: fuzz/seeds.py DIRECTORY [TARGET...]

Each target gets its own directory, with inputs in its own format (see `targets/`). A seed's first byte
chooses the Frappe version; the seeds take several versions in turn.
"""

import hashlib
import re
import sys
from urllib.parse import unquote_to_bytes
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "t"))

from rig.corpus import load  # noqa: E402
from vectors import ROWS  # noqa: E402

# Indexes in the core's list of dialects. In the oracle's list of families they mean about the same.
DIALECTS = (0, 4, 6, 9, 11, 12)
CUTS = (1, 3, 7, 64, 150)
LONGEST = 4096
# An object that holds a doctype.
DOCUMENT = re.compile(rb'\{[^{}]*"doctype"[^{}]*\}')


def requests():
    """The method, target, Content-Type and body of each request."""
    for row in ROWS.values():
        request = row.request
        kinds = [value for _, value in request.headers]
        yield request.method, request.target, kinds[-1] if kinds else b"", request.body
    for captured in [*load(), *load("corpus16")]:
        yield (captured.method, captured.target, captured.header("content-type"),
               captured.body or b"")


def as_bytes(text):
    """Text as bytes: a row may have either."""
    return text if isinstance(text, bytes) else text.encode()


def shapes(method, target, content_type, body):
    """For each target that the request suits: its name, and the input behind the first two bytes."""
    whole = b"%b %b\n%b\n%b" % (method, target, content_type, body)
    yield "request", whole
    yield "difference", whole
    yield "splits", whole
    yield "path", target
    if content_type:
        yield "content_type", content_type
    for kind in (b"json", b"form-data", b"urlencoded"):
        if kind in content_type.lower() and body:
            name = {b"json": "json", b"form-data": "multipart", b"urlencoded": "form"}[kind]
            yield name, body
    for value in DOCUMENT.findall(unquote_to_bytes(body.replace(b"+", b" "))):
        yield "document", value
    marker = b"Content-Disposition: "
    for piece in body.split(marker)[1:]:
        yield "parameters", piece.partition(b"\r\n\r\n")[0]


def main():
    """Writes the seeds."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    directory, targets = Path(sys.argv[1]), sys.argv[2:]
    count = 0
    for number, parts in enumerate(requests()):
        for target, text in shapes(*map(as_bytes, parts)):
            if (targets and target not in targets) or len(text) > LONGEST:
                continue
            front = bytes((DIALECTS[number % len(DIALECTS)], CUTS[number % len(CUTS)]))
            data = front + text
            place = directory / target
            place.mkdir(parents=True, exist_ok=True)
            (place / hashlib.sha256(data).hexdigest()[:20]).write_bytes(data)
            count += 1
    print(f"{count} seeds")


if __name__ == "__main__":
    main()
