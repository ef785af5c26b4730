"""`python -m rig.picture FILE` makes README's picture of the figures' page, with calls that take about as long
as real ones."""

import random
import socketserver
import sys
import tempfile
import threading
import time
from pathlib import Path

from .env import Env
from .http1 import Http1
from .nginx import Nginx
from .browser import Seen, chromium

CONF = """
    frappe_status_zone calls 1m;
    frappe_pace calls slow=500ms;
    @{upstreams_of_this}
    map $frappe_cmd $pool { default $pool_by_pace; upload_file uploads; }
    map $frappe_pace $pool_by_pace { default primary; slow reports; }
    server {
        @{listen main}
        frappe_cmd on;
        location / { proxy_pass http://$pool; }
        location /status { frappe_status; }
    }
"""

# For each call: how often it comes, and the least and the most milliseconds that it takes.
CALLS = {
    "frappe.desk.form.load.getdoc?doctype=Sales+Invoice": (60, 20, 80),
    "frappe.desk.reportview.get?doctype=Item": (50, 15, 120),
    "frappe.desk.form.save.savedocs?doctype=Sales+Invoice": (20, 60, 300),
    "frappe.desk.search.search_link?doctype=Customer": (40, 8, 40),
    "frappe.desk.query_report.run?report_name=Stock+Balance": (4, 900, 2500),
    "frappe.desk.query_report.run?report_name=Addresses": (5, 60, 160),
    "frappe.desk.query_report.export_query?report_name=General+Ledger": (2, 1200, 3000),
    "frappe.client.get_value?doctype=Item": (30, 4, 15),
    "erpnext.stock.get_item_details.get_item_details?x=1": (15, 30, 180),
    "upload_file?x=1": (6, 50, 400),
    "run_doc_method?dt=Payroll+Entry&method=create_salary_slips": (5, 700, 1900),
    "frappe.realtime.has_permission?doctype=Item": (25, 2, 9),
}


class Slow(socketserver.StreamRequestHandler):
    """Answers after the milliseconds that the query says."""

    def handle(self):
        line = self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        time.sleep(int(line.split(b"ms=")[1].split()[0]) / 1000)
        status = b"500 Internal Server Error" if b"fail" in line else b"200 OK"
        self.wfile.write(b"HTTP/1.0 %b\r\nContent-Length: 3\r\n\r\nok\n" % status)


class Server(socketserver.ThreadingTCPServer):
    """One server for all pools."""

    daemon_threads = allow_reuse_address = True
    request_queue_size = 128


def click(port, seed, until):
    """Sends the requests of a person who clicks."""
    chance = random.Random(seed)
    names = list(CALLS)
    weights = [CALLS[name][0] for name in names]
    while time.monotonic() < until:
        (name,) = chance.choices(names, weights)
        _, least, most = CALLS[name]
        took = int(least * (most / least) ** chance.random())
        fail = "&fail=1" if name.startswith("run_doc_method") and chance.random() < 0.08 else ""
        with Http1(port) as client:
            client.request("GET", f"/api/method/{name}{fail}&ms={took}")
            client.response()


def main(target, length=40):
    """Makes the picture."""
    with tempfile.TemporaryDirectory() as directory, \
            Server(("127.0.0.1", 0), Slow) as server, chromium() as browser:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        pools = dict.fromkeys(("primary", "reports", "uploads"), address)
        nginx = Nginx(Env(), Path(directory), CONF, pools, log="access_log off;",
                      values={"upstreams_of_this": ""}).start()
        try:
            until = time.monotonic() + length
            people = [threading.Thread(target=click, args=(nginx.port(), seed, until))
                      for seed in range(24)]
            for person in people:
                person.start()
            seen = Seen(browser, f"http://127.0.0.1:{nginx.port()}/status?format=html",
                        viewport={"width": 1280, "height": 760})
            # Takes the picture while people still click.
            seen.page.wait_for_timeout(1000 * (until - time.monotonic() - 3))
            seen.page.screenshot(path=target)
            for person in people:
                person.join()
        finally:
            nginx.stop()
            server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
