"""The two sides that are compared, as processes: raw requests in, answers out."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from .families import ARGUMENTS
from .install import CACHE, ROOT, ensure

HERE = Path(__file__).resolve().parent

# The fields of an answer that are compared.
FIELDS = ("cmd", "source", "status", "call", "arguments")


class Died(Exception):
    """A process ended without an answer."""


class Peer:
    """A process that answers each frame on its standard input with a line of JSON."""

    def __init__(self, argv):
        self.argv = [str(arg) for arg in argv]
        self._process = subprocess.Popen(
            self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._thread = None

    def send(self, requests):
        """Sends requests; `lines` reads the answers. A thread writes, so that full pipes in both directions
        cannot block each other."""
        data = b"".join(len(raw).to_bytes(4, "little") + raw for raw in requests)
        self._thread = threading.Thread(target=self._write, args=(data,), daemon=True)
        self._thread.start()

    def _write(self, data):
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # `lines` will notice

    def lines(self, count):
        """The answers to `count` requests, as the lines that the process wrote."""
        found = []
        for _ in range(count):
            line = self._process.stdout.readline()
            if not line:
                code = self._process.wait()
                raise Died(f"{' '.join(self.argv)} ended with code {code} "
                           f"at request {len(found)} of {count}")
            found.append(line)
        self._thread.join()
        return found

    def ask(self, raw):
        """The answer to one request."""
        self.send([raw])
        return json.loads(self.lines(1)[0])

    def close(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def oracle(family):
    """The process of a family's Frappe-like application."""
    ensure(family)
    return Peer([sys.executable, "-I", "-S", HERE / "worker.py", family.version])


def core(family, chunk):
    """A process of the module's core by the rules of a family, which is fed bodies in pieces of `chunk`
    bytes."""
    arguments = [word for name in ARGUMENTS for word in ("--arg", name)]
    return Peer([frappe_cmd(), "--frames", "--json", "--frappe", family.version,
                 "--chunk", chunk, *arguments, "-"])


def same(ours, theirs):
    """Whether both answers are the same."""
    return all(ours[field] == theirs[field] for field in FIELDS)


def sha256(body):
    """A body's digest in the form of `app.py`."""
    return hashlib.sha256(body).hexdigest()


def frappe_cmd():
    """The path of the program frappe-cmd: `TEST_FRAPPE_CMD`, or one that is built now."""
    path = os.environ.get("TEST_FRAPPE_CMD")
    if path:
        return Path(path)
    target = CACHE / "cargo"
    cargo = os.environ.get("CARGO", "cargo")
    subprocess.run(
        [cargo, "build", "--quiet", "--release", "--package", "frappe-cmd",
         "--target-dir", target], cwd=ROOT, check=True)
    return target / "release" / "frappe-cmd"
