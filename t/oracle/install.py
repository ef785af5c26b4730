"""Installs the packages of a family into `target/oracle`, once.

    python -m oracle.install [VERSION...]
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .families import BY_VERSION, FAMILIES

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "oracle"
STAMP = "requirements.txt"


def directory(family):
    """The directory of the family's packages. Families with the same packages share one; another Python
    or another version of a package has another directory."""
    text = "\n".join(family.requirements)
    tag = hashlib.sha256(f"{sys.version_info[:2]} {text}".encode()).hexdigest()[:8]
    return CACHE / f"werkzeug-{family.werkzeug}-gunicorn-{family.gunicorn}-{tag}"


def ensure(family):
    """The directory of the family's packages, installed if need be."""
    place = directory(family)
    if (place / STAMP).exists():
        return place
    CACHE.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="install-", dir=CACHE))
    try:
        _pip(scratch, family.requirements)
        (scratch / STAMP).write_text("\n".join(family.requirements) + "\n")
        try:
            scratch.rename(place)
        except OSError:
            # Another run was faster, or an earlier run was broken off and left no stamp.
            if not (place / STAMP).exists():
                shutil.rmtree(place)
                scratch.rename(place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return place


def _pip(target, requirements):
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--root-user-action=ignore", "--no-deps", "--target", target, *requirements]
    run = subprocess.run(argv, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{' '.join(map(str, argv))}\n{run.stderr}")


def main():
    """Installs the versions named, or all."""
    for family in [BY_VERSION[v] for v in sys.argv[1:]] or FAMILIES:
        print(f"{family.version:8} {ensure(family)}")


if __name__ == "__main__":
    main()
