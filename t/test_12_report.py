"""12: `make report` shows the servers' time by the log of log-json.conf."""

import gzip
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys

import pytest

from rig.env import ROOT
from rig.report import TOOL, report, request, table
from rig.waiting import until


@pytest.fixture
def log(tmp_path):
    """A hundred requests of known times, in seconds 0.01 to 1.00, and a few others."""
    path = tmp_path / "access.json"
    path.write_text(
        "".join(request("frappe.client.get", number / 100, status=502 if number > 95 else 200)
                for number in range(1, 101))
        + "".join(request("frappe.desk.query_report.run", 20, pool="erpnext_secondary",
                          call="frappe.desk.query_report.run:General Ledger",
                          report="General Ledger") for _ in range(7))
        + request(upstream_time="0.5, 0.25", status=417)
        + request("ping", 0, upstream_time="-", pool=""))
    return path


def test_12_08_figures(log):
    """The figures of the report are right."""
    run = report(log)
    assert run.returncode == 0 and run.stderr == "", run.stderr
    assert run.stdout.startswith("109 requests from 2026-01-01T00:00:00+00:00 to ")
    rows = table(run.stdout, "Most time of the servers")
    assert rows["frappe.client.get"] == {
        "requests": "100", "errors %": "5.0", "p50 s": "0.500", "p95 s": "0.950", "p99 s": "0.990",
        "max s": "1.000", "servers s": "50.5", "share %": "26.4"}
    # A line without a call, as in older logs, counts under its command.
    assert rows["(no command)"]["servers s"] == "0.8"
    assert rows["(no command)"]["errors %"] == "0.0"
    assert list(rows)[0] == "frappe.desk.query_report.run:General Ledger"
    assert list(table(run.stdout, "By command"))[0] == "frappe.desk.query_report.run"
    assert list(table(run.stdout, "Slowest, by p95"))[0] == "frappe.desk.query_report.run:General Ledger"
    assert list(table(run.stdout, "Most frequent"))[0] == "frappe.client.get"
    assert table(run.stdout, "By pool")["erpnext_secondary"]["requests"] == "7"
    assert table(run.stdout, "By pool")["(nginx itself)"]["servers s"] == "0.0"
    assert table(run.stdout, "By report")["General Ledger"]["p95 s"] == "20.000"


def test_12_10_top(log):
    """`--top` cuts the tables."""
    assert len(table(report(log, "--top", 2).stdout, "Most frequent")) == 2


def test_12_12_terminal(log):
    """No name can send control characters to the terminal."""
    with open(log, "a", encoding="utf-8") as file:
        file.write(request("a\x1b[2J\x9b\u202e"))
    run = report(log)
    assert run.returncode == 0 and not set("\x1b\x9b\u202e") & set(run.stdout)


def test_12_21_slowest_by_enough_runs(log):
    """A call that has run less often than `--min` is none of the slowest, however long it took."""
    with open(log, "a", encoding="utf-8") as file:
        file.write("".join(request("rare", 90) for _ in range(4)))
    def slowest(*args):
        return list(table(report(log, *args).stdout, "Slowest, by p95"))
    assert slowest() == ["frappe.desk.query_report.run:General Ledger", "frappe.client.get"]
    assert slowest("--min", 4)[0] == "rare"
    assert slowest("--min", 8) == ["frappe.client.get"]
    said = report(log, "--min", 101).stdout
    assert "Slowest, by p95, of calls with 101 requests or more (--min)\n  none\n" in said


def test_12_22_long_names(log):
    """A name of 255 bytes has a line of its own, and the table does not become wider."""
    def widths(output):
        return {len(line) for line in output.splitlines() if line.startswith("  ---")}
    before = widths(report(log).stdout)
    for name in ("n" * 255, "\N{CJK UNIFIED IDEOGRAPH-540D}" * 85):
        with open(log, "a", encoding="utf-8") as file:
            file.write(request(name))
        output = report(log).stdout
        assert widths(output) == before
        assert f"\n  {name}\n" in output
        assert table(output, "Most time of the servers")[name]["requests"] == "1"


def test_12_13_several_and_compressed(log, tmp_path):
    """The report reads several logs. It recognises a compressed one by its content, not by its name, and takes
    a name with the characters of a pattern literally."""
    packed, renamed = tmp_path / "access[1]*.json", tmp_path / "plain.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    renamed.write_bytes(log.read_bytes())
    run = report(log, packed, renamed)
    assert run.stdout.startswith("327 requests") and run.stderr == ""


def test_12_23_standard_input(log):
    """`-` is the standard input, compressed or not."""
    for content in (log.read_bytes(), gzip.compress(log.read_bytes())):
        run = subprocess.run([sys.executable, TOOL, "-"], input=content, capture_output=True,
                             check=False)
        assert run.stdout.startswith(b"109 requests") and run.stderr == b""


def cut(packed):
    """A compressed log without its end."""
    return packed[:len(packed) // 2]


def flip(packed):
    """A compressed log with a wrong byte in its middle."""
    middle = len(packed) // 2
    return packed[:middle] + bytes([packed[middle] ^ 0xFF]) + packed[middle + 1:]


@pytest.mark.parametrize("damage", [cut, flip, lambda packed: packed[:-8] + bytes(8),
                                    lambda packed: packed + b"no gzip"],
                         ids=["cut", "flipped", "checksum", "more"])
def test_12_24_damaged(log, tmp_path, damage):
    """The readable part of a damaged log counts, with a warning, and so do the logs behind it."""
    dice = random.Random(24)
    lines = [request(f"cmd.{dice.getrandbits(256):x}").encode() for _ in range(2000)]
    broken = tmp_path / "broken.gz"
    broken.write_bytes(damage(gzip.compress(b"".join(lines))))
    # gzip itself reads as many lines; the last one may be cut.
    unpacked = subprocess.run(["gzip", "-dc"], stdin=broken.open("rb"), capture_output=True, check=False)
    least = sum(line in lines for line in unpacked.stdout.splitlines(keepends=True))
    run = report(broken, log)
    assert run.returncode == 0
    warning = re.search(r"^report: (.*)broken.gz is cut off or damaged \(.+\): "
                        r"only the ([\d,]+) lines before that are counted$", run.stderr, re.MULTILINE)
    assert warning, run.stderr
    count = int(warning[2].replace(",", ""))
    assert 0 < count <= 2000 and (count >= least or damage is flip)
    # With a wrong byte, gzip may give lines that were never written.
    wrong = re.search(r"(\d+) of \d+ lines were left out", run.stderr)
    assert damage is flip or not wrong
    assert run.stdout.startswith(f"{count + 109 - int(wrong[1] if wrong else 0):,} requests")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_12_25_progress(tmp_path, pack):
    """For logs above 50 MB the report says on standard error how far it is; for smaller ones it is silent."""
    path = tmp_path / "access.json"
    line = request("frappe.client.get", path="/" + "x" * 20_000).encode()
    path.write_bytes(pack(line * (49_000_000 // len(line))))
    run = report(path)
    assert run.returncode == 0 and run.stderr == ""
    path.write_bytes(pack(line * (60_000_000 // len(line))))
    run = report(path)
    part, count = re.match(r"report: (\d+)% read, ([\d,]+) lines so far\n", run.stderr).groups()
    # A compressed log is read in pieces, ahead of the lines that are counted.
    assert 80 <= int(part) <= (85 if pack is bytes else 100)
    assert int(count.replace(",", "")) * len(line) == pytest.approx(50_000_000, abs=len(line))
    assert "report: counting: By pool\n" in run.stderr and "report:" not in run.stdout


def test_12_26_interrupted(tmp_path):
    """Ctrl-C ends it without a traceback."""
    said = tmp_path / "said"
    line = request(path="x" * 100_000).encode()
    with open(said, "wb") as errors:
        run = subprocess.Popen([sys.executable, TOOL, "-"], stdin=subprocess.PIPE, stderr=errors,
                               stdout=subprocess.DEVNULL,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    try:
        for _ in range(50_000_000 // len(line) + 2):
            run.stdin.write(line)
        run.stdin.flush()
        until(said.read_bytes, "its first word")
        run.send_signal(signal.SIGINT)
        assert run.wait(10) == 130
    finally:
        run.kill()
        run.stdin.close()
    assert b"Traceback" not in said.read_bytes()


def test_12_14_bad_lines(log):
    """Lines that are something else are counted and left out."""
    with open(log, "a", encoding="utf-8") as file:
        file.write('no JSON\n{"status": 200}\n[1]\n\n' + request(status=10 ** 30) + request(time=1e999)
                   + request(upstream_time="9" * 400) + request(status=math.inf) + request()[:40])
    run = report(log)
    assert run.stdout.startswith("109 requests")
    assert "8 of 117 lines were left out" in run.stderr


@pytest.mark.parametrize(("content", "args", "message"), [
    (None, [], "No such file or directory"),
    ("", [], "is empty"),
    ("127.0.0.1 - - [x] \"GET /\" 200\n", [], "was it written by the log_format"),
    ('{"a": 1}\n', [], "was it written by the log_format"),
    (request(), ["--top", "0"], "--top must be 1 or more"),
    (request(), ["--min", "0"], "--min must be 1 or more"),
    (request(), ["--html", "/nonexistent/x.html"], "/nonexistent/x.html: No such file"),
], ids=["missing", "empty", "text", "other", "top", "min", "html"])
def test_12_15_errors(tmp_path, content, args, message):
    """A wrong call says what is wrong, in one line."""
    path = tmp_path / "access.json"
    if content is not None:
        path.write_text(content)
    run = report(path, *args)
    assert run.returncode != 0 and message in run.stderr and "Traceback" not in run.stderr


def test_12_16_help():
    """`--help` says what the columns mean."""
    run = report("--help")
    assert run.returncode == 0
    for word in ("--top", "--min", "--html", "share %", "servers s", "Errors", "gzip"):
        assert word in run.stdout


def make(*args, path=os.environ["PATH"]):
    """`make report`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run([shutil.which("make"), "-s", *args], cwd=ROOT, capture_output=True, text=True,
                          check=False, env=clean | {"PATH": path, "HOME": "/nonexistent"})


def test_12_17_make(log, tmp_path):
    """`make report`, with a page and with options."""
    run = make("report", f"PYTHON={sys.executable}", f"LOG={log} {log}", f"HTML={tmp_path}/report.html",
               "REPORT_ARGS=--min 300 --top 1")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("218 requests") and "300 requests or more (--min)\n  none" in run.stdout
    assert len(table(run.stdout, "By pool")) == 1 and (tmp_path / "report.html").exists()


def test_12_18_make_without_log():
    """Without LOG, `make report` asks for it."""
    run = make("report")
    assert run.returncode != 0 and "make report LOG=" in run.stderr


def test_12_27_make_help():
    """`make help` names all variables of `make report`."""
    recipe = (ROOT / "Makefile").read_text().split("\nreport:", 1)[1].split("\n.PHONY", 1)[0]
    variables = set(re.findall(r"\$\((?:if \$\()?([A-Z_]+)\)", recipe)) - {"PYTHON"}
    assert variables == {"LOG", "HTML", "REPORT_ARGS"}
    said = make("help").stdout
    for variable in variables:
        assert f"\n  {variable}=" in said
    assert '"--min 20 --top 30"' in said


def test_12_28_make_checks_its_needs(log, tmp_path):
    """`make report` names Python if it is missing, and does not ask for programs that only a build needs."""
    for name in ("cksum", "dirname", "printf", "id", "rm"):
        (tmp_path / name).symlink_to(shutil.which(name))
    run = make("report", f"LOG={log}", path=str(tmp_path))
    assert run.returncode != 0 and "Missing: python3\n" in run.stdout
    assert run.stderr.startswith("Install what your system has in place of these Debian packages:\n")
    (tmp_path / "python3").symlink_to(sys.executable)
    run = make("report", f"LOG={log}", path=str(tmp_path))
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("109 requests")


def test_12_19_standard_library():
    """The report needs only Python: no package, no site directory."""
    run = subprocess.run([sys.executable, "-I", "-S", TOOL, "--help"], capture_output=True,
                         text=True, check=False)
    assert run.returncode == 0, run.stderr


SAME = ("requests", "p50 s", "p95 s", "p99 s", "max s")


def independent(lines):
    """The figures that the report should show for some lines, by their definitions and without a database."""
    times = sorted(line["request_time"] for line in lines)
    busy = [sum(float(time) for time in re.findall(r"[\d.]+", line["upstream_time"]))
            for line in lines]
    # The smallest value that a part q of all does not exceed.
    rank = {q: times[max(math.ceil(q * len(times)) - 1, 0)] for q in (0.50, 0.95, 0.99)}
    return {
        "requests": f"{len(lines):,}",
        "errors": sum(line["status"] >= 499 for line in lines) / len(lines),
        "p50 s": f"{rank[0.50]:.3f}", "p95 s": f"{rank[0.95]:.3f}", "p99 s": f"{rank[0.99]:.3f}",
        "max s": f"{times[-1]:.3f}", "busy": sum(busy)}


@pytest.mark.parametrize(("name", "field"), [
    ("Most time of the servers", "call"), ("By command", "cmd"), ("By pool", "pool"), ("By report", "report")])
def test_12_20_independent(tmp_path, name, field):
    """Another way of counting gives the same figures, over a log of many kinds of lines."""
    dice = random.Random(20)
    lines = []
    for number in range(2000):
        tries = dice.choice([1, 1, 1, 2])
        lines.append({
            "time": f"2026-01-01T00:{number // 60 % 60:02}:{number % 60:02}+00:00",
            "cmd": dice.choice(["a", "b", "b", "b", "c.d"]),
            "call": dice.choice(["a:X", "b:X", "b:Y", "c.d"]), "pool": dice.choice(["one", "two", "two"]),
            "report": dice.choice(["R", "S"]), "status": dice.choice([200] * 20 + [403, 499, 500, 502]),
            "request_time": round(dice.expovariate(2), 3),
            "upstream_time": ", ".join(f"{dice.expovariate(3):.3f}" for _ in range(tries))})
    path = tmp_path / "access.json"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = report(path)
    assert run.returncode == 0, run.stderr
    rows = table(run.stdout, name)
    assert set(rows) == {line[field] for line in lines}
    total = independent(lines)["busy"]
    for key, row in rows.items():
        wanted = independent([line for line in lines if line[field] == key])
        assert {head: row[head] for head in SAME} == {head: wanted[head] for head in SAME}
        # The report rounds to a tenth, and two ways of summing may differ in the last digit.
        assert abs(float(row["errors %"]) - 100 * wanted["errors"]) <= 0.051
        assert abs(float(row["servers s"].replace(",", "")) - wanted["busy"]) <= 0.051
        assert abs(float(row["share %"]) - 100 * wanted["busy"] / total) <= 0.051
