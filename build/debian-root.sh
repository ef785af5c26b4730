#!/bin/bash
# Makes a fresh, minimal system of a release of Debian or Ubuntu in a directory, without compiler, Python and
# nginx. Tests install the package in it, and build in it as a newcomer would. Only root can make one.
#
# usage: build/debian-root.sh SUITE [DIRECTORY]
#   SUITE       such as bookworm; "this" means the release of this machine. bookworm:arm64 is that of
#               another kind of processor, which qemu-user-static emulates
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
name=${suite/:/-}
architecture=$(dpkg --print-architecture)
[[ $suite != *:* ]] || architecture=${suite#*:}
suite=${suite%:*}
directory=${2:-}
[[ $(id -u) == 0 ]] || skip 'Only root can make a system in a directory'
command -v apt-get >/dev/null || skip 'apt-get is not here: no Debian'

kept=$(realpath -m "${CARGO_TARGET_DIR:-target}")/debootstrap
archive=$kept/$name.tar
draft=$kept/$name.$$
trap 'rm -rf --one-file-system "$draft" "$draft.tar"' EXIT
trap 'exit 130' INT TERM

# Makes the kernel run programs of that processor by qemu. Debian registers qemu when it boots; a container does
# not boot, so this does it.
emulate() {
    local entries=/proc/sys/fs/binfmt_misc name
    name=qemu-$(case $1 in arm64) echo aarch64 ;; *) echo "$1" ;; esac)
    [[ -e /usr/lib/binfmt.d/$name.conf ]] || skip "qemu-user-static is missing, or has no $name"
    [[ -e $entries/register ]] || mount -t binfmt_misc binfmt_misc $entries || skip 'No binfmt_misc here'
    [[ -e $entries/$name ]] || cat "/usr/lib/binfmt.d/$name.conf" >$entries/register
}

# Makes apt accept package lists that have expired: a mirror that lags behind is good enough to build and test
# with.
allow_lag() {
    local until
    until=$(sed -n '/^Valid-Until: /{s///p;q}' "$draft"/var/lib/apt/lists/*Release)
    [[ -n $until && $(date -d "$until" +%s) -lt $(date +%s) ]] || return 0
    echo "The mirror's lists of $suite were good until $until: taken all the same" >&2
    echo 'Acquire::Check-Valid-Until "false";' >>"$draft/etc/apt/apt.conf.d/90host"
}

make_archive() {
    local sources mirror script
    command -v debootstrap >/dev/null || skip 'debootstrap is missing'
    # The sources of this machine, with the name of the other release.
    sources=$(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' "Origin: $vendor" | sed "s/ $this/ $suite/" | sort -u)
    mirror=$(awk -v suite="$suite" '$3 == suite { print $2; exit }' <<<"$sources")
    [[ -n $mirror ]] || skip "apt knows no mirror of $vendor $suite: 'apt-get update' first"

    mkdir -p "$kept"
    # A release that debootstrap does not know yet is made by its script for unstable.
    script=/usr/share/debootstrap/scripts/$suite
    [[ -e $script ]] || script=${script%/*}/sid
    # In a namespace of its own, so that the kernel removes debootstrap's mounts when it ends in any way.
    build/step.py "Making a system of $suite by debootstrap" 'usually 1 minute' \
        unshare --mount debootstrap --arch="$architecture" --variant=minbase "$suite" "$draft" "$mirror" \
        "$script" >&2 || skip 'debootstrap failed'
    echo "$sources" >"$draft/etc/apt/sources.list"
    apt-config dump --no-empty --format '%f "%v";%n' Acquire::http Acquire::https \
        >"$draft/etc/apt/apt.conf.d/90host"
    allow_lag
    # Packages must not start or reload a service when they are installed.
    printf '#!/bin/sh\nexit 101\n' >"$draft/usr/sbin/policy-rc.d"
    chmod 755 "$draft/usr/sbin/policy-rc.d"
    tar -C "$draft" -cf "$draft.tar" .
    mv "$draft.tar" "$archive"
}

[[ $architecture == "$(dpkg --print-architecture)" ]] || emulate "$architecture"
[[ -n $(find "$archive" -mmin -1440 2>/dev/null) ]] || make_archive
if [[ -z $directory ]]; then
    echo "$archive"
    exit
fi
mkdir -p "$directory"
tar -C "$directory" -xpf "$archive"
