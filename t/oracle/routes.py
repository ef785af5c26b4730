"""The URL rules of Frappe 15 and later (`frappe/api/__init__.py`, `v1.py`, `v2.py`).

Rules that only later releases have are left out if a general rule here gives the same method or doctype.
"""

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule, Submount

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

MAP = Map(
    [Submount("/api", V1), Submount("/api/v1", V1), Submount("/api/v2", V2)],
    strict_slashes=False,
    merge_slashes=False,
)


VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def match(environ):
    """The cmd that a path names, or the document that it names."""
    adapter = MAP.bind_to_environ(environ)
    for verb in (None, *VERBS):
        # With a verb that is not allowed nothing runs, but the path still names a document.
        try:
            endpoint, values = adapter.match(method=verb)
        except HTTPException:
            continue
        if endpoint in ("document", "document_method", "run_method"):
            return None, {"in_path": values["doctype"], "method": values.get("method"),
                          "takes_run_method": endpoint == "run_method" and not verb}
        return (None if verb else _cmd(endpoint, values)), {}
    return None, {}


def _cmd(endpoint, values):
    if endpoint == "rpc_v1":
        return values["method"].split("/")[0]
    if endpoint == "rpc_v2":
        return "/".join(filter(None, (values.get("doctype"), values["method"])))
    return endpoint
