"""21: bounds of routing by pace: limits for slow calls, and a full zone."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from rig.client import FORM, exchange, of_type
from rig.configurations import PRIMARY, SECONDARY, text
from rig.load import pipelined
from rig.nginx import Nginx
from rig.slow import Server


@pytest.fixture(scope="module", name="servers")
def fixture_servers(tmp_path_factory):
    """Four server processes for all calls, and one for slow ones."""
    directory = tmp_path_factory.mktemp("slow")
    servers = {"primary": Server("primary", directory, 4), "reports": Server("reports", directory, 1)}
    try:
        for server in servers.values():
            server.wait()
        yield {name: server.address for name, server in servers.items()}
    finally:
        for server in servers.values():
            server.stop()


def run(nginx, cmd, seconds, *, user="me"):
    """One run of a call: its status, its pace and the pool that answered."""
    body = f"cmd={cmd}&seconds={seconds}".encode()
    headers = [*of_type(FORM), ("Authorization", f"token {user}:secret")]
    answer = exchange(nginx, "POST", "/", headers, body).response
    good = answer.status == 200
    return answer.status, answer.header("X-Pace") if good else "", answer.text if good else ""


def test_21_30_all_together_have_sixteen_slow_calls(env, servers, tmp_path):
    """With limits.conf and pace.conf, twenty persons start one slow call each at once, and others click
    meanwhile."""
    addresses = dict.fromkeys(PRIMARY, servers["primary"]) | dict.fromkeys(SECONDARY, servers["reports"])
    conf = text("pace.conf", {"listen 80;": "@{listen main}", "slow=2s": "slow=200ms",
                              "/var/lib/nginx/frappe/calls": str(tmp_path / "state"), **addresses})
    nginx = Nginx(env, tmp_path / "nginx", conf + text("sid-hash.conf") + text("limits.conf")).start()
    try:
        for _ in range(3):
            assert run(nginx, "my.app.report", 0.3)[0] == 200
            assert run(nginx, "my.app.click", 0.01)[0] == 200
        with ThreadPoolExecutor(20) as pool:
            # Long enough that all of them have begun when the first ends, also on a busy machine.
            runs = [pool.submit(run, nginx, "my.app.report", 0.6, user=f"user{number:02}")
                    for number in range(20)]
            found = sorted((run.result()[0], run.result()[2]) for run in runs)
        assert found == [(200, "reports")] * 16 + [(429, "")] * 4
        assert run(nginx, "my.app.click", 0.01)[2] == "primary"
        # The limit has free places again.
        assert run(nginx, "my.app.report", 0.3)[0] == 200
    finally:
        nginx.stop()


def test_21_31_a_zone_without_room(env, servers, tmp_path):
    """Calls that are in use keep their pace while others take the zone's rows. A call that finds no row is
    `new`, and is routed as a fast one."""
    nginx = Nginx(env, tmp_path / "nginx", """
        frappe_status_zone calls 64k;
        frappe_pace calls slow=200ms;
        map $frappe_pace $pool { default primary; slow reports; }
        server {
            @{listen main}
            frappe_cmd on;
            add_header X-Pace $frappe_pace always;
            location / { proxy_pass http://$pool; }
            location /api/method/invented. { return 200 "ok\\n"; }
        }
    """, servers).start()
    try:
        for _ in range(4):
            run(nginx, "report.used", 0.3)
            run(nginx, "click.used", 0.01)
        for first in range(0, 3000, 300):
            pipelined(nginx.port(), [f"/api/method/invented.{number}" for number in range(first, first + 300)])
            assert run(nginx, "report.used", 0.3) == (200, "slow", "reports")
            assert run(nginx, "click.used", 0.01) == (200, "fast", "primary")
        # Each of these has lost its row since, or never had one.
        assert run(nginx, "invented.0", 0.3) == (200, "new", "primary")
    finally:
        nginx.stop()
