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
    """Fails before any test runs if the module has not been built."""
    try:
        config.stash[ENV] = Env()
    except Missing as error:
        raise pytest.UsageError(str(error)) from error


def pytest_collection_modifyitems(items):
    """Runs long files first: one process runs a whole file, and the others should not wait for the last."""
    items.sort(key=lambda item: not item.path.name.startswith(("test_07", "test_17")))


def pytest_report_header(config):
    """Shows the versions, for a person who reads a failure later."""
    return config.stash[ENV].report()


def pytest_runtest_setup(item):
    """Skips tests over HTTP/3 where nginx does not have it."""
    params = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if "h3" in params and not item.config.stash[ENV].has_http3:
        pytest.skip("this nginx is built without HTTP/3")


@pytest.fixture(scope="session")
def env(pytestconfig):
    """Paths and versions."""
    return pytestconfig.stash[ENV]


@pytest.fixture(scope="session")
def upstreams(tmp_path_factory):
    """Starts the three pools."""
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
    """A function that makes nginx instances, and one that ends all of them."""
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
    """Checks after the test that the worker of the fixture `nginx` is the same process with as many sockets
    as before, and that `@{stub_status}` on the port `main` counts as many connections."""
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
    """Adds to a failure the lines that the error logs got in that test."""
    report = yield
    if report.failed:
        marks = item.stash.get(MARKS, {})
        for instance in nginx_rig.RUNNING:
            gained = instance.errors.text(marks.get(instance, 0))[-6000:]
            report.sections.append((f"error log of {instance.prefix}", gained))
    return report
