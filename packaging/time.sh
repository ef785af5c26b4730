#!/bin/sh
# Prints the time of the last commit, in seconds since 1970. Packages use it in place of the current time, so
# that packaging the same commit again gives the same package. A tarball has no git; its files have that time.
set -eu
cd "$(dirname "$0")/.."

git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md
