"""Requests and what Frappe 15.16 and later makes of them, as tables.

Each row's expectation was written down from Frappe's source and from runs of the real thing; the
tests compare it both with the module and with the oracle in `rig/oracle.py`.
"""

from dataclasses import dataclass

from rig.client import FORM, JSON, MULTIPART


@dataclass(frozen=True)
class Row:
    """One request and its expectation."""

    name: str
    method: str
    target: str | bytes
    headers: tuple = ()
    body: bytes | None = None
    cmd: str = ""
    source: str = ""
    status: str = "ok"
    doctype: str | None = None  # None: not looked at
    call: str | None = None  # None: not looked at
    # True: Frappe drops or refuses the body, and one line of the error log says so. None: not
    # looked at.
    info: bool | None = False


def of(content_type):
    """A tuple of headers with just a Content-Type."""
    return (("Content-Type", content_type),)


def _bytes(body):
    return body.encode() if isinstance(body, str) else body


def get(name, target, cmd="", source="", status="ok", **more):
    """A GET without a body."""
    return Row(name, "GET", target, (), None, cmd, source, status, **more)


def form(name, body, cmd="", source="", status="ok", *, target="/api/method/p", method="POST",
         content_type=FORM, **more):
    """An urlencoded body."""
    return Row(name, method, target, of(content_type), _bytes(body), cmd, source, status, **more)


def json(name, body, cmd="", source="", status="ok", *, content_type=JSON, **more):
    """A JSON body."""
    return form(name, body, cmd, source, status, content_type=content_type, **more)


def parts(name, body, cmd="", source="", status="ok", *, content_type=MULTIPART, **more):
    """A multipart body."""
    return form(name, body, cmd, source, status, content_type=content_type, **more)
