#!/bin/bash
# Runs a command in a system that build/debian-root.sh has made in a directory. The command has this
# machine's network, certificates and Rust toolchain. All processes that it starts end with it.
#
# usage: build/inside.sh [--bind SOURCE=TARGET]... ROOT COMMAND...
#   --bind    shows the directory SOURCE of this machine as TARGET in the system
#   ROOT      the directory with the system
#   COMMAND   is run as root with a clean environment, in the directory /root
#
# Only root can do it.
set -euo pipefail

binds=()
while [[ ${1:-} == --bind ]]; do
    binds+=("$2")
    shift 2
done
[[ $# -gt 1 ]] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2; exit 1; }
root=$(realpath "$1")
shift

# Rust in the places where rustup installs it: the programs are in ~/.cargo/bin.
binds+=("$(rustc --print sysroot)=/opt/rust")
mkdir -p "$root/root/.cargo/bin"
for program in cargo rustc rustdoc; do
    ln -sf "/opt/rust/bin/$program" "$root/root/.cargo/bin/$program"
done
# A minimal system has no certificates, and a company's network may need its own: the system gets this
# machine's.
mkdir -p "$root/etc/ssl/certs"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/host.crt"
cp /etc/resolv.conf "$root/etc/"
for bind in "${binds[@]}"; do
    mkdir -p "$root/${bind#*=}"
done

# The command runs in namespaces of its own, so that the kernel removes its mounts and processes when it ends.
exec unshare --mount --pid --fork --kill-child bash -euc '
    root=$1
    shift
    mount --make-rprivate /
    while [[ $1 != -- ]]; do
        mount --bind "${1%%=*}" "$root/${1#*=}"
        [[ ${1#*=} != /opt/rust ]] || mount -o remount,bind,ro "$root/opt/rust"
        shift
    done
    shift
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    exec chroot "$root" env -i HOME=/root USER=root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        CARGO_HTTP_CAINFO=/etc/ssl/certs/host.crt PIP_CERT=/etc/ssl/certs/host.crt \
        SSL_CERT_FILE=/etc/ssl/certs/host.crt bash -c "cd && exec \"\$@\"" bash "$@"' \
    bash "$root" "${binds[@]}" -- "$@"
