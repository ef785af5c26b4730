"""Changes to bytes and to whole requests, and requests captured from real clients."""

from functools import cache
from pathlib import Path

from .request import Request, parse
from .target import clean
from .values import NAMES, ODD, value

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
LONGEST = 8192
KEPT = (b"content-type", b"x-frappe-cmd")

SNIPPETS = (
    b"cmd", b"cmd=", b"&cmd=m&", b'"cmd":"m",', b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"--", b'"',
    b"'", b";", b":", b"=", b"&", b"%", b"\\", b"{", b"}", b"[", b"]", b",", b" ", b"\t", b"\0",
    b"\xff", b"\xc3", b"\xa9", b"*", b"filename=", b"name=", b"\xef\xbb\xbf", b"null", b"1e400",
    b"\\ud800", b"%c3", b"%00", b"+",
)


def mutated(dice, data):
    """`data` with one or more small changes."""
    for _ in range(1 + dice.upto(3)):
        at = dice.randrange(len(data) + 1)
        kind = dice.randrange(8)
        if kind == 0:
            data = data[:at] + data[at + 1 :]
        elif kind == 1:
            data = data[:at] + dice.choice(SNIPPETS) + data[at:]
        elif kind == 2 and data:
            data = data[:at] + bytes((dice.randrange(256),)) + data[at + 1 :]
        elif kind == 3:
            data = data[:at]
        elif kind == 4:
            data = data[:at] + dice.cut(data)[:2000] + data[at:]
        elif kind == 5:
            gone = dice.cut(data)
            data = data[:at] + data[at + len(gone) :]
        elif kind == 6:
            data = data[:at] + dice.choice(ODD) + data[at:]
        elif at < len(data):
            data = data[:at] + bytes((data[at] ^ 1 << dice.randrange(8),)) + data[at + 1 :]
    return data


def header_value(data):
    """A value without the bytes that end a header line, or that gunicorn refuses in one."""
    return data.translate(None, b"\r\n\0").strip(b" \t")[:4000]


@cache
def corpus():
    """The captured requests, without the headers that do not matter to Frappe."""
    found = []
    for path in sorted(CORPUS.glob("*.http")):
        request = parse(path.read_bytes())
        if len(request.body) <= LONGEST and len(request.target) < 3000:
            kept = (header for header in request.headers if header[0].lower() in KEPT)
            found.append(request.but(headers=tuple(kept)))
    return found


def captured(dice):
    """A real request, with one more argument, or with changed bytes, or unchanged."""
    request = dice.choice(corpus()) if corpus() else Request()
    if dice.chance(0.5):
        request = request.but(body=mutated(dice, request.body))
    if dice.chance(0.2):
        key = dice.choice(NAMES)
        mark = b"&" if b"?" in request.target else b"?"
        more = key + b"=" + value(dice, key)
        request = request.but(target=clean(request.target + mark + more))
    if dice.chance(0.2):
        request = request.but(target=clean(mutated(dice, request.target)))
    return request
