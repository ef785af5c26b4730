"""Servers with few processes, as Frappe's are. Each process handles one request at a time, in order of
arrival."""

import signal
import socket
import sys

from . import process
from .upstream import RIG
from .waiting import until

KINDS = {"sync": ["--worker-class", "sync"], "gthread": ["--worker-class", "gthread"]}


class Server:
    """A gunicorn that runs `rig.slow_app`."""

    def __init__(self, name, directory, processes, kind="sync", threads=1):
        directory.mkdir(parents=True, exist_ok=True)
        self.socket = directory / f"{name}.sock"
        self.stall = directory / "stall"
        argv = [
            sys.executable, "-m", "gunicorn", "rig.slow_app:application", *KINDS[kind],
            "--bind", f"unix:{self.socket}", "--workers", str(processes),
            "--threads", str(threads), "--timeout", "600", "--graceful-timeout", "1",
            "--log-level", "warning", "--worker-tmp-dir", str(directory),
        ]
        self._process = process.spawn(argv, directory / f"{name}.log", cwd=RIG.parent,
                                      env={"RIG_POOL": name, "RIG_STALL": str(self.stall)})
        self._processes = processes

    @property
    def address(self):
        """The address in the form of nginx's `server` directive."""
        return f"unix:{self.socket}"

    def wait(self):
        """Returns once it accepts connections and has all its processes."""
        until(self._ready, "gunicorn", 30)
        return self

    def _ready(self):
        if self._process.poll() is not None:
            raise RuntimeError("gunicorn did not start")
        with socket.socket(socket.AF_UNIX) as sock:
            if sock.connect_ex(str(self.socket)) != 0:
                return False
        return len(process.children(self._process.pid)) >= self._processes

    def stop(self):
        """Ends it."""
        self.stall.unlink(missing_ok=True)
        process.stop(self._process, signal.SIGTERM, 30)

    def kill(self):
        """Kills it at once, with the requests that it has."""
        self.stall.unlink(missing_ok=True)
        process.kill(self._process)
