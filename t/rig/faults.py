"""nginx with a C library that fails on request: `t/faults.c`."""

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
    """What the library of the processes that preload it does; the fields are those of the C file."""

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
        """For a process that shall fail."""
        return {"LD_PRELOAD": str(self.library), "FAULTS": str(self._path)}

    def __getitem__(self, field):
        return struct.unpack_from("=q", self._memory, 8 * FIELDS.index(field))[0]

    def __setitem__(self, field, value):
        struct.pack_into("=q", self._memory, 8 * FIELDS.index(field), value)

    def arm(self, number, *, always=False, pid=0):
        """The allocation of this number fails, and with `always` all behind it; with `pid` in that
        process alone."""
        self["fail"] = 0
        self["count"] = self["hits"] = 0
        self["always"], self["pid"] = always, pid
        self["fail"] = number

    def disarm(self):
        """Nothing fails any more; how many have failed."""
        self["fail"] = self["full"] = self["clock"] = 0
        return self["hits"]


class FaultyNginx(Nginx):
    """An nginx that runs with it."""

    def __init__(self, *args, faults, **options):
        # A file whose name found no memory has a length and no bytes, which nginx's log reads.
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
