#!/usr/bin/env python3
"""Starts nginx with demo.conf, sends it the requests of this directory, and shows
which method each one runs and which pool answered it.

Then it follows the access log until it is stopped, and takes nginx down with it.
Each request is an .http file, sent byte for byte; the .json beside it says what is
expected. With --once (or DEMO_ONCE=1) it ends after the table, with exit code 0 if
everything was as expected.
"""

import argparse
import ctypes
import errno
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONF = HERE.parent / "demo.conf"
HOST, PORT = "127.0.0.1", 8080


def main():
    options = arguments()
    sys.stdout.reconfigure(line_buffering=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)

    require_free(options.port)
    if options.check_port:
        return 0
    for name in ("nginx", "module", "directory"):
        if getattr(options, name) is None:
            sys.exit(f"--{name} is missing; `make run` gives it")
    # Another demo may be running on another port.
    options.directory = options.directory.resolve() / str(options.port)
    nginx = Nginx(options)
    try:
        nginx.start()
        print(f"What each call costs, live: http://{HOST}:{options.port}/frappe-status")
        print()
        right = show_requests(options.port)
        send_more(options.port)
        if options.once:
            return 0 if right else 1
        show_what_to_try(options.port)
        nginx.follow_access_log()
    except BrokenPipeError:
        # What is still in the buffer would fail again at exit.
        sys.stdout = open(os.devnull, "w")
    finally:
        nginx.stop()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--nginx", type=Path)
    parser.add_argument("--module", type=Path)
    parser.add_argument("--directory", type=Path, help="for everything it writes")
    parser.add_argument("--check-port", action="store_true", help="see whether the port is free")
    parser.add_argument("--port", type=int, default=os.environ.get("PORT") or PORT)
    parser.add_argument("--once", action="store_true", default=os.environ.get("DEMO_ONCE") == "1")
    options = parser.parse_args()
    if not 0 < options.port < 65536:
        parser.error(f"no such port: {options.port}")
    return options


def stop(_signal, _frame):
    sys.exit(0)


def require_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            return
        except OSError as error:
            if error.errno == errno.EACCES:
                sys.exit(f"Port {port} is for root only. Take another: PORT={PORT} make run")
            if error.errno != errno.EADDRINUSE:
                raise
    sys.exit(
        f"Port {port} is taken{owner_of(port)}.\n"
        f"Stop that, or take another port: PORT={port + 1} make run"
    )


def owner_of(port):
    if not shutil.which("ss"):
        return ""
    command = ["ss", "-Hltnp", f"sport = :{port}"]
    listing = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    processes = re.findall(r'"([^"]*)",pid=(\d+)', listing)
    if not processes:
        return " by another user's process"
    # The oldest one is the parent of the others.
    name, pid = min(processes, key=lambda process: int(process[1]))
    return f" by {name} (process {pid})"


class Nginx:
    def __init__(self, options):
        self.binary = options.nginx.absolute()
        self.port = options.port
        self.prefix = options.directory
        self.process = None
        self.prepare(options.module)

    def prepare(self, module):
        shutil.rmtree(self.prefix, ignore_errors=True)
        for name in ("logs", "modules"):
            (self.prefix / name).mkdir(parents=True)
        # The workers are another user when root starts nginx.
        self.prefix.chmod(0o755)

        link = self.prefix / "modules" / "ngx_http_frappe_module.so"
        link.symlink_to(module.resolve())
        conf = CONF.read_text().replace(f"listen {HOST}:{PORT};", f"listen {HOST}:{self.port};")
        (self.prefix / "nginx.conf").write_text(conf)

    def start(self):
        # With "./" every path in the configuration is relative to the current
        # directory: sockets have no long paths then, and workers need no access to
        # the directories above.
        command = [self.binary, "-p", "./", "-c", "nginx.conf", "-e", "logs/error.log"]
        with open(self.prefix / "logs" / "start.log", "w") as log:
            self.process = subprocess.Popen(
                [*command, "-g", "daemon off;"],
                cwd=self.prefix,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for us, and we end nginx.
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        self.wait_until_ready()

    def wait_until_ready(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            self.require_alive()
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            time.sleep(0.02)
        self.fail("nginx did not start within 10 seconds")

    def require_alive(self):
        if self.process.poll() is not None:
            self.fail(f"nginx ended with {self.process.returncode}")

    def fail(self, message):
        logs = [self.prefix / "logs" / name for name in ("start.log", "error.log")]
        texts = [log.read_text(errors="replace").strip() for log in logs if log.exists()]
        text = next(filter(None, texts), "its logs are empty")
        sys.exit("\n".join([f"{message}:", *text.splitlines()[-20:]]))

    def follow_access_log(self):
        with open(self.prefix / "logs" / "access.log", errors="replace") as log:
            # One line, to show what they look like.
            for line in log.read().splitlines(keepends=True)[-1:]:
                print(line, end="")
            while not reader_is_gone(wait=0.1):
                self.require_alive()
                for line in log:
                    print(line, end="")

    def stop(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        # Nothing of nginx is left behind, also where its master died alone.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def reader_is_gone(wait):
    """Whether stdout is a pipe that nobody reads any more, as in `make run | head`."""
    stdout = select.poll()
    stdout.register(sys.stdout, 0)
    return bool(stdout.poll(wait * 1000))


def end_with_parent():
    """On Linux, nginx ends even where this process is killed and cannot stop it."""
    PR_SET_PDEATHSIG = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    except AttributeError:
        pass


def show_requests(port):
    rows, surprises = [], []
    for path in sorted(HERE.glob("*.http")):
        name = path.stem.partition("-")[2]
        request = path.read_bytes()
        expected = json.loads(path.with_suffix(".json").read_text())
        expected = [expected[key] or "-" for key in ("cmd", "source", "pool")]
        try:
            actual = send(port, request)
        except (OSError, http.client.HTTPException) as error:
            actual = [f"no answer: {error!r}", "-", "-"]
        if actual != expected:
            surprises.append(f"{name}: expected {' '.join(expected)}, got {' '.join(actual)}")
        rows.append([name, f"{len(request):,}", *actual])

    show_table(["request", "bytes", "$frappe_cmd", "source", "pool"], rows)
    for surprise in surprises:
        print(surprise)
    return bool(rows) and not surprises


def send(port, request):
    with socket.create_connection((HOST, port), timeout=10) as connection:
        connection.sendall(request)
        method = request.split(b" ", 1)[0].decode()
        with http.client.HTTPResponse(connection, method=method) as response:
            response.begin()
            response.read()
            names = ("X-Frappe-Cmd", "X-Frappe-Cmd-Source", "X-Served-From")
            return [response.getheader(name) or "-" for name in names]


def send_more(port):
    """Some of each kind, so that there are figures to look at."""
    for number, path in enumerate(sorted(HERE.glob("*.http"))):
        request = path.read_bytes()
        for _ in range(3 + number * 7 % 11):
            try:
                send(port, request)
            except (OSError, http.client.HTTPException):
                # The table has said what is wrong.
                break


def show_table(head, rows):
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        cells[1] = row[1].rjust(widths[1])
        print("  ".join(cells).rstrip())


def show_what_to_try(port):
    url = f"http://{HOST}:{port}/"
    print()
    print("Try:")
    print(f"  curl -i {url} -d report_name=Sales -d cmd=frappe.desk.query_report.export_query")
    print()
    print("The access log; Ctrl-C stops nginx:")


sys.exit(main())
