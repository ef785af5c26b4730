"""The values that `$frappe_doctype` and `$frappe_call` must have, by the rules of Frappe's own functions.

`handler.py: run_doc_method(method, docs, dt, dn, ...)` takes `dt`, else the document in `docs`;
`desk/form/save.py: savedocs(doc, action)`, `client.py: insert, save, submit`, `model/workflow.py:
apply_workflow` take `doc`; `client.py: insert_many, bulk_update` take `docs`; `api/v2.py:
run_doc_method(method, document)` takes `document`. A document is an object, or the first of a list.
Frappe reads a document that is text by `json.loads`.
"""

import json
import unicodedata

RECORD_CHARS = 140
METHOD_BYTES = 240

# These run a method of a document, which the argument `method` names.
DOCUMENT_METHODS = ("run_doc_method", "runserverobj", "frappe.handler.run_doc_method",
                    "frappe.handler.runserverobj")
TAKE_DOCS = (*DOCUMENT_METHODS, "frappe.client.insert_many", "frappe.client.bulk_update")


def is_clean(value):
    """Whether a value is text without control characters and halves of surrogate pairs."""
    if not isinstance(value, str) or any(unicodedata.category(char) == "Cc" for char in value):
        return False
    return not any(0xD800 <= ord(char) < 0xE000 for char in value)


def record_name(value):
    """The value if it can be the name of a DocType or a report, else an empty text."""
    return value if is_clean(value) and len(value) <= RECORD_CHARS else ""


def method_name(value):
    """The value if it can be the name of a document's method, else an empty text."""
    return value if is_clean(value) and len(value.encode()) <= METHOD_BYTES else ""


def doctype_of(document):
    """The doctype of a document, which is an argument's value."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError):
            return ""
    if isinstance(document, (list, tuple)):
        document = document[0] if document else None
    return record_name(document.get("doctype")) if isinstance(document, dict) else ""


def touched(args, cmd=None, in_path=None):
    """The value of `$frappe_doctype`. `in_path`: the doctype of a document's path, if no cmd runs."""
    if in_path:
        return record_name(in_path)
    for name in ("doctype", "dt"):
        if args.get(name):
            return record_name(args[name])
    names = ("docs", "doc") if cmd in TAKE_DOCS else ("doc", "docs")
    for name in (*names, "document"):
        if args.get(name):
            return doctype_of(args[name])
    return ""


def call(verb, cmd, args, in_path=None, method=None, takes_run_method=False):
    """The value of `$frappe_call` for a request that Frappe does not refuse. `in_path` and `method`: the
    doctype and the method that a document's path names."""
    doctype = touched(args, cmd, in_path)
    if cmd in DOCUMENT_METHODS:
        return _document_method(doctype, args.get("method"))
    if cmd:
        about = record_name(args.get("report_name")) or doctype
        return f"{cmd}:{about}" if about else cmd
    if not in_path:
        return "page"
    if takes_run_method and args.get("run_method"):
        method = args["run_method"]
    if method and verb in ("GET", "POST"):
        return _document_method(doctype, method)
    return f"{verb} resource:{doctype}" if doctype else f"{verb} resource"


def _document_method(doctype, method):
    if not doctype:
        return "run_doc_method"
    method = method_name(method)
    return f"run_doc_method:{doctype}.{method}" if method else f"run_doc_method:{doctype}"
