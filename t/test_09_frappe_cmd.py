"""09: frappe-cmd answers for the files that people have (HAR files, cURL commands, raw requests), and says so
where it cannot answer.
"""

import json
import subprocess

import pytest

from rig.env import ROOT

SITE = "https://erp.example.com"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="session")
def frappe_cmd():
    """Runs the program."""
    from oracle.peers import frappe_cmd as path

    def run(*args, data=None):
        return subprocess.run([path(), *map(str, args)], input=data,
                              capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def answers(frappe_cmd):
    """The answers to the requests of a file, as JSON, and the finished process."""
    def ask(text, *options):
        run = frappe_cmd("--json", *options, "-", data=text)
        return [json.loads(line) for line in run.stdout.splitlines()], run

    return ask


def har(*requests):
    """An archive of requests: method, URL, and other members."""
    return json.dumps({"log": {"entries": [
        {"request": {"method": method, "url": url, "headers": [], **more}}
        for method, url, more in requests]}})


def posted(text, content_type=FORM):
    """The members of a request with a body."""
    return {"headers": [{"name": ":method", "value": "POST"},
                        {"name": "content-type", "value": content_type}],
            "bodySize": len(text), "postData": {"mimeType": content_type, "text": text}}


def cmds(found):
    """The commands, by the numbers of the requests."""
    return {answer["index"]: answer["cmd"] for answer in found}


# Raw requests

def test_09_20_explains(frappe_cmd):
    """`--explain` names the rule that decided."""
    run = frappe_cmd("--explain", ROOT / "nginx-conf/demo/04-report-export.http")
    assert run.returncode == 0
    assert "cmd     frappe.desk.query_report.export_query" in run.stdout
    assert "the argument cmd, found in form, beats the path" in run.stdout


HEAD = f"POST /api/method/ping HTTP/1.1\nHost: a\nContent-Type: {FORM}\n"
PARTS = '--x\nContent-Disposition: form-data; name="cmd"\n\nf\n--x--\n'
PARTS_HEAD = ("POST / HTTP/1.1\nContent-Type: multipart/form-data; boundary=x\n"
              f"Content-Length: {len(PARTS.replace(chr(10), chr(13) + chr(10)))}\n\n")


@pytest.mark.parametrize(("text", "note"), [
    (f"{HEAD}Content-Length: 5\n\ncmd=f\n", None),
    (f"{HEAD}\ncmd=f\n", "no Content-Length"),
    (f"{HEAD}\ncmd=f", "no Content-Length"),
    (PARTS_HEAD + PARTS, "has its CR LF again"),
    (PARTS_HEAD + PARTS + "\n", "has its CR LF again"),
    ("\n\n" + f"{HEAD}Content-Length: 5\n\ncmd=f\n\n", None),
])
def test_09_21_line_ends(answers, text, note):
    """frappe-cmd corrects the line ends that an editor has changed, and says so."""
    (answer,), run = answers(text)
    assert (answer["cmd"], run.returncode) == ("f", 0)
    assert (note in answer["notes"][0]) if note else answer["notes"] == []


def test_09_22_several(answers):
    """Several requests in one file, with bodies and without."""
    text = f"GET /app HTTP/1.1\r\n\r\n{HEAD}Content-Length: 5\n\ncmd=f\nGET /api/method/g HTTP/1.1\n\n"
    found, _ = answers(text)
    assert cmds(found) == {1: "", 2: "f", 3: "g"}
    assert [(answer["method"], answer["url"]) for answer in found] == [
        ("GET", "/app"), ("POST", "/api/method/ping"), ("GET", "/api/method/g")]


@pytest.mark.parametrize(("text", "said"), [
    ("", "it is empty"),
    (" \n\n", "it is empty"),
    ("hello\n", "no request line"),
    (f"{HEAD}Content-Length: 9\r\n\r\ncmd=f\r\n", "Content-Length is 9, but 7 bytes"),
    (f"{HEAD}Content-Length: 3\n\ncmd=f\n", "behind its body stand 3 more bytes"),
    (f"GET / HTTP/1.1\n\n{HEAD}Content-Length: x\n\n", "request 2: Content-Length is no number"),
    ("{}", "no log.entries"),
    (har(), "holds no HTTP request"),
    ("curl", "is cut"),
    ("curl 'https://a", "not closed"),
    ('curl ^"https://a^"', "copy as cURL (bash)"),
    ("curl https://a; rm x", '"rm" is no cURL command'),
])
def test_09_23_unreadable(answers, text, said):
    """A file that cannot be read is named, and the exit code is 2."""
    found, run = answers(text)
    assert (found, run.returncode) == ([], 2)
    assert said in run.stderr


def test_09_24_other_files(frappe_cmd, tmp_path):
    """A bad file is named; the others have their answers."""
    (tmp_path / "bad").write_text("?")
    good = ROOT / "nginx-conf/demo/03-report-run.http"
    run = frappe_cmd("/nonexistent", tmp_path / "bad", good)
    assert run.returncode == 2
    assert run.stdout.count("cmd     frappe.desk.query_report.run") == 1
    assert "/nonexistent: " in run.stderr and f"{tmp_path}/bad: " in run.stderr


# HAR files

def test_09_25_har(answers):
    """Each answer has the request's number, method and URL. A file's format is recognised by its content."""
    found, run = answers(har(
        ("POST", f"{SITE}/api/method/p", posted('{"cmd": "a"}', "application/json")),
        ("GET", f"{SITE}/api/method/b?x=1#top", {})), "--arg", "x")
    assert run.returncode == 0
    assert [(a["index"], a["method"], a["url"], a["cmd"], a["arguments"]["x"]) for a in found] == [
        (1, "POST", f"{SITE}/api/method/p", "a", ""),
        (2, "GET", f"{SITE}/api/method/b?x=1#top", "b", "1")]


def test_09_26_other_hosts(answers):
    """Requests that do not go to the site are left out, and counted."""
    archive = har(("GET", f"{SITE}/app", {}),
                  ("GET", "https://cdn.example/api/method/x", {}),
                  ("GET", "wss://erp.example.com/socket.io", {}),
                  ("GET", "data:image/png;base64,AA==", {}),
                  ("GET", f"{SITE}/api/method/b", {}))
    found, run = answers(archive)
    assert cmds(found) == {1: "", 5: "b"}
    assert "1 request to other hosts than erp.example.com (cdn.example;" in run.stderr
    assert "2 requests that no HTTP server sees" in run.stderr
    assert cmds(answers(archive, "--host", "cdn.example")[0]) == {2: "x"}
    assert cmds(answers(archive, "--host", "all")[0]) == {1: "", 2: "x", 5: "b"}
    found, run = answers(archive, "--host", "other.example")
    assert (found, run.returncode) == ([], 2)
    assert "no request goes to other.example" in run.stderr


def test_09_27_params(answers):
    """If an archive has a body as parameters only, frappe-cmd makes the body of them."""
    pairs = [{"name": "a b", "value": "ü&="}, {"name": "cmd", "value": "f"}]
    members = {"postData": {"mimeType": FORM, "params": pairs}, "bodySize": 20}
    parts = {"postData": {"mimeType": "multipart/form-data; boundary=----x", "params": [
        {"name": "file", "fileName": "a.pdf", "contentType": "application/pdf"}, pairs[1]]}}
    found, _ = answers(har(("POST", f"{SITE}/", members), ("POST", f"{SITE}/", parts)),
                       "--arg", "a b")
    assert [(a["cmd"], a["source"]) for a in found] == [("f", "form"), ("f", "multipart")]
    assert found[0]["arguments"]["a b"] == "ü&="
    assert all("made anew" in a["notes"][0] for a in found)


def test_09_28_base64(answers):
    """Some tools write the body as base64."""
    data = {"mimeType": FORM, "encoding": "base64", "text": "Y21kPWY="}
    assert cmds(answers(har(("POST", f"{SITE}/", {"postData": data})))[0]) == {1: "f"}


@pytest.mark.parametrize("members", [
    {"bodySize": 12}, {"bodySize": 12, "postData": {"mimeType": FORM, "text": ""}},
    {"bodySize": -1, "headers": [{"name": "Content-Length", "value": "12"}]},
])
def test_09_29_body_is_missing(answers, members):
    """If a body was sent but not saved, there is no answer; it does not count as an empty body."""
    found, run = answers(har(("POST", f"{SITE}/api/method/ping", members),
                             ("GET", f"{SITE}/api/method/b", {})))
    assert run.returncode == 2
    assert "its body of 12 bytes is not in the archive" in found[0]["error"]
    assert "cmd" not in found[0] and found[1]["cmd"] == "b"


# cURL

def test_09_30_curl(answers):
    """Commands as a browser copies them: with bash's quotes, several of them, one to another host."""
    found, run = answers(r"""curl 'https://erp.example.com/api/method/ping' \
  -H 'accept: application/json' \
  -b 'sid=x; full_name=A%20B' \
  -H 'content-type: application/x-www-form-urlencoded; charset=UTF-8' \
  --data-raw $'txt=\u00e9\'\ud83d\ude00\n&cmd=frappe.client.get' \
  --compressed ;
curl 'https://cdn.example/x.js' --compressed ;
curl "https://erp.example.com/app" -X POST -H "X-Frappe-CMD;" -d a=1 -d cmd=f -o /dev/null
""", "--arg", "txt")
    assert run.returncode == 0
    assert [(a["index"], a["method"], a["cmd"]) for a in found] == [
        (1, "POST", "frappe.client.get"), (3, "POST", "f")]
    assert "1 request to other hosts" in run.stderr


@pytest.mark.parametrize(("command", "answer"), [
    ("curl erp.example.com/api/method/f", ("GET", "f", "path")),
    ("curl -sI https://a/api/method/f", ("HEAD", "f", "path")),
    ("curl -G -d cmd=f https://a/", ("GET", "f", "query")),
    ("curl --get 'https://a/?x=1' --data-urlencode 'cmd=f'", ("GET", "f", "query")),
    ("curl --json '{\"cmd\":\"f\"}' https://a/", ("POST", "f", "json")),
    ("curl -F cmd=f -F file=@x.pdf https://a/", ("POST", "f", "multipart")),
    ("curl -XPUT --data-binary cmd=f --url=https://a/", ("PUT", "f", "form")),
    ("curl -dcmd=f https://u:p@a:8080", ("POST", "f", "form")),
    ("curl -d cmd=f https://a/ -H 'Content-Type: text/plain'", ("POST", "", "")),
    ("curl --max-time 3 -d x=1 --data-raw @f -d cmd=f https://a/", ("POST", "f", "form")),
])
def test_09_31_curl_options(answers, command, answer):
    """The options that say what is sent."""
    (found,), run = answers(command)
    assert run.returncode == 0
    assert (found["method"], found["cmd"], found["source"]) == answer


@pytest.mark.parametrize("option", ["-d @body", "--data-urlencode x@body", "-T body", "--json @b"])
def test_09_32_curl_files(answers, option):
    """If the body is in another file, there is no answer; it does not count as an empty body."""
    (found,), run = answers(f"curl {option} https://a/")
    assert (run.returncode, "cmd" in found) == (2, False)
    assert "data from a file is not read" in found["error"]


# The command line

@pytest.mark.parametrize(("args", "message"), [
    ([], "<FILE>"),
    (["--frappe", "9", "x"], "--frappe must be"),
    (["--nonsense"], "unexpected argument '--nonsense'"),
    (["--chunk", "0", "x"], "0 is not in 1.."),
    (["--arg", "x" * 2000, "x"], "too long"),
])
def test_09_33_errors(frappe_cmd, args, message):
    """A wrong call says what is wrong."""
    run = frappe_cmd(*args)
    assert run.returncode == 2
    assert message in run.stderr


def test_09_34_help(frappe_cmd):
    """`--help`, the man page and the completions know every option."""
    options = ("frappe", "arg", "explain", "json", "host", "chunk", "frames", "generate", "version")
    for args in (["--help"], *(["--generate", what] for what in ("man", "bash", "zsh", "fish"))):
        run = frappe_cmd(*args)
        assert run.returncode == 0
        text = run.stdout.replace(r"\-", "-")
        for option in options:
            assert f"--{option}" in text or f"-l {option}" in text, (args, option)


def test_09_35_versions(frappe_cmd):
    """`--version` prints the module's version; with a number it still chooses Frappe's, with a hint."""
    version = (ROOT / "Cargo.toml").read_text().split('version = "')[1].split('"')[0]
    assert frappe_cmd("--version").stdout == f"frappe-cmd {version}\n"
    request = ROOT / "nginx-conf/demo/03-report-run.http"
    old, new = (frappe_cmd(option, "13", request) for option in ("--version", "--frappe"))
    assert (old.stdout, old.returncode) == (new.stdout, 0)
    assert "--version 13 is now --frappe 13" in old.stderr and not new.stderr


def test_09_36_terminal(frappe_cmd):
    """Control characters of a file do not reach the terminal."""
    run = frappe_cmd("-", data="GET /\x1b[31m HTTP/1.1\n\n")
    assert run.returncode == 0 and "\x1b" not in run.stdout
