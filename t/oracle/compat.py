"""What werkzeug 0.14.1 needs on a Python that is newer than it, and what Python 2 did differently.

Other families need none of it.
"""

import collections
import collections.abc
import re


def allow_old_imports():
    """`from collections import Iterable` and the like, which Python 3.10 dropped."""
    for name in ("Callable", "Container", "Hashable", "Iterable", "Mapping", "MutableMapping",
                 "MutableSet", "Sequence", "Set"):
        setattr(collections, name, getattr(collections.abc, name))


def headers_of_parts_stay_bytes():
    """On Python 2, where Frappe 10 runs, `to_native` leaves the bytes of a part's header line as
    they are. On Python 3 it decodes them and refuses what is not UTF-8; here each byte above ASCII
    becomes a character of its own, which is as good as bytes for all that is done to a header."""
    from werkzeug import formparser

    def to_native(line):
        return line.decode("ascii", "surrogateescape") if isinstance(line, bytes) else line

    formparser.to_native = to_native


def white_space_is_ascii():
    """Nor does Python 2 know other white space than ASCII's in those bytes."""
    from werkzeug import http

    for name in ("_option_header_piece_re", "_option_header_start_mime_type"):
        pattern = getattr(http, name)
        setattr(http, name, re.compile(pattern.pattern, pattern.flags & ~re.UNICODE | re.ASCII))


def differs_on_python_2(request):
    """Whether a request is one of those that no shim makes alike: gunicorn on Python 3 takes other
    than ASCII's white space off both ends of a header."""
    types = [value for name, value in request.headers if name.lower() == b"content-type"]
    return any(value != value.decode("latin-1").strip().encode("latin-1") for value in types)
