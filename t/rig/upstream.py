"""The Frappe servers behind nginx: one gunicorn for each pool."""

import json
import signal
import socket
import sys
from pathlib import Path

from . import process
from .logs import Log
from .waiting import until

POOLS = ("primary", "reports", "uploads")
RIG = Path(__file__).resolve().parent


class Gunicorn:
    """One gunicorn with the app of `app.py` on a unix socket."""

    def __init__(self, name, directory):
        self.name = name
        self.socket = directory / f"{name}.sock"
        self.requests = Log(directory / f"{name}.requests")
        self.log = Log(directory / f"{name}.log")
        self._process = process.spawn(
            [
                sys.executable, "-m", "gunicorn", "rig.app:application",
                "--bind", f"unix:{self.socket}",
                "--worker-class", "gthread", "--workers", "1", "--threads", "8",
                "--keep-alive", "60", "--graceful-timeout", "2", "--log-level", "warning",
                "--worker-tmp-dir", str(directory),
            ],
            self.log.path,
            env={"RIG_POOL": name, "RIG_REQUESTS": str(self.requests.path)},
            cwd=RIG.parent,
        )

    def ready(self):
        """Whether it accepts connections."""
        if self._process.poll() is not None:
            raise RuntimeError(f"gunicorn {self.name} did not start:\n{self.log.text()}")
        with socket.socket(socket.AF_UNIX) as sock:
            return sock.connect_ex(str(self.socket)) == 0

    @property
    def address(self):
        """The address in the form of nginx's `server` directive."""
        return f"unix:{self.socket}"

    def saw(self, exchange_id):
        """This pool's answer to the request with `X-Rig-Id: exchange_id`."""
        return json.loads(self.requests.wait(f'"{exchange_id}"'))

    def all(self, exchange_id):
        """This pool's answers to all requests that nginx has made of that one."""
        return [json.loads(line) for line in self.requests.lines(f'"{exchange_id}"')]

    def stop(self):
        """Ends it."""
        process.stop(self._process, signal.SIGTERM)


class Upstreams:
    """All pools."""

    def __init__(self, directory):
        directory.mkdir(parents=True, exist_ok=True)
        self.pools = {name: Gunicorn(name, directory) for name in POOLS}

    def wait(self):
        """Returns once all pools accept connections."""
        until(lambda: all(pool.ready() for pool in self.pools.values()), "gunicorn", 30)
        return self

    def addresses(self):
        """Pool names and their addresses."""
        return {name: pool.address for name, pool in self.pools.items()}

    def __getitem__(self, name):
        return self.pools[name]

    def stop(self):
        """Ends all pools."""
        for pool in self.pools.values():
            pool.stop()
