"""A scratch root of this machine's Debian or Ubuntu, or of another release, in which tests install and build."""

import os
import subprocess

import pytest

from .env import ROOT


def output(*argv):
    """The output of a command on this machine."""
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def unpack(path):
    """Makes a fresh system in a directory: of the release that the package is for, or of this machine's."""
    _root(path, suite=os.environ.get("TEST_DEB_SUITE", "this"))


def archive():
    """A fresh system of this machine's release as a tarball."""
    return _root().strip()


def _root(*args, suite="this"):
    run = subprocess.run([ROOT / "build/debian-root.sh", suite, *args], capture_output=True, text=True,
                         check=False)
    if run.returncode == 77:
        pytest.skip(run.stderr.strip())
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
