"""Measures what the module costs nginx; `make bench-server` runs it."""

import argparse
import os
import sys
import tempfile
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from rig.env import Env, Missing

from . import contestants, report
from .loads import LOADS
from .measure import SLICE, Client, Result, Round, pool_of

RESULTS = Path(__file__).resolve().parents[1] / "results"
# Seconds for which the client asks each server alone, for rate and latencies. This also makes a new
# process touch its memory before it is measured.
ALONE = 0.2


def main():
    """Parses, measures, reports."""
    arguments = parse()
    loads = [load for load in LOADS if arguments.load in load.name]
    if not loads:
        sys.exit(f"No load has {arguments.load!r} in its name: "
                 + "; ".join(load.name for load in LOADS))
    try:
        env = Env()
    except Missing as error:
        sys.exit(str(error))
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-server-") as directory, awake() as are_awake:
        servers, results = measure(env, Path(directory), loads, arguments)
    text = report.table(results, servers)
    print(f"\n{text}")
    if not arguments.load:
        path = arguments.output or RESULTS / f"{date.today().isoformat()}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        report.write(path, text, servers, arguments.rounds, arguments.seconds, busy, are_awake)
        print(f"\nWritten to {os.path.relpath(path)}")


def parse():
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench-server", description=(
        "Measures the CPU time that nginx takes for a request, with the module and without, and "
        "what Debian's Lua module and HAProxy take where they are installed."))
    parser.add_argument("--rounds", type=int, default=31, metavar="N",
                        help="rounds for each load, of new processes (%(default)s)")
    parser.add_argument("--seconds", type=float, default=0.5, metavar="N",
                        help="for which each server is asked in a round (%(default)s)")
    parser.add_argument("--load", default="", metavar="TEXT",
                        help="only loads with this in their names; nothing is written then")
    parser.add_argument("--no-peers", action="store_true", help="the module and its floor only")
    parser.add_argument("--output", type=Path, metavar="FILE",
                        help="where the results go (benches/results/DATE.md)")
    return parser.parse_args()


@contextmanager
def awake():
    """Keeps idle CPUs from falling asleep, if this process may. To wake one takes the kernel 6 µs, which count as
    the worker's, and only the peers of a worker that computes have time to fall asleep."""
    try:
        device = open("/dev/cpu_dma_latency", "wb", buffering=0)
    except OSError as error:
        print(f"Idle CPUs may fall asleep, and workers wake them: {error}", file=sys.stderr)
        yield False
        return
    with device:
        # How many microseconds a CPU may take to wake, as a 32-bit integer, as long as this is open.
        device.write(bytes(4))
        yield True


def measure(env, directory, loads, arguments):
    """Starts the servers, measures the rounds, and stops the servers also after an error."""
    cpu = reserve_cpu()
    behind = contestants.upstream(env, directory)
    servers = []
    try:
        servers += contestants.module(env, directory, behind)
        if not arguments.no_peers:
            servers += contestants.peers(directory, behind)
        print("Servers: " + ", ".join(f"{server.name} ({server.version})" for server in servers))
        return servers, [(load, one_load(load, servers, directory, arguments, cpu))
                         for load in loads]
    finally:
        for server in reversed(servers):
            server.stop()
        behind.stop()


def reserve_cpu():
    """A CPU that this process and its children leave to the servers; None on a machine with one CPU."""
    cpus = os.sched_getaffinity(0)
    if len(cpus) < 2:
        return None
    os.sched_setaffinity(0, cpus - {max(cpus)})
    return max(cpus)


def one_load(load, servers, directory, arguments, cpu):
    """Measures all servers by turns, so that other work of the machine slows all of them alike. Each
    worker runs on `cpu`, which nothing else here uses."""
    client = Client(load, directory)
    module = contestants.DOCTYPE if load.doctype else contestants.MODULE
    # Peers are only compared where they have to find a cmd and no doctype.
    peers = load.finds and not load.doctype
    servers = [server for server in servers if server.name in ("floor", module)
               or (peers and server.name not in (contestants.MODULE, contestants.DOCTYPE))]
    routes = {server: pool_of(server, load) == "reports" for server in servers}
    if load.finds and not next(routes[server] for server in servers if server.name == module):
        raise RuntimeError(f"{load.name}: the module does not find the cmd")
    rounds = {server: [] for server in servers}
    for number in range(1, arguments.rounds + 1):
        progress(f"{load.name}: round {number} of {arguments.rounds}")
        for server in servers:
            server.renew()
            if cpu is not None:
                os.sched_setaffinity(server.pid, {cpu})
        alone = {server: client.run(server, ALONE) for server in servers}
        spent = client.turns(servers, round(arguments.seconds * load.longer / SLICE))
        for server in servers:
            rounds[server].append(Round(spent[server], alone[server]))
    results = {server.name: Result(rounds[server], rounds[server.floor or server], routes[server],
                                   server.memory("VmHWM"))
               for server in servers}
    said = [f"{name} {result.cpu:.1f} µs ({result.ratio:.2f})" for name, result in results.items()]
    progress("")
    print(f"{load.name}: " + ", ".join(said), flush=True)
    return results


def progress(text):
    """Prints a line that the next one overwrites, on a terminal only."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="", flush=True)


try:
    main()
except KeyboardInterrupt:
    print()
    sys.exit(130)
