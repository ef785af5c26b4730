"""Sends a load to a contestant and measures its worker."""

import http.client
import json
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .loads import CMD

# Seconds that wrk may take to end after its time.
TIMEOUT = 60
# Seconds of one turn of a server: shorter than most disturbances by other work of the machine.
SLICE = 0.02

SCRIPT = """
local file = io.open("{body}", "rb")
wrk.method = "{method}"
wrk.body = file and file:read("*a")
wrk.headers["Host"] = "localhost"
{headers}
function done(summary, latency, requests)
    local errors = 0
    for _, count in pairs(summary.errors) do errors = errors + count end
    io.stderr:write(string.format('{{"requests":%d,"us":%d,"errors":%d,"p50":%d,"p99":%d}}',
        summary.requests, summary.duration, errors, latency:percentile(50),
        latency:percentile(99)))
end
"""


@dataclass
class Round:
    """The figures of one round, with new processes."""

    # CPU time of the worker, user and system, in microseconds a request, measured by turns.
    cpu: float
    # What wrk says of the server alone: requests, us, and the latencies p50 and p99 in microseconds.
    alone: dict


class Client:
    """wrk with the bodies of one load."""

    def __init__(self, load, directory):
        self.load = load
        name = "".join(letter if letter.isalnum() else "-" for letter in load.name)
        body = directory / f"{name}.body"
        body.write_bytes(load.body)
        headers = {"Content-Type": load.content_type} if load.body else {}
        headers |= {"Connection": "close"} if load.close else {}
        # A floor routes by this header.
        headers |= {"X-Cmd": CMD} if load.finds else {}
        lines = "\n".join(f'wrk.headers["{name}"] = "{text}"' for name, text in headers.items())
        self.script = directory / f"{name}.lua"
        self.script.write_text(SCRIPT.format(body=body if load.body else "", method=load.method,
                                             headers=lines))

    def run(self, contestant, seconds):
        """Asks one server alone. Returns what wrk says."""
        with self._wrk(contestant, seconds) as wrk:
            try:
                wrk.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                pass
            return self._end(wrk, contestant)

    def turns(self, contestants, slices):
        """Asks all servers by turns, each with its own wrk; a signal stops all but one of them. Returns
        the CPU time of each worker, user and system, in microseconds a request."""
        before = {contestant: cpu(contestant.pid) for contestant in contestants}
        with ExitStack() as stack:
            wrks = {}
            for contestant in contestants:
                wrks[contestant] = stack.enter_context(
                    self._wrk(contestant, slices * SLICE * len(contestants)))
                time.sleep(SLICE)
                wrks[contestant].send_signal(signal.SIGSTOP)
            for number in range(slices):
                # Each round starts with another server, so that none always follows the same one.
                first = number % len(contestants)
                for contestant in contestants[first:] + contestants[:first]:
                    wrks[contestant].send_signal(signal.SIGCONT)
                    time.sleep(SLICE)
                    wrks[contestant].send_signal(signal.SIGSTOP)
            spent = {}
            for contestant, wrk in wrks.items():
                wrk.send_signal(signal.SIGCONT)
                requests = self._end(wrk, contestant)["requests"]
                spent[contestant] = (cpu(contestant.pid) - before[contestant]) / requests
            return spent

    @contextmanager
    def _wrk(self, contestant, seconds):
        """A wrk that would run longer than it is needed, and ends with the `with` block."""
        command = ["wrk", "-t1", f"-c{self.load.connections}", f"-d{int(seconds) + TIMEOUT}s",
                   "--timeout", "20s", "-s", self.script,
                   f"http://127.0.0.1:{contestant.port}{self.load.path}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as wrk:
            try:
                yield wrk
            finally:
                wrk.kill()

    def _end(self, wrk, contestant):
        """Ends a wrk, and reads what it says."""
        out, err = end(wrk)
        if "{" not in err:
            raise RuntimeError(f"wrk failed:\n{out}{err}")
        said = json.loads(err[err.index("{"):])
        if said["errors"] or not said["requests"]:
            raise RuntimeError(f"{self.load.name}, {contestant.name}: {said['errors']} errors in "
                               f"{said['requests']} requests")
        return said


def end(wrk):
    """Ends a wrk before its time, and returns its output."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        # wrk ignores the signal while it starts, so it is sent again.
        wrk.send_signal(signal.SIGINT)
        try:
            return wrk.communicate(timeout=0.1)
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline:
                raise


@dataclass
class Result:
    """All rounds of a load for a contestant, beside those of its floor."""

    rounds: list
    floor: list
    # Whether it sends the request to the pool that the body names.
    routes: bool
    peak_kib: int

    @property
    def cpu(self):
        """Microseconds a request."""
        return median(round.cpu for round in self.rounds)

    @property
    def ratios(self):
        """For each round: the CPU time, divided by that of the floor in the same round."""
        return sorted(own.cpu / floor.cpu for own, floor in zip(self.rounds, self.floor))

    @property
    def ratio(self):
        """The median of the ratios."""
        return median(self.ratios)

    @property
    def spread(self):
        """The bounds of the middle half of the ratios."""
        ratios, quarter = self.ratios, len(self.ratios) // 4
        return ratios[quarter], ratios[-1 - quarter]

    @property
    def rate(self):
        """Requests a second."""
        return median(round.alone["requests"] / round.alone["us"] * 1e6 for round in self.rounds)

    def latency(self, field):
        """A latency in milliseconds."""
        return median(round.alone[field] for round in self.rounds) / 1000


def cpu(pid):
    """The CPU time of a process with one thread, user and system, in microseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1000


def pool_of(contestant, load):
    """The pool to which a contestant sends the load."""
    connection = http.client.HTTPConnection("127.0.0.1", contestant.port, timeout=20)
    headers = {"Content-Type": load.content_type} if load.body else {}
    connection.request(load.method, load.path, load.body or None, headers)
    answer = connection.getresponse().read().decode().strip()
    connection.close()
    if answer not in ("primary", "reports"):
        raise RuntimeError(f"{contestant.name}, {load.name}: unexpected answer {answer!r}")
    return answer
