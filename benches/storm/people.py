"""The requests: people who click, one who opens a report in six tabs, and colleagues who open it, too."""

import asyncio
import random
import time
from dataclasses import dataclass

import httpx

# The desk's calls, from a session that was captured in front of Frappe 15: how many of a hundred requests
# are of this kind, and the least and the most seconds that the server works on one.
CLICKS = {
    "frappe.desk.form.load.getdoc": (18, 0.045, 0.08),
    "frappe.desk.reportview.get": (16, 0.04, 0.075),
    "frappe.desk.search.search_link": (16, 0.025, 0.05),
    "frappe.client.get_value": (12, 0.02, 0.035),
    "frappe.desk.form.save.savedocs": (6, 0.06, 0.08),
    "frappe.desk.reportview.get_count": (10, 0.02, 0.04),
    "frappe.desk.form.load.getdoctype": (6, 0.04, 0.07),
    "frappe.desk.desktop.get_desktop_page": (6, 0.035, 0.06),
    "frappe.desk.notifications.get_open_count": (10, 0.025, 0.05),
}
REPORT = "frappe.desk.query_report.run"
REPORT_SECONDS = 15
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# Seconds after which the client gives up.
PATIENCE = 120


@dataclass(frozen=True)
class Planned:
    """A request that will be sent."""

    at: float
    cmd: str
    seconds: float


@dataclass
class Sent:
    """A request that was sent; `taken` is None where no answer came in time."""

    at: float
    cmd: str
    taken: float | None
    pool: str


def plan(seed, quiet, storm, rate, processes):
    """Plans `quiet` seconds of clicks, then `storm` seconds of clicks and reports: six reports at once,
    and then three times as many as `processes` processes can do."""
    dice = random.Random(seed)
    names, weights = list(CLICKS), [weight for weight, _, _ in CLICKS.values()]
    planned, at = [], 0.0
    while (at := at + dice.expovariate(rate)) < quiet + storm:
        cmd = dice.choices(names, weights)[0]
        planned.append(Planned(at, cmd, round(dice.uniform(*CLICKS[cmd][1:]), 4)))

    def report(at):
        planned.append(Planned(at, REPORT, round(REPORT_SECONDS * dice.uniform(0.97, 1.03), 2)))

    for tab in range(6):
        report(quiet + 0.1 * tab)
    at = quiet
    while (at := at + dice.expovariate(3 * processes / REPORT_SECONDS)) < quiet + storm:
        report(at)
    return sorted(planned, key=lambda request: request.at)


async def send(port, planned, end):
    """Sends each request at its time. Gives up all that have no answer `end` seconds after the start."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    sent = []
    async with httpx.AsyncClient(limits=limits, timeout=PATIENCE,
                                 base_url=f"http://127.0.0.1:{port}") as client:
        begun = time.monotonic()

        async def one(request):
            body = f"report_name=Stock+Balance&seconds={request.seconds}&cmd={request.cmd}"
            start = time.monotonic()
            result = Sent(request.at, request.cmd, None, "")
            sent.append(result)
            try:
                answer = await client.post("/", content=body, headers=FORM)
            except httpx.HTTPError:
                return
            if answer.status_code == 200:
                result.taken, result.pool = time.monotonic() - start, answer.text

        tasks = []
        for request in planned:
            await asyncio.sleep(begun + request.at - time.monotonic())
            tasks.append(asyncio.create_task(one(request)))
        _, late = await asyncio.wait(tasks, timeout=max(0.1, begun + end - time.monotonic()))
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    return sent
