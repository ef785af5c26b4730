"""The Frappe-like application behind the real gunicorn. It answers, and records what came.

`serve.py` starts it. The environment names its family and the file for its answers.
"""

import hashlib
import json
import os

from .families import BY_VERSION
from .frappe import Frappe

FRAPPE = Frappe(BY_VERSION[os.environ["ORACLE_VERSION"]].release)
ANSWERS = os.environ["ORACLE_ANSWERS"]


class Rereadable:
    """A body that can be read twice: by this file and by werkzeug."""

    def __init__(self, environ):
        from io import BytesIO

        length = int(environ.get("CONTENT_LENGTH") or 0)
        self.data = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = BytesIO(self.data)


def describe(environ):
    """What came over the wire, and what Frappe would run."""
    body = Rereadable(environ).data
    # WSGI has headers as Latin-1; these are the bytes that came.
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    return {
        "id": headers.get("x-rig-id", ""),
        "method": environ["REQUEST_METHOD"],
        "target": environ["RAW_URI"],
        "type": environ.get("CONTENT_TYPE", ""),
        "headers": headers,
        "sha256": hashlib.sha256(body).hexdigest(),
        "frappe": FRAPPE.ask(environ),
    }


def application(environ, start_response):
    """The WSGI entry."""
    line = json.dumps(describe(environ))
    with open(ANSWERS, "a", encoding="ascii") as answers:
        answers.write(line + "\n")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else b"ok"]
