"""Requests on which the two sides need not agree: README's limits of the module, and a few cases that the
oracle cannot know.
"""

import binascii
import codecs
import json
import re

from .permissive import is_deeper

CHARSET = re.compile(rb"charset(?:=\"?(([\w.-]+)[^;\r\n]*))?", re.IGNORECASE)
DECODED = ("ascii", "cp1252", "iso8859-1", "utf-8")
# Charsets that are not what they seem have another meaning for one of these.
PRINTABLE = bytes(range(0x20, 0x7f)) + b"\\u0041+AGE-~{"
WIDE = re.compile(rb"charset[^\r\n]*(7|16|32)", re.IGNORECASE)
# Python's decoder skips white space and other characters in between.
BEHIND_PADDING = re.compile(rb"=[^A-Za-z0-9+/=]*[A-Za-z0-9+/]")
HIGH = re.compile(rb"[\x80-\xff]|%[89a-f]", re.IGNORECASE)
try:
    GOES_ON_BEHIND_PADDING = binascii.a2b_base64(b"dXU=dX") == b"uu"
except binascii.Error:
    GOES_ON_BEHIND_PADDING = False
# Behind a delimiter and lines of headers: a line without a colon, and one that continues it.
NO_COLON = re.compile(rb"^--[^\r\n]*(?:\r\n?|\n)(?:[^\r\n]+(?:\r\n?|\n))*?(?!--)[^:\s][^:\r\n]*(?:\r\n?|\n)[ \t]",
                      re.MULTILINE)
LIST_IN_LIST = re.compile(rb'"(docs?|document)"\s*:\s*\[\s*\[')


def content_types(request):
    """The values of the Content-Type headers."""
    return [value for name, value in request.headers if name.lower() == b"content-type"]


def other_white_space(family, request):
    """Python 2, on which Frappe 10 runs, strips only the white space of ASCII from a header. The oracle's
    gunicorn runs on Python 3, which strips more."""
    return family.release < (11,) and any(
        value != value.decode("latin-1").strip().encode("latin-1")
        for value in content_types(request))


def json_in_utf_16(family, request):
    """Frappe 11 reads JSON in UTF-16; the module does not."""
    return ((11,) <= family.release < (12,) and _is_json(request)
            and json.detect_encoding(request.body) not in ("utf-8", "utf-8-sig"))


def other_charset(family, request):
    """Text above ASCII in a part whose charset is not one of the four that the module decodes; or any text,
    where ASCII bytes have another meaning in the charset."""
    # `utf 7` and `utf"7` are names of UTF-7, and their first word is one of UTF-8.
    values = CHARSET.findall(request.body)
    charsets = [word for _, word in values] + [value for value, _ in values if _codec(value)]
    if family.release >= (14, 57) or all(_codec(charset) in DECODED for charset in charsets):
        return False
    return HIGH.search(request.body) or WIDE.search(request.body) or any(map(_changes_ascii, charsets))


def deeper_than_this_python(family, request):
    """A JSON text so deep that the oracle's Python refuses it, although another Python takes it."""
    return family.release < (16,) and _is_json(request) and is_deeper(request.body)


def behind_the_padding(family, request):
    """Base64 that goes on behind its padding. The Pythons on which Frappe 10 to 13 run stop at the padding,
    newer ones refuse the text."""
    return (not GOES_ON_BEHIND_PADDING and family.release < (14,)
            and b"base64" in request.body.lower() and BEHIND_PADDING.search(request.body))


def list_in_a_list(family, request):
    """Frappe 10 to 13 take the first item of a list in JSON, so they find a document in a list of a list.
    The module looks into one list only, for every version."""
    return family.release < (14,) and _is_json(request) and LIST_IN_LIST.search(request.body)


def behind_a_line_without_a_colon(family, request):
    """werkzeug before 2.0 ignores a line of a part's headers that has no colon, and adds a line behind it that
    begins with white space to the header in front of both."""
    return (family.release < (14,) and any(b"multipart" in value.lower() for value in content_types(request))
            and NO_COLON.search(request.body))


LIMITS = (other_white_space, json_in_utf_16, other_charset, deeper_than_this_python,
          behind_the_padding, list_in_a_list, behind_a_line_without_a_colon)


def limit(family, request, ours):
    """The name of the limit that a request exceeds, or None. `ours` is the module's answer: `invalid`
    without a source means that the request exceeds the module's own bounds."""
    if ours["status"] == "invalid" and not ours["source"]:
        return ours.get("note") or "invalid"
    return next((known.__name__ for known in LIMITS if known(family, request)), None)


def _is_json(request):
    return any(b"json" in value for value in content_types(request))


def _codec(charset):
    try:
        return codecs.lookup(charset.decode("ascii").strip()).name
    except (LookupError, ValueError):
        return None


def _changes_ascii(charset):
    try:
        return PRINTABLE.decode(charset.decode("ascii"), "replace") != PRINTABLE.decode("ascii")
    except (LookupError, ValueError):
        return False
