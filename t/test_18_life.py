"""18: while processes start and end, requests are half sent, and figures and pace are on, nothing is lost, and
nothing is counted twice. `make test-asan` runs this with AddressSanitizer."""

import signal
import subprocess

import pytest

from rig import process
from rig.begun import Begun
from rig.client import ALL_TRANSPORTS, connect, post
from rig.figures import calls, figures
from rig.http1 import Closed
from rig.message import head, new_id
from rig.modes import MODES
from rig.nginx import Nginx
from rig.waiting import until

CONF = """
    frappe_status_zone calls 1m @{state};
    frappe_status_zone hosts 1m "key=$host $frappe_call";
    frappe_pace calls slow=100ms;
    map $frappe_pace $pool { default primary; slow reports; }
    server {
        @{listen_all}
        listen 127.0.0.1:@{port early} ssl;
        ssl_early_data on;
        ssl_protocols TLSv1.3;
        ssl_session_cache shared:tls:1m;
        client_max_body_size 0;
        client_body_buffer_size 16k;
        @{more}
        location /status { frappe_status calls; }
""" + "".join(f"""
        location /{mode}/ {{
            {directives} @{{show}} add_header X-Early $ssl_early_data;
            proxy_set_header X-Pace "$frappe_pace $frappe_call"; proxy_pass http://$pool;
        }}
""" for mode, directives in MODES.items()) + "}"

VIA = ("length", "chunked", "tls", "h2", "h2 endless")
BODY = b"a=1&cmd=f&b=" + b"x" * 60_000
SENT = (5, 30_000)


def options(main="", more="", state="", **others):
    """Arguments of `serve_once` for CONF."""
    return {"main": main, "values": {"more": more, "state": state}, **others}


def begin(nginx, vias=VIA):
    """One half-sent request of each kind."""
    return [Begun(nginx, via, f"/{mode}/", BODY, sent) for via in vias for mode in MODES for sent in SENT]


def reload(nginx):
    """Returns once the old worker takes no more connections."""
    (*_, old) = nginx.workers()
    nginx.reload()
    nginx.errors.wait(f"{old}#.*gracefully shutting down")


def finish(halves):
    """Finishes all requests; each answer is complete."""
    for begun in halves:
        response = begun.finish()
        assert response.json()["length"] == len(BODY)
        assert response.header("X-Cmd") == "f"


def counted(nginx, count):
    """Checks that the figures have each of the requests once."""
    until(lambda: figures(nginx)["total"]["requests"] >= count, "all to be counted")
    assert calls(nginx)["f"]["requests"] == figures(nginx)["total"]["requests"] == count


def test_18_61_reloads(serve_once):
    """Five reloads in a row, with half-sent requests at each worker."""
    nginx = serve_once(CONF, **options())
    halves = []
    for via in VIA:
        halves.append(begin(nginx, [via]))
        reload(nginx)
    for some in halves:
        finish(some)
    until(lambda: len(nginx.workers()) == 1, "the old workers to end")
    assert post(nginx, "/whole/", BODY).response.header("X-Cmd") == "f"
    counted(nginx, sum(map(len, halves)) + 1)


def test_18_62_reload_changes_everything(serve_once):
    """While requests are half sent, nginx reloads to a configuration with other zones and without pace, and
    back."""
    nginx = serve_once(CONF, **options())
    conf = nginx.prefix / "nginx.conf"
    text, halves = conf.read_text(), []
    for changed in (text.replace("frappe_pace calls slow=100ms;", ""),
                    text.replace("frappe_status_zone hosts 1m", "frappe_status_zone other 2m"),
                    text.replace("slow=100ms", "slow=2s").replace("key=$host $frappe_call", "key=$frappe_doctype."),
                    text):
        halves.append(begin(nginx, VIA[:1]))
        conf.write_text(changed)
        reload(nginx)
    for some in halves:
        finish(some)
    counted(nginx, sum(map(len, halves)))


def test_18_63_binary_upgrade(serve_once, tmp_path):
    """The new binary has its own zones. Each binary counts the requests that it has answered, and the new one
    continues from the state file."""
    nginx = serve_once(CONF, start=False, **options(state=f"state={tmp_path}/calls"))
    masters = [nginx.start_daemon()]
    try:
        until(lambda: process.children(masters[0]), "the worker")
        halves = begin(nginx)
        nginx.signal(signal.SIGUSR2, masters[0])
        until(lambda: nginx.pid() not in (None, masters[0]), "the new binary's pid")
        masters.append(nginx.pid())
        until(lambda: process.children(masters[1]), "its worker")
        nginx.signal(signal.SIGWINCH, masters[0])
        until(lambda: len(nginx.errors.lines("gracefully shutting down")) > 0, "the old worker to take no more")
        more = begin(nginx, VIA[:1])
        finish(halves)
        finish(more)
        counted(nginx, len(more))
        nginx.signal(signal.SIGQUIT, masters[0])
        until(lambda: not process.alive(masters[0]), "the old binary to end")
        assert (tmp_path / "calls").read_bytes().startswith(b"frappe-calls ")
    finally:
        for master in filter(process.alive, masters):
            nginx.signal(signal.SIGTERM, master)
    until(lambda: not any(map(process.alive, masters)), "all to end")
    assert not nginx.errors.bad_lines()


def test_18_64_shutdown_timeout(serve_once):
    """Requests that an old worker gives up count once, and leave no run in flight in the pace."""
    nginx = serve_once(CONF, **options(main="worker_shutdown_timeout 200ms;"))
    halves = begin(nginx)
    old = nginx.reload()
    until(lambda: not any(map(process.alive, old)), "the old worker to give up")
    for begun in halves:
        with pytest.raises((Closed, OSError)):
            begun.finish()
    until(lambda: figures(nginx)["total"]["requests"] == len(halves), "all to be counted")
    assert post(nginx, "/whole/", "cmd=f").response.header("X-Cmd") == "f"
    until(lambda: figures(nginx)["total"]["requests"] == len(halves) + 1, "one more")


class SingleProcess(Nginx):
    """nginx without worker processes."""

    def workers(self):
        return [self.master]


def test_18_65_single_process(env, upstreams, tmp_path):
    """`master_process off`: the only process reloads in the middle of requests, and counts them in the zone that
    it had. nginx opens no connection to an upstream then, so it answers by itself."""
    conf = CONF.replace("proxy_pass http://$pool;", 'return 200 "$frappe_cmd $frappe_call $frappe_pace";')
    nginx = SingleProcess(env, tmp_path, conf, upstreams.addresses(), **options(main="master_process off;")).start()
    try:
        halves = [Begun(nginx, via, "/whole/", BODY, sent) for via in VIA for sent in SENT]
        nginx.signal(signal.SIGHUP)
        nginx.errors.wait("reconfiguring")
        for begun in halves:
            assert begun.finish().text == "f f new"
    finally:
        nginx.stop()


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
def test_18_66_threads(serve_once, env, via):
    """Threads write and read the files of bodies."""
    if not env.has("threads"):
        pytest.skip("this nginx is built without threads")
    nginx = serve_once(CONF, **options(more="aio threads; aio_write on; client_body_in_file_only clean; sendfile off;"))
    halves = [Begun(nginx, via, f"/{mode}/", BODY, sent) for mode in MODES for sent in SENT]
    if via != "h3":
        nginx.reload()
    finish(halves)
    counted(nginx, len(halves))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sent", [0, 5, len(b"a=1&cmd=f") + 200])
def test_18_67_early_data(serve_once, tmp_path, mode, sent):
    """The client sends the beginning of a request as TLS early data, and the rest after the handshake."""
    nginx = serve_once(CONF, **options())
    body = b"a=1&cmd=f&b=" + b"x" * 500
    name = new_id()
    text = head("POST", f"/{mode}/", [("X-Rig-Id", name), ("Connection", "close"), ("Content-Length", str(len(body))),
                                      ("Content-Type", "application/x-www-form-urlencoded")]) + body
    session, early = tmp_path / "session", tmp_path / "early"
    client = ["openssl", "s_client", "-connect", f"127.0.0.1:{nginx.port('early')}", "-tls1_3", "-quiet"]
    quit_ = head("GET", f"/{mode}/", [("Connection", "close")])
    subprocess.run([*client, "-no_ign_eof", "-sess_out", session, "-ign_eof"], input=quit_, check=True,
                   capture_output=True, timeout=20)
    cut = len(text) - len(body) + sent
    early.write_bytes(text[:cut])
    run = subprocess.run([*client, "-sess_in", session, "-early_data", early, "-ign_eof"], input=text[cut:],
                         capture_output=True, timeout=20, check=False)
    answer = run.stdout.decode()
    assert "200 OK" in answer and "X-Cmd: f" in answer, run.stdout + run.stderr
    assert "X-Early: 1" in answer or "X-Early" not in answer
    assert nginx.access.entry(name)["cmd"] == "f"
    until(lambda: calls(nginx).get("f", {}).get("requests") == 1, "it to be counted")
    with connect(nginx, "tls") as other:
        other.request("GET", f"/{mode}/?cmd=g")
        assert other.response().header("X-Cmd") == "g"
