"""What Frappe 15.16 and later makes of a request, with the werkzeug that it uses. Frappe 16 and
17 differ in the JSON parser only.

Arguments, URL rules and the order of dispatch follow Frappe step by step; werkzeug is the real
one. From them this file derives the answer that the module must give.
"""

import json
import unicodedata

import orjson
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule, Submount

from oracle.call import call, touched
from oracle.permissive import permit

permit()

JSON_PARSERS = {"15": json.loads, "17": orjson.loads}

# The longest cmd that a variable may show: see the reference of the variables in README.
MAX_CMD = 255

V1 = [
    Rule("/method/<path:method>", endpoint="rpc_v1"),
    Rule("/resource/<doctype>", methods=["GET", "POST"], endpoint="document"),
    Rule("/resource/<doctype>/<path:name>/", methods=["GET", "POST"], endpoint="run_method"),
    Rule("/resource/<doctype>/<path:name>/", methods=["PUT", "DELETE"], endpoint="document"),
]

V2 = [
    Rule("/method/login", endpoint="login"),
    Rule("/method/logout", endpoint="logout"),
    Rule("/method/ping", endpoint="ping"),
    Rule("/method/upload_file", endpoint="upload_file"),
    Rule("/method/<method>", endpoint="rpc_v2"),
    Rule("/method/run_doc_method", methods=["GET", "POST"], endpoint="run_doc_method"),
    Rule("/method/<doctype>/<method>", endpoint="rpc_v2"),
    Rule("/document/<doctype>", methods=["GET", "POST"], endpoint="document"),
    Rule("/document/<doctype>/<path:name>/", methods=["GET", "PATCH", "PUT", "DELETE"],
         endpoint="document"),
    Rule("/document/<doctype>/<path:name>/method/<method>/", methods=["GET", "POST"],
         endpoint="document_method"),
    Rule("/doctype/<doctype>/meta", methods=["GET"], endpoint="document"),
    Rule("/doctype/<doctype>/count", methods=["GET"], endpoint="document"),
    Rule("/doctype/<doctype>/search", methods=["GET"], endpoint="document"),
]

API = Map(
    [Submount("/api", V1), Submount("/api/v1", V1), Submount("/api/v2", V2)],
    strict_slashes=False,
    merge_slashes=False,
)


class Refused(Exception):
    """Frappe answers with an error before it knows a method."""


def make_form_dict(request, loads):
    """Frappe's arguments, and the parts of the request that they come from: JSON, or form and query."""
    try:
        data = request.get_data(as_text=True)
        if data and request.is_json:
            args = loads(data)
            if isinstance(args, list):
                args = {"data": args}
            if not isinstance(args, dict):
                raise Refused("Invalid request arguments")
            return args, args, {}
        args = {}
        args.update(request.args or {})
        args.update(request.form or {})
        return args, {}, request.form
    except (ValueError, RecursionError, HTTPException) as error:
        raise Refused(f"{type(error).__name__}: {error}") from error


def _match(request):
    """The endpoint, the values that its rule takes from the path, and whether the rule allows the verb. With
    a verb that it does not allow, such as PATCH on a list, the path still names a document."""
    urls = API.bind_to_environ(request.environ)
    for method in (request.method, "GET"):
        try:
            return *urls.match(method=method), method == request.method
        except HTTPException:
            continue
    return None, {}, False


def from_path(request):
    """The cmd that the path alone names, or the document that it names."""
    if not request.path.startswith("/api/"):
        return None, {}
    endpoint, values, is_allowed = _match(request)
    if endpoint == "rpc_v1":
        return values["method"].split("/")[0], {}
    if endpoint == "rpc_v2":
        return "/".join(filter(None, (values.get("doctype"), values["method"]))), {}
    if endpoint in ("document", "document_method", "run_method"):
        return None, {"in_path": values["doctype"], "method": values.get("method"),
                      "takes_run_method": endpoint == "run_method" and is_allowed}
    return endpoint, {}


def usable(value, longest=MAX_CMD):
    """Whether a header or a log line may carry this value."""
    if not isinstance(value, str):
        return False
    if any(unicodedata.category(char) == "Cc" for char in value):
        return False
    try:
        return len(value.encode()) <= longest
    except UnicodeEncodeError:
        return False


def verdict(cmd="", source="", status="none", doctype="", error="", kind=""):
    """One answer in the module's words."""
    return {"cmd": cmd, "source": source, "status": status, "doctype": doctype,
            "call": kind or f"({status})", "error": error}


def resolve(request, version="15"):
    """The method that Frappe runs for a werkzeug request."""
    try:
        args, in_json, in_form = make_form_dict(request, JSON_PARSERS[version])
    except Refused as error:
        status = "none" if request.method == "OPTIONS" else "malformed"
        return verdict(status=status, error=str(error),
                       kind="(options)" if request.method == "OPTIONS" else "")
    if request.method == "OPTIONS":
        return verdict(kind="(options)")

    if args.get("cmd"):
        form = "multipart" if request.mimetype == "multipart/form-data" else "form"
        source = "json" if "cmd" in in_json else form if "cmd" in in_form else "query"
        return run(request, args["cmd"], source, args)

    cmd, about = from_path(request)
    if cmd is None:
        return verdict(doctype=touched(args, None, about.get("in_path")),
                       kind=call(request.method, None, args, **about))
    return run(request, cmd, "path", args)


def run(request, cmd, source, args):
    """The answer where Frappe runs `cmd`; `invalid` if no method can have that name."""
    if not usable(cmd):
        return verdict(source=source, status="invalid", doctype=touched(args))
    return verdict(cmd, source, "ok", touched(args, cmd), kind=call(request.method, cmd, args))
