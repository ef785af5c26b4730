#!/bin/sh
# Prints the time of what is packaged, in seconds since 1970, so that packaging it again gives the same
# package. A tarball has no git; its files have that time.
set -eu
cd "$(dirname "$0")/.."

git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md
