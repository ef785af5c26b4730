"""06: a wrong configuration is refused with a message that says what would be right."""

import re

import pytest

from rig.client import JSON, post
from rig.conf import PROXY
from rig.env import ROOT

ON_OFF = 'it must be "on" or "off"'
PHASES = 'it must be "rewrite" or "precontent"'
BODIES = 'it must be "whole", "preread", "preread=SIZE" with 1k to 1m, or "off"'
VERSIONS = 'it must be a version from 10 to 17, as in "15", "14.54" or "13.18.0"'


def invalid(value, directive, allowed):
    """The message for a value that a directive does not take."""
    return f'invalid value "{value}" in "{directive}" directive, {allowed}'


def in_location(text):
    """A configuration with a snippet inside a location."""
    return f"server {{ @{{listen main}} location / {{\n{text}\n}} }}"


VALUES = [
    ("frappe_cmd maybe;", invalid("maybe", "frappe_cmd", ON_OFF)),
    ("frappe_cmd yes;", invalid("yes", "frappe_cmd", ON_OFF)),
    ("frappe_cmd 1;", invalid("1", "frappe_cmd", ON_OFF)),
    ('frappe_cmd "";', invalid("", "frappe_cmd", ON_OFF)),
    ("frappe_cmd $http_x;", invalid("$http_x", "frappe_cmd", ON_OFF)),
    ("frappe_body preread=;", invalid("preread=", "frappe_body", BODIES)),
    ("frappe_body preread=1;", invalid("preread=1", "frappe_body", BODIES)),
    ("frappe_body preread=2m;", invalid("preread=2m", "frappe_body", BODIES)),
    ("frappe_body preread=-4k;", invalid("preread=-4k", "frappe_body", BODIES)),
    ("frappe_body preread=+4k;", invalid("preread=+4k", "frappe_body", BODIES)),
    ("frappe_body preread=4g;", invalid("preread=4g", "frappe_body", BODIES)),
    ("frappe_body on;", invalid("on", "frappe_body", BODIES)),
    ("frappe_body wholes;", invalid("wholes", "frappe_body", BODIES)),
    ("frappe_phase access;", invalid("access", "frappe_phase", PHASES)),
    ("frappe_phase Rewrite;", invalid("Rewrite", "frappe_phase", PHASES)),
    ("frappe_phase;", 'invalid number of arguments in "frappe_phase" directive'),
    ("frappe_phase rewrite; frappe_phase rewrite;", '"frappe_phase" directive is duplicate'),
    ("frappe_version 9;", invalid("9", "frappe_version", VERSIONS)),
    ("frappe_version 15.;", invalid("15.", "frappe_version", VERSIONS)),
    ("frappe_version 15.16.0.1;", invalid("15.16.0.1", "frappe_version", VERSIONS)),
    ("frappe_version 15,16;", invalid("15,16", "frappe_version", VERSIONS)),
    ("frappe_version 18;", invalid("18", "frappe_version", VERSIONS)),
    ("frappe_version x;", invalid("x", "frappe_version", VERSIONS)),
    ("frappe_version v15;", invalid("v15", "frappe_version", VERSIONS)),
    ("frappe_version 15x;", invalid("15x", "frappe_version", VERSIONS)),
    ("frappe_version -15;", invalid("-15", "frappe_version", VERSIONS)),
    ("frappe_version 99999999999999999999;",
     invalid("99999999999999999999", "frappe_version", VERSIONS)),
    ('frappe_version "";', invalid("", "frappe_version", VERSIONS)),
    ("frappe_cmd;", 'invalid number of arguments in "frappe_cmd" directive'),
    ("frappe_cmd on off;", 'invalid number of arguments in "frappe_cmd" directive'),
    ("frappe_body;", 'invalid number of arguments in "frappe_body" directive'),
    ("frappe_body whole off;", 'invalid number of arguments in "frappe_body" directive'),
    ("frappe_version;", 'invalid number of arguments in "frappe_version" directive'),
    ("frappe_version 15 16;", 'invalid number of arguments in "frappe_version" directive'),
    ("frappe_cmd on; frappe_cmd on;", '"frappe_cmd" directive is duplicate'),
    ("frappe_cmd on; frappe_cmd off;", '"frappe_cmd" directive is duplicate'),
    ("frappe_body off; frappe_body off;", '"frappe_body" directive is duplicate'),
    ("frappe_version 15; frappe_version 16;", '"frappe_version" directive is duplicate'),
    ("frappe_command on;", 'unknown directive "frappe_command"'),
]

# (directive, where, configuration): places where a directive may not stand.
PLACES = [
    ("frappe_cmd on;", "if in server", "server { @{listen main} if ($host = a) {\nHERE\n} }"),
    ("frappe_body off;", "if in server", "server { @{listen main} if ($host = a) {\nHERE\n} }"),
    ("frappe_version 15;", "if in server",
     "server { @{listen main} if ($host = a) {\nHERE\n} }"),
    ("frappe_body off;", "if in location", in_location("if ($host = a) {\nHERE\n}")),
    ("frappe_version 15;", "if in location", in_location("if ($host = a) {\nHERE\n}")),
    ("frappe_cmd on;", "limit_except", in_location("limit_except GET {\nHERE\n}")),
    ("frappe_cmd on;", "upstream", "upstream u {\nserver 127.0.0.1:1;\nHERE\n}"),
    ("frappe_cmd on;", "main", "\nHERE"),
    ("frappe_body off;", "main", "\nHERE"),
    ("frappe_version 15;", "main", "\nHERE"),
]

GOOD = [
    "frappe_cmd on;",
    "frappe_cmd off;",
    "frappe_body whole;",
    "frappe_body off;",
    "frappe_version 10;",
    "frappe_version 17;",
    "frappe_version 14.54;",
    "frappe_version 13.18.0;",
]


def refused(nginx, marker):
    """The message of `nginx -t`, and whether it names the line that holds `marker`."""
    good, said = nginx.test()
    assert not good, said
    emerg = re.findall(r"nginx: \[emerg\] (.+) in (\S+):(\d+)$", said, re.M)
    assert len(emerg) == 1, said
    message, path, line = emerg[0]
    assert path == str(nginx.prefix / "nginx.conf")
    lines = (nginx.prefix / "nginx.conf").read_text().splitlines()
    assert lines[int(line) - 1].strip() == marker
    return message


@pytest.mark.parametrize("level", ["http", "server", "location"])
@pytest.mark.parametrize(("snippet", "message"), VALUES, ids=[text for text, _ in VALUES])
def test_06_01_values(serve_once, snippet, message, level):
    """Wrong values, wrong numbers of them and duplicates, on every level."""
    http = {
        "http": f"\n{snippet}\n",
        "server": f"server {{ @{{listen main}}\n{snippet}\n}}",
        "location": in_location(snippet),
    }[level]
    assert refused(serve_once(http, start=False), snippet) == message


@pytest.mark.parametrize(("snippet", "place", "http"), PLACES,
                         ids=[f"{text} {place}" for text, place, _ in PLACES])
def test_06_02_places(serve_once, snippet, place, http):
    """Directives where they may not stand."""
    text = http.replace("HERE", snippet)
    nginx = serve_once("" if place == "main" else text, start=False,
                       main=text if place == "main" else "")
    name = snippet.split()[0]
    assert refused(nginx, snippet) == f'"{name}" directive is not allowed here'


@pytest.mark.parametrize("snippet", GOOD)
@pytest.mark.parametrize("level", ["http", "server", "location"])
def test_06_03_good(serve_once, snippet, level):
    """Good values are accepted on every level."""
    http = {"http": snippet, "server": f"server {{ @{{listen main}} {snippet} }}",
            "location": in_location(snippet)}[level]
    good, said = serve_once(http, start=False).test()
    assert good, said


def test_06_04_if_in_location(serve_once):
    """`frappe_cmd` may stand in an `if` of a location."""
    http = in_location("if ($http_x = a) { frappe_cmd on; }")
    good, said = serve_once(http, start=False).test()
    assert good, said


@pytest.mark.parametrize("name", ["frappe_cmd", "frappe_cmd_source", "frappe_cmd_status",
                                  "frappe_doctype"])
def test_06_05_variables_cannot_be_set(serve_once, name):
    """`set` must not replace what the module found."""
    nginx = serve_once(in_location(f"set ${name} x;"), start=False)
    assert refused(nginx, f"set ${name} x;") == f'the duplicate "{name}" variable'


def test_06_06_default_is_off(serve_once):
    """A module that is loaded but not turned on is off. `nginx -t` warns about the use of its variables."""
    conf = PROXY.replace("frappe_cmd on;", "")
    nginx = serve_once(conf, start=False)
    good, said = nginx.test()
    assert good
    assert re.search(r'\[warn\] variable "\$frappe_cmd" is used, but "frappe_cmd on" stands nowhere: '
                     r"it is empty in .*nginx\.conf:\d+", said), said


def test_06_07_versions_side_by_side(serve):
    """Servers of one nginx may each follow another version."""
    nginx = serve("\n".join(
        f"server {{ @{{listen v{version}}} frappe_version {version}; frappe_cmd on;"
        ' location / { return 200 "$frappe_cmd_status"; } }' for version in (15, 16, 17)
    ))
    found = [post(nginx, "/", '{"cmd":"f","x":NaN}', JSON, port=f"v{version}").response.text
             for version in (15, 16, 17)]
    assert found == ["ok", "malformed", "malformed"]


@pytest.mark.parametrize("length", [0, 1, 64, 65])
def test_06_08_argument_names(serve_once, length):
    """A variable for an argument without a name, or with too long a name, is refused, instead of being always
    empty."""
    name = "frappe_arg_" + "a" * length
    good, said = serve_once(in_location(f'return 200 "${{{name}}}";'), start=False).test()
    assert good == (0 < length <= 64), said
    assert good or f'variable "${name}" must name an argument of 1 to 64 bytes, ' in said


def test_06_09_the_module_names_itself(serve_once, env):
    """Its version is in the error log once, at start, and in the file."""
    nginx = serve_once(PROXY)
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
    line = f"[notice] {nginx.pid()}#{nginx.pid()}: frappe: ngx_http_frappe_module/{version}"
    assert nginx.errors.text().count(line) == 1
    nginx.reload()
    assert nginx.errors.text().count("frappe: ngx_http_frappe_module/") == 1
    assert f"ngx_http_frappe_module/{version}".encode() in env.module.read_bytes()
