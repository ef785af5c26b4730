"""04: an operator's own variables keep their values, whatever their names are."""

import pytest

from rig.client import FORM, exchange, of_type, post, sha256
from rig.logs import Log

LARGE = b"a=" + b"x" * 200_000 + b"&cmd=f"

CONF = """
    map $frappe_cmd $frappe_pool { default primary; heavy reports; }
    log_format pool "$frappe_pool";
    map $http_x_want $frappe_constant { default constant; }

    server {
        @{listen main}
        @{listen_h2 h2}
        server_name ~^(?<frappe_host>.+)$;
        client_max_body_size 0;
        frappe_cmd on;
        set $frappe_site one;

        location ~ ^/capture/(?<frappe_part>\\w+) {
            if ($http_x_rig_id ~ (?<frappe_id>.)) { }
            return 200 "$frappe_host $frappe_site $frappe_part";
        }
        location /up {
            set $frappe_up @{up};
            proxy_set_header X-Site "$frappe_site $frappe_constant";
            proxy_pass http://$frappe_up;
        }
        location /streamed {
            frappe_body preread=1k;
            proxy_request_buffering off;
            proxy_http_version 1.1;
            add_header X-Map $frappe_pool;
            access_log @{prefix}/pool.log pool;
            proxy_pass http://$frappe_pool;
        }
        location /argument {
            set $frappe_arg_mine "of the configuration";
            return 200 "$frappe_arg_mine|$frappe_arg_report_name";
        }
    }
"""


@pytest.fixture(scope="module")
def nginx(serve, upstreams):
    return serve(CONF, values={"up": upstreams["primary"].address})


@pytest.mark.parametrize("body", [None, b"cmd=f", LARGE], ids=["no body", "small", "spilled"])
@pytest.mark.parametrize("via", ["length", "chunked", "h2"])
def test_04_71_set_and_captures(nginx, body, via):
    """Variables of `set`, and captures of `location`, `server_name` and `if`, keep their values while the body
    is read."""
    method = "POST" if body else "GET"
    headers = of_type(FORM) if body else []
    done = exchange(nginx, method, "/capture/part", headers, body, via=via)
    assert done.response.text.split()[1:] == ["one", "part"]
    done = exchange(nginx, method, "/up", headers, body, via=via)
    assert done.answer["headers"]["x-site"] == "one constant"
    assert done.answer["sha256"] == sha256(body or b"")


@pytest.mark.parametrize("via", ["length", "chunked", "h2"])
def test_04_72_a_map_has_one_value_in_a_request(nginx, via):
    """Headers and log line of a streamed request show the value of a map that routed it, also if the map's
    variable begins as ours do."""
    pools = Log(nginx.prefix / "pool.log")
    mark = pools.mark()
    done = exchange(nginx, "POST", "/streamed", of_type(FORM),
                    b"a=" + b"x" * 30_000 + b"&cmd=heavy", via=via)
    assert done.answer["pool"] == done.response.header("X-Map") == "primary"
    assert pools.wait("", mark) == "primary"


def test_04_73_a_name_within_ours(nginx):
    """`set $frappe_arg_NAME` makes that variable the configuration's own, since nginx prefers a full name to a
    prefix."""
    done = post(nginx, "/argument", "mine=of+the+body&report_name=r&cmd=f")
    assert done.response.text == "of the configuration|r"


@pytest.mark.parametrize("name", ["frappe_cmd", "frappe_cmd_source", "frappe_cmd_status",
                                  "frappe_doctype"])
def test_04_74_a_name_that_is_taken(serve_once, name):
    """Our own variables cannot be set: nginx says so."""
    conf = f"server {{ @{{listen main}} frappe_cmd on; set ${name} x; }}"
    good, said = serve_once(conf, start=False).test()
    assert not good
    assert f'the duplicate "{name}" variable' in said
