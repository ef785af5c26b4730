"""16: whatever is missing, packaging/build-for-nginx.sh says what to do next.

The nginx here is a script that prints what a test wants, and its source has a configure that does what a
test wants: these tests check the messages. `make test-versions` builds for real nginx.
"""

import os
import re
import shutil
import signal
import subprocess
import tarfile

import pytest

from rig.env import ROOT
from rig.waiting import until

SCRIPT = ROOT / "packaging/build-for-nginx.sh"
VERSION = "1.2.3"


def executable(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def build(tmp_path):
    """`build(*argv)` runs the script, which must fail, and returns its output."""
    target = tmp_path / "target"

    def run(*argv, code=1, **env):
        env = {**os.environ, "CARGO_TARGET_DIR": str(target), "LC_ALL": "C", **env}
        done = subprocess.run([SCRIPT, *argv], cwd=tmp_path, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env,
                              check=False)
        assert done.returncode == code, done.stdout
        return done.stdout

    return run


@pytest.fixture
def nginx(tmp_path):
    """`nginx(arguments)`: a binary whose -V prints these configure arguments."""
    def make(arguments="", version=f"nginx/{VERSION}"):
        about = tmp_path / "about"
        about.write_text(f"nginx version: {version}\nconfigure arguments: {arguments}\n")
        return executable(tmp_path / "nginx", f"cat {about} >&2")

    return make


@pytest.fixture
def source(tmp_path):
    """`source(script)`: a source tree whose configure does what the script says."""
    def make(configure="exit 0", version=VERSION):
        tree = tmp_path / "nginx-source"
        (tree / "src/core").mkdir(parents=True)
        (tree / "src/core/nginx.h").write_text(f'#define NGINX_VERSION      "{version}"\n')
        executable(tree / "configure", configure)
        return tree

    return make


def test_16_30_help(build):
    """--help explains the usage, and changes nothing."""
    assert build("--help", code=0).startswith("usage: packaging/build-for-nginx.sh")


@pytest.mark.parametrize(("argv", "said"), [
    (["--sauce"], "--sauce is unknown; see --help"),
    (["a", "b"], "One nginx at a time; see --help"),
    (["--source"], "--source needs a path; see --help"),
    (["/etc/passwd"], "/etc/passwd is no program: give the path of nginx's binary"),
    (["/no/such/nginx"], "/no/such/nginx is no program"),
    (["--source", "/no/such/tree", "/bin/true"],
     "--source /no/such/tree does not exist: give an unpacked tree or a tarball."),
    (["/bin/true"], "/bin/true -V names no version, so it is no nginx:"),
    (["/bin/false"], "/bin/false -V failed:"),
], ids=lambda value: value if isinstance(value, str) else " ".join(value))
def test_16_31_arguments(build, argv, said):
    """The message names a wrong argument, and says what would be right."""
    assert said in build(*argv).replace("/usr/bin/", "/bin/")


def test_16_32_no_nginx(build, tmp_path):
    """The message for a PATH without nginx."""
    if any(os.path.exists(path) for path in ("/usr/sbin/nginx", "/usr/local/nginx/sbin/nginx")):
        pytest.skip("there is an nginx where the helper looks for one, whatever PATH is")
    assert "There is no nginx on PATH: give the path of its binary." in build()


def test_16_33_no_source(build, nginx):
    """The message says how to get a source that is missing."""
    said = build(nginx())
    assert f"The source of nginx {VERSION} is not here." in said
    assert f"build-for-nginx.sh --source nginx-{VERSION}.tar.gz {nginx()}" in said
    assert "apt-get install nginx-dev" in said


@pytest.mark.parametrize("version", ["nginx/1.2.3 (Ubuntu)", "openresty/1.2.3.1", "nginx/1.2.3"])
def test_16_34_version(build, nginx, version):
    """The script finds nginx's version where a distribution or OpenResty has added to it."""
    assert f"is nginx {VERSION}\n" in build(nginx(version=version))


def test_16_35_wrong_source(build, nginx, source, tmp_path):
    """The message for a source of another version, or of another program."""
    said = build("--source", source(version="1.2.4"), nginx())
    assert "nginx-source is nginx 1.2.4, but" in said
    assert "A module fits one version only: get the source of that one." in said
    said = build("--source", tmp_path / "nginx-source/src", nginx())
    assert "has no src/core/nginx.h: it is not the source of nginx." in said
    (tmp_path / "nginx-source/configure").unlink()
    (tmp_path / "nginx-source/src/core/nginx.h").write_text(
        f'#define NGINX_VERSION "{VERSION}"\n')
    said = build("--source", tmp_path / "nginx-source", nginx())
    assert f"has no configure: get the whole source of nginx {VERSION}." in said


def test_16_36_tarball(build, nginx, source, tmp_path):
    """A tarball is unpacked; the message names one that is broken, or of another program."""
    tarball = tmp_path / "nginx.tar.gz"
    with tarfile.open(tarball, "w:gz") as tar:
        tar.add(source("echo unpacked; exit 1"), f"nginx-{VERSION}")
    assert "unpacked\n" in build("--source", tarball, nginx())
    tarball.write_bytes(tarball.read_bytes()[:40])
    said = build("--source", tarball, nginx())
    assert f"{tarball} cannot be unpacked: is it complete, and a tarball of nginx's source?" in said


def test_16_37_arguments_of_nginx(build, nginx, source, tmp_path):
    """configure gets nginx's own arguments, without those that name directories of the machine that built it, and
    a directory for its objects."""
    given = tmp_path / "given"
    tree = source(f'for a in "$@"; do echo "$a"; done >{given}; exit 1')
    build("--source", tree, nginx(
        "--with-cc-opt='-O2 -g -DX=\"a $(touch ran) b\"' --builddir=/build/objs --with-debug "
        f"--add-module=/build/echo --with-openssl=../openssl --add-module={tree}"))
    arguments = given.read_text().splitlines()
    assert arguments[:-1] == ['--with-cc-opt=-O2 -g -DX="a $(touch ran) b"',
                              "--builddir=/build/objs", "--with-debug", f"--add-module={tree}"]
    assert arguments[-1].startswith(f"--builddir={tmp_path}/target/for-nginx/{VERSION}-")
    assert not list(tmp_path.rglob("ran"))


def test_16_38_quotes(build, nginx, source):
    """The message for arguments that no shell would accept."""
    said = build("--source", source(), nginx("--with-cc-opt='-O2"))
    assert "The quotes in the configure arguments of" in said
    assert "make module NGINX_SOURCE_DIR=" in said


@pytest.mark.parametrize(("arguments", "tries"), [
    ("--with-http_xslt_module=dynamic", ["--with-http_xslt_module=dynamic"]),
    ("--with-compat --with-http_xslt_module=dynamic",
     ["--with-compat --with-http_xslt_module=dynamic", "--with-compat"]),
])
def test_16_39_configure_fails(build, nginx, source, tmp_path, arguments, tries):
    """The message has the end of configure's output, and says what to do. With --with-compat, the script first
    tries again without the dynamic modules, whose libraries may be missing."""
    tries_log = tmp_path / "tries"
    tree = source(f'echo "$*" >>{tries_log}; echo "./configure: error: no libxslt"; exit 1')
    said = build("--source", tree, nginx(arguments))
    assert "./configure: error: no libxslt\n" in said
    assert "Install the development files of the library that it misses, and try again." in said
    made = [line.split(" --builddir")[0] for line in tries_log.read_text().splitlines()]
    assert made == tries


def test_16_40_interrupted(nginx, source, tmp_path):
    """Ctrl-C leaves no unfinished files."""
    begun = tmp_path / "begun"
    tree = source(f"touch {begun}; exec sleep 60")
    log = tmp_path / "log"
    with open(log, "wb") as out:
        run = subprocess.Popen([SCRIPT, "--source", tree, nginx()], stdout=out, stderr=out,
                               env={**os.environ, "CARGO_TARGET_DIR": str(tmp_path / "target")},
                               start_new_session=True,
                               # A test run in the background of a script ignores SIGINT.
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        until(begun.exists, "configure to begin", timeout=30)
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(10) == 130, log.read_text()
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
    assert not list((tmp_path / "target/for-nginx").iterdir())


def test_16_41_check(build, nginx, source, tmp_path):
    """--check prints with what the module would be built, and builds nothing."""
    said = build("--check", "--source", source("echo configured >&2"), nginx(), code=0)
    assert f"is nginx {VERSION}\n" in said and "The source is " in said
    assert re.search(r"\nRust is \d+\.\d+\.\d+, the C library [\d.]+\n", said)
    assert f"build-for-nginx.sh --source {tmp_path}/nginx-source {nginx()}\n" in said
    assert not (tmp_path / "target").exists() and "configured" not in said


def test_16_42_check_finds(build, nginx, source, tmp_path):
    """--check fails with the messages of a build that cannot go on, and installs nothing as root."""
    assert f"The source of nginx {VERSION} is not here." in build("--check", nginx())
    programs = tmp_path / "bin"
    programs.mkdir()
    executable(programs / "python3", f"touch {tmp_path}/python; exit 1")
    for name in ("apt-get", "make"):
        executable(programs / name, f"touch {tmp_path}/{name}")
    needed = "bash sh dirname realpath sed grep cat tail ls mktemp rm id sort head cut cargo rustc apt-cache"
    for name in needed.split():
        (programs / name).symlink_to(shutil.which(name))
    said = build("--check", "--source", source(), nginx(), PATH=str(programs))
    assert "Missing: gcc, the headers of libc, pcre2, zlib and openssl" in said
    assert "apt-get install -y gcc libc6-dev" in said
    assert said.endswith("It can be built here as soon as that is installed.\n")
    assert not (tmp_path / "apt-get").exists()


@pytest.mark.parametrize("more", [[], ["--check"]])
def test_16_43_angie(build, tmp_path, more):
    """For Angie, whose modules have another layout, the script says so in one sentence."""
    angie = executable(tmp_path / "angie", "echo 'Angie version: Angie/1.13.0' >&2")
    said = build(*more, angie)
    assert said.startswith(f"{angie} is Angie, for which the module cannot be built:")
