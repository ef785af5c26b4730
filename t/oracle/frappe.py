"""A small Frappe: it takes the arguments of a request, dispatches, and says what would run.

`make_form_dict`, the order of dispatch and the URL rules are shortened copies of those in Frappe's releases;
werkzeug is the real one. Where releases differ, each has a whole function of its own. The module has a
table of switches instead, so that a mistake in one is not repeated in the other.
"""

import json

from werkzeug.wrappers import Request as WerkzeugRequest

from .answer import answer, usable
from .call import call, touched
from .permissive import permit

MIB = 1024 * 1024


class Refused(Exception):
    """`frappe.throw`."""


# Arguments: `frappe/app.py: make_form_dict`


def unwrap(args):
    """Frappe up to 13 takes the first item of a list."""
    return {k: v[0] if isinstance(v, (list, tuple)) else v for k, v in args.items()}


def unwrap_or_not(args):
    """From 11 on, an empty list leaves all lists as they are."""
    try:
        return unwrap(args)
    except IndexError:
        return dict(args)


def form_dict_10(request):
    if request.content_type == "application/json":
        # Python 2 decodes UTF-8 strictly, but accepts surrogates; it knows no other encoding.
        return unwrap(json.loads(request.data.decode("utf-8", "surrogatepass"))), "json"
    return unwrap(request.form or request.args), "form"


def form_dict_11(request):
    if "application/json" in (request.content_type or "") and request.data:
        return unwrap_or_not(json.loads(request.data)), "json"
    return unwrap_or_not(request.form or request.args), "form"


def form_dict_12(request):
    data = request.get_data(as_text=True)
    if "application/json" in (request.content_type or "") and data:
        return unwrap_or_not(json.loads(data)), "json"
    return unwrap_or_not(request.form or request.args), "form"


def form_dict_13(request):
    data = request.get_data(as_text=True)
    if "application/json" in (request.content_type or "") and data:
        args, source = json.loads(data), "json"
    else:
        args, source = request.form or request.args, "form"
    if not isinstance(args, dict):
        raise Refused("Invalid request arguments")
    return unwrap_or_not(args), source


def form_dict_13_18(request):
    data = request.get_data(as_text=True)
    if "application/json" in (request.content_type or "") and data:
        args, source = json.loads(data), "json"
    else:
        args, source = {}, "form"
        args.update(request.args or {})
        args.update(request.form or {})
    if not isinstance(args, dict):
        raise Refused("Invalid request arguments")
    return unwrap_or_not(args), source


def form_dict_14(request):
    data = request.get_data(as_text=True)
    if "application/json" in (request.content_type or "") and data:
        args, source = json.loads(data), "json"
    else:
        args, source = {}, "form"
        args.update(request.args or {})
        args.update(request.form or {})
    if not isinstance(args, dict):
        raise Refused("Invalid request arguments")
    return dict(args), source


def form_dict_14_54_1(request):
    data = request.get_data(as_text=True)
    if data and request.is_json:
        args, source = json.loads(data), "json"
    else:
        args, source = {}, "form"
        args.update(request.args or {})
        args.update(request.form or {})
    if not isinstance(args, dict):
        raise Refused("Invalid request arguments")
    return dict(args), source


def form_dict_15_16(request, loads=json.loads):
    data = request.get_data(as_text=True)
    if data and request.is_json:
        args, source = loads(data), "json"
    else:
        args, source = {}, "form"
        args.update(request.args or {})
        args.update(request.form or {})
    if isinstance(args, list):
        return {"data": args}, source
    if not isinstance(args, dict):
        raise Refused("Invalid request arguments")
    return dict(args), source


def form_dict_16(request):
    import orjson

    return form_dict_15_16(request, orjson.loads)


FORM_DICTS = (
    ((10, 0, 0), form_dict_10),
    ((11, 0, 0), form_dict_11),
    ((12, 0, 0), form_dict_12),
    ((13, 0, 0), form_dict_13),
    ((13, 18, 0), form_dict_13_18),
    ((14, 0, 0), form_dict_14),
    ((14, 54, 1), form_dict_14_54_1),
    # 15.0 has the function of 14.0, and 15.1 that of 14.54.1
    ((15, 0, 0), form_dict_14),
    ((15, 1, 0), form_dict_14_54_1),
    ((15, 16, 0), form_dict_15_16),
    ((16, 0, 0), form_dict_16),
)


# Paths


def by_segments(request):
    """`frappe/api.py: handle` up to 14: the cmd that the path names, or the document that it names."""
    parts = request.path[1:].split("/", 3)
    call = parts[1] if len(parts) > 1 else None
    doctype = parts[2] if len(parts) > 2 else None
    if call == "method":
        return doctype, {}
    if call == "resource":
        return None, {"in_path": doctype, "takes_run_method": True}
    return None, {}


def by_rules(request):
    """`frappe/api/__init__.py` from 15 on."""
    from . import routes

    return routes.match(request.environ)


class Frappe:
    """One release."""

    def __init__(self, release):
        self.make_form_dict = next(f for since, f in reversed(FORM_DICTS) if since <= release)
        self.by_path = by_rules if release >= (15,) else by_segments
        self.answers_options = release >= (12, 14)
        self.request_class = self._request_class(release)
        permit()

    @staticmethod
    def _request_class(release):
        class Request(WerkzeugRequest):
            """The request class with the settings of `frappe/app.py: init_request`."""

            if release >= (14,):
                max_content_length = (10 if release < (14, 56) else 25) * MIB
            if release >= (16,):
                max_form_memory_size = None

        return Request

    def ask(self, environ):
        """What this release makes of a WSGI request, in the module's words."""
        request = self.request_class(environ)
        options = self.answers_options and request.method == "OPTIONS"
        try:
            form_dict, source = self.make_form_dict(request)
        except Exception as error:  # Frappe's `application` answers any with an error page
            status = "none" if options else "malformed"
            return answer(status=status, error=f"{type(error).__name__}: {error}",
                          call="(options)" if options else "")
        form_dict.pop("_", None)
        if options:
            return answer(call="(options)")
        if form_dict.get("cmd"):
            return self._by_argument(request, form_dict, source)
        return self._by_path(request, form_dict)

    @staticmethod
    def _by_argument(request, form_dict, source):
        if source == "form":
            source = _place_of_cmd(request)
        return _run(request, form_dict["cmd"], source, form_dict)

    def _by_path(self, request, form_dict):
        cmd, about = None, {}
        if request.path.startswith("/api/"):
            cmd, about = self.by_path(request)
        if cmd:
            return _run(request, cmd, "path", form_dict)
        # Frappe looks up an empty cmd and fails, so nothing runs.
        return answer(form_dict=form_dict, call=call(request.method, None, form_dict, **about),
                      doctype=touched(form_dict, None, about.get("in_path")))


def _run(request, cmd, source, form_dict):
    """The answer where Frappe runs `cmd`; `invalid` if no method can have that name."""
    if not usable(cmd):
        return answer(source=source, status="invalid", form_dict=form_dict,
                      doctype=touched(form_dict))
    return answer(cmd, source, "ok", form_dict, call=call(request.method, cmd, form_dict),
                  doctype=touched(form_dict, cmd))


def _place_of_cmd(request):
    """The source of a cmd that did not come from JSON."""
    if "cmd" not in request.form:
        return "query"
    return "multipart" if request.mimetype == "multipart/form-data" else "form"
