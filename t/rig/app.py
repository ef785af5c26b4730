"""The application of every pool. It answers with what it has received, and with what Frappe would run."""

import hashlib
import json
import os
import threading

from werkzeug.wrappers import Request, Response

from rig.oracle import resolve

POOL = os.environ["RIG_POOL"]
REQUESTS = os.environ["RIG_REQUESTS"]
_WRITING = threading.Lock()


def headers_of(environ):
    """The values of the headers. nginx sends UTF-8, and WSGI shows its bytes as Latin-1."""
    return {
        name[5:].replace("_", "-").lower(): value.encode("latin-1").decode("utf-8", "replace")
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }


def describe(request):
    """The answer to one request."""
    headers = headers_of(request.environ)
    body = request.get_data()
    return {
        "id": headers.get("x-rig-id", ""),
        "pool": POOL,
        "method": request.method,
        "uri": request.environ["RAW_URI"],
        "type": request.environ.get("CONTENT_TYPE", ""),
        "headers": headers,
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "frappe": resolve(request),
        "frappe17": resolve(request, "17"),
    }


def part(request, text):
    """The text, or the range of it that the request asks for, with any method."""
    response = Response(text, mimetype="text/html")
    if request.range and (span := request.range.range_for_length(len(text))):
        response.data = text[slice(*span)]
        response.status_code = 206
        response.content_range.set(*span, len(text))
    return response


def respond(request, answer):
    """The answer, or another one that a test's configuration asks for by headers."""
    order = {key: answer["headers"].get(f"x-order-{key}")
             for key in ("status", "accel", "text", "expires")}
    if order["text"]:
        return part(request, order["text"])
    response = Response(json.dumps(answer), mimetype="application/json")
    response.headers["X-Pool"] = POOL
    if order["status"]:
        response.status_code = int(order["status"])
    if order["accel"]:
        response.headers["X-Accel-Redirect"] = order["accel"]
    if order["expires"]:
        response.headers["X-Accel-Expires"] = order["expires"]
    return response


@Request.application
def application(request):
    """The WSGI entry. It sets no limit on sizes, since a site may set any max_file_size."""
    answer = describe(request)
    with _WRITING, open(REQUESTS, "a", encoding="utf-8") as log:
        log.write(json.dumps(answer) + "\n")
    return respond(request, answer)
