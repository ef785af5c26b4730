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

# Seconds after its time in which wrk must have ended.
TIMEOUT = 60
# Seconds for which one server at a time is asked: shorter than what else a machine does.
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
    """What new processes gave."""

    # CPU time of the worker, user and system, in microseconds a request, by turns with others.
    cpu: float
    # What wrk said without them: requests, us, and the latencies p50 and p99 in microseconds.
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
        # A floor routes by it.
        headers |= {"X-Cmd": CMD} if load.finds else {}
        lines = "\n".join(f'wrk.headers["{name}"] = "{text}"' for name, text in headers.items())
        self.script = directory / f"{name}.lua"
        self.script.write_text(SCRIPT.format(body=body if load.body else "", method=load.method,
                                             headers=lines))

    def run(self, contestant, seconds):
        """Asks one server alone. Gives what wrk says."""
        with self._wrk(contestant, seconds) as wrk:
            try:
                wrk.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                pass
            return self._end(wrk, contestant)

    def turns(self, contestants, slices):
        """Asks all by turns, each by a wrk of its own, of which all but one are stopped. Gives the
        CPU time of each worker, user and system, in microseconds a request."""
        before = {contestant: cpu(contestant.pid) for contestant in contestants}
        with ExitStack() as stack:
            wrks = {}
            for contestant in contestants:
                wrks[contestant] = stack.enter_context(
                    self._wrk(contestant, slices * SLICE * len(contestants)))
                time.sleep(SLICE)
                wrks[contestant].send_signal(signal.SIGSTOP)
            for number in range(slices):
                # None always follows the same one.
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
        """A wrk that goes on for longer than it is needed, and ends with its user."""
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
        """Ends it, and reads what it says."""
        out, err = end(wrk)
        if "{" not in err:
            raise RuntimeError(f"wrk failed:\n{out}{err}")
        said = json.loads(err[err.index("{"):])
        if said["errors"] or not said["requests"]:
            raise RuntimeError(f"{self.load.name}, {contestant.name}: {said['errors']} errors in "
                               f"{said['requests']} requests")
        return said


def end(wrk):
    """Ends it after whatever part of a second; gives what it prints."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        # It does not hear while it starts.
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
    # It sends the request to the pool that the body names.
    routes: bool
    peak_kib: int

    @property
    def cpu(self):
        """Microseconds a request."""
        return median(round.cpu for round in self.rounds)

    @property
    def ratios(self):
        """The rounds' CPU time by that of the floor in the same round."""
        return sorted(own.cpu / floor.cpu for own, floor in zip(self.rounds, self.floor))

    @property
    def ratio(self):
        """The median of these."""
        return median(self.ratios)

    @property
    def spread(self):
        """The middle half of these."""
        ratios, quarter = self.ratios, len(self.ratios) // 4
        return ratios[quarter], ratios[-1 - quarter]

    @property
    def rate(self):
        """Requests a second."""
        return median(round.alone["requests"] / round.alone["us"] * 1e6 for round in self.rounds)

    def latency(self, field):
        """Milliseconds."""
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
