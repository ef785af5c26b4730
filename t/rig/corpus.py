"""Requests captured in front of a real Frappe, each with the method that it ran: `corpus` in front of
15.44.2, `corpus16` in front of 16.4.1."""

import json
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

# The handlers to which Frappe gave the requests. Only those in the first set run a method that is named.
RUNS_CMD = {"cmd", "rpc-v1", "rpc-v2", "api-v2:login", "api-v2:ping", "api-v2:run_doc_method"}
RUNS_NONE = {"other", "options", "api-v1:create_doc", "api-v1:read_doc", "api-v1:update_doc",
             "api-v1:delete_doc", "api-v1:document_list", "api-v2:create_doc", "api-v2:update_doc",
             "api-v2:execute_doc_method", "api-v2:get_meta", "error:DoesNotExistError"}
# Frappe refuses the body of these.
REFUSED = {"error:DataError"}

# Headers that depend on the connection, not on the request.
HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "host"}


@dataclass(frozen=True)
class Captured:
    """One request of the corpus."""

    name: str
    method: str
    target: str
    headers: tuple
    body: bytes | None
    meta: dict

    def header(self, name):
        """The last value of a header."""
        values = [value for key, value in self.headers if key.lower() == name]
        return values[-1] if values else ""

    def expected(self):
        """cmd, source and status that the module must find.

        `cmd` of the meta data is the method that Frappe ran: by argument, by `/api/method` or by `/api/v2`.
        It is null for pages, documents and OPTIONS, even if the body has an argument `cmd` (`body_cmd`).
        An argument counts before the path, and the body before the query."""
        cmd, route = self.meta["cmd"], self.meta["route"]
        known = RUNS_CMD if cmd else RUNS_NONE | REFUSED
        assert route in known, f"{self.name}: unknown route {route}"
        if not cmd:
            return "", "", "malformed" if route in REFUSED else "none"
        if self.meta.get("body_cmd"):
            assert self.meta["body_cmd"] == cmd
            return cmd, self._body_source(), "ok"
        if self.meta.get("query_cmd"):
            assert self.meta["query_cmd"] == cmd
            return cmd, "query", "ok"
        if route == "cmd" and "body_cmd" not in self.meta:
            # The cmd came from an argument; the meta data does not say from which part of the request.
            return cmd, self._body_source() if self.body else "query", "ok"
        return cmd, "path", "ok"

    def _body_source(self):
        kind = self.header("content-type").partition(";")[0].strip()
        return {"application/json": "json", "multipart/form-data": "multipart"}.get(kind, "form")


def _unchunk(data):
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        size = int(size, 16)
        if not size:
            return body
        body, data = body + data[:size], data[size + 2 :]


def _load(path):
    meta = json.loads(path.with_suffix(".json").read_text())
    head, _, body = path.read_bytes().partition(b"\r\n\r\n")
    request_line, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = request_line.split(" ")
    headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]
    names = {name.lower() for name, _ in headers}
    if "transfer-encoding" in names:
        body = _unchunk(body)
    elif "content-length" not in names:
        body = None
    kept = tuple((n, v) for n, v in headers if n.lower() not in HOP_BY_HOP)
    return Captured(path.stem, method, target, kept, body, meta)


def load(folder="corpus"):
    """All requests of a folder, in order."""
    return [_load(path) for path in sorted((TESTS / folder).glob("*.http"))]
