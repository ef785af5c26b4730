#!/bin/bash
# Builds the package for a release of Debian or Ubuntu in a system of that release, against its own
# nginx-dev and libc. `make debs` calls this; only root can run it.
#
# usage: build/debs.sh SUITE DIRECTORY
#   SUITE       such as bookworm; or bookworm:arm64, for another kind of processor. Then this machine's
#               cross-compiler builds, since an emulated one would take an hour; all the rest happens there
#   DIRECTORY   receives the package, its .changes and its .buildinfo
#
# The system is kept for a day in target/roots, what cargo built in target/suites. Exits with 77 when the
# system cannot be made, after a line that says why.
set -euo pipefail
cd "$(dirname "$0")/.."

[[ $# -eq 2 ]] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2; exit 1; }
suite=$1 name=${1/:/-}
mkdir -p "$2"
directory=$(realpath "$2")
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
root=$target/roots/$name
cargo=$target/suites/$name/cargo
cache=${CARGO_HOME:-$HOME/.cargo}/registry

# Copies the project into the system, with changes that are not committed.
copy_project() {
    rm -rf "$root/root/project"
    mkdir -p "$root/root/project"
    if [[ -e .git ]]; then
        git ls-files -z --cached --others --exclude-standard --deduplicate
    else
        find . -path ./target -prune -o -type f -print0
    fi | while IFS= read -r -d '' file; do [[ ! -e $file ]] || printf '%s\0' "$file"; done \
        | tar --null --files-from - -c | tar -x -C "$root/root/project"
    packaging/version.sh >"$root/root/project/packaging/version"
}

# The system is made anew each day, so that its packages are of today.
if [[ -z $(find "$root/made" -mmin -1440 2>/dev/null) ]]; then
    rm -rf --one-file-system "$root"
    status=0
    build/debian-root.sh "$suite" "$root" || status=$?
    [[ $status -eq 0 ]] || { rm -rf --one-file-system "$root"; exit "$status"; }
    # dpkg need not call fsync in a system that is thrown away.
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
    build/inside.sh "$root" bash -ec 'apt-get update -q && apt-get install -q -y --no-install-recommends make' \
        >"$root/apt.log" 2>&1 || { cat "$root/apt.log" >&2; exit 1; }
    touch "$root/made"
fi

copy_project
mkdir -p "$cargo" "$cache"
rm -rf "${directory:?}"/*
about=(CARGO_FLAGS=--locked SOURCE_DATE_EPOCH="$(packaging/time.sh)" ${DEBFULLNAME:+DEBFULLNAME="$DEBFULLNAME"}
    ${DEBEMAIL:+DEBEMAIL="$DEBEMAIL"} ${DEBHOMEPAGE:+DEBHOMEPAGE="$DEBHOMEPAGE"})

if [[ $suite == *:* ]]; then
    build/cross.sh "$root" "$cargo"
    # The directory has the same path inside, so that paths in its files are valid there, too.
    build/inside.sh --bind "$cargo=$cargo" "$root" env "${about[@]}" \
        project/packaging/deb.sh "$cargo/ngx_http_frappe_module.so" "$cargo/frappe-cmd" "$cargo/deb"
else
    build/inside.sh --bind "$cache=/root/.cargo/registry" --bind "$cargo=/root/target" "$root" \
        env CARGO_TARGET_DIR=/root/target "${about[@]}" make -C project deb
fi
cp "$cargo/deb"/*.{deb,changes,buildinfo} "$directory"
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
dpkg-deb -x "$directory"/libnginx-*.deb "$unpacked"
echo "$suite: built $(echo "$directory"/libnginx-*.deb)"
echo "$suite: it needs glibc $(build/glibc.py "$unpacked"/usr/lib/nginx/modules/*.so) or newer," \
    "frappe-cmd $(build/glibc.py "$unpacked/usr/bin/frappe-cmd")"
