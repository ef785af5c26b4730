"""What werkzeug 0.14.1 and gunicorn 19 need on a Python that is newer than they are, and what Python 2
did differently.

Families of newer packages need none of it.
"""

import collections
import collections.abc
import re

# How to make text of bytes, and bytes of it again.
BYTES = ("ascii", "surrogateescape")


def allow_old_imports():
    """`from collections import Iterable` and the like, which Python 3.10 dropped."""
    for name in ("Callable", "Container", "Hashable", "Iterable", "Mapping", "MutableMapping",
                 "MutableSet", "Sequence", "Set"):
        setattr(collections, name, getattr(collections.abc, name))


def let_six_be_imported():
    """gunicorn 19 brings a `six` whose importer speaks the protocol that Python 3.12 dropped."""
    from importlib.machinery import ModuleSpec

    from gunicorn import six

    importer = type(six._importer)
    if not hasattr(importer, "find_spec"):
        importer.find_spec = lambda self, name, path, target=None: (
            ModuleSpec(name, self, is_package=self.is_package(name))
            if name in self.known_modules else None)
        importer.create_module = lambda self, spec: self.load_module(spec.name)
        importer.exec_module = lambda self, module: None


def headers_of_parts_stay_bytes():
    """On Python 2, where Frappe 10 runs, `to_native` leaves the bytes of a part's header line as
    they are. On Python 3 it decodes them and refuses what is not UTF-8; here each byte above ASCII
    becomes a character of its own, which is as good as bytes for all that is done to a header."""
    from werkzeug import formparser, http

    def to_native(line):
        return line.decode(*BYTES) if isinstance(line, bytes) else line

    def unquote(text, plain=http._unquote):
        try:
            return plain(text.encode(*BYTES))
        except UnicodeEncodeError:  # of a request's own header, which is no bytes to begin with
            return plain(text)

    formparser.to_native = to_native
    http._unquote = unquote


def white_space_is_ascii():
    """Nor does Python 2 know other white space than ASCII's in those bytes."""
    from werkzeug import http

    for name in ("_option_header_piece_re", "_option_header_start_mime_type"):
        pattern = getattr(http, name)
        setattr(http, name, re.compile(pattern.pattern, pattern.flags & ~re.UNICODE | re.ASCII))
