"""Other modules that the tests load beside ours."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .env import ROOT


def load(env, names, needed, *, ours_first):
    """The lines that load other modules for this nginx: those of Debian's, or of the folder TEST_NGINX_MODULES. Our
    module comes first or last. Skips the test where they are missing; `needed` tells build/deps.sh which they are."""
    debian = "/usr/lib/nginx/modules" if str(env.nginx) == "/usr/sbin/nginx" else ""
    folder = os.environ.get("TEST_NGINX_MODULES", debian)
    others = [Path(folder, name) for name in names]
    if not folder or not all(path.is_file() for path in others):
        pytest.skip(f"no {needed} module for this nginx: `build/deps.sh debian {needed}`, then NGINX=debian")
    modules = [env.module, *others] if ours_first else [*others, env.module]
    return "".join(f"load_module {path};" for path in modules)


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
