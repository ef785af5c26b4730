#!/bin/bash
# Lays a fresh, minimal system of a release of Debian or Ubuntu into a directory: no compiler, no
# Python, no nginx. Tests install the package in it, and build in it as a newcomer would. Only root
# can make one.
#
# usage: build/debian-root.sh SUITE [DIRECTORY]
#   SUITE       such as bookworm; "this" means the release of this machine
#   DIRECTORY   receives the system; without it, the path of a tarball is printed
#
# The system has this machine's mirror and proxy. What debootstrap made is kept for a day in
# target/debootstrap.
#
# Exits with 77 when it cannot be made, after a line that says why.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    printf '%s\n' "$@" >&2
    exit 77
}

[[ $# -eq 1 || $# -eq 2 ]] || { echo 'usage: build/debian-root.sh SUITE [DIRECTORY]' >&2; exit 1; }
vendor=$(. /etc/os-release; echo "${ID^}")
this=$(. /etc/os-release; echo "${VERSION_CODENAME:-}")
suite=${1/#this/$this}
directory=${2:-}
[[ $(id -u) == 0 ]] || skip 'Only root can make a system in a directory'
command -v apt-get >/dev/null || skip 'apt-get is not here: no Debian'

kept=$(realpath -m "${CARGO_TARGET_DIR:-target}")/debootstrap
archive=$kept/$suite.tar
draft=$kept/$suite.$$
trap 'rm -rf --one-file-system "$draft" "$draft.tar"' EXIT
trap 'exit 130' INT TERM

make_archive() {
    local sources mirror
    command -v debootstrap >/dev/null || skip 'debootstrap is missing'
    # This machine's own sources, for the other release.
    sources=$(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' "Origin: $vendor" | sed "s/ $this/ $suite/" | sort -u)
    mirror=$(awk -v suite="$suite" '$3 == suite { print $2; exit }' <<<"$sources")
    [[ -n $mirror ]] || skip "apt knows no mirror of $vendor $suite: 'apt-get update' first"

    mkdir -p "$kept"
    # Its mounts go with the namespace, whatever happens to it.
    build/step.py "Making a system of $suite by debootstrap" 'usually 1 minute' \
        unshare --mount debootstrap --variant=minbase "$suite" "$draft" "$mirror" \
        >&2 || skip 'debootstrap failed'
    echo "$sources" >"$draft/etc/apt/sources.list"
    apt-config dump --no-empty --format '%f "%v";%n' Acquire::http Acquire::https \
        >"$draft/etc/apt/apt.conf.d/90host"
    # No service is started or reloaded when its package is installed.
    printf '#!/bin/sh\nexit 101\n' >"$draft/usr/sbin/policy-rc.d"
    chmod 755 "$draft/usr/sbin/policy-rc.d"
    tar -C "$draft" -cf "$draft.tar" .
    mv "$draft.tar" "$archive"
}

[[ -n $(find "$archive" -mmin -1440 2>/dev/null) ]] || make_archive
if [[ -z $directory ]]; then
    echo "$archive"
    exit
fi
mkdir -p "$directory"
tar -C "$directory" -xpf "$archive"
