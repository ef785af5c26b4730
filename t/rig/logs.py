"""Readers of nginx's logs."""

import json
import re

from .waiting import until

# Lines that no request may cause. nginx's standard error goes to its error log, so the log also has the
# reports of AddressSanitizer and valgrind.
BAD = re.compile(r"\[(?:alert|emerg|crit)\]|panicked at|exited on signal|open socket #\d+ left|"
                 r"AddressSanitizer|^==\d+== .")


class Log:
    """A log file that grows; positions in it are byte offsets."""

    def __init__(self, path):
        self.path = path

    def mark(self):
        """The position at the end of the file now."""
        return self.path.stat().st_size if self.path.exists() else 0

    def text(self, since=0):
        """The text that was written after the position `since`."""
        if not self.path.exists():
            return ""
        with open(self.path, "rb") as file:
            file.seek(since)
            return file.read().decode("utf-8", "replace")

    def lines(self, pattern, since=0):
        """Complete lines after `since` in which the regular expression is found."""
        search = re.compile(pattern).search
        text = self.text(since)
        return [line for line in text[: text.rfind("\n") + 1].splitlines() if search(line)]

    def wait(self, pattern, since=0):
        """Waits for such a line, and returns the first one."""
        return until(lambda: self.lines(pattern, since), f"{pattern!r} in {self.path.name}")[0]

    def bad_lines(self, since=0, allowed=()):
        """Lines that show a defect, without those that the test expects."""
        return [
            line
            for line in self.text(since).splitlines()
            if BAD.search(line) and not any(re.search(pattern, line) for pattern in allowed)
        ]


class AccessLog(Log):
    """An access log with one JSON object in each line."""

    def entries(self, since=0):
        """The complete lines after `since`."""
        return list(self.each(since))

    def each(self, since=0):
        """The same one by one, for a log that is too long for memory."""
        if not self.path.exists():
            return
        with open(self.path, "rb") as file:
            file.seek(since)
            yield from (_parse(line.decode("utf-8", "replace")) for line in file if line.endswith(b"\n"))

    def entry(self, exchange_id):
        """The line of the request that carried `X-Rig-Id: exchange_id`."""
        def find():
            # The log holds every request of the run, so this reads only its end and parses only a match.
            since = max(0, self.mark() - 65536)
            for line in reversed(self.text(since).splitlines(keepends=True)):
                if exchange_id in line and line.endswith("\n"):
                    entry = _parse(line)
                    if entry["id"] == exchange_id:
                        return entry
            return None

        return until(find, f"the access log line of {exchange_id}")


def _parse(line):
    """Parses one line. nginx writes 000 where there is no status, which is no number in JSON."""
    return json.loads(line.replace('"status":000', '"status":0'))
