"""12: the compose files agree with the guide: which services are shared, which run on every host, which once.

No Docker is needed: a library reads them by the Compose specification. This does not test what docker itself
does with them.
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
    """The text without comments, with `${NAME}`, `${NAME:-default}` and `${NAME:?message}` filled in, inner ones
    first."""
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
    """Reads a file by the Compose specification: unknown keys and wrong types are errors."""
    options = PyOptions()
    options.apply_merge = True
    compose = options.from_yaml(interpolated((DOCKER / name).read_text(), values))
    compose.validate()
    return compose


def plain(compose):
    """A compose file as dictionaries."""
    return compose.to_dict()


@pytest.fixture(scope="module")
def host():
    """The compose file of one of several hosts."""
    return plain(read("compose.host.yaml", HOST))


@pytest.fixture(scope="module")
def override():
    """The compose file that is used together with those of frappe_docker."""
    options = PyOptions()
    options.apply_merge = True
    content = interpolated((DOCKER / "compose.frappe.yaml").read_text(), FRAPPE)
    # frappe_docker's files have the volume and the configurator.
    return plain(options.from_yaml(content + "  configurator: {image: x}\nvolumes: {sites: {}}\n"))


def test_12_101_reader():
    """The library refuses a file that is no compose file, so that the tests below can fail."""
    for wrong in ("services: {a: {image: x, comand: y}}", "services: {a: {image: [1]}}"):
        with pytest.raises(ValueError):
            PyOptions().from_yaml(wrong)
    assert interpolated("${A:-${B:-c}} $$D ${E}", {"E": "e"}) == "c $D e"
    with pytest.raises(KeyError):
        interpolated("${A:?say A}", {})


@pytest.mark.parametrize("name", sorted(HOST))
def test_12_102_asks(name):
    """If a value without a default is missing, a message asks for it, and the guide names it."""
    with pytest.raises(KeyError, match="Set "):
        read("compose.host.yaml", HOST | {name: ""})
    assert f"{name}={HOST[name]}\n" in GUIDE


def test_12_103_shared(host):
    """Database and redis are not on the host, and every service has the one volume, which is remote."""
    assert set(host["services"]) == {"frontend", "backend", "websocket", "queue-short",
                                     "queue-long", "scheduler", "configurator"}
    for service in host["services"].values():
        assert service["volumes"] == ["sites:/home/frappe/frappe-bench/sites"]
        assert service["image"] == HOST["IMAGE"]
    options = host["volumes"]["sites"]["driver_opts"]
    assert options["type"] == "nfs" and f"addr={HOST['NFS_SERVER']}," in options["o"]
    assert options["device"] == f":{HOST['NFS_PATH']}"


def test_12_104_once(host):
    """`up` does not start the scheduler and the configurator; each has a profile."""
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
    # Compose makes `$` of `$$`: the shell then takes the value from the environment.
    for name in re.findall(r"\$(\w+)", script):
        assert name in configurator["environment"]


def test_12_105_balancer_finds_it(host):
    """The port and the timeouts fit balancer.conf."""
    frontend = host["services"]["frontend"]
    port = frontend["ports"][0]
    assert str(port).endswith(":8080:8080") or port["target"] == 8080
    conf = text("balancer.conf")
    assert "server 10.0.0.11:8080" in conf and "proxy_read_timeout 600s;" in conf
    assert str(frontend["environment"]["PROXY_READ_TIMEOUT"]) == "600"
    assert str(host["services"]["backend"]["environment"]["GUNICORN_TIMEOUT"]) == "600"


@pytest.mark.parametrize("fixture", ["host", "override"])
def test_12_106_environment(request, fixture):
    """A frontend gets only variables that the template or the entrypoint uses."""
    known = set(re.findall(r"\$\{(\w+)\}", (CONF / "frappe-docker.conf.template").read_text()))
    given = request.getfixturevalue(fixture)["services"]["frontend"].get("environment", {})
    assert set(given) <= known


def test_12_107_override(override):
    """Our Dockerfile builds the frontend, and its second backend exists."""
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
    """The guide's picture is well-formed, needs no other file, and shows every part."""
    source = (ROOT / "docs/several-servers.svg").read_text()
    words = " ".join(text for text in ElementTree.fromstring(source).itertext()).lower()
    for piece in ("balancer", "frontend", "gunicorn", "socketio", "workers", "scheduler", "migrate",
                  "mariadb", "redis_cache", "redis_queue", "sites volume", "sticky"):
        assert piece in words
    assert "href" not in source and "<script" not in source
    assert "(several-servers.svg)" in GUIDE
