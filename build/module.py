#!/usr/bin/env python3
"""Runs cargo and copies what it has built to one directory with a stable path.

usage: build/module.py DIRECTORY CARGO-ARGUMENT...

DIRECTORY receives ngx_http_frappe_module.so, the arguments with which a C compiler finds
the same nginx (cflags), and, when cargo has built nginx as well (feature "vendored"), the
nginx binary that the module fits. Cargo itself leaves nginx in a directory with a hash in
its name, and does not remove older ones; its JSON messages say which one is current.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

MODULE = "ngx_http_frappe_module"


def main():
    directory, arguments = Path(sys.argv[1]), sys.argv[2:]
    built = build(arguments)
    if "module" not in built:
        sys.exit("cargo built no shared object")

    directory.mkdir(parents=True, exist_ok=True)
    install(built["module"], directory / f"{MODULE}.so")
    if "cflags" in built:
        shutil.copy(built["cflags"], directory / "cflags")
    if "nginx" in built:
        install(built["nginx"], directory / "nginx")


def build(arguments):
    command = [os.environ.get("CARGO", "cargo"), *arguments]
    command[2:2] = ["--message-format=json-render-diagnostics"]

    built = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as cargo:
        for line in cargo.stdout:
            message = json.loads(line)
            if message["reason"] == "compiler-artifact":
                if message["target"]["name"] == MODULE:
                    for name in message["filenames"]:
                        if name.endswith(".so"):
                            built["module"] = Path(name)
            elif message["reason"] == "build-script-executed":
                nginx = Path(message["out_dir"], "objs", "nginx")
                cflags = Path(message["out_dir"], "cflags")
                if MODULE in message["package_id"] and cflags.is_file():
                    built["cflags"] = cflags
                if "nginx-sys" in message["package_id"] and nginx.is_file():
                    built["nginx"] = nginx
                    settle(Path(message["out_dir"]))
    if cargo.returncode != 0:
        sys.exit(cargo.returncode)
    return built


def settle(out_dir):
    """Keeps cargo from building nginx's bindings twice.

    nginx-sys makes cargo watch two files that its own build script writes. They are newer
    than the script's start, so the next run of cargo would take them for changed.
    """
    start = (out_dir.parent / "invoked.timestamp").stat().st_mtime_ns
    for name in ("Makefile", "ngx_auto_config.h"):
        path = out_dir / "objs" / name
        if path.stat().st_mtime_ns > start:
            os.utime(path, ns=(start, start))


def install(source, target):
    """Copies a file that has changed. It renames the copy, since an nginx may be running the old file."""
    if target.exists():
        old, new = target.stat(), source.stat()
        if (old.st_size, old.st_mtime_ns) == (new.st_size, new.st_mtime_ns):
            return
    draft = target.with_name(target.name + ".new")
    shutil.copy2(source, draft)
    draft.replace(target)
    print(f"built {target}", flush=True)


try:
    main()
except KeyboardInterrupt:
    sys.exit(130)
