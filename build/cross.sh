#!/bin/bash
# Builds the module and frappe-cmd for Debian's nginx on arm64, by this machine's own cross-compiler and the
# headers and libraries of an arm64 system. build/debs.sh calls it.
#
# usage: build/cross.sh ROOT DIRECTORY
#   ROOT        an arm64 system by build/debian-root.sh
#   DIRECTORY   receives ngx_http_frappe_module.so and frappe-cmd
#
# As CROSS_TEST=1, it also runs the tests of the core, which qemu-user-static emulates.
set -euo pipefail
cd "$(dirname "$0")/.."

[[ $# -eq 2 ]] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2; exit 1; }
root=$(realpath "$1")
mkdir -p "$2"
directory=$(realpath "$2")
triple=aarch64-unknown-linux-gnu
compiler=aarch64-linux-gnu-gcc

for tool in $compiler qemu-aarch64-static; do
    command -v $tool >/dev/null || {
        echo "Missing: $tool. On Debian: apt-get install -y gcc-aarch64-linux-gnu qemu-user-static" >&2
        exit 1
    }
done
[[ -d $(rustc --print sysroot)/lib/rustlib/$triple ]] || {
    echo "Missing: Rust's library for it: rustup target add $triple" >&2
    exit 1
}

# What the packages are made with, and what nginx's configure and the module are compiled against. configure
# runs small programs, so it runs there.
build/step.py 'Installing compilers and libraries in the system' 'usually 5 minutes' \
    build/inside.sh --bind "$directory=$directory" "$root" bash -euc "
        [[ -e /usr/share/nginx/src/conf_flags && -e /usr/bin/lintian ]] || apt-get install -y -q \
            --no-install-recommends gcc libc6-dev libpcre2-dev zlib1g-dev libssl-dev nginx nginx-dev dpkg-dev \
            debhelper help2man lintian python3 >/root/apt.log 2>&1 || { cat /root/apt.log >&2; exit 1; }
        /root/project/build/nginx-debian.sh '$directory/objs'"

export CARGO_TARGET_DIR=$directory/target
export NGINX_SOURCE_DIR=$root/usr/share/nginx/src NGINX_BUILD_DIR=$directory/objs
export CC_aarch64_unknown_linux_gnu=$compiler CFLAGS_aarch64_unknown_linux_gnu="--sysroot=$root"
export BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu="--sysroot=$root"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$compiler
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-Clink-arg=--sysroot=$root"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64-static -L $root"
cargo=${CARGO:-cargo}

build/step.py 'Building the module' 'usually 2 minutes' build/module.py "$directory" \
    rustc --release --lib --crate-type cdylib --target $triple --locked
build/step.py 'Building frappe-cmd' 'usually 1 minute' "$cargo" build --release --locked --target $triple -p frappe-cmd
cp "$CARGO_TARGET_DIR/$triple/release/frappe-cmd" "$directory"
[[ -z ${CROSS_TEST:-} ]] || build/step.py 'Tests of the core, emulated' 'usually 15 minutes' \
    "$cargo" test --no-default-features --locked --target $triple
