#!/bin/bash
# Builds an nginx that shows errors in the use of memory, from a copy of the source that
# cargo has. Its pools take each allocation from malloc, so that the checker watches the
# end of every one.
#
# usage: build/nginx-checked.sh asan | memcheck DIRECTORY
#   asan      for AddressSanitizer
#   memcheck  to be run under valgrind
#
# DIRECTORY receives source/ and objs/. The program is objs/nginx.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=$1 directory=$2
flags='-DNGX_DEBUG_PALLOC=1 -g -O1 -fno-omit-frame-pointer'
ld_flags=
if [[ $kind == asan ]]; then
    flags+=' -fsanitize=address' ld_flags="-fsanitize=address $directory/options.o"
fi

host=$(rustc -vV | sed -n 's/^host: //p')
crate=$("${CARGO:-cargo}" metadata --format-version 1 --features vendored --filter-platform "$host" \
    ${CARGO_FLAGS:-} | python3 -c '
import json, pathlib, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == "nginx-src":
        print(pathlib.Path(package["manifest_path"]).parent)')

# The configure arguments of the crate itself, and those that .cargo/config.toml adds.
arguments=(
    $(sed -n '/^static NGINX_CONFIGURE_BASE/,/\]/s/.*"\(--.*\)".*/\1/p' "$crate/src/lib.rs")
    $(grep '^--' .cargo/config.toml)
    --with-debug
)
built_of="$crate ${arguments[*]} $flags"
if [[ -x $directory/objs/nginx && $(cat "$directory/built-of" 2>/dev/null) == "$built_of" ]]; then
    exit 0
fi

echo "Building nginx for $kind"
rm -rf "$directory"
mkdir -p "$directory"
cp -r "$crate/nginx" "$directory/source"
# The options are compiled into the program, since nginx hands no environment to the binary that takes
# over from it. nginx frees its configuration only by ending the process, so leaks are not looked for.
cc -c -x c -o "$directory/options.o" - <<END
const char *__asan_default_options(void) { return "detect_leaks=0"; }
END
cd "$directory/source"
configure=./configure
[[ -e $configure ]] || configure=auto/configure
if ! {
    "$configure" "${arguments[@]}" --builddir="$directory/objs" \
        --with-cc-opt="$flags" --with-ld-opt="$ld_flags"
    make -f "$directory/objs/Makefile" -j "$(nproc)"
} >"$directory/build.log" 2>&1; then
    tail -n 20 "$directory/build.log" >&2
    echo "nginx could not be built; the above is the end of $directory/build.log" >&2
    exit 1
fi
echo "$built_of" >"$directory/built-of"
