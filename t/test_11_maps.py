"""11: route files in maps of their own."""

import pytest

from rig.client import exchange, post
from rig.configurations import CONF, rows

BY_REPORT = """
    map_hash_bucket_size 128;
    map $frappe_cmd $cmd_class { default interactive; include @{conf}/routes-reports.map; }
    map $frappe_arg_report_name $report_pool {
        default primary;
        include @{conf}/routes-by-report.map;
    }
    map $cmd_class $pool { default primary; reports $report_pool; }
    upstream erpnext_secondary { server @{secondary}; }
    server {
        @{listen main}
        frappe_cmd on;
        location / { proxy_pass http://$pool; }
    }
"""

READ_ONLY = """
    map_hash_bucket_size 128;
    map $frappe_cmd $read_only { default 0; include @{conf}/routes-readonly.map; }
    map $read_only $pool { default primary; 1 reports; }
    server {
        @{listen main}
        frappe_cmd on;
        location / { proxy_pass http://$pool; }
    }
"""


@pytest.fixture(scope="module")
def by_report(serve, upstreams):
    return serve(BY_REPORT, values={"conf": CONF, "secondary": upstreams["reports"].address})


@pytest.fixture(scope="module")
def read_only(serve):
    return serve(READ_ONLY, values={"conf": CONF})


@pytest.mark.parametrize("report", [key for key, _ in rows("routes-by-report.map")])
def test_11_14_by_report(by_report, report):
    """A report with a row goes to its pool, run or exported."""
    body = f"report_name={report.replace(' ', '+')}&cmd=frappe.desk.query_report."
    for what in ("run", "export_query"):
        assert post(by_report, "/", body + what).answer["pool"] == "reports"
    other = "/api/method/frappe.desk.query_report.get_script"
    assert post(by_report, other, body.partition("&")[0]).answer["pool"] == "primary"


def test_11_15_by_report_others(by_report):
    """Other reports, and commands without a report, take the default."""
    run = "/api/method/frappe.desk.query_report.run"
    for body in ("report_name=ToDo", "report_name=", "x=1"):
        assert post(by_report, run, body).answer["pool"] == "primary"
    # The comment at the beginning of the file says that names ignore case.
    assert post(by_report, run, "report_name=general+LEDGER").answer["pool"] == "reports"
    pdf = "/api/method/frappe.utils.print_format.download_pdf?doctype=ToDo&name=x"
    assert exchange(by_report, "GET", pdf).answer["pool"] == "primary"


@pytest.mark.parametrize("cmd", [key for key, _ in rows("routes-readonly.map")])
def test_11_16_read_only(read_only, cmd):
    """Each row goes to the readers' servers."""
    assert post(read_only, "/", f"cmd={cmd}").answer["pool"] == "reports"


@pytest.mark.parametrize("cmd", [
    "frappe.client.set_value", "frappe.client.insert", "frappe.client.delete", "login", "logout",
    "frappe.desk.form.save.savedocs", "frappe.desk.form.load.getdoc", "run_doc_method",
    "upload_file", "frappe.desk.reportview.delete_items", "frappe.model.utils.user_settings.save",
])
def test_11_17_writers(read_only, cmd):
    """Commands that write do not go to the readers' servers."""
    assert post(read_only, "/", f"cmd={cmd}").answer["pool"] == "primary"
    # The body counts before the path, also if the path names a reader.
    done = post(read_only, "/api/method/frappe.client.get", f"cmd={cmd}")
    assert done.answer["pool"] == "primary"
