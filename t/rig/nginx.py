"""A real nginx in a directory of its own."""

import os
import re
import signal
import socket
import subprocess

from . import process
from .conf import LOG_FORMAT, Renderer
from .http1 import Http1
from .logs import AccessLog, Log
from .waiting import TIMEOUT, until

# The running instances, which conftest checks after every test.
RUNNING = []

START_ATTEMPTS = 3


class ConfigError(Exception):
    """nginx refused the configuration; the text is what `nginx -t` said."""


def free_port():
    """A loopback port that was free a moment ago."""
    with _reserve() as sock:
        return sock.getsockname()[1]


def _reserve():
    """A socket that reserves a loopback port, so that the kernel gives it to no other process. The socket does
    not listen, so nginx can bind the same port, since both set SO_REUSEADDR."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock


class Nginx:
    """An nginx with one configuration, which this renders, checks and runs."""

    def __init__(self, env, prefix, http, upstreams=None, *, main="", module=True, log=LOG_FORMAT,
                 values=None):
        self.env = env
        self.prefix = prefix
        self.main = main
        self.http = http
        self.errors = Log(prefix / "error.log")
        self.access = AccessLog(prefix / "access.log")
        self.allowed = []
        self._options = {"upstreams": upstreams or {}, "module": module, "log": log,
                         "values": values or {}}
        self._process = None
        self._reserved = []
        (prefix / "temp").mkdir(parents=True, exist_ok=True)
        self._render()

    def _render(self):
        self._release()
        renderer = Renderer(self.env, self.prefix, free_port=self._free_port, **self._options)
        (self.prefix / "nginx.conf").write_text(renderer.render(self.http, self.main))
        self.ports = renderer.ports

    def _free_port(self):
        """A port that stays free until nginx listens there."""
        self._reserved.append(_reserve())
        return self._reserved[-1].getsockname()[1]

    def _release(self):
        while self._reserved:
            self._reserved.pop().close()

    def _argv(self, *more):
        # Without -e, nginx would first open the log whose path was compiled in.
        return [self.env.nginx, "-p", f"{self.prefix}/", "-c", self.prefix / "nginx.conf",
                "-e", self.prefix / "error.log", *more]

    def test(self):
        """`nginx -t`: whether the configuration is good, and what nginx said."""
        argv = [str(arg) for arg in self._argv("-t")]
        run = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert "AddressSanitizer" not in run.stderr, run.stderr
        return run.returncode == 0, run.stderr

    def start(self):
        """Starts nginx and returns once every port accepts."""
        for attempt in range(1, START_ATTEMPTS + 1):
            self._process = self._spawn()
            try:
                until(self._ready, "nginx to accept connections")
            except ConfigError as error:
                # Another process has taken a port of UDP, or a port of an nginx that is started again.
                if attempt == START_ATTEMPTS or "Address already in use" not in str(error):
                    raise
                self.errors.path.unlink(missing_ok=True)
                self._render()
                continue
            self._release()
            RUNNING.append(self)
            return self
        raise AssertionError("unreachable")

    def _spawn(self):
        stderr = self.prefix / "stderr.log"
        if not self.env.valgrind:
            return process.spawn(self._argv(), stderr)
        # valgrind's reports go to the error log, as those of AddressSanitizer do.
        with open(self.errors.path, "ab") as log:
            fd = log.fileno()
            return process.spawn([*self.env.valgrind, f"--log-fd={fd}", *self._argv()], stderr,
                                 pass_fds=(fd,))

    def start_daemon(self):
        """Starts nginx as a daemon, since only a daemon obeys USR2; returns the master's pid. The test must
        end it."""
        conf = self.prefix / "nginx.conf"
        conf.write_text(conf.read_text().replace("daemon off;", ""))
        subprocess.run([str(arg) for arg in self._argv()], check=True, stdin=subprocess.DEVNULL)
        pid = until(self.pid, "the pid file")
        self._release()
        return pid

    def pid(self):
        """The pid in the pid file; None where there is none."""
        try:
            text = (self.prefix / "nginx.pid").read_text()
        except FileNotFoundError:
            # An upgrade of the binary renames the file.
            return None
        return int(text) if text.strip() else None

    def _ready(self):
        if self._process.poll() is not None:
            raise ConfigError((self.prefix / "stderr.log").read_text() + self.errors.text())
        # nginx writes the pid file when it has bound the ports, and starts the workers a moment later.
        return (self.prefix / "nginx.pid").exists() and self.workers()

    @property
    def master(self):
        """The master's pid."""
        return self._process.pid

    def workers(self):
        """Pids of the worker processes, also of those that shut down."""
        return [pid for pid in process.children(self.master) if process.alive(pid)]

    def worker(self):
        """The pid of the one worker."""
        (pid,) = self.workers()
        return pid

    def memory(self, field="RssAnon", pid=None):
        """The private memory of the worker, or of `pid`, in KiB. `VmHWM` is the most that it has ever had,
        with the pages of the program that have run. Always 0 where a tool watches each allocation, since
        the figure has no meaning then: tests look at growth."""
        return 0 if self.env.is_checked else process.memory_kib(pid or self.worker(), field)

    def port(self, name="main"):
        """The port that `@{listen NAME}` took."""
        return self.ports[name]

    def stub_status(self, port="main"):
        """The numbers of active, reading, writing and waiting connections, by `@{stub_status}`."""
        with Http1(self.port(port)) as client:
            text = client.request("GET", "/stub").response().text
        active, *others = re.findall(r"(?:Active connections|Reading|Writing|Waiting): (\d+)", text)
        return tuple(int(figure) for figure in (active, *others))

    def signal(self, sig, pid=None):
        """Sends a signal to the master or to `pid`."""
        os.kill(pid or self.master, sig)

    def reload(self):
        """Sends HUP; returns the old workers' pids once a new one has taken over."""
        old = self.workers()
        self.signal(signal.SIGHUP)
        until(lambda: set(self.workers()) - set(old), "a new worker after HUP")
        return old

    def exited(self):
        """Waits for the master to end and returns its exit code."""
        code = self._process.wait(TIMEOUT)
        self._forget()
        return code

    def stop(self):
        """Ends nginx gracefully, which shows leaks, and then looks at the error log a last time."""
        if self._process.poll() is None:
            process.stop(self._process, signal.SIGQUIT)
        self._forget()
        bad = self.errors.bad_lines(allowed=self.allowed)
        assert not bad, "nginx's error log:\n" + "\n".join(bad)
        assert self._process.returncode == 0, f"nginx exited with {self._process.returncode}"

    def kill(self):
        """Kills nginx, when a test has failed already."""
        self._forget()
        if self._process and self._process.poll() is None:
            process.stop(self._process, signal.SIGTERM)

    def _forget(self):
        if self in RUNNING:
            RUNNING.remove(self)
