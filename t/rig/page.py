"""Runs the commands of a page of the guide, in order, in a fresh Debian that has the page's addresses."""

import re
import shutil
import socket
import subprocess
from pathlib import Path

from .debian import unpack
from .env import ROOT

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HERE = "/page"

# A server that stands for the ERPNext hosts: it answers with its own address, and with who asked for what.
SERVERS = """
import http.server, sys, threading

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = f"{self.server.server_address[0]} got {self.headers['Host']} {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *args):
        pass

for address in sys.argv[1:]:
    host, _, port = address.partition(":")
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
"""

# Enters a network namespace with the page's addresses and port 80, and without a route to the outside.
ENTER = """
set -eu
root=$1 servers=$2
ip link set lo up
for address in $servers; do
    case $address in 127.*) ;; *) ip addr replace "${address%:*}/32" dev lo ;; esac
done
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
export HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec chroot "$root" bash /page/run
"""


# Waits after a reload until the old workers have ended, so that the next command of the page meets none.
NGINX = """#!/bin/bash
workers=$(grep -sl '^nginx: worker' /proc/[0-9]*/cmdline | cut -d/ -f3 || true)
/usr/sbin/nginx "$@" || exit
if [[ $* == '-s reload' ]]; then
    for ((tries = 0; tries < 100; tries++)); do
        kill -0 $workers 2>/dev/null || exit 0
        sleep 0.1
    done
    exit 1
fi
"""


def blocks(path):
    """Kind and text of each fenced block."""
    return BLOCK.findall(path.read_text())


class Machine:
    """A fresh Debian with what a balancer has before the page begins: apt's lists, curl, sudo. It has the
    files of the packages that the page installs, since it cannot reach a mirror."""

    def __init__(self, path, packages):
        self.path = path
        unpack(path)
        (path / "page").mkdir()
        (path / "page/servers.py").write_text(SERVERS)
        shim = path / "usr/local/sbin/nginx"
        shim.write_text(NGINX)
        shim.chmod(0o755)
        self._chroot("apt-get", "update")
        self._chroot("apt-get", "-y", "--no-install-recommends", "install", "curl", "sudo")
        self._chroot("apt-get", "-y", "--download-only", "install", "python3", *packages)
        names = f"127.0.0.1 localhost erp.example.com {socket.gethostname()}\n"
        (path / "etc/hosts").write_text(names)

    def _chroot(self, *argv):
        run = subprocess.run(["chroot", self.path, *argv], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert run.returncode == 0, run.stdout

    def copy(self, file):
        """Copies a file to the directory in which the page begins."""
        shutil.copy(file, self.path / "page")

    def run(self, scripts, servers, python="/usr/bin/python3"):
        """Runs scripts one after the other in one shell, with servers at these addresses. Returns the output
        of each. If one fails, the failure shows all output."""
        lines = ["set -euo pipefail", f"cd {HERE}"]
        # Debian would start nginx when it installs the package; here this does.
        start = (f"{python} {HERE}/servers.py {' '.join(servers)} >{HERE}/ready & "
                 f"until grep -q ready {HERE}/ready; do sleep 0.1; done; nginx")
        for number, script in enumerate(scripts):
            lines.append(f"{{\n{script}\n}} >{HERE}/out.{number} 2>&1")
            # The servers need Python, which comes with the package.
            lines.append(f"[ -e {HERE}/ready ] || [ ! -e {python} ] || {{ {start}; }}")
        for old in (self.path / "page").glob("out.*"):
            old.unlink()
        (self.path / "page/ready").unlink(missing_ok=True)
        (self.path / "page/run").write_text("\n".join(lines) + "\n")
        run = subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-c", ENTER, "bash",
             self.path, " ".join(servers)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=600, check=False)
        printed = [(self.path / f"page/out.{number}") for number in range(len(scripts))]
        printed = [path.read_text() if path.exists() else None for path in printed]
        if run.returncode != 0:
            done = "\n".join(f"--- {script}{text}" for script, text in zip(scripts, printed)
                             if text is not None)
            raise AssertionError(f"ended with {run.returncode}: {run.stdout}\n{done[-6000:]}")
        return printed


def docs(name):
    """A page of the guide."""
    return Path(ROOT, "docs", name)
