#!/bin/bash
# Runs the commands of README in a system that has no more than a newcomer has: a fresh Debian, git, make and
# Rust. It tests the last commit.
#
# usage: build/newcomer.sh SUITE COMMAND...
#   SUITE     such as bookworm or trixie
#   COMMAND   each is run by bash in a clone of this repository, until one fails
#
# The system has this machine's network, mirror, certificates and Rust toolchain, and an empty cache
# of crates. Exits with 77 when it cannot be made, after a line that says why.
set -euo pipefail
cd "$(dirname "$0")/.."

[[ $# -gt 1 ]] || { sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2; exit 1; }
suite=$1
shift
repository=$PWD
root=$(mktemp -d "${TMPDIR:-/tmp}/newcomer-$suite-XXXXXX")
chmod 755 "$root"
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 130' INT TERM
build/debian-root.sh "$suite" "$root"

# The line of README, without the sudo, which root does not need.
needed=$(sed -n 's/^ *sudo \(apt-get install .*git make\)$/\1/p' README.md)
[[ -n $needed ]] || { echo 'README names no packages' >&2; exit 1; }
build/inside.sh "$root" bash -euc "apt-get update -q >/dev/null && $needed -y -q >/dev/null"
git clone --quiet --no-hardlinks "$repository" "$root/root/ngx_http_frappe_module"

for command; do
    echo "$suite: $command"
    build/inside.sh "$root" bash -c "cd /root/ngx_http_frappe_module && $command"
done
echo "$suite: a newcomer's commands hold"
