"""14: beside another module that does what few modules do (`t/neighbour.c`): our module does not change how it
works."""

import signal

import pytest

from rig import neighbours
from rig.client import FORM, exchange, of_type, post, sha256
from rig.http1 import Http1
from rig.message import head
from rig.nginx import Nginx

LARGE = b"a=" + b"x" * 30_000 + b"&cmd=heavy"

CONF = """
    map $frappe_cmd $pool { default primary; heavy reports; }
    map $frappe_cmd $late_map { default none; heavy of-heavy; }
    map $http_x_nothing $nothing { default ""; }

    server {
        @{listen main}
        @{listen_h2 h2}
        client_max_body_size 0;
        FRAPPE

        location / {
            add_header X-Data "$neighbour_set, $neighbour_data";
            add_header X-Count "$neighbour_counter";
            add_header X-Count-Again "$neighbour_counter$nothing";
            add_header X-Late $neighbour_late;
            BODY
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_pass http://primary;
        }
        location /auth {
            auth_request /check;
            auth_request_set $neighbour_set $upstream_status;
            add_header X-Data $neighbour_data;
            proxy_pass http://primary;
        }
        location = /check { internal; proxy_pass_request_body off;
                            proxy_set_header Content-Length ""; proxy_pass http://primary; }
        location /file { test_body_to_file on; @{show} proxy_pass http://POOL; }
    }
"""


def conf(frappe, pool, body=""):
    return CONF.replace("FRAPPE", frappe).replace("POOL", pool).replace("BODY", body)


@pytest.fixture(scope="module")
def neighbour(env, tmp_path_factory):
    return neighbours.build(env, tmp_path_factory.mktemp("neighbour"), "neighbour")


@pytest.fixture(scope="module")
def nginx(serve, env, neighbour):
    """nginx with our module loaded first, so that the other one can change all that ours has set."""
    return serve(conf("frappe_cmd on;", "$pool", "frappe_body preread=1k;"), values={
        "load_module": f"load_module {env.module}; load_module {neighbour};"})


@pytest.fixture(scope="module")
def alone(serve, neighbour):
    """nginx with the other module and without ours."""
    text = conf("set $frappe_arg_late_name x;", "primary").replace("$frappe_cmd", "$http_x_cmd").replace("@{show}", "")
    return serve(text, log="access_log off;", module=False, values={
        "load_module": f"load_module {neighbour};"})


@pytest.mark.parametrize("target", ["/", "/auth"])
def test_14_91_data_of_another_module(nginx, alone, env, target):
    """The handlers of a variable with a set_handler get the data of their own module."""
    if target == "/auth" and not env.has("http_auth_request_module"):
        pytest.skip("this nginx has no auth_request")
    expected = {"/": "got 42, set 0", "/auth": "set 42"}[target]
    for server in (alone, nginx):
        done = post(server, target, b"cmd=f")
        assert done.response.header("X-Data") == expected


@pytest.mark.parametrize("body", [b"cmd=f", LARGE], ids=["small", "streamed"])
def test_14_92_what_must_not_be_kept(nginx, alone, body):
    """nginx calls a getter that forbids caching each time, also for a streamed request."""
    found = [[post(server, "/", body).response.header(name)
              for name in ("X-Count", "X-Count-Again")] for server in (alone, nginx)]
    assert found[0] == found[1] == ["1", "2"]


@pytest.mark.parametrize(("body", "late"), [
    (b"cmd=heavy&late_name=n", "n|of-heavy"), (b"late_name=n", "n|none"),
])
def test_14_93_indexed_behind_ours(nginx, body, late):
    """Variables work that another module indexes in its postconfiguration, after ours."""
    assert post(nginx, "/", body).response.header("X-Late") == late


@pytest.mark.parametrize("via", ["length", "chunked"])
def test_14_94_a_body_in_a_file(nginx, alone, via):
    """If a body filter in front of ours passes pieces on in a file, our module reads them, and the body arrives
    as it does without our module."""
    body = b"cmd=heavy"
    # The client sends the body in writes of its own, so that it does not come with the header.
    options = {"via": via, "size": len(body) // 2}
    done = exchange(alone, "POST", "/file", of_type(FORM), body, **options)
    assert done.answer["sha256"] == sha256(body)
    done = exchange(nginx, "POST", "/file", of_type(FORM), body, **options)
    assert done.answer["pool"] == "reports"
    assert done.found == ("heavy", "form", "ok")
    assert done.answer["sha256"] == sha256(body)


class SingleProcess(Nginx):
    """nginx without worker processes."""

    def workers(self):
        return [self.master]


def test_14_95_reload_without_workers(env, tmp_path):
    """`master_process off`: if a reload turns the module off while a body is on its way, the whole body still
    decides."""
    nginx = SingleProcess(env, tmp_path, """
        server {
            @{listen main}
            location / { frappe_cmd on; return 200 "$frappe_cmd|$frappe_cmd_status"; }
        }
    """, main="master_process off;").start()
    conf = tmp_path / "nginx.conf"
    try:
        with Http1(nginx.port()) as client:
            rest = b"cmd=right&a=" + b"x" * 20_000 + b"&b=1"
            client.send(head("POST", "/", [*of_type(FORM), ("Content-Length", str(len(rest) + 4))]),
                        b"x=1&").wait_read()
            conf.write_text(conf.read_text().replace("frappe_cmd on;", "frappe_cmd off;"))
            nginx.signal(signal.SIGHUP)
            # The process reads the new configuration at once, before anything else that arrives.
            nginx.errors.wait("reconfiguring")
            client.send(rest)
            assert client.response().text == "right|ok"
    finally:
        nginx.stop()
