"""Other modules that the tests load beside ours."""

import shutil
import subprocess

import pytest

from .env import ROOT


def build(env, directory, name):
    """Compiles `t/NAME.c` for the nginx under test, and returns the path of the module."""
    cflags, compiler = env.module.parent / "cflags", shutil.which("cc")
    if not compiler or not cflags.is_file():
        pytest.skip(f"no C compiler, or no {cflags}: `make module` writes it")
    path = directory / f"{name}.so"
    run = subprocess.run([compiler, f"@{cflags}", "-shared", "-fPIC", "-o", path,
                          ROOT / f"t/{name}.c"], capture_output=True, text=True, check=False)
    if run.returncode and "No such file" in run.stderr:
        pytest.skip(f"the headers of this nginx are gone: {run.stderr.splitlines()[0]}")
    assert run.returncode == 0, run.stderr
    return path
