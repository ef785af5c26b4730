"""Child processes that cannot outlive the test run."""

import ctypes
import os
import signal
import subprocess
from pathlib import Path

from .waiting import TIMEOUT

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    """Runs in the child, and makes it end with pytest: a killed pytest runs no fixtures that would end it."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def spawn(argv, log, env=None, cwd=None, pass_fds=()):
    """Starts `argv` in a session of its own, so that Ctrl-C reaches only pytest, whose fixtures end all
    processes in order."""
    with open(log, "ab") as out:
        return subprocess.Popen(
            [str(arg) for arg in argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            pass_fds=pass_fds,
            preexec_fn=_die_with_parent,
            start_new_session=True,
        )


def stop(process, sig=signal.SIGTERM, timeout=TIMEOUT):
    """Sends `sig` and waits; kills the whole session if that is not enough."""
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    return process.returncode


def kill(process):
    """Kills the whole session."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def children(pid):
    """Pids of the direct children of `pid`."""
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def alive(pid):
    """Whether `pid` is running. A zombie is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def is_asleep(pid):
    """Whether `pid` is asleep, waiting for an event."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] == "S"


def files(pid):
    """What the file descriptors of `pid` lead to."""
    found = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(os.readlink(fd))
        except FileNotFoundError:
            continue  # the process has closed it meanwhile
    return found


def sockets(pid):
    """How many sockets `pid` holds open."""
    return sum(name.startswith("socket:") for name in files(pid))


def memory_kib(pid, field="RssAnon"):
    """A figure of `pid`, such as `RssAnon` (its own memory) or `VmHWM` (the most so far)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise KeyError(field)
