"""A scratch root of this machine's Debian or Ubuntu, to install and to build in."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from .env import ROOT

# Made once a day: a minute and a half.
KEPT = ROOT / "target/debootstrap"
DAY = 24 * 60 * 60


def output(*argv):
    """What a command of this machine prints."""
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def archive():
    """A tarball of a fresh system of this machine's release, with its mirror and its sources."""
    release = dict(line.split("=", 1) for line in
                   Path("/etc/os-release").read_text().splitlines() if "=" in line)
    codename = release["VERSION_CODENAME"].strip('"')
    made = KEPT / f"{codename}.tar"
    if made.exists() and time.time() - made.stat().st_mtime < DAY:
        return made
    if not shutil.which("debootstrap"):
        pytest.skip("debootstrap is missing")
    KEPT.mkdir(parents=True, exist_ok=True)
    root = KEPT / f"{codename}.{os.getpid()}"
    try:
        _debootstrap(root, codename, release["ID"].strip('"').capitalize())
        subprocess.run(["tar", "-C", root, "-cf", f"{root}.tar", "."], check=True)
        Path(f"{root}.tar").rename(made)
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", root, f"{root}.tar"], check=True)
    return made


def unpack(path):
    """Such a system in a directory."""
    made = archive()
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-C", path, "-xpf", made], check=True)


def _debootstrap(path, codename, vendor):
    sources = sorted(set(output(
        "apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
        "Created-By: Packages", f"Origin: {vendor}").splitlines()))
    mirrors = [line.split()[1] for line in sources if line.split()[2] == codename]
    if not mirrors:
        pytest.skip(f"apt knows no mirror of {vendor} {codename}: `apt-get update` first")

    # Its mounts go with the namespace, whatever happens to it.
    run = subprocess.run(["unshare", "--mount", "debootstrap", "--variant=minbase", codename,
                          path, mirrors[0]], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        pytest.skip(f"debootstrap failed:\n{(run.stdout + run.stderr)[-2000:]}")
    (path / "etc/apt/sources.list").write_text("\n".join(sources) + "\n")
    (path / "etc/apt/apt.conf.d/90host").write_text(output(
        "apt-config", "dump", "--no-empty", "--format", '%f "%v";%n',
        "Acquire::http", "Acquire::https"))
