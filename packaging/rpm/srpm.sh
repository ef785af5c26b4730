#!/bin/bash
# Makes a source RPM of the tarball that `make dist` has made, and checks it by rpmlint. `make srpm` calls this.
#
# usage: packaging/rpm/srpm.sh TARBALL DIRECTORY
#   TARBALL     ngx_http_frappe_module-VERSION.tar.xz
#   DIRECTORY   receives the .src.rpm and the .spec
set -euo pipefail

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

[[ $# -eq 2 ]] || die 'usage: packaging/rpm/srpm.sh TARBALL DIRECTORY'
for tool in rpmbuild rpmlint; do
    command -v "$tool" >/dev/null || die "Missing: $tool. On Debian: sudo apt-get install -y rpm rpmlint"
done
tarball=$(realpath "$1")
[[ -f $tarball ]] || die "$1 is not there: 'make dist' makes it."
mkdir -p "$2"
directory=$(realpath "$2")
cd "$(dirname "$0")/../.."
name=nginx-mod-http-frappe
version=$(sed -n '0,/^version *=/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
by="${DEBFULLNAME:-whoever built this package} <${DEBEMAIL:-nobody@ngx-http-frappe-module.example}>"
date=$(LC_ALL=C date -u -d "@$(packaging/time.sh)" '+%a %b %d %Y')

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/SOURCES"
ln -s "$tarball" "$work/SOURCES/"
sed -e "s/@VERSION@/$version/" \
    -e "s/@CHANGELOG@/* $date $by - ${version/-/\~}-1\n- What has changed is in CHANGELOG.md./" \
    "packaging/rpm/$name.spec" >"$directory/$name.spec"
[[ -z ${DEBHOMEPAGE:-} ]] || sed -i "s|^URL: .*|URL:            $DEBHOMEPAGE|" "$directory/$name.spec"
# --nodeps: the packages of BuildRequires need not be here to make a source package.
rpmbuild -bs --nodeps --quiet --define "_topdir $work" --define '_source_payload w9.xzdio' "$directory/$name.spec"
cp "$work"/SRPMS/*.src.rpm "$directory"
rpmlint --config packaging/rpm/rpmlint.toml "$directory/$name.spec" "$directory"/*.src.rpm
echo "built $(echo "$directory"/*.src.rpm)"
