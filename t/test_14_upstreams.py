"""14: upstreams that fail, and nginx's cache, work with the module as without."""

import pytest

from rig.client import FORM, of_type, sha256
from rig.http1 import Http1
from rig.http2 import Http2
from rig.message import new_id
from rig.modes import FOUND, LARGE, MODES, SMALL, VIA, send, servers
from rig.waiting import until

CONF = """
    proxy_cache_path @{prefix}/cache keys_zone=cache:1m;
    upstream failing {
        server 127.0.0.1:@{raw} max_fails=0;
        server @{reports} backup;
    }
""" + servers("""
    location /next {
        @{show}
        proxy_next_upstream error timeout http_503 non_idempotent;
        proxy_read_timeout 10s;
        proxy_pass http://failing;
    }
    location /impatient {
        @{show}
        proxy_next_upstream timeout non_idempotent;
        proxy_read_timeout 200ms;
        proxy_request_buffering on;
        proxy_pass http://failing;
    }

    location /cached {
        # What is asked again behind an answer needs the whole body, module or not.
        proxy_request_buffering on;
        proxy_cache cache;
        proxy_cache_key "$server_port $uri $frappe_cmd $frappe_arg_report_name";
        proxy_cache_methods GET HEAD POST;
        proxy_cache_use_stale updating;
        proxy_cache_background_update on;
        proxy_set_header X-Order-Expires $http_x_expires;
        @{show}
        add_header X-Cache $upstream_cache_status;
        proxy_pass http://primary;
    }
""")

pytestmark = [
    pytest.mark.parametrize("via", VIA),
    pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "spilled"]),
    pytest.mark.parametrize("mode", MODES),
]
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def nginx(serve, raw, upstreams):
    return serve(CONF, values={"raw": raw.port, "reports": upstreams["reports"].address})


@pytest.mark.parametrize("answer", [b"", BUSY], ids=["closes", "503"])
def test_14_71_next_upstream(nginx, raw, upstreams, answer, mode, body, via):
    """If the first server fails after it has taken the whole body, the second one gets the body as well. A body
    that nginx has streamed is gone, with the module as without."""
    taken = raw.answer_one(answer)
    done = send(nginx, mode, "/next", body, via=via)
    first = taken.join()
    assert b"X-Frappe-CMD: f\r\n" in first
    if mode == "streamed" and done.response.status in (502, 503):
        # A short body that had come completely would have been sent to the next server.
        assert len(body) > 16_000 or via != "length"
        return
    assert (done.answer["pool"], done.answer["sha256"]) == ("reports", sha256(body))
    assert done.passed == done.found == FOUND
    assert len(done.logged["upstream"].split(",")) == 2


def test_14_72_timeout(nginx, raw, mode, body, via):
    """The same after a first server that does not answer."""
    name = new_id()
    taken = raw.answer_one(None)
    done = send(nginx, mode, "/impatient", body, headers=[("X-Name", name)], via=via)
    assert name.encode() in taken.join()
    assert (done.answer["pool"], done.answer["sha256"]) == ("reports", sha256(body))
    assert done.passed == done.found == FOUND


def variant(body, number):
    """The same cmd and length, another body."""
    return body[:-1] + str(number).encode()


def test_14_73_cache(nginx, upstreams, mode, body, via):
    """nginx caches an answer to a POST by a key with the cmd. The body of a request that the cache answers does
    no harm."""
    target = f"/cached/{new_id()}"
    headers = [("X-Expires", "60")]
    for number, (report, status) in enumerate((("a", "MISS"), ("a", "HIT"), ("b", "MISS"),
                                               ("a", "HIT"), ("b", "HIT"))):
        report = b"report_name=" + report.encode() + b"&"
        sent = report + variant(body, number)
        done = send(nginx, mode, target, sent, headers=headers, via=via)
        assert done.response.header("X-Cache") == status
        assert done.found == FOUND
        if status == "MISS":
            assert done.answer["sha256"] == sha256(sent)
        assert len(upstreams["primary"].all(done.id)) == (status == "MISS")


def test_14_74_background_update(nginx, upstreams, mode, body, via):
    """nginx sends a stale answer at once, and then renews it in a subrequest with the whole body."""
    target = f"/cached/{new_id()}"
    first = send(nginx, mode, target, body, headers=[("X-Expires", "@1")], via=via)
    assert first.response.header("X-Cache") == "MISS"
    second = variant(body, 2)
    done = send(nginx, mode, target, second, headers=[("X-Expires", "60")], via=via)
    assert done.response.header("X-Cache") == "STALE"
    assert done.answer["sha256"] == sha256(body)
    renewed = upstreams["primary"].saw(done.id)
    assert (renewed["sha256"], renewed["headers"]["x-frappe-cmd"]) == (sha256(second), "f")
    assert done.found == FOUND

    def now():
        third = send(nginx, mode, target, body, via=via)
        return third.response.header("X-Cache") == "HIT" and third.answer["sha256"]

    assert until(now, "the renewed answer") == sha256(second)


def test_14_75_keepalive(nginx, mode, body, via):
    """After an answer from the cache the connection goes on."""
    target, headers = f"/cached/{new_id()}", [("X-Expires", "60"), *of_type(FORM)]
    with (Http2(nginx.port(f"{mode}_h2")) if via == "h2" else Http1(nginx.port(mode))) as client:
        for status in ("MISS", "HIT", "HIT"):
            if via == "h2":
                answer = client.response(client.request("POST", target, headers, body))
            else:
                client.request("POST", target, headers, body, 5000 if via == "chunked" else None)
                answer = client.response()
            assert answer.header("X-Cache") == status
