#!/bin/sh
# Prints the version of a build: that of Cargo.toml for a release, and otherwise with a plus sign, the time of
# the last commit and its name. So each build is newer than those before it, and `apt install` replaces them.
# With changes that are not committed, the time is that of the build. A tarball of packaging/dist.sh has the
# version of its commit in packaging/version.
set -eu
cd "$(dirname "$0")/.."

if [ -e packaging/version ]; then
    cat packaging/version
    exit
fi
version=$(sed -n '0,/^version *=/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
export TZ=UTC0
format=%y%m%d%H%M%S
if ! [ -e .git ] || ! commit=$(git rev-parse --short=7 HEAD 2>/dev/null); then
    echo "$version"
elif [ -n "$(git status --porcelain --untracked-files=no)" ]; then
    echo "$version+$(date +$format).g$commit"
elif [ "$(git describe --exact-match 2>/dev/null || true)" = "v$version" ]; then
    echo "$version"
else
    echo "$version+$(git show -s --format=%cd --date=format-local:$format).g$commit"
fi
