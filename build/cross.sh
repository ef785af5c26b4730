#!/bin/bash
# Builds the module and frappe-cmd for Debian's nginx on arm64, by this machine's own cross-compiler and the
# headers and libraries of an arm64 system. build/debs.sh calls it.
#
# usage: build/cross.sh ROOT DIRECTORY
#   ROOT        an arm64 system by build/debian-root.sh
#   DIRECTORY   receives ngx_http_frappe_module.so and frappe-cmd
#
# With CROSS_TEST=1 in the environment it also runs the tests of the core, under qemu-user-static.
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

build/step.py 'Installing packages in the emulated system' 'usually 10 minutes' \
    build/inside.sh "$root" bash -euc '
        [[ ! -e /usr/share/nginx/src/conf_flags || ! -e /usr/bin/lintian ]] || exit 0
        apt-get install -y -q --no-install-recommends libc6-dev libpcre2-dev zlib1g-dev libssl-dev nginx nginx-dev \
            dpkg-dev debhelper help2man lintian python3 >apt.log 2>&1 || { cat apt.log >&2; exit 1; }'

# nginx's configure compiles small programs and runs them, here by qemu. It asks uname for the machine, so uname
# must say aarch64.
configure() (
    tools=$(mktemp -d)
    trap 'rm -rf "$tools"' EXIT
    printf '#!/bin/sh\n[ "$*" != -m ] || { echo aarch64; exit; }\nexec /usr/bin/uname "$@"\n' >"$tools/uname"
    chmod 755 "$tools/uname"
    cd "$root/usr/share/nginx/src"
    . ./conf_flags
    PATH=$tools:$PATH QEMU_LD_PREFIX=$root ./configure "${NGX_CONF_FLAGS[@]}" --with-cc="$compiler" \
        --with-cc-opt="--sysroot=$root" --with-ld-opt="--sysroot=$root" --builddir="$directory/objs"
)
mkdir -p "$directory/objs"
configure >"$directory/configure.log" 2>&1 || { cat "$directory/configure.log" >&2; exit 1; }

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
