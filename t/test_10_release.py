"""10: a release has one version, its workflows call make targets that exist, and RPM's tools take its spec."""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml

from rig.debian import output
from rig.env import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def actionlint(*argv, text=None):
    program = Path(sys.executable).with_name("actionlint")
    return subprocess.run([program, *argv], input=text, capture_output=True, text=True, check=False,
                          cwd=ROOT)


def test_10_50_workflows():
    """actionlint finds nothing."""
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]
    run = actionlint(*WORKFLOWS)
    assert run.returncode == 0, run.stdout


def test_10_51_workflows_found():
    """The test above can fail."""
    run = actionlint("-", text="on: push\njobs:\n  x:\n    runs-on: ubuntu-24.04\n    stepz: []\n")
    assert run.returncode != 0 and "stepz" in run.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_10_52_what_workflows_run(path):
    """The workflows call make targets that exist, so they build and test what a developer does."""
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    steps = [step for job in yaml.safe_load(path.read_text())["jobs"].values() for step in job["steps"]]
    called = [step["run"].split()[1] for step in steps if step.get("run", "").startswith("make ")]
    gates = [step for step in steps if step.get("run") == "bash .ci/run"]
    assert called or gates
    assert set(called) <= set(targets)


def test_10_53_one_version(env):
    """The version in Cargo.toml is that of the changelog's first section and that of the module."""
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE).group(1)
    assert first == VERSION
    assert VERSION.encode() in Path(env.module).read_bytes()
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    for name in ("ngx_http_frappe_module", "frappe-cmd"):
        assert [one["version"] for one in lock["package"] if one["name"] == name] == [VERSION]


def test_10_54_release_refuses(tmp_path):
    """`make release` refuses a version without a section in the changelog."""
    clone = tmp_path / "clone"
    (clone / "packaging").mkdir(parents=True)
    for name in ("packaging/release.sh", "packaging/version.sh", "Cargo.toml"):
        shutil.copy(ROOT / name, clone / name)
    (clone / "CHANGELOG.md").write_text("# Changelog\n\n## 0.9.0\n\n- Fix: this.\n")
    run = subprocess.run([clone / "packaging/release.sh", tmp_path / "target", "bookworm"],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr == (f'The first section of CHANGELOG.md is "0.9.0", and the version in Cargo.toml is '
                          f"{VERSION}.\n")


@pytest.mark.skipif(not (shutil.which("rpmbuild") and shutil.which("rpmlint")),
                    reason="rpmbuild or rpmlint is missing: `make srpm` installs them")
def test_10_55_source_rpm(tmp_path):
    """Debian's rpmbuild makes a source RPM, and rpmlint finds no error. The files that it installs exist here."""
    name = f"ngx_http_frappe_module-{VERSION}"
    tarball = tmp_path / f"{name}.tar.xz"
    with tarfile.open(tarball, "w:xz") as tar:
        tar.add(ROOT / "LICENSE", f"{name}/LICENSE")
    run = subprocess.run([ROOT / "packaging/rpm/srpm.sh", tarball, tmp_path / "out"],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert run.returncode == 0 and " 0 errors" in run.stdout, run.stdout
    (srpm,) = (tmp_path / "out").glob("*.src.rpm")
    assert output("rpm", "-qp", "--queryformat", "%{VERSION}", srpm) == VERSION.replace("-", "~")
    spec = (tmp_path / "out/nginx-mod-http-frappe.spec").read_text()
    for path in re.findall(r"(?:^| )((?:packaging|nginx-conf|tools)/\S+)", spec, re.MULTILINE):
        assert list(ROOT.glob(path)), path
