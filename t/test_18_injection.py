"""18: whatever bytes a client sends, the value of a variable never becomes another header, another request or
another line of a log."""

import json

import pytest

from rig.client import FORM
from rig.hostile import WAYS, is_control, values
from rig.http1 import Http1
from rig.keeper import Keeper
from rig.message import head, new_id
from rig.waiting import until

# Every variable that holds what a client has chosen, under a short name.
VARIABLES = {"cmd": "frappe_cmd", "doctype": "frappe_doctype", "x": "frappe_arg_x", "call": "frappe_call"}
SHOWN = "|".join(f"${variable}" for variable in VARIABLES.values())

CONF = """
    @{formats}
    server {
        @{listen main}
        large_client_header_buffers 4 32k;
        keepalive_requests 100000;
        frappe_cmd on;
        @{logs}
        @{add}
        location / { @{set} proxy_pass http://127.0.0.1:@{keeper}; }
        location /return/ { return 200 "@{shown}"; }
    }
"""

FORMATS = {"default": "", "json": "escape=json", "none": "escape=none"}
@pytest.fixture(scope="module")
def keeper():
    """The upstream."""
    with Keeper() as server:
        yield server


@pytest.fixture(scope="module")
def nginx(serve, keeper):
    names = VARIABLES.items()
    return serve(CONF, values={
        "keeper": keeper.port,
        "shown": SHOWN,
        "set": "".join(f"proxy_set_header X-Var-{name} ${variable};" for name, variable in names),
        "add": "".join(f"add_header X-Var-{name} ${variable} always;" for name, variable in names),
        "formats": "".join(
            f"log_format {name} {escape} "
            + ("'{" + ",".join(f'"{key}":"${variable}"' for key, variable in names) + "}';"
               if name == "json" else f"'{SHOWN}';")
            for name, escape in FORMATS.items()),
        "logs": "".join(f"access_log @{{prefix}}/{name}.log {name};" for name in FORMATS),
    })


def whole(path, begin, count):
    """The lines behind `begin`, once there are `count` of them."""
    lines = path.read_bytes().decode().split("\n")[begin:-1]
    assert len(lines) <= count, path
    return lines if len(lines) == count else None


@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", WAYS)
def test_18_01_nothing_injected(nginx, keeper, way):
    """No byte gets through in headers to the upstream and the client, in a response's text, or in the three
    kinds of logs."""
    logs = {name: nginx.prefix / f"{name}.log" for name in FORMATS}
    before = {name: path.read_bytes().count(b"\n") if path.exists() else 0 for name, path in logs.items()}
    sent = found = 0
    with Http1(nginx.port()) as client:
        for what, *value in values():
            for target, content_type, body in WAYS[way](*value):
                found += ask(client, keeper, target, content_type, body, f"{way}, {what}")
                sent += 1
        # A response's text, on the same connection: the answer behind it is not affected.
        client.request("POST", "/return/", [("Content-Type", FORM)], b"cmd=f%C2%A0g")
        assert client.response().text == "f\u00a0g|||f\u00a0g"
    # Some values did get through: those with letters.
    assert found > sent / 20
    nginx.errors.wait("client .* closed keepalive connection")
    for name, path in logs.items():
        # nginx sends an answer before it writes the line to the log.
        lines = until(lambda path=path, name=name: whole(path, before[name], sent + 1), f"lines in {name}")
        assert not any(map(is_control, lines)), name
        if name == "json":
            assert all(set(json.loads(line)) == set(VARIABLES) for line in lines)


def ask(client, keeper, target, content_type, body, what):
    """Sends one request. Returns whether its cmd got through."""
    name = new_id()
    headers = [("X-Rig-Id", name)]
    if content_type:
        headers += [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    client.send(head("POST" if content_type else "GET", target, headers), body or b"")
    response = client.response()
    assert response.status == 200, what
    own = [(key, text) for key, text in response.headers if key.startswith("X-")]
    ((upstream, received),) = keeper.requests.pop(name)
    assert received == (body or b""), what
    line, *fields = upstream.split(b"\r\n")
    assert line.count(b" ") == 2, what
    passed = [tuple(field.decode().split(": ", 1)) for field in fields]
    of_ours = [(key, text) for key, text in passed if key.startswith("X-Var")]
    assert sorted(of_ours) == sorted(own), what
    for key, text in passed:
        assert key in ("Host", "Connection", "Content-Length", "Content-Type", "X-Rig-Id",
                       *(f"X-Var-{variable}" for variable in VARIABLES)), f"{what}: {key}"
        assert not is_control(text), what
    return any(key == "X-Var-cmd" for key, _ in of_ours)
