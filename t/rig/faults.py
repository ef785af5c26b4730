"""nginx with a library that makes functions of libc fail on request: `t/faults.c`."""

import mmap
import os
import shutil
import struct
import subprocess

import pytest

from .conf import LOG_FORMAT
from .env import ROOT
from .nginx import Nginx
from .waiting import TIMEOUT

SOURCE = ROOT / "t/faults.c"
FIELDS = ("fail", "count", "full", "hits", "always", "pid", "clock")


class Faults:
    """Controls the library in the processes that preload it; the fields are those of the C file."""

    def __init__(self, directory):
        compiler = shutil.which("cc")
        if not compiler:
            pytest.skip("no C compiler")
        self.library = directory / "faults.so"
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", self.library, SOURCE, "-ldl"],
                       check=True, capture_output=True)
        self._path = directory / "faults"
        self._path.write_bytes(bytes(8 * len(FIELDS)))
        with open(self._path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)

    def environment(self):
        """The environment of a process that preloads the library."""
        return {"LD_PRELOAD": str(self.library), "FAULTS": str(self._path)}

    def __getitem__(self, field):
        return struct.unpack_from("=q", self._memory, 8 * FIELDS.index(field))[0]

    def __setitem__(self, field, value):
        struct.pack_into("=q", self._memory, 8 * FIELDS.index(field), value)

    def arm(self, number, *, always=False, pid=0):
        """Makes allocation `number` fail, and with `always` all later ones; with `pid` only in that
        process."""
        self["fail"] = 0
        self["count"] = self["hits"] = 0
        self["always"], self["pid"] = always, pid
        self["fail"] = number

    def disarm(self):
        """Ends all faults, and returns how many allocations have failed."""
        self["fail"] = self["full"] = self["clock"] = 0
        return self["hits"]


class FaultyNginx(Nginx):
    """An nginx that runs with the library."""

    def __init__(self, *args, faults, **options):
        # Where nginx finds no memory for a file's name, the name has a length but no bytes, and nginx's log
        # would read them.
        options.setdefault("log", LOG_FORMAT.replace('"body_file":"$request_body_file",', ""))
        super().__init__(*args, **options)
        self.faults = faults

    def _argv(self, *more):
        variables = (f"{name}={value}" for name, value in self.faults.environment().items())
        return ["env", *variables, *super()._argv(*more)]

    def test_run(self):
        """`nginx -t`: the exit code, negative where a signal ended it, and what it said."""
        run = subprocess.run([str(arg) for arg in super()._argv("-t")], capture_output=True, text=True,
                             env={**os.environ, **self.faults.environment()}, timeout=TIMEOUT, check=False)
        return run.returncode, run.stderr
