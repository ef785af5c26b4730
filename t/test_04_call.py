"""04: `$frappe_call` and the doctype of documents."""

import json
from urllib.parse import urlencode

import pytest

from oracle.call import call
from rig.client import ALL_TRANSPORTS, FORM, JSON, MULTIPART, exchange, multipart, post, sha256

CONF = """
    map $frappe_call $pool {
        default                                      primary;
        "frappe.desk.query_report.run:Stock Balance" reports;
        "~^run_doc_method:Payroll Entry\\."          reports;
    }

    server {
        @{listen_all}
        client_max_body_size 0;
        client_body_buffer_size 64k;
        frappe_cmd on;
        proxy_http_version 1.1;
        proxy_set_header X-Call $frappe_call;
        proxy_set_header X-Doctype $frappe_doctype;
        location / { proxy_pass http://$pool; }
        location /preread { frappe_body preread; proxy_request_buffering off; proxy_pass http://$pool; }
        location /preread-buffered { frappe_body preread; proxy_pass http://$pool; }
        location /off { frappe_cmd off; return 200 "[$frappe_call][$frappe_doctype]"; }
        location /return { return 200 "$frappe_call"; }
    }
    server {
        @{listen server_level}
        frappe_cmd on;
        set $early $frappe_call;
        location / { return 200 "$early $frappe_call"; }
    }
"""

SAVE = "frappe.desk.form.save.savedocs"
FILLER = [{"doctype": "Sales Order Item", "description": "a \"b\" \\ ü 50% + 1\n" * 3, "qty": n / 8,
           "note": None, "tags": [], "rows": [{"doctype": "Deeper"}]} for n in range(6000)]
DOCUMENT = {"items": FILLER, "doctype": "Sales Order"}


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(CONF)


def as_form(cmd, name, document):
    """A form with the document in the middle, as Desk sends it."""
    return FORM, urlencode({"cmd": cmd, name: json.dumps(document), "action": "Save"}).encode()


def as_multipart(cmd, name, document):
    """A multipart body, as a browser's `FormData` makes it."""
    return MULTIPART, multipart(("cmd", cmd), (name, json.dumps(document)), ("action", "Save"))


def as_value(cmd, name, document):
    """A JSON body with the document as an object."""
    return JSON, json.dumps({"cmd": cmd, name: document, "action": "Save"}).encode()


def as_text(cmd, name, document):
    """A JSON body with the document as JSON text in a string."""
    return JSON, json.dumps({"cmd": cmd, name: json.dumps(document), "action": "Save"}).encode()


WAYS = (as_form, as_multipart, as_value, as_text)


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
@pytest.mark.parametrize("target", ["/", "/preread", "/preread-buffered"])
@pytest.mark.parametrize("way", WAYS)
def test_04_70_a_megabyte_with_the_doctype_last(nginx, way, target, via):
    """In a body of any type, the document's own doctype counts, also at the end of a megabyte that comes in
    any pieces. The body arrives complete."""
    content_type, body = way(SAVE, "doc", DOCUMENT)
    assert len(body) > 1 << 20
    done = post(nginx, target, body, content_type, via=via)
    assert done.answer["sha256"] == sha256(body)
    assert (done.logged["doctype"], done.logged["call"]) == ("Sales Order", f"{SAVE}:Sales Order")
    if target == "/":
        headers = done.answer["headers"]
        assert (headers["x-doctype"], headers["x-call"]) == ("Sales Order", f"{SAVE}:Sales Order")


SMALL = {
    "list": ("frappe.client.insert_many", "docs", [{"doctype": "A"}, {"doctype": "B"}], "A"),
    "list of an empty one": ("frappe.client.insert_many", "docs", [{}, {"doctype": "B"}], ""),
    "list of a list": ("frappe.client.insert_many", "docs", [[{"doctype": "B"}]], ""),
    "empty list": ("frappe.client.insert_many", "docs", [], ""),
    "inner doctype": ("frappe.client.save", "doc", {"a": {"doctype": "B"}, "b": [{"doctype": "C"}]}, ""),
    "no text": ("frappe.client.save", "doc", {"doctype": 1}, ""),
    "null": ("frappe.client.save", "doc", {"doctype": None}, ""),
    "escapes": ("frappe.client.save", "doc", {"doctype": "Größe \"x\" \\ / 😀"}, "Größe \"x\" \\ / 😀"),
    "control character": ("frappe.client.save", "doc", {"doctype": "a\u0085"}, ""),
    "line break": ("frappe.client.save", "doc", {"doctype": "a\n"}, ""),
    "140 characters": ("frappe.client.save", "doc", {"doctype": "日" * 140}, "日" * 140),
    "141 characters": ("frappe.client.save", "doc", {"doctype": "d" * 141}, ""),
    "number": ("frappe.client.save", "doc", 12, ""),
    "workflow": ("frappe.model.workflow.apply_workflow", "doc", {"doctype": "Leave"}, "Leave"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("cmd", "name", "document", "doctype"), SMALL.values(), ids=SMALL)
def test_04_71_documents(nginx, way, cmd, name, document, doctype):
    """Documents that are objects, lists, or neither."""
    content_type, body = way(cmd, name, document)
    done = post(nginx, "/", body, content_type)
    assert done.logged["doctype"] == doctype
    assert done.logged["call"] == (f"{cmd}:{doctype}" if doctype else cmd)
    assert done.logged["call"] == call("POST", cmd, {name: document})
    assert done.answer["frappe17"]["call"] == done.logged["call"]


TEXTS = {
    "duplicates": ('{"doctype":"A","x":{"doctype":"C"},"doctype":"B"}', "B"),
    "duplicate without text": ('{"doctype":"A","doctype":null}', ""),
    "escaped key": ('{"\\u0064octype":"A"}', "A"),
    "white space": (' \r\n\t{ "doctype" : "A" } \r\n', "A"),
    "NaN": ('{"x":NaN,"doctype":"A"}', "A"),
    "cut": ('{"doctype":"A"', ""),
    "behind": ('{"doctype":"A"}}', ""),
    "two": ('{"doctype":"A"}{"doctype":"B"}', ""),
    "comma": ('{"doctype":"A",}', ""),
    "single quotes": ("{'doctype':'A'}", ""),
    "control character": ('{"doctype":"A","x":"a\nb"}', ""),
    "byte order mark": ('\ufeff{"doctype":"A"}', ""),
    "dashes": ('{"doctype":"A"}\r\n--rigboundar', ""),
    "half of a pair": ('{"doctype":"A","x":"\\ud800"}', "A"),
    "half of a pair in it": ('{"doctype":"A\\ud800"}', ""),
}


@pytest.mark.parametrize("piece", [None, 1], ids=["whole", "bytes"])
@pytest.mark.parametrize(("text", "doctype"), TEXTS.values(), ids=TEXTS)
def test_04_72_text_of_a_document(nginx, text, doctype, piece):
    """A document as text is read as `json.loads` reads it. A broken document in a good body has no doctype,
    and the method is still found."""
    for content_type, body in (
        (FORM, urlencode({"doc": text, "cmd": "f"}).encode()),
        (MULTIPART, multipart(("doc", text), ("cmd", "f"))),
        (JSON, json.dumps({"doc": text, "cmd": "f"}).encode()),
    ):
        if piece:
            done = post(nginx, "/", body, content_type, via="chunked", size=piece)
        else:
            done = post(nginx, "/", body, content_type)
        logged = done.logged
        assert (logged["cmd"], logged["cmd_status"]) == ("f", "ok")
        assert logged["doctype"] == doctype, body
        assert done.answer["frappe"]["doctype"] == doctype, "the oracle disagrees"


def test_04_73_routes(nginx):
    """A map of `$frappe_call` routes where the command alone does not say enough."""
    def pool(target, body=None, content_type=FORM):
        return post(nginx, target, body, content_type).answer["pool"]

    run = "cmd=frappe.desk.query_report.run&report_name="
    assert pool("/", run + "Stock+Balance") == "reports"
    assert pool("/", run + "ToDo") == "primary"
    docs = urlencode({"cmd": "run_doc_method", "method": "create_salary_slips",
                      "docs": json.dumps({"doctype": "Payroll Entry"})})
    assert pool("/", docs) == "reports"
    assert pool("/api/resource/Payroll%20Entry/1?run_method=m", b"") == "reports"
    assert pool("/api/v2/document/Payroll%20Entry/1/method/m", b"") == "reports"
    assert pool("/api/v2/document/Payroll%20Entry/1", b"") == "primary"


def test_04_74_where_nothing_runs(nginx):
    """`$frappe_call` says in one word why nothing runs; it is empty where the module is off."""
    assert post(nginx, "/return", "{", JSON).response.text == "(malformed)"
    assert post(nginx, "/return", '{"cmd":1}', JSON).response.text == "(invalid)"
    for target in ("/return", "/return?x=%41"):
        assert exchange(nginx, "OPTIONS", target, [], None).response.text == "(options)"
        assert exchange(nginx, "GET", target, [], None).response.text == "page"
    assert post(nginx, "/off", "cmd=a&doctype=B").response.text == "[][]"
    text = post(nginx, "/", "cmd=a&doctype=B", port="server_level").response.text
    assert text == "(unread) a:B"
    assert exchange(nginx, "GET", "/?cmd=a", [], None, port="server_level").response.text == "a a"


@pytest.mark.parametrize("via", ALL_TRANSPORTS)
def test_04_76_streamed(nginx, via):
    """With preread the log has the call of the whole body, even if another one has routed the request."""
    body = ("x=" + "y" * 50_000 + "&cmd=late&doctype=D").encode()
    done = post(nginx, "/preread/api/method/x?cmd=early", body, via=via)
    assert (done.logged["cmd_status"], done.logged["call"]) == ("late", "late:D")
