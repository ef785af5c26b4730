"""Shims for old families: werkzeug 0.14.1 and gunicorn 19 run on a Python that is newer than they are, and
Python 2 did some things differently.

Families of newer packages need none of them.
"""

import collections
import collections.abc
import re

# Decodes bytes to text and back without loss.
BYTES = ("ascii", "surrogateescape")


def allow_old_imports():
    """Makes `from collections import Iterable` and its like work, which Python 3.10 dropped."""
    for name in ("Callable", "Container", "Hashable", "Iterable", "Mapping", "MutableMapping",
                 "MutableSet", "Sequence", "Set"):
        setattr(collections, name, getattr(collections.abc, name))


def let_six_be_imported():
    """Makes the `six` of gunicorn 19 importable: its importer uses a protocol that Python 3.12 dropped."""
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
    """On Python 2, where Frappe 10 runs, `to_native` leaves the bytes of a part's header line as they are.
    On Python 3 it decodes them and refuses a line that is not UTF-8. With this shim each byte above ASCII
    becomes one character, which has the same effect as bytes."""
    from werkzeug import formparser, http

    def to_native(line):
        return Line(line.decode(*BYTES)) if isinstance(line, bytes) else line

    def unquote(text, plain=http._unquote):
        try:
            return Bytes(plain(text.encode(*BYTES)))
        except UnicodeEncodeError:  # a header of the request itself, which was text from the start
            return plain(text)

    def charset(self, headers, plain=formparser.MultiPartParser.get_part_charset):
        return name_of_codec(plain(self, headers))

    formparser.to_native = to_native
    formparser.MultiPartParser.get_part_charset = charset
    http._unquote = unquote


class Line(str):
    """A header line whose name and value are stripped as Python 2 strips bytes."""

    def __getitem__(self, index):
        return Line(super().__getitem__(index))

    def split(self, *arguments):
        return [Line(part) for part in super().split(*arguments)]

    def strip(self):
        return super().strip(" \t\n\r\v\f")


class Bytes(bytes):
    """Bytes that take the name of a codec as Python 2 does."""

    def decode(self, encoding):
        return super().decode(name_of_codec(encoding))


def name_of_codec(text):
    """Python 2 looks at the bytes of a codec's name, and takes each above ASCII for a space. Python 3 would refuse
    the characters that the bytes have become."""
    return re.sub("[\udc80-\udcff]", " ", text) if isinstance(text, str) else text


def white_space_is_ascii():
    """In the bytes of a header, Python 2 knows only the white space of ASCII."""
    from werkzeug import http

    for name in ("_option_header_piece_re", "_option_header_start_mime_type"):
        pattern = getattr(http, name)
        setattr(http, name, re.compile(pattern.pattern, pattern.flags & ~re.UNICODE | re.ASCII))
