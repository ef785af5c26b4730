"""10: each build of the package has a version above those before it."""

import os
import shutil
import subprocess

import pytest

from rig.env import ROOT

VERSION = (ROOT / "Cargo.toml").read_text().split('version = "')[1].split('"')[0]

pytestmark = pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg compares versions")


@pytest.fixture
def tree(tmp_path):
    """A repository with the script and one commit."""
    (tmp_path / "packaging").mkdir()
    shutil.copy(ROOT / "packaging/version.sh", tmp_path / "packaging")
    shutil.copy(ROOT / "Cargo.toml", tmp_path)
    git(tmp_path, "init", "-q")
    commit(tmp_path, 10)
    return tmp_path


def git(tree, *args, **env):
    subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@x.example", *args], cwd=tree,
                   check=True, env=os.environ | env)


def commit(tree, second):
    """Makes a commit at the given second."""
    date = f"2026-01-02T03:04:{second} +0200"
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "--allow-empty", "-m", "x", GIT_COMMITTER_DATE=date, GIT_AUTHOR_DATE=date)


def version(tree):
    return subprocess.run([tree / "packaging/version.sh"], capture_output=True, text=True,
                          check=True).stdout.strip()


def newer(one, other):
    """Whether `other` is newer than `one` in Debian's order."""
    return subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False).returncode == 0


def test_10_40_grows(tree):
    """The version grows with each commit, and with changes that are not committed."""
    first = version(tree)
    assert first.startswith(f"{VERSION}+260102010410.g")
    commit(tree, 11)
    second = version(tree)
    assert newer(VERSION, first) and newer(first, second) and version(tree) == second
    (tree / "Cargo.toml").write_text((tree / "Cargo.toml").read_text() + "\n")
    assert newer(second, version(tree))


def test_10_41_release(tree):
    """A release has the version of Cargo.toml alone, and so has a tarball without git."""
    git(tree, "tag", "-a", "-m", "x", f"v{VERSION}")
    assert version(tree) == VERSION
    commit(tree, 12)
    assert version(tree).startswith(f"{VERSION}+")
    shutil.rmtree(tree / ".git")
    assert version(tree) == VERSION
    (tree / "packaging/version").write_text("9.9+x\n")
    assert version(tree) == "9.9+x"
