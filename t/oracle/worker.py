"""Answers raw requests by the rules of one family, without sockets.

    python -I -S worker.py VERSION

Standard input: frames of a 4-byte little-endian length and a raw HTTP/1.1 request. Standard output:
a line of JSON for each. gunicorn's own parser reads the bytes and makes the WSGI environ.
"""

import json
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracle import isolated  # noqa: E402


class NoSocket:
    """The socket to which gunicorn sends `100 Continue`."""

    def send(self, data):
        """Drops the bytes: no client waits for them."""


class Gunicorn:
    """Makes a WSGI environ of bytes."""

    CLIENT, SERVER = ("127.0.0.1", 50000), ("127.0.0.1", 8000)

    def __init__(self):
        from gunicorn import __version__
        from gunicorn.config import Config
        from gunicorn.http import wsgi
        from gunicorn.http.parser import RequestParser

        self._create = wsgi.create
        self._parser = RequestParser
        self._config = Config()
        # The parser of newer gunicorns also takes the client's address.
        recent = int(__version__.split(".")[0]) >= 20
        self._more = (self.CLIENT,) if recent else ()

    def environ(self, raw):
        """The environ of the one request in `raw`."""
        parser = self._parser(self._config, iter([raw]), *self._more)
        request = next(parser)
        return self._create(request, NoSocket(), self.CLIENT, self.SERVER, self._config)[1]


def frames(stream):
    """The requests that arrive."""
    while True:
        head = stream.read(4)
        if len(head) < 4:
            return
        yield stream.read(int.from_bytes(head, "little"))


def main():
    """Answers until the other side closes."""
    warnings.simplefilter("ignore")
    family = isolated.enter(sys.argv[1])
    from oracle.answer import answer
    from oracle.frappe import Frappe

    gunicorn, frappe = Gunicorn(), Frappe(family.release)
    for raw in frames(sys.stdin.buffer):
        try:
            environ = gunicorn.environ(raw)
        except Exception as error:  # gunicorn refuses the request, so Frappe does not see it
            found = answer(status="gunicorn", error=f"{type(error).__name__}: {error}")
        else:
            found = frappe.ask(environ)
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
