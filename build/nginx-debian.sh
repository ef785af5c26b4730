#!/bin/bash
# Configures the nginx source of Debian's package nginx-dev, so that bindgen finds the
# headers that configure makes, which the package does not have. It has Debian's
# configure arguments as a bash array.
#
# usage: build/nginx-debian.sh BUILD_DIR
set -euo pipefail

build_dir=$1
source_dir=/usr/share/nginx/src
version=$(dpkg-query -W -f '${Version}' nginx-dev)

if [[ -f $build_dir/ngx_auto_config.h && $(cat "$build_dir/version" 2>/dev/null) == "$version" ]]; then
    exit 0
fi

echo "Configuring Debian's nginx $version"
rm -rf "$build_dir"
mkdir -p "$build_dir"
cd "$source_dir"
. ./conf_flags
if ! ./configure "${NGX_CONF_FLAGS[@]}" --builddir="$build_dir" >"$build_dir/configure.log" 2>&1; then
    cat "$build_dir/configure.log" >&2
    exit 1
fi
echo "$version" >"$build_dir/version"
