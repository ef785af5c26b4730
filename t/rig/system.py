"""A Debian system in a directory, with its own packages."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from .debian import unpack

PACKAGE = "libnginx-mod-http-frappe"


def deb():
    """The package to test."""
    return Path(os.environ["TEST_DEB"]).resolve()


def suite():
    """The release that the package is for; by default that of this machine."""
    return os.environ.get("TEST_DEB_SUITE", "this")


class System:
    """Runs commands, and apt, in the system that lies in `path`."""

    def __init__(self, path):
        self.path = path
        self.scratch = Path(tempfile.mkdtemp(prefix="frappe-deb-", dir=path / "tmp"))
        self.scratch.chmod(0o755)  # nginx's workers must be able to enter it

    def inside(self, path):
        """The path of a file as the system itself sees it."""
        return f"/{path.relative_to(self.path)}"

    def argv(self, *argv):
        return ["chroot", str(self.path), *argv]

    def run(self, *argv, check=True):
        """Runs a command in the system; a failure shows all that it printed."""
        env = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive",
               "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        run = subprocess.run(self.argv(*argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, env=env, check=False)
        assert not check or run.returncode == 0, f"{' '.join(argv)}:\n{run.stdout}"
        return run.stdout

    def apt(self, *argv, check=True):
        return self.run("apt-get", "-y", "-o", "DPkg::Lock::Timeout=60",
                        "--no-install-recommends", *argv, check=check)

    def install(self, *options, package=None):
        """Installs a .deb file of this machine, or the package to test."""
        copy = shutil.copy(package or deb(), self.scratch)
        return self.apt("install", *options, self.inside(Path(copy)))

    def state(self, package=PACKAGE):
        """dpkg's state of a package, such as `ii `; empty for a package that dpkg does not know."""
        known = self.run("dpkg-query", "-W", "-f", "${db:Status-Abbrev}", package, check=False)
        return "" if "no packages found" in known else known

    def version(self, package=PACKAGE):
        return self.run("dpkg-query", "-W", "-f", "${Version}", package)

    def files(self):
        """Every path that a package of nginx can have changed."""
        return {path for top in ("etc", "usr", "var/lib/nginx", "run")
                for path in map(str, (self.path / top).rglob("*"))
                if self.path != Path("/") or "nginx" in path}


@contextmanager
def clean():
    """A fresh system of the release that the package is for, with apt's lists."""
    path = Path(tempfile.mkdtemp(prefix="frappe-root-"))
    path.chmod(0o755)
    try:
        unpack(path)
        # The system is thrown away, so dpkg need not call fsync.
        (path / "etc/dpkg/dpkg.cfg.d/unsafe-io").write_text("force-unsafe-io\n")
        made = System(path)
        made.apt("update")
        yield made
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", path], check=True)


def older(package, directory, version="0.0.1-1"):
    """The same package with an older version, as if it had been built long ago."""
    tree = directory / "older"
    subprocess.run(["dpkg-deb", "-R", package, tree], check=True)
    control = tree / "DEBIAN/control"
    lines = [f"Version: {version}" if line.startswith("Version:") else line
             for line in control.read_text().splitlines()]
    control.write_text("\n".join(lines) + "\n")
    made = directory / f"{PACKAGE}_{version}_{package.stem.rsplit('_', 1)[1]}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, made], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return made
