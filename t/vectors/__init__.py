"""Requests and what each release of Frappe makes of them: the rows of the JSON files in this folder, which
`t/README.md` describes. `cargo test` reads the same files.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from oracle.families import BY_VERSION
from oracle.generate.request import Request

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Answer:
    """The answer that the module must give. If `log` is not empty, it must be in the error log."""

    cmd: str = ""
    source: str = ""
    status: str = "ok"
    doctype: str = ""
    call: str = ""
    log: str = ""
    arguments: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One request and its answers; each holds from a release on."""

    name: str
    request: Request
    since: dict

    @property
    def body(self):
        """The body; None where the request has none."""
        return self.request.body or (None if self.request.method == b"GET" else b"")

    def at(self, version):
        """The answer by the rules of a family."""
        release = BY_VERSION[version].release
        return self.since[max(since for since in self.since if since <= release)]


def text(value):
    """A string, or a list of strings and repeats."""
    if isinstance(value, list):
        return "".join(map(text, value))
    if isinstance(value, dict):
        piece, count = value["repeat"]
        return text(piece) * count
    return value


def octets(value):
    """A value as bytes: each character is one byte."""
    return text(value).encode("latin-1")


def _answer(data):
    answer = {name: value if name == "arguments" else text(value) for name, value in data.items()}
    if "arguments" in answer:
        answer["arguments"] = {name: text(value) for name, value in data["arguments"].items()}
    return Answer(**{"call": _call(**answer), **answer})


def _call(cmd="", status="ok", doctype="", **_):
    """The value of `$frappe_call`, unless a row has another."""
    if status == "ok":
        return f"{cmd}:{doctype}" if doctype else cmd
    return "page" if status == "none" else f"({status})"


def _row(name, data):
    types = data.get("types", [data["type"]] if "type" in data else [])
    request = Request(data["method"].encode(), octets(data["target"]),
                      tuple((b"Content-Type", octets(value)) for value in types),
                      octets(data.get("body", "")))
    since = {tuple(map(int, release.split("."))): _answer(answer)
             for release, answer in data["since"].items()}
    return Row(name, request, since)


def load():
    """All rows, by names that say in which file they stand."""
    rows = {}
    for path in sorted(HERE.glob("*.json")):
        for number, data in enumerate(json.loads(path.read_text("utf-8"))["rows"], 1):
            name = " ".join(filter(None, (path.stem, str(number), data.get("name"))))
            rows[name] = _row(name, data)
    return rows


ROWS = load()
