"""The nginx binary under test, and the module that fits it."""

import os
import re
import shlex
import subprocess
import tempfile
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Missing(Exception):
    """Something must be built before the tests; the message says how."""


def _path(variable, target):
    """The path in `variable`, or what `make -s target` prints."""
    path = os.environ.get(variable)
    if not path:
        make = subprocess.run(
            ["make", "-s", target], cwd=ROOT, capture_output=True, text=True, check=False
        )
        lines = make.stdout.split("\n")
        path = lines[0].strip() if make.returncode == 0 else ""
    if not path or not Path(path).is_file():
        raise Missing(f"{variable} is not set and nothing is built; run `make module` first"
                      if not path else f"{path} does not exist; run `make module` first")
    return Path(path).resolve()


class Env:
    """Paths and versions, looked up once."""

    def __init__(self):
        self.nginx = _path("TEST_NGINX_BINARY", "print-nginx")
        self.module = _path("TEST_NGINX_MODULE", "print-module")
        # The command under which nginx runs, if any.
        self.valgrind = shlex.split(os.environ.get("TEST_NGINX_VALGRIND", ""))

    @cached_property
    def build(self):
        """All that `nginx -V` prints."""
        run = subprocess.run([self.nginx, "-V"], capture_output=True, text=True, check=True)
        return run.stderr

    @cached_property
    def is_script(self):
        """Whether a script starts this nginx, as that of another release with its own libc."""
        return self.nginx.read_bytes().startswith(b"#!")

    @cached_property
    def version(self):
        """nginx's version as numbers, such as (1, 28, 3)."""
        return tuple(int(n) for n in re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", self.build).groups())

    @cached_property
    def certificate(self):
        """A certificate for localhost that clients may be told to trust, and its key."""
        # The directory is removed with this object.
        self._tls = tempfile.TemporaryDirectory(prefix="rig-tls-")
        cert, key = (Path(self._tls.name, name) for name in ("cert.pem", "key.pem"))
        argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost",
                "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", key, "-out", cert]
        subprocess.run(argv, check=True, capture_output=True)
        return cert, key

    def has(self, module):
        """Whether nginx was built with an optional module, such as `http_stub_status_module`."""
        return f"--with-{module}" in self.build

    def lacks(self, module):
        """Whether nginx was built without a module that it has by default."""
        return f"--without-{module}" in self.build

    @cached_property
    def is_checked(self):
        """Whether this nginx shows errors in the use of memory. Such an nginx needs more memory."""
        return "NGX_DEBUG_PALLOC" in self.build

    @property
    def has_http3(self):
        """Whether nginx speaks HTTP/3."""
        return self.has("http_v3_module")

    def report(self):
        """Lines for the head of the test report."""
        packages = ("werkzeug", "gunicorn", "orjson", "httpx", "h2", "aioquic")
        return [
            f"nginx: {self.build.splitlines()[0].removeprefix('nginx version: ')} ({self.nginx})",
            f"module: {self.module} ({self.module.stat().st_size:,} bytes)",
            ", ".join(f"{name} {version(name)}" for name in packages),
        ]
