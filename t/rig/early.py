"""`test_early_read`: a module that reads bodies before a location is chosen."""

import shutil
import subprocess

import pytest

from .env import ROOT

SOURCE = ROOT / "t/early_read.c"


def build(env, directory):
    """Compiles it for the nginx under test; the lines that load it and the module."""
    cflags, compiler = env.module.parent / "cflags", shutil.which("cc")
    if not compiler or not cflags.is_file():
        pytest.skip(f"no C compiler, or no {cflags}: `make module` writes it")
    path = directory / "early_read.so"
    run = subprocess.run([compiler, f"@{cflags}", "-shared", "-fPIC", "-o", path, SOURCE],
                         capture_output=True, text=True, check=False)
    if run.returncode and "No such file" in run.stderr:
        pytest.skip(f"the headers of this nginx are gone: {run.stderr.splitlines()[0]}")
    assert run.returncode == 0, run.stderr
    return f"load_module {path}; load_module {{}};".format
