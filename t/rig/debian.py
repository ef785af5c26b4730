"""A scratch root of this machine's Debian or Ubuntu, to install and to build in."""

import subprocess

import pytest

from .env import ROOT


def output(*argv):
    """What a command of this machine prints."""
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def unpack(path):
    """A fresh system of this machine's release in a directory."""
    _root(path)


def archive():
    """The same as a tarball."""
    return _root().strip()


def _root(*args):
    run = subprocess.run([ROOT / "build/debian-root.sh", "this", *args], capture_output=True, text=True,
                         check=False)
    if run.returncode == 77:
        pytest.skip(run.stderr.strip())
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
