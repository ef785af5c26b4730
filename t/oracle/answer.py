"""Answers in the module's words, and the bounds of what it may hand out."""

import unicodedata

from .families import ARGUMENTS

# See the variables' reference in the README.
CMD_MAX = 255
ARGUMENT_MAX = 1024


def usable(value, longest=CMD_MAX):
    """Whether a header or a log line may carry this value."""
    if not isinstance(value, str):
        return False
    if any(unicodedata.category(char) == "Cc" for char in value):
        return False
    try:
        return len(value.encode()) <= longest
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def argument(value):
    """The value that `$frappe_arg_NAME` shows."""
    return value if usable(value, ARGUMENT_MAX) else ""


def answer(cmd="", source="", status="none", form_dict=None, error="", call="", doctype=""):
    """The answer that the module must give; `error` says to a reader why Frappe refused the request."""
    form_dict = form_dict or {}
    arguments = {name: argument(form_dict.get(name)) for name in ARGUMENTS}
    return {
        "cmd": cmd,
        "source": source,
        "status": status,
        "call": call or f"({status})",
        "arguments": {**arguments, "doctype": doctype},
        "error": error,
    }
