"""17: what the module costs in instructions, allocations and memory. No test here reads a clock."""

import itertools
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rig.callgrind import CountedNginx, readings
from rig.client import BOUNDARY, FORM, JSON, MULTIPART, multipart
from rig.env import ROOT
from rig.http1 import Http1
from rig.nginx import Nginx

# How many requests and connections test the bounds on memory; `make bench-memory` takes many more.
MANY = int(os.environ.get("TEST_COST_REQUESTS", "1000"))
CONNECTIONS = int(os.environ.get("TEST_COST_CONNECTIONS", "100"))

REQUESTS = 20
WARM_UP = 10

UPSTREAM = """
    keepalive_requests 1000000;
    server { @{listen main} client_max_body_size 0; return 200 "ok\\n"; }
"""

# Only @{on} differs between the two servers.
PROXY = """
    @{on}
    keepalive_requests 1000000;
    @{pool}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    client_max_body_size 0;
    server {
        @{listen main}
        location / { proxy_pass http://primary; }
        location /off { @{off} proxy_pass http://primary; }
    }
"""

BODIES = {
    "form": (FORM, b"doctype=ToDo&cmd=frappe.client.get&name=1"),
    "json": (JSON, b'{"doctype":"ToDo","cmd":"frappe.client.get"}'),
    "multipart": (MULTIPART, multipart(("cmd", "upload_file"), ("file", b"x" * 900, "a.bin"))),
}

# The longest boundary of real clients, and a part so long that another search is used than for short ones.
LONG_BOUNDARY = "0123456789abcdef" * 4
LONG = (MULTIPART.replace(BOUNDARY, LONG_BOUNDARY[:60]),
        multipart(("cmd", "upload_file"), ("file", b"x" * 9000, "a.bin"))
        .replace(BOUNDARY.encode(), LONG_BOUNDARY[:60].encode()))

# How many more instructions these bodies may take than without the module: the measured number, and a tenth.
MORE = {"form": 2130, "json": 3560, "multipart": 6130}


@pytest.fixture(scope="module")
def behind(env, tmp_path_factory):
    """An upstream that answers at once."""
    server = Nginx(env, tmp_path_factory.mktemp("upstream"), UPSTREAM, module=False,
                   log="access_log off;").start()
    yield {"primary": f"127.0.0.1:{server.port()}"}
    server.stop()


def start(kind, env, directory, behind, *, module, **options):
    """An nginx of `kind`, with the module or without it."""
    values = {"on": "frappe_cmd on;", "off": "frappe_cmd off;"} if module else {"on": "", "off": ""}
    values["connections"] = 2 * CONNECTIONS + 100
    # Where instructions are counted, the pool is large enough for the whole request. Otherwise it would be
    # chance which of the two servers gets one more page from the system.
    values["pool"] = "request_pool_size 32k;" if kind is CountedNginx else ""
    return kind(env, directory / ("module" if module else "floor"), PROXY, behind, module=module,
                log="access_log off;", values=values, **options).start()


@pytest.fixture(scope="module")
def countable(env):
    """Skips the test where the instructions of this nginx cannot be counted."""
    if env.is_checked:
        pytest.skip("what watches the memory would be counted")
    if env.is_script:
        pytest.skip("this nginx is started by a script, which valgrind would count")


@pytest.fixture(scope="module", name="pair")
def counted_pair(env, behind, tmp_path_factory, countable):
    """An nginx without the module and one with it, both under callgrind."""
    directory = tmp_path_factory.mktemp("counted")
    servers = []
    try:
        for module in (False, True):
            servers.append(start(CountedNginx, env, directory, behind, module=module))
        yield servers
    finally:
        for server in servers:
            server.stop()


def requests(server, method, target, content_type=None, body=None, *, count=REQUESTS):
    """Sends requests on one connection."""
    headers = [("Content-Type", content_type)] if content_type else []
    with Http1(server.port()) as client:
        for _ in range(count):
            client.request(method, target, headers, body)
            assert client.response().status == 200


def counted(server, *request):
    """The counts of REQUESTS requests, after a warm-up. It takes the least of eight, since nginx has other work,
    such as new time texts for the log each second, and on a busy machine a second is soon over."""
    requests(server, *request, count=WARM_UP)
    counts = [server.count(lambda: requests(server, *request)) for _ in range(8)]
    return min(counts, key=lambda count: count.instructions)


@pytest.mark.parametrize("request_, most", [
    (("GET", "/"), 1.004),
    (("POST", "/off", *BODIES["form"]), 1.005),
], ids=["get", "off"])
def test_17_01_who_does_not_use_it_does_not_pay(pair, request_, most):
    """A request that the module does not read takes at most half a percent more instructions."""
    floor, module = (counted(server, *request_).instructions for server in pair)
    assert module <= floor * most, f"{module / floor:.4f}: {floor} and {module}"


@pytest.mark.parametrize("body", [*BODIES.values(), LONG], ids=[*BODIES, "long parts"])
def test_17_02_one_allocation_from_the_pool(pair, body):
    """For a body without kept arguments the module allocates one block in the request's pool, with a cleanup,
    and no memory of the system."""
    floor, counts = (counted(server, "POST", "/", *body) for server in pair)
    from_pool = {name: times for name, times in counts.own_calls.items()
                 if name.startswith(("ngx_p", "ngx_create_", "ngx_alloc"))}
    assert from_pool == {"ngx_pool_cleanup_add": REQUESTS}
    # One call for the cleanup, and one for its block.
    assert counts.calls["ngx_palloc"] - floor.calls["ngx_palloc"] == 2 * REQUESTS
    system = ("malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "mmap")
    assert not [name for name in counts.own_calls if name in system]


def inputs():
    """The names of the inputs that can have any size."""
    entries = json.loads((ROOT / "benches/inputs.json").read_text())
    return [entry["name"] for entry in entries if not entry.get("once")]


def instructions(name, size, times=1):
    """The bytes of an input of benches/inputs.json, and the instructions that the core takes for them."""
    run = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         os.environ["TEST_WORK"], name, str(size), str(times)],
        capture_output=True, text=True, check=True)
    collected = next(line for line in run.stderr.splitlines() if "Collected :" in line)
    return int(run.stdout), int(collected.split()[-1])


@pytest.mark.timeout(240)
@pytest.mark.skipif("TEST_WORK" not in os.environ, reason="`make test-nginx` builds it")
def test_17_03_the_work_is_linear():
    """Four times the bytes take four times the instructions, whatever the bytes are."""
    small, large = 64 << 10, 256 << 10
    names = inputs()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {(name, size): pool.submit(instructions, name, size)
                for name in names for size in (small, large)}
        # A body is one block many times, so making it takes the same for both sizes.
        idle = {name: pool.submit(instructions, name, large, 0) for name in names}
    for name in names:
        rest = idle[name].result()[1]
        (a, few), (b, many) = (runs[name, size].result() for size in (small, large))
        few, many = few - rest, many - rest
        assert many / few < 1.05 * b / a, f"{name}: {few} for {a} bytes, {many} for {b}"


# The most instructions for a byte of any request.
A_BYTE = 60
# The most instructions for a byte, as a multiple of those of the costliest friendly input of the same kind.
FRIENDLY = 3


@pytest.mark.timeout(600)
@pytest.mark.skipif("TEST_COUNTED" not in os.environ, reason="`make test-nginx` builds it")
def test_17_09_a_budget_for_work(tmp_path):
    """Whatever a client sends, in any pieces and by the rules of any version, a byte takes at most 60
    instructions, and at most three times those of what friendly clients send of the same kind."""
    entries = json.loads((ROOT / "benches/hostile.json").read_text())
    found = list(readings(tmp_path, 8 << 10))
    names = {(entry["kind"], entry["name"]): entry for entry in entries}
    assert {(reading.kind, reading.name) for reading in found} == set(names)
    assert len(names) == len(entries) >= 60, "two of a name"
    bounds = {}
    for kind in {entry["kind"] for entry in entries}:
        friendly = [r.a_byte for r in found if r.kind == kind and names[kind, r.name].get("friendly")]
        bounds[kind] = min(A_BYTE, FRIENDLY * max(friendly))
    too_many = [reading for reading in found if reading.a_byte > bounds[reading.kind]]
    assert not too_many, "\n".join(
        f"{r.a_byte:.0f} a byte: {r.kind}, {r.name}, {r.version}, pieces of {r.piece}"
        for r in sorted(too_many, key=lambda r: -r.a_byte)[:20])


def own_memory(server):
    """The private memory of the worker in KiB, when it serves no request."""
    return server.memory("RssAnon")


@pytest.mark.timeout(60 + MANY // 100)
def test_17_04_memory_comes_back(env, behind, tmp_path):
    """After many requests the worker has as much memory as without the module."""
    grown = []
    for module in (False, True):
        server = start(Nginx, env, tmp_path, behind, module=module)
        try:
            before = own_memory(server)
            for body in BODIES.values():
                requests(server, "POST", "/", *body, count=MANY)
            requests(server, "GET", "/?cmd=f", count=MANY)
            grown.append(own_memory(server) - before)
        finally:
            server.stop()
    floor, module = grown
    assert module - floor <= 256, f"{floor} KiB without, {module} KiB with"


@pytest.mark.timeout(60 + CONNECTIONS // 10)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_17_05_a_body_on_its_way_takes_16_kib_at_most(env, behind, tmp_path, body):
    """The memory that the module takes for a connection whose body is half sent is at most 16 KiB."""
    length = 1 << 20
    content_type, start_of_body = body
    half = (start_of_body[:-4] + b"x" * length)[: length // 2]
    held = []
    for module in (False, True):
        server = start(Nginx, env, tmp_path, behind, module=module)
        clients = []
        try:
            before = own_memory(server)
            for _ in range(CONNECTIONS):
                client = Http1(server.port())
                clients.append(client)
                client.request("POST", "/", [("Content-Type", content_type),
                                             ("Content-Length", str(length))])
                client.send(half)
            for client in clients:
                client.wait_read()
            held.append((own_memory(server) - before) / CONNECTIONS)
        finally:
            for client in clients:
                client.close()
            server.stop()
    floor, module = held
    assert module - floor <= 16, f"{floor} KiB without, {module} KiB with"


def readelf(path, option):
    """The output of binutils' readelf."""
    return subprocess.run(["readelf", "--wide", option, path], capture_output=True, text=True,
                          check=True).stdout


def test_17_06_the_file_is_small_and_needs_nothing(env):
    """The release build is optimised across crates and stripped, and needs only libc and libgcc."""
    if env.is_checked:
        pytest.skip("no release build")
    # Without optimisation across crates the file would be larger. Lines for the debug log take some KiB.
    most = 516 if "--with-debug" in env.build else 512
    assert Path(env.module).stat().st_size <= most * 1024
    assert ".symtab" not in readelf(env.module, "--sections")
    needed = [line.split("[")[1].rstrip("]") for line in
              readelf(env.module, "--dynamic").splitlines() if "(NEEDED)" in line]
    assert set(needed) <= {"libc.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2",
                           "ld-linux-aarch64.so.1"}


@pytest.mark.parametrize("kind", BODIES)
def test_17_07_a_small_body_takes_few_instructions(pair, kind):
    """The additional instructions that a request takes with the module are within the bounds of MORE."""
    floor, module = (counted(server, "POST", "/", *BODIES[kind]).instructions for server in pair)
    assert module - floor <= MORE[kind] * REQUESTS, f"{(module - floor) / REQUESTS} for {kind}"


# Instructions of nginx and the module to count a request, with the value of its key: the measured 1360 to 1520
# (they depend on nginx's clock), and a fifth. Counting alone takes 0.1 us.
COUNTING = 1800


@pytest.mark.usefixtures("countable")
def test_17_20_counting_takes_few_instructions(env, behind, tmp_path):
    """With a zone, a request of a known call takes at most COUNTING more instructions."""
    conf = """
        log_format call "$frappe_call";
        access_log @{prefix}/access.log call;
        @{zone}
        keepalive_requests 1000000;
        server { @{listen main} frappe_cmd on; location / { proxy_pass http://primary; } }
    """
    sums = []
    for zone in ("", "frappe_status_zone calls 1m;"):
        server = CountedNginx(env, tmp_path / f"zone{len(sums)}", conf, behind, module=True, log="",
                              values={"zone": zone}).start()
        try:
            sums.append(counted(server, "GET", "/api/method/frappe.desk.form.load.getdoc").instructions)
        finally:
            server.stop()
    each = (sums[1] - sums[0]) / REQUESTS
    assert 0 < each <= COUNTING, f"{each} instructions"


@pytest.mark.usefixtures("countable")
def test_17_21_invented_names_take_half_as_much_again(env, behind, tmp_path):
    """With a zone, a request of an invented call takes at most 1.5 times the instructions that it takes without,
    also if the zone is full: for nginx's smallest answer, and for a proxied request."""
    conf = """
        log_format call "$frappe_call";
        access_log @{prefix}/access.log call;
        @{zone}
        keepalive_requests 1000000;
        server {
            @{listen main}
            frappe_cmd on;
            location / { return 200 "ok\\n"; }
            location /api/method/proxied { proxy_pass http://primary; }
        }
    """
    sums = []
    for zone in ("", "frappe_status_zone calls 64k;"):
        server = CountedNginx(env, tmp_path / f"zone{len(sums)}", conf, behind, module=True, log="",
                              values={"zone": zone}).start()
        names = (f"invented.{number}" for number in itertools.count())

        def ask(count, name="/api/method/", server=server, names=names):
            with Http1(server.port()) as client:
                for path in itertools.islice(names, count):
                    client.request("GET", name + path)
                    assert client.response().status == 200
        try:
            ask(2000)
            sums.append([server.count(lambda: ask(500)).instructions,
                         server.count(lambda: ask(500, "/api/method/proxied.")).instructions])
        finally:
            server.stop()
    for without, with_zone in zip(*sums, strict=True):
        assert with_zone <= 1.5 * without, f"{with_zone / without:.2f}: {without} and {with_zone}"


def test_17_08_each_request_has_its_own_memory(env, tmp_path):
    """Many half-sent bodies that are finished in another order do not affect each other."""
    conf = 'server { @{listen main} location / { frappe_cmd on; return 200 "$frappe_cmd"; } }'
    server = Nginx(env, tmp_path, conf, module=True, log="access_log off;",
                   values={"connections": 300}).start()
    try:
        for turn in range(2):
            clients = []
            for number in range(100):
                client = Http1(server.port())
                body = b"x=1&cmd=m%d" % (1000 * turn + number)
                client.request("POST", "/", [("Content-Type", FORM), ("Content-Length", str(len(body)))])
                client.send(body[:5]).wait_read()
                clients.append((client, body))
            for client, body in reversed(clients):
                with client:
                    client.send(body[5:])
                    assert client.response().text == body.decode().partition("cmd=")[2]
    finally:
        server.stop()
