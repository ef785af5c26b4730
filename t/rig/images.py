"""Container images that buildah builds, on base images that are made here."""

import json
import shutil
import subprocess
from pathlib import Path

from .debian import output
from .env import ROOT

BUILDAH = ["buildah", "--storage-driver", "overlay"]

# Stand-ins for the base images of the Dockerfiles.
BASES = {
    "rust:test": """
        FROM scratch
        ADD rust.tar /
    """,
    # The image of frappe_docker: Debian's nginx, the user `frappe`, and a template that the entrypoint fills
    # in.
    "erpnext:test": """
        FROM scratch
        ADD root.tar /
        RUN apt-get update && apt-get install -y --no-install-recommends nginx gettext-base \\
                ca-certificates curl python3 && rm -rf /var/lib/apt/lists/* \\
            && useradd -u 1000 -g 0 -m frappe \\
            && sed -i '/user www-data/d' /etc/nginx/nginx.conf \\
            && rm -f /etc/nginx/sites-enabled/default && touch /run/nginx.pid \\
            && mkdir -p /templates/nginx /home/frappe/frappe-bench/sites \\
            && chown -R frappe /etc/nginx /var/log/nginx /var/lib/nginx /run /home/frappe
        ENTRYPOINT []
        USER frappe
    """,
    # nginx's official image: nginx in /usr/sbin, modules in /usr/lib, no Debian package of it, and its
    # version in the environment.
    "nginx:test": """
        FROM scratch
        ADD root.tar /
        ADD nginx.tar.gz /tmp
        ENV NGINX_VERSION=@VERSION@
        RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make \\
                libpcre2-dev zlib1g-dev libssl-dev curl ca-certificates && rm -rf /var/lib/apt/lists/* \\
            && cd /tmp/nginx-@VERSION@ && ./configure --with-compat --prefix=/etc/nginx \\
                --sbin-path=/usr/sbin/nginx --conf-path=/etc/nginx/nginx.conf \\
                --modules-path=/usr/lib/nginx/modules --error-log-path=/var/log/nginx/error.log \\
                --http-log-path=/var/log/nginx/access.log --pid-path=/run/nginx.pid \\
                --with-http_ssl_module --with-cc-opt='-g -O2 -fPIC' \\
            && make -j2 && make install && mkdir -p /usr/lib/nginx/modules \\
            && ln -s /usr/lib/nginx/modules /etc/nginx/modules
    """,
}


class Images:
    """buildah, with a store of its own."""

    def __init__(self, directory):
        self.directory = directory
        self.argv = [*BUILDAH, "--root", directory / "store", "--runroot", directory / "run"]

    def run(self, *argv):
        """Runs a command of buildah and returns its output; a failure shows all of it."""
        run = subprocess.run([*map(str, self.argv), *map(str, argv)], capture_output=True,
                             text=True, stdin=subprocess.DEVNULL, check=False)
        assert run.returncode == 0, (run.stdout + run.stderr)[-6000:]
        return run.stdout.strip()

    def build(self, tag, dockerfile, context, **args):
        """Builds an image. buildah pulls nothing."""
        self.run("build", "--isolation", "chroot", "--pull-never", "--layers", "--format", "docker",
                 "-t", f"localhost/{tag}", "-f", dockerfile,
                 *(part for name, value in args.items()
                   for part in ("--build-arg", f"{name}={value}")), context)

    def base(self, tag, version=""):
        """Builds one of BASES."""
        path = self.directory / tag.partition(":")[0]
        path.write_text(BASES[tag].replace("@VERSION@", version))
        self.build(tag, path, self.directory / "bases")

    def mount(self, tag):
        """The path of a new container's files."""
        return Path(self.run("mount", self.run("from", "--pull-never", f"localhost/{tag}")))

    def config(self, tag):
        """What `docker inspect` says under Config."""
        return json.loads(self.run("inspect", "--type", "image", f"localhost/{tag}"))[
            "Docker"]["config"]


def rust_tarball(path, directory):
    """Packs this machine's Rust as a tarball, with the paths of the official image."""
    toolchain = Path(output("rustc", "--print", "sysroot").strip())
    made = directory / "rust"
    place = made / "usr/local/rustup/toolchains/here"
    for name in ("bin/cargo", "bin/rustc", "lib"):
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", toolchain / name, target], check=True)
    for name in ("src", "manifest-rust-src"):
        shutil.rmtree(place / "lib/rustlib" / name, ignore_errors=True)
    tools = made / "usr/local/cargo/bin"
    tools.mkdir(parents=True)
    for name in ("cargo", "rustc"):
        (tools / name).symlink_to(f"/usr/local/rustup/toolchains/here/bin/{name}")
    subprocess.run(["tar", "-C", made, "-cf", path, "usr"], check=True)
    shutil.rmtree(made)


VENDORED = """
[source.crates-io]
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "vendor"
"""


def copy_project(path):
    """Copies the project with the crates that it needs, as in the tarball of `make dist`."""
    names = output("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z").split("\0")
    for name in filter(None, names):
        if (ROOT / name).exists():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, path / name)
    subprocess.run(["cargo", "vendor", "--quiet", "--locked", "vendor"], cwd=path,
                   capture_output=True, check=True)
    with open(path / ".cargo/config.toml", "a", encoding="utf-8") as config:
        config.write(VENDORED)
