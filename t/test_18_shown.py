"""18: whatever bytes clients send as names of calls, every report of the figures can be parsed."""

import json
import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rig.figures import ask, figures
from rig.hostile import WAYS, is_control, values
from rig.http1 import Http1
from rig.message import head
from rig.waiting import until

# Zones whose rows are named by the call, by all variables, and by bytes of the request.
CONF = """
    frappe_status_zone calls 8m state=@{prefix}/calls;
    frappe_status_zone all 8m "key=$frappe_cmd|$frappe_doctype|$frappe_arg_x|$frappe_call" state=@{prefix}/all;
    frappe_status_zone raw 8m key=$request_body$http_x_raw$arg_cmd state=@{prefix}/raw;
    frappe_pace calls slow=1s;
    large_client_header_buffers 4 32k;
    keepalive_requests 100000;
    server {
        @{listen main}
        frappe_cmd on;
        location / { return 200 "$frappe_pace"; }
        location /calls { frappe_status calls; }
        location /all { frappe_status all; }
        location /raw { frappe_status raw; }
    }
"""
ZONES = ("calls", "all", "raw")


@pytest.fixture(scope="module")
def nginx(serve):
    """An nginx that has counted all requests."""
    server = serve(CONF, log="access_log off;")
    count = 0
    with Http1(server.port()) as client:
        for _, *value in values():
            for way in WAYS.values():
                for target, content_type, body in way(*value):
                    client.send(request(target, content_type, body))
                    assert client.response().status == 200
                    count += 1
        for byte in set(range(256)) - {0, 10, 13}:
            client.send(head("GET", "/", [("X-Raw", bytes([byte, 0x22, byte, 0x5c, byte]))]))
            assert client.response().status == 200
            count += 1
    until(lambda: figures(server, "/calls?format=json")["total"]["requests"] == count, "all to be counted")
    return server


def request(target, content_type, body):
    """The head and the body of a request."""
    if not content_type:
        return head("GET", target, [])
    length = ("Content-Length", str(len(body)))
    return head("POST", target, [("Content-Type", content_type), length]) + body


def names(nginx, zone):
    """The names of a zone's rows, and the JSON that has them."""
    status, _, text = ask(nginx, f"/{zone}?format=json&top=100000")
    assert status == 200
    return [call["call"] for call in json.loads(text)["calls"]], text


@pytest.mark.parametrize("zone", ZONES)
def test_18_41_json(nginx, zone):
    """A strict parser reads the JSON, and no name has a control character."""
    found, text = names(nginx, zone)
    assert len(found) == len(set(found)) > 100
    assert not any(map(is_control, found)) and not is_control(text.replace("\n", ""))


@pytest.mark.parametrize("zone", ZONES)
def test_18_42_prometheus(nginx, zone):
    """Prometheus's own grammar parses each line, and the names are the same."""
    status, _, text = ask(nginx, f"/{zone}?format=prometheus&top=100000")
    assert status == 200 and not is_control(text.replace("\n", ""))
    labels = {sample.labels["call"] for family in text_string_to_metric_families(text)
              for sample in family.samples if "call" in sample.labels}
    assert labels - {"(other)"} == set(names(nginx, zone)[0])
    if shutil.which("promtool"):
        run = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("zone", ZONES)
def test_18_43_page(nginx, zone):
    """The page does not depend on the names: its script asks for them, and shows them as text."""
    status, _, text = ask(nginx, f"/{zone}?format=html")
    assert status == 200 and "X-Injected" not in text and not is_control(text.replace("\n", ""))


def test_18_44_state(nginx):
    """An nginx that starts with the state files shows the same figures again."""
    before = {zone: sorted(names(nginx, zone)[0]) for zone in ZONES}
    nginx.stop()
    for zone in ZONES:
        assert (nginx.prefix / zone).read_bytes().startswith(b"frappe-calls ")
    nginx.start()
    assert {zone: sorted(names(nginx, zone)[0]) for zone in ZONES} == before
