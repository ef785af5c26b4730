"""Debian's Chromium, headless, and a page in it."""

import shutil
from contextlib import contextmanager

from playwright.sync_api import sync_playwright


@contextmanager
def chromium():
    """A browser, which is ended afterwards."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


class Seen:
    """A page, with the errors in it and the requests that it has made."""

    def __init__(self, browser, url, **options):
        self.page = browser.new_page(**options)
        self.complaints, self.requests = [], []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.goto(url)
        self.page.wait_for_selector("tbody tr")

    def rows(self):
        """The cells of each row, by the heads of the columns."""
        return self.page.evaluate("""() => [...document.querySelectorAll("tbody tr")].map((row) =>
            Object.fromEntries([...row.children].map((cell) => [cell.dataset.head, cell.textContent])))""")

    def calls(self):
        """The names of the calls, in the order of the page."""
        return [row["Call"] for row in self.rows()]

    def sort(self, head):
        """Clicks on the head of a column."""
        self.page.get_by_role("button", name=head, exact=True).click()
