"""04: `$frappe_doctype` and `$frappe_arg_NAME`."""

import pytest

from rig.client import FORM, JSON, MULTIPART, TRANSPORTS, exchange, multipart, of_type, post
from rig.logs import Log

CONF = """
    log_format late '$frappe_arg_only_logged';
    map $frappe_arg_report_name $slow { default no; "General Ledger" yes; }

    server {
        @{listen main}
        @{listen_h2 h2}
        client_max_body_size 0;
        frappe_cmd on;
        proxy_set_header X-Report $frappe_arg_report_name;
        proxy_set_header X-Method $frappe_arg_method;
        proxy_set_header X-Digits $frappe_arg_a1_b2;
        proxy_set_header X-Cmd-Argument $frappe_arg_cmd;
        proxy_set_header X-Doctype $frappe_doctype;
        proxy_set_header X-Doctype-Argument $frappe_arg_doctype;
        proxy_set_header X-Slow $slow;
        location / { proxy_pass http://primary; }
        location /log { access_log @{prefix}/late.log late; proxy_pass http://primary; }
        location /return { return 200 "$frappe_arg_report_name"; }
        location /off { frappe_cmd off; return 200 "[$frappe_arg_report_name][$frappe_doctype]"; }
    }
"""


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(CONF)


def report(nginx, target, body, content_type=FORM, **options):
    """`$frappe_arg_report_name` of a POST, which `return` and the log must show alike."""
    done = post(nginx, f"/return{target}", body, content_type, **options)
    assert done.response.text == done.logged["report"]
    return done.response.text


@pytest.mark.parametrize("via", TRANSPORTS)
@pytest.mark.parametrize(("content_type", "body"), [
    (FORM, "cmd=f&report_name=General+Ledger&method=m.n&a1_b2=%C3%A9"),
    (MULTIPART, multipart(("report_name", "General Ledger"), ("method", "m.n"), ("a1_b2", "é"),
                          ("cmd", "f"))),
    (JSON, '{"report_name":"General Ledger","method":"m.n","cmd":"f","a1_b2":"\\u00e9"}'),
], ids=["form", "multipart", "json"])
def test_04_51_every_type(nginx, content_type, body, via):
    """Arguments are found whatever the type, each under its name."""
    headers = post(nginx, "/", body, content_type, via=via).answer["headers"]
    assert headers["x-report"] == "General Ledger"
    assert headers["x-slow"] == "yes"
    assert headers["x-method"] == "m.n"
    assert headers["x-digits"] == "é"
    assert headers["x-cmd-argument"] == "f"


def test_04_52_query(nginx):
    """Arguments of the query."""
    done = exchange(nginx, "GET", "/api/method/x?report_name=A%20B&method=m")
    assert done.answer["headers"]["x-report"] == "A B"
    assert done.answer["headers"]["x-method"] == "m"
    assert "x-digits" not in done.answer["headers"]


@pytest.mark.parametrize(("target", "body", "content_type", "value"), [
    ("?report_name=q", "report_name=f", FORM, "f"),
    ("?report_name=q", "x=1", FORM, "q"),
    ("?report_name=q", "report_name=", FORM, ""),
    ("?report_name=q", "report_name=a&report_name=b", FORM, "a"),
    ("?report_name=q", '{"report_name":"a","report_name":"b"}', JSON, "b"),
    ("?report_name=q", "{}", JSON, ""),
    ("?report_name=q", "[]", JSON, ""),
    ("?report_name=q", "", JSON, "q"),
    ("?report_name=q", "{", JSON, ""),
    ("?report_name=q", b"report_name=f&x=\xe9", FORM, "q"),
    ("?report_name=q", multipart(("report_name", "f"), end=False), MULTIPART, "q"),
    ("?report_name=q", multipart(("report_name", "f", "file")), MULTIPART, "q"),
    ("?%72eport%5fname=q", "x=1", FORM, "q"),
    ("?report_name=a&report_name=b", "x=1", FORM, "a"),
    ("?Report_Name=q", "REPORT_NAME=f", FORM, ""),
])
def test_04_53_precedence(nginx, target, body, content_type, value):
    """Frappe's precedence, also where it drops or refuses a body."""
    assert report(nginx, target, body, content_type) == value


@pytest.mark.parametrize("value", ["1", "true", "null", "[1]", '["a"]', '{"a":"b"}', "1.5"])
def test_04_54_json_values_that_are_no_text(nginx, value):
    """A value that is no string is empty, also when a string stood there before."""
    assert report(nginx, "", f'{{"report_name":"x","report_name":{value},"cmd":"f"}}', JSON) == ""


@pytest.mark.parametrize(("body", "length"), [
    ("report_name=" + "a" * 1024, 1024),
    ("report_name=" + "a" * 1025, 0),
    ("report_name=" + "%61" * 1024, 1024),
    ("report_name=" + "%C3%A9" * 512, 512),
    ("report_name=" + "%C3%A9" * 512 + "a", 0),
    ("report_name=" + "a" * 100_000, 0),
], ids=["1024", "1025", "escapes", "utf-8", "utf-8 too long", "100k"])
def test_04_55_one_kibibyte(nginx, body, length):
    """A value of up to 1 KiB of UTF-8 is kept; a longer one is empty, not cut. The cmd is not affected."""
    done = post(nginx, "/return", body + "&cmd=f")
    assert done.found == ("f", "form", "ok")
    assert len(done.response.text) == len(done.logged["report"]) == length


@pytest.mark.parametrize("control", [*range(0x20), 0x7F], ids=lambda code: f"{code:02x}")
def test_04_56_control_characters(nginx, control):
    """A control character empties a value, in the body and in the query."""
    assert report(nginx, "", f"report_name=a%{control:02x}b") == ""
    assert report(nginx, f"?report_name=a%{control:02x}b", "") == ""
    assert report(nginx, "", f'{{"report_name":"a\\u{control:04x}b"}}', JSON) == ""


def test_04_57_only_in_a_log_format(nginx):
    """An argument that only a log format mentions is kept as well."""
    assert post(nginx, "/log", "only_logged=here&cmd=f").response.status == 200
    assert Log(nginx.prefix / "late.log").wait("") == "here"


@pytest.mark.parametrize(("target", "body", "doctype"), [
    ("/", "doctype=ToDo", "ToDo"),
    ("/?doctype=A", "doctype=B", "B"),
    ("/?doctype=A", "x=1", "A"),
    ("/api/resource/ToDo", "x=1", "ToDo"),
    ("/api/resource/Sales%20Order/SO%2F1", "x=1", "Sales Order"),
    ("/api/resource/ToDo", "doctype=A", "ToDo"),
    ("/api/resource/ToDo?cmd=c", "doctype=A", "A"),
    ("/api/v1/resource/ToDo/x", "x=1", "ToDo"),
    ("/api/v2/document/ToDo", "x=1", "ToDo"),
    ("/api/v2/document/Sales%20Order/a/b/method/m", "x=1", "Sales Order"),
    ("/api/method/p", "x=1", ""),
    ("/app/todo", "x=1", ""),
])
def test_04_58_doctype(nginx, target, body, doctype):
    """The doctype of a document's path comes before that of the argument, as in Frappe."""
    done = post(nginx, target, body)
    assert done.logged["doctype"] == doctype
    assert done.answer["headers"].get("x-doctype", "") == doctype


def test_04_59_path_is_no_argument(nginx):
    """`$frappe_arg_doctype` is only the argument, even if the path has a doctype."""
    headers = post(nginx, "/api/resource/ToDo", "x=1").answer["headers"]
    assert "x-doctype-argument" not in headers
    headers = post(nginx, "/api/method/x", "doctype=B").answer["headers"]
    assert headers["x-doctype-argument"] == headers["x-doctype"] == "B"


def test_04_60_off(nginx):
    """Where `frappe_cmd` is off there are no arguments."""
    assert post(nginx, "/off?report_name=a&doctype=b", "report_name=c").response.text == "[][]"


def test_04_61_multipart_file_is_no_argument(nginx):
    """A file with the name of an argument is not that argument."""
    body = multipart(("report_name", "x" * 20_000, "a.txt"), ("cmd", "f"))
    done = exchange(nginx, "POST", "/return", of_type(MULTIPART), body)
    assert (done.response.text, done.found) == ("", ("f", "multipart", "ok"))
