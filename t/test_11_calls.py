"""11: routes-calls.map routes reports by their name, and methods of documents however a client asks for them.
All other requests go where their command goes."""

import json
import re
from urllib.parse import quote, urlencode

import pytest

from rig.client import JSON, MULTIPART, exchange, multipart, post
from rig.configurations import CONF, rows

NAME = "routes-calls.map"
METHODS = [key.removeprefix("run_doc_method:").rsplit(".", 1)
           for key, _ in rows(NAME) if key.startswith("run_doc_method:")]
REPORTS = [key.split(":") for key, _ in rows(NAME) if not key.startswith("run_doc_method:")]

BY_CALL = """
    map_hash_bucket_size 128;
    map $frappe_cmd $class_of_cmd { default interactive; include @{conf}/routes-background.map; }
    map $frappe_call $cmd_class { default $class_of_cmd; include @{conf}/routes-calls.map; }
    map $cmd_class $pool { default primary; background reports; reports reports; }
    server {
        @{listen main}
        frappe_cmd on;
        location / { proxy_pass http://$pool; }
    }
"""


@pytest.fixture(scope="module", name="nginx")
def fixture_nginx(serve):
    return serve(BY_CALL, values={"conf": CONF})


def document(doctype):
    """A document as the desk sends it: JSON with the doctype behind other members."""
    return json.dumps({"items": ["x" * 1000], "doctype": doctype, "name": "new-1"})


@pytest.mark.parametrize(("doctype", "method"), METHODS, ids=map(".".join, METHODS))
def test_11_30_methods_of_documents(nginx, doctype, method):
    """Both commands for methods of documents work, in a form, multipart or JSON, and so do documents' paths."""
    docs = document(doctype)

    def pool(*args):
        return post(nginx, *args).answer["pool"]
    for cmd in ("run_doc_method", "runserverobj"):
        assert pool("/", urlencode({"docs": docs, "method": method, "cmd": cmd})) == "reports"
    assert pool("/api/method/run_doc_method", json.dumps({"docs": docs, "method": method}), JSON) == "reports"
    parts = multipart(("docs", docs), ("method", method), ("cmd", "run_doc_method"))
    assert pool("/", parts, MULTIPART) == "reports"
    assert pool("/api/method/run_doc_method", urlencode({"dt": doctype, "dn": "x", "method": method})) == "reports"
    assert pool(f"/api/resource/{quote(doctype)}/x", f"run_method={method}") == "reports"
    assert pool(f"/api/v2/document/{quote(doctype)}/x/method/{method}", "x=1") == "reports"
    # The method of another doctype, and another method.
    assert pool("/", urlencode({"docs": document("ToDo"), "method": method, "cmd": "run_doc_method"})) == "primary"
    assert pool("/", urlencode({"docs": docs, "method": "x", "cmd": "run_doc_method"})) == "primary"
    assert exchange(nginx, "GET", f"/api/resource/{quote(doctype)}/x").answer["pool"] == "primary"


@pytest.mark.parametrize(("cmd", "report"), REPORTS, ids=map(":".join, REPORTS))
def test_11_31_reports(nginx, cmd, report):
    """A report is found in the body and in the query. Another report, or another command for this one, goes
    where its command goes."""
    query = urlencode({"report_name": report})
    assert post(nginx, "/", f"{query}&cmd={cmd}").answer["pool"] == "reports"
    assert exchange(nginx, "GET", f"/api/method/{cmd}?{query}").answer["pool"] == "reports"
    assert post(nginx, "/", f"report_name=ToDo&cmd={cmd}").answer["pool"] == "primary"
    assert post(nginx, "/", f"cmd={cmd}").answer["pool"] == "primary"
    assert post(nginx, "/", f"{query}&cmd=frappe.desk.query_report.get_script").answer["pool"] == "primary"


def test_11_32_by_the_command(nginx):
    """Where no row names the call, the command decides."""
    for body, pool in (("cmd=frappe.desk.reportview.delete_items&doctype=ToDo", "reports"),
                       ("cmd=frappe.client.get&doctype=ToDo", "primary"), ("x=1", "primary")):
        assert post(nginx, "/", body).answer["pool"] == pool


def test_11_33_rows():
    """Every row is unique and has a reason above it; the reports are those of routes-by-report.map."""
    keys = [key for key, _ in rows(NAME)]
    assert len(keys) == len(set(keys)) and len(METHODS) >= 10
    paragraphs = (CONF / NAME).read_text().strip().split("\n\n")
    assert all(paragraph.startswith("#") for paragraph in paragraphs)
    assert all(re.fullmatch(r"[A-Z][A-Za-z ]+", doctype) and re.fullmatch(r"\w+", method)
               for doctype, method in METHODS)
    reports = [key for key, _ in rows("routes-by-report.map")]
    assert REPORTS == [[f"frappe.desk.query_report.{what}", report] for report in reports
                       for what in ("run", "export_query")]
