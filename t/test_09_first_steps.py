"""09: a newcomer's first steps, before anything is built: missing programs are named first, and no step is
silent for long. `make test-newcomer` runs all of README's steps in fresh systems.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from rig.env import ROOT
from rig.waiting import until

STEP = ROOT / "build/step.py"
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


@pytest.fixture
def bare(tmp_path):
    """A PATH with the programs of a bare system, and with an apt-get that only prints that it was called."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "sed", "cut", "sort", "head", "printf", "dirname", "cat", "rm", "id"):
        (tools / name).symlink_to(shutil.which(name))
    apt = tools / "apt-get"
    apt.write_text(f"#!/bin/sh\necho asked >>{tmp_path}/asked\nexit 1\n")
    apt.chmod(0o755)
    return tools


def deps(path):
    """Runs build/deps.sh with this PATH."""
    return subprocess.run(["/bin/sh", ROOT / "build/deps.sh", "test"], capture_output=True, text=True,
                          check=False, env={"PATH": str(path), "HOME": "/nonexistent"})


@pytest.mark.parametrize("rust", [None, "1.70.0"])
def test_09_40_rust_first(bare, tmp_path, rust):
    """Without Rust, or with one that is too old, nothing is installed; the message says how to get it."""
    for name in ("cargo", "rustc") if rust else ():
        (bare / name).write_text(f"#!/bin/sh\necho 'rustc {rust} (x)'\n")
        (bare / name).chmod(0o755)
    run = deps(bare)
    assert run.returncode != 0
    assert ("is too old" if rust else "Missing: Rust") in run.stderr
    assert "sh.rustup.rs" in run.stderr
    assert not (tmp_path / "asked").exists()


def test_09_41_port_first(tmp_path):
    """`make run` says that its port is taken before it builds anything."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = subprocess.run(
            ["make", "run", f"PORT={port}", f"CARGO={tmp_path}/cargo", f"PYTHON={sys.executable}"],
            cwd=ROOT, capture_output=True, text=True, check=False, env=CLEAN | {"PORT": str(port)})
    assert run.returncode != 0
    assert f"Port {port} is taken" in run.stderr and "Building" not in run.stdout


def step(*argv, beat="0.2"):
    """Runs build/step.py."""
    return subprocess.run([STEP, "Waiting", "usually 1 s", *argv], capture_output=True, text=True,
                          check=False, env=os.environ | {"STEP_BEAT": beat})


def test_09_42_never_silent():
    """While a command is silent, step.py says that it is at work. It passes on the output and the exit code."""
    run = step("sh", "-c", "sleep 0.7; echo done; exit 3")
    first, *beats, last = run.stdout.splitlines()
    assert (first, last, run.returncode) == ("Waiting (usually 1 s)", "done", 3)
    assert beats and all(line.endswith("s so far: Waiting") for line in beats)
    run = step("sh", "-c", "echo one >&2; echo two", beat="60")
    assert run.stdout.splitlines()[1:] == ["one", "two"]


def test_09_43_interrupted(tmp_path):
    """Ctrl-C ends the command and the step."""
    begun = tmp_path / "begun"
    run = subprocess.Popen([STEP, "Waiting", "long", "sh", "-c", f"touch {begun}; exec sleep 60"],
                           stdout=subprocess.PIPE, start_new_session=True,
                           preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        until(begun.exists, "the command to begin")
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(10) == 130
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
        run.stdout.close()


def test_09_44_prerequisites():
    """README names what has to be there before the first command."""
    quick = (ROOT / "README.md").read_text().split("## Quick start", 1)[1].split("\n## ", 1)[0]
    for word in ("git", "make", "rustup", "apt-get install"):
        assert word in quick
