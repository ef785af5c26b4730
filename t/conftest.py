"""Fixtures: the build under test, the pools, nginx for a module or a test, and the log guard."""

import itertools

import pytest

from rig import nginx as nginx_rig
from rig import process
from rig.env import Env, Missing
from rig.nginx import Nginx
from rig.rawserver import RawServer
from rig.upstream import Upstreams
from rig.waiting import until

ENV = pytest.StashKey()
MARKS = pytest.StashKey()


def pytest_configure(config):
    """Fails before anything runs when there is nothing to test."""
    try:
        config.stash[ENV] = Env()
    except Missing as error:
        raise pytest.UsageError(str(error)) from error


def pytest_collection_modifyitems(items):
    """Long files first: each is for one process, and no process is to wait for the last one."""
    items.sort(key=lambda item: not item.path.name.startswith(("test_07", "test_17")))


def pytest_report_header(config):
    """The versions, for whoever reads a failure later."""
    return config.stash[ENV].report()


def pytest_runtest_setup(item):
    """HTTP/3 is not in every nginx."""
    params = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if "h3" in params and not item.config.stash[ENV].has_http3:
        pytest.skip("this nginx is built without HTTP/3")


@pytest.fixture(scope="session")
def env(pytestconfig):
    """Paths and versions."""
    return pytestconfig.stash[ENV]


@pytest.fixture(scope="session")
def upstreams(tmp_path_factory):
    """The three pools, running."""
    pools = Upstreams(tmp_path_factory.mktemp("pools"))
    try:
        yield pools.wait()
    finally:
        pools.stop()


@pytest.fixture(scope="module")
def raw():
    """An upstream that shows every byte, and answers when the test says so."""
    with RawServer() as server:
        yield server


def _allowed(node):
    """The error log lines that a test's markers expect."""
    return [mark.args[0] for mark in node.iter_markers("allow_log")]


def _starter(env, pools, directory, allowed=()):
    """A function that makes nginx instances, and the one that ends them all."""
    made = []
    numbers = itertools.count(1)

    def make(http, *, start=True, **options):
        prefix = directory / f"nginx{next(numbers)}"
        instance = Nginx(env, prefix, http, pools.addresses(), **options)
        instance.allowed += allowed
        if start:
            made.append(instance)
            instance.start()
        return instance

    def end():
        try:
            for instance in made:
                instance.stop()
        finally:
            for instance in made:
                instance.kill()

    return make, end


@pytest.fixture(scope="module")
def serve(env, upstreams, tmp_path_factory):
    """`serve(http)` starts an nginx that lives as long as the test module."""
    make, end = _starter(env, upstreams, tmp_path_factory.mktemp("nginx"))
    yield make
    end()


@pytest.fixture
def serve_once(env, upstreams, tmp_path, request):
    """`serve_once(http)` starts an nginx for one test."""
    make, end = _starter(env, upstreams, tmp_path, _allowed(request.node))
    yield make
    end()


@pytest.fixture
def nothing_left(request, env):
    """Afterwards the worker of the fixture `nginx` has as many sockets as before, and a server with
    `@{stub_status}` on the port `main` counts as many connections; and it is the same worker."""
    nginx = request.getfixturevalue("nginx")
    worker = nginx.worker()

    def figures():
        return nginx.stub_status() if env.has("http_stub_status_module") else ()

    before, sockets = figures(), process.sockets(worker)
    yield
    until(lambda: process.sockets(worker) <= sockets, "the worker to close its sockets")
    until(lambda: figures() == before, "stub_status to count what it counted before")
    assert nginx.worker() == worker, "the worker was replaced"


@pytest.fixture(autouse=True)
def log_guard(request):
    """No test may leave an alert, a crash or a leak in an error log."""
    patterns = _allowed(request.node)
    marks = {instance: instance.errors.mark() for instance in nginx_rig.RUNNING}
    request.node.stash[MARKS] = marks
    yield
    for instance in nginx_rig.RUNNING:
        instance.allowed += patterns
        bad = instance.errors.bad_lines(marks.get(instance, 0), patterns)
        assert not bad, "nginx's error log:\n" + "\n".join(bad)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows with a failure what the error logs gained in that test."""
    report = yield
    if report.failed:
        marks = item.stash.get(MARKS, {})
        for instance in nginx_rig.RUNNING:
            gained = instance.errors.text(marks.get(instance, 0))[-6000:]
            report.sections.append((f"error log of {instance.prefix}", gained))
    return report
