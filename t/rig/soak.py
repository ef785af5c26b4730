"""Sends all kinds of requests for a long time, reloads nginx meanwhile, and compares the counts.

`make soak` runs this. Two workers get the recorded requests of both corpora, and the inputs that the fuzz
targets have found. They come over HTTP/1.1 with a length, chunked and over TLS, and over HTTP/2 and HTTP/3,
whole and in pieces, with `whole` and with `preread`. Some clients leave in between.

At the end each request that was sent must have one line in the access log, and each that reached the server
one line there. The figures' zone must have as many requests of each call as the log has lines, and the same
request must always have had the same command. The memory of the workers is shown, and must not grow.
"""

import argparse
import itertools
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

from . import figures, process
from .client import ALL_TRANSPORTS, MULTIPLEXED, connect
from .corpus import load
from .env import ROOT, Env
from .http1 import Closed
from .message import chunked, head, new_id
from .nginx import Nginx
from .waiting import until

UPSTREAM = """
    log_format id "$http_x_rig_id";
    access_log @{prefix}/access.log id;
    keepalive_requests 1000000;
    server { @{listen main} client_max_body_size 0; return 200 "ok"; }
"""
CONF = """
    frappe_status_zone calls 4m;
    frappe_pace calls slow=1s;
    map $frappe_cmd $pool { default primary; }
    map $frappe_pace $slow { default 0; slow 1; }
    client_max_body_size 0;
    client_body_buffer_size 8k;
    # Also for connections of HTTP/3 whose client has told another worker that it goes.
    keepalive_timeout 5s;
    frappe_cmd on;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Slow $slow;
    server { @{listen status} access_log off; location / { frappe_cmd off; frappe_status; } }
    server { @{listen_all} location / { proxy_pass http://$pool; } }
    server {
        @{listen preread_main} @{listen_h2 preread_h2} @{listen_h3 preread_h3} @{certificate}
        listen 127.0.0.1:@{port preread_tls} ssl;
        frappe_body preread;
        location / { proxy_request_buffering off; proxy_pass http://$pool; }
    }
"""
RELOAD = 10.0
# The part of all requests that the client cuts off in the middle of the body.
ABORT = 0.05


class Request:
    """A request that is sent again and again."""

    def __init__(self, name, method, target, headers, body):
        self.name, self.method, self.target = name, method, target
        self.headers, self.body = headers, body or b""


def recorded():
    """The requests of the corpora, with a path that nginx does not change."""
    for captured in [*load(), *load("corpus16")]:
        headers = [(name, value) for name, value in captured.headers if name.lower() in ("content-type", "accept")]
        yield Request(captured.name, captured.method, captured.target, headers, captured.body)


def fuzzed(directory, count=400):
    """The inputs that the target `request` has found, if nginx accepts them as requests."""
    files = sorted(directory.glob("*")) if directory.is_dir() else []
    random.Random(1).shuffle(files)
    good = re.compile(rb"(GET|POST|PUT|DELETE|PATCH) (/(?:[!-$&-~]|%[0-9A-Fa-f]{2})*)\n([ -~]{1,200})\n(.*)", re.DOTALL)
    found = filter(None, (good.fullmatch(file.read_bytes()[2:]) for file in files))
    for match in itertools.islice((m for m in found if b"%00" not in m[2] and b"#" not in m[2]), count):
        method, target, kind, body = match.groups()
        yield Request(f"fuzz {match.start()} {hash(match[0])}", method, target, [("Content-Type", kind.strip())], body)


class Client(threading.Thread):
    """Sends over one transport until it is told to end."""

    def __init__(self, nginx, via, requests, stop):
        super().__init__(daemon=True)
        self.nginx, self.via, self.requests, self.stop = nginx, via, requests, stop
        self.chance = random.Random(via)
        self.counts = Counter()
        # id -> name of the request
        self.sent = {}
        self.answered = set()
        self.lost = set()
        self.cut_off = set()
        self.preread = set()
        self.error = None

    def run(self):
        try:
            while not self.stop.is_set():
                self.one(self.chance.choice(self.requests))
        except Exception as error:  # shown at the end
            self.error = error

    def one(self, request):
        """Sends one request on a connection of its own."""
        name, is_cut = new_id(), self.chance.random() < ABORT
        port = self.via if self.via in ("tls", *MULTIPLEXED) else "main"
        if self.chance.random() < 0.5:
            port = f"preread_{port}"
            self.preread.add(name)
        headers = [("X-Rig-Id", name), *request.headers]
        try:
            with connect(self.nginx, self.via, port) as client:
                self.sent[name] = request.name
                if is_cut and request.body:
                    self.cut(client, request, headers)
                    self.counts["cut off"] += 1
                    self.cut_off.add(name)
                    return
                response = self.whole(client, request, headers)
        except (Closed, OSError, TimeoutError):
            self.counts["lost"] += 1
            self.lost.add(name)
            return
        self.counts[response.status] += 1
        if response.status == 200:
            self.answered.add(name)

    def whole(self, client, request, headers):
        """Sends all of a request, in pieces or not, and returns the answer."""
        size = self.chance.choice([None, None, 1000])
        if self.via in MULTIPLEXED:
            stream = client.request(request.method, request.target, headers, request.body or None, size=size)
            return client.response(stream)
        chunk = (size or 4096) if self.via == "chunked" else None
        client.request(request.method, request.target, headers, request.body or None, chunk_size=chunk)
        return client.response(to_head=request.method == "HEAD")

    def cut(self, client, request, headers):
        """Sends half of a request."""
        half = request.body[: len(request.body) // 2]
        if self.via in MULTIPLEXED:
            stream = client.start(request.method, request.target, headers)
            client.data(stream, half)
            client.ping()
        elif self.via == "chunked":
            client.send(head(request.method, request.target, [*headers, ("Transfer-Encoding", "chunked")]),
                        chunked(half)[:-5] if half else b"")
        else:
            length = ("Content-Length", str(len(request.body)))
            client.send(head(request.method, request.target, [*headers, length]), half)


class Soak:
    """One run of the soak test."""

    def __init__(self, env, directory, seconds):
        self.seconds = seconds
        self.upstream = Nginx(env, directory / "upstream", UPSTREAM, module=False, log="")
        self.upstream.start()
        address = {"primary": f"127.0.0.1:{self.upstream.port()}"}
        self.nginx = Nginx(env, directory / "nginx", CONF, address, values={"connections": 1024})
        conf = self.nginx.prefix / "nginx.conf"
        conf.write_text(conf.read_text().replace("worker_processes 1;", "worker_processes 2;"))
        self.nginx.start()
        self.memory = []
        self.reloads = 0

    def run(self, requests):
        """Sends requests until the time is over, and returns what was wrong."""
        vias = [via for via in ALL_TRANSPORTS if via != "h3" or self.nginx.env.has_http3]
        stop = threading.Event()
        clients = [Client(self.nginx, via, requests, stop) for via in vias]
        for client in clients:
            client.start()
        begun = time.monotonic()
        try:
            while (passed := time.monotonic() - begun) < self.seconds:
                stop.wait(min(RELOAD, self.seconds - passed))
                self.look(clients, time.monotonic() - begun)
                self.reload()
        finally:
            stop.set()
            for client in clients:
                client.join(60)
        return self.judge(clients)

    def look(self, clients, passed):
        """Prints a line of progress. The memory is that of workers which have served for a while."""
        memory = [process.memory_kib(pid) for pid in self.nginx.workers() if process.alive(pid)]
        self.memory.append(max(memory))
        done = sum(len(client.sent) for client in clients)
        print(f"{passed:7.0f} s of {self.seconds}: {done:,} requests, {self.reloads} reloads, a worker has at most "
              f"{max(memory):,} KiB", flush=True)

    def reload(self):
        """Reloads nginx; the old workers end when they have answered."""
        old = self.nginx.workers()
        self.nginx.signal(signal.SIGHUP)
        until(lambda: len(set(self.nginx.workers()) - set(old)) >= 2, "new workers", 60)
        self.reloads += 1

    def compare_figures(self):
        """Compares the zone with the log. A call that found the zone's lock taken for too long is in
        `(other)`."""
        def counts():
            found = figures.figures(self.nginx, "/?format=json&top=100000", port="status")
            return found["total"]["requests"], found

        def lines():
            return Counter(entry["call"] for entry in self.nginx.access.each() if entry["call"])

        until(lambda: counts()[0] == lines().total(), "as many requests in the zone as lines in the log", 30)
        (total, found), logged = counts(), lines()
        rows = {call["call"]: call["requests"] for call in found["calls"]}
        missing = sum((logged - Counter(rows)).values())
        print(f"figures: {total:,} requests of {len(rows)} calls, {found['other']['requests']} in (other)")
        if missing != found["other"]["requests"] or Counter(rows) - logged:
            return [f"figures: {rows} where the log has {dict(logged)}"]
        return []

    def judge(self, clients):
        """Compares the counts, and returns what is wrong."""
        wrong = [f"{client.via}: {client.error!r}" for client in clients if client.error]
        until(lambda: len(self.nginx.workers()) == 2, "old workers to end", 60)
        wrong += self.compare_figures()
        self.nginx.stop()
        self.upstream.stop()
        logged = Counter(entry["id"] for entry in self.nginx.access.each())
        seen = Counter(line for line in self.upstream.access.text().splitlines() if line != "-")
        said = defaultdict(set)
        for entry in self.nginx.access.each():
            # The upstream answers at once, so a long body that is streamed may not have ended by then.
            if entry["cmd_status"] != "truncated":
                said[entry["id"]].add((entry["cmd"], entry["source"]))
        by_request = defaultdict(set)
        for client in clients:
            # A packet of HTTP/3 may reach a worker that does not know its connection. A connection
            # that a worker has just accepted may end with the worker, before its request.
            missing = [name for name in client.sent if not logged[name]]
            if client.via != "h3" and not set(missing) <= client.lost | client.cut_off:
                wrong.append(f"{client.via}: requests without a line in the access log")
            if client.via != "h3" and len(client.lost) > self.reloads * 4:
                wrong.append(f"{client.via}: {len(client.lost)} answers lost")
            wrong += [f"{client.via}: {name} twice in the access log" for name in client.sent if logged[name] > 1]
            wrong += [f"{client.via}: {name} has {seen[name]} lines upstream" for name in client.answered
                      if seen[name] != 1]
            for name in client.answered:
                by_request[client.sent[name], name in client.preread] |= said[name]
            print(f"{client.via:8} {len(client.sent):,} sent, {len(client.answered):,} answered, "
                  + ", ".join(f"{count} {what}" for what, count in sorted(client.counts.items(), key=str)))
        for (name, is_preread), commands in by_request.items():
            # If the upstream answers before the rest of the body has come, the command of the first bytes
            # stays, although the rest may make Frappe drop the form.
            others = commands - by_request.get((name, False), set()) if is_preread else commands
            if len(others) > 1:
                wrong.append(f"{name}: {commands}")
        quarter = max(1, len(self.memory) // 4)
        first, last = max(self.memory[:quarter]), max(self.memory[-quarter:])
        print(f"memory of a worker: {first:,} KiB at most at first, {last:,} in the end")
        if last > 1.2 * first + 1024:
            wrong.append("memory grows")
        return wrong


def main(argv=None):
    """Runs the command, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m rig.soak", description=__doc__)
    parser.add_argument("--time", type=int, default=60, metavar="SECONDS")
    parser.add_argument("--directory", type=Path, help="keeps logs here (a temporary one)")
    chosen = parser.parse_args(argv)
    directory = chosen.directory or Path(tempfile.mkdtemp(prefix="soak-"))
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    requests = [*recorded(), *fuzzed(ROOT / "target/fuzz/corpus/request")]
    print(f"{len(requests)} kinds of requests, {chosen.time} s; logs are in {directory}", flush=True)
    soak = Soak(Env(), directory, chosen.time)
    try:
        wrong = soak.run(requests)
    except KeyboardInterrupt:
        print("interrupted")
        return 130
    finally:
        soak.nginx.kill()
        soak.upstream.kill()
    for line in wrong[:20]:
        print(f"WRONG: {line}")
    print("all counts agree" if not wrong else f"{len(wrong)} wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
