"""12: the compose files say what the guide says: what is shared, what there is many of, what once.

No Docker is needed: a library reads them by the Compose specification. What docker itself would do
with them is not tested.
"""

import re
from xml.etree import ElementTree

import pytest
from compose_spec import PyOptions

from rig.configurations import CONF, text
from rig.env import ROOT

DOCKER = ROOT / "packaging/docker"
GUIDE = (ROOT / "docs/several-servers.md").read_text()
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^${}]*))?\}|\$(\w+)|\$\$")
HOST = {"IMAGE": "frappe/erpnext:v15.54.1", "BALANCER": "10.0.0.1", "DB_HOST": "10.0.0.30",
        "REDIS_CACHE": "10.0.0.30:6379", "REDIS_QUEUE": "10.0.0.30:6380",
        "NFS_SERVER": "10.0.0.31", "NFS_PATH": "/srv/erpnext/sites"}
FRAPPE = {"ERPNEXT_VERSION": "v15.54.1", "ROUTES": "/opt/routes"}


def interpolated(content, values):
    """The text with `${NAME}`, `${NAME:-default}` and `${NAME:?message}` filled in, inner ones
    first; comments are none of Compose's business."""
    content = re.sub(r"^\s*#.*\n", "", content, flags=re.MULTILINE)

    def value(match):
        name, how, word = match[1] or match[4], match[2], match[3]
        if not name:
            return "$\0"
        if values.get(name):
            return values[name]
        if how == "?":
            raise KeyError(f"{name}: {word}")
        return word or ""

    while True:
        replaced = VARIABLE.sub(value, content)
        if replaced == content:
            return content.replace("\0", "")
        content = replaced


def read(name, values):
    """A file by the Compose specification: unknown keys and wrong types are errors."""
    options = PyOptions()
    options.apply_merge = True
    compose = options.from_yaml(interpolated((DOCKER / name).read_text(), values))
    compose.validate()
    return compose


def plain(compose):
    """As dictionaries."""
    return compose.to_dict()


@pytest.fixture(scope="module")
def host():
    """One of several hosts."""
    return plain(read("compose.host.yaml", HOST))


@pytest.fixture(scope="module")
def override():
    """What is laid over frappe_docker's files."""
    options = PyOptions()
    options.apply_merge = True
    content = interpolated((DOCKER / "compose.frappe.yaml").read_text(), FRAPPE)
    # The volume and the configurator are frappe_docker's.
    return plain(options.from_yaml(content + "  configurator: {image: x}\nvolumes: {sites: {}}\n"))


def test_12_101_reader():
    """The library refuses what is no compose file, so that the tests below mean something."""
    for wrong in ("services: {a: {image: x, comand: y}}", "services: {a: {image: [1]}}"):
        with pytest.raises(ValueError):
            PyOptions().from_yaml(wrong)
    assert interpolated("${A:-${B:-c}} $$D ${E}", {"E": "e"}) == "c $D e"
    with pytest.raises(KeyError):
        interpolated("${A:?say A}", {})


@pytest.mark.parametrize("name", sorted(HOST))
def test_12_102_asks(name):
    """What a host cannot guess is asked for, by a message, and the guide names it."""
    with pytest.raises(KeyError, match="Set "):
        read("compose.host.yaml", HOST | {name: ""})
    assert f"{name}={HOST[name]}\n" in GUIDE


def test_12_103_shared(host):
    """Database and redis are elsewhere, and every service has the one volume, which is remote."""
    assert set(host["services"]) == {"frontend", "backend", "websocket", "queue-short",
                                     "queue-long", "scheduler", "configurator"}
    for service in host["services"].values():
        assert service["volumes"] == ["sites:/home/frappe/frappe-bench/sites"]
        assert service["image"] == HOST["IMAGE"]
    options = host["volumes"]["sites"]["driver_opts"]
    assert options["type"] == "nfs" and f"addr={HOST['NFS_SERVER']}," in options["o"]
    assert options["device"] == f":{HOST['NFS_PATH']}"


def test_12_104_once(host):
    """`up` starts neither the scheduler nor the configurator; a profile each does."""
    profiles = {name: service.get("profiles") for name, service in host["services"].items()
                if service.get("profiles")}
    assert profiles == {"scheduler": ["scheduler"], "configurator": ["configurator"]}
    for command in ("run --rm configurator", "up -d", "--profile scheduler up -d"):
        assert command in GUIDE and command in (DOCKER / "compose.host.yaml").read_text()
    configurator = host["services"]["configurator"]
    assert configurator["restart"] == "no"
    script, = configurator["command"]
    for key in ("db_host", "db_port", "redis_cache", "redis_queue", "redis_socketio"):
        assert f"set-config -g {key} " in script or f"set-config -gp {key} " in script
    # `$$` is the shell's own, filled in from the environment.
    for name in re.findall(r"\$(\w+)", script):
        assert name in configurator["environment"]


def test_12_105_balancer_finds_it(host):
    """The port and the time are those that balancer.conf counts on."""
    frontend = host["services"]["frontend"]
    port = frontend["ports"][0]
    assert str(port).endswith(":8080:8080") or port["target"] == 8080
    conf = text("balancer.conf")
    assert "server 10.0.0.11:8080" in conf and "proxy_read_timeout 600s;" in conf
    assert str(frontend["environment"]["PROXY_READ_TIMEOUT"]) == "600"
    assert str(host["services"]["backend"]["environment"]["GUNICORN_TIMEOUT"]) == "600"


@pytest.mark.parametrize("fixture", ["host", "override"])
def test_12_106_environment(request, fixture):
    """A frontend is told only what the template and the entrypoint know."""
    known = set(re.findall(r"\$\{(\w+)\}", (CONF / "frappe-docker.conf.template").read_text()))
    given = request.getfixturevalue(fixture)["services"]["frontend"].get("environment", {})
    assert set(given) <= known


def test_12_107_override(override):
    """The frontend is built by our Dockerfile, and its second backend is there."""
    frontend, reports = (override["services"][name] for name in ("frontend", "backend-reports"))
    build = frontend["build"]
    assert build["context"] == FRAPPE["ROUTES"]
    dockerfile = ROOT / build["dockerfile"]
    declared = set(re.findall(r"^ARG (\w+)", dockerfile.read_text(), re.MULTILINE))
    assert set(build["args"]) <= declared
    assert build["args"]["IMAGE"] == reports["image"] == "frappe/erpnext:v15.54.1"
    assert build["args"]["REPORTS_BACKEND"] == "backend-reports:8000"
    assert frontend["image"] == "erpnext-routes:v15.54.1"
    assert "backend-reports" in frontend["depends_on"]
    assert reports["volumes"] == ["sites:/home/frappe/frappe-bench/sites"]


def test_12_108_picture():
    """It is well-formed, needs nothing from elsewhere, and has each piece."""
    source = (ROOT / "docs/several-servers.svg").read_text()
    words = " ".join(text for text in ElementTree.fromstring(source).itertext()).lower()
    for piece in ("balancer", "frontend", "gunicorn", "socketio", "workers", "scheduler", "migrate",
                  "mariadb", "redis_cache", "redis_queue", "sites volume", "sticky"):
        assert piece in words
    assert "href" not in source and "<script" not in source
    assert "(several-servers.svg)" in GUIDE
