"""Requests to `frappe_status`, and its answers."""

import json
import urllib.request
from urllib.error import HTTPError

from .waiting import TIMEOUT


def ask(nginx, target="/status", *, method="GET", headers=(), port="main"):
    """Sends a request, and returns status, headers and text of the answer."""
    url = f"http://127.0.0.1:{nginx.port(port)}{target}"
    request = urllib.request.Request(url, method=method, headers=dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            return response.status, response.headers, response.read().decode()
    except HTTPError as error:
        return error.code, error.headers, error.read().decode()


def figures(nginx, target="/status?format=json&top=100000", **options):
    """The JSON of a zone."""
    status, _, text = ask(nginx, target, **options)
    assert status == 200, text
    return json.loads(text)


def calls(nginx, target="/status?format=json&top=100000", **options):
    """The calls of a zone by their names."""
    found = figures(nginx, target, **options)["calls"]
    by_name = {call["call"]: call for call in found}
    assert len(by_name) == len(found), "a call has two rows"
    return by_name


def reset(nginx, target="/status?reset=1"):
    """Makes all figures zero."""
    status, _, text = ask(nginx, target, method="POST")
    assert status == 200, text
