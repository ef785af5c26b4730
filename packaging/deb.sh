#!/bin/bash
# Makes a Debian package of a module that has been built for the nginx of this machine's
# distribution. `make deb` calls this.
#
# usage: packaging/deb.sh MODULE FRAPPE_CMD DIRECTORY
#   MODULE      ngx_http_frappe_module.so
#   FRAPPE_CMD  the program frappe-cmd
#   DIRECTORY   receives the package, its .changes and its .buildinfo
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PACKAGE=libnginx-mod-http-frappe

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

# The package's version ends in the release of Debian, since each release has its own package. That of
# Debian 13 is newer than that of Debian 12, so that an upgrade of the system replaces it.
debian_version() {
    local version
    version=$(packaging/version.sh)
    # In Debian's order, 0.2.0~rc.1 comes before 0.2.0.
    echo "${version/-/\~}-1~$(. /etc/os-release; echo "$ID${VERSION_ID:-$VERSION_CODENAME}")"
}

# The maintainer is the person who builds the package, by the variables that Debian's tools use.
maintainer() {
    if [[ -n ${DEBEMAIL:-} ]]; then
        echo "${DEBFULLNAME:-$DEBEMAIL} <$DEBEMAIL>"
    else
        sed -n 's/^Maintainer: //p' packaging/debian/control
    fi
}

# The newest section of CHANGELOG.md. The whole file goes into the package, too.
changelog() {
    local codename
    codename=$(. /etc/os-release; echo "${VERSION_CODENAME:-unstable}")
    echo "$PACKAGE ($version) $codename; urgency=medium"
    echo
    awk '/^## / { if (seen++) exit; next }
        !seen || !NF { next }
        sub(/^- /, "") && item { print item; item = "" }
        { sub(/^ +/, ""); item = item (item ? " " : "") $0 }
        END { print item }' CHANGELOG.md \
        | while read -r item; do fold -s -w 74 <<<"$item" | sed '1s/^/  * /; 1!s/^/    /; s/ *$//'; done
    echo
    echo " -- $(maintainer)  $(date -R -d "@$SOURCE_DATE_EPOCH")"
}

[[ $# -eq 3 ]] || die 'usage: packaging/deb.sh MODULE FRAPPE_CMD DIRECTORY'
module=$(realpath "$1")
frappe_cmd=$(realpath "$2")
directory=$3
for tool in dpkg-buildpackage dh dh_nginx help2man lintian; do
    command -v "$tool" >/dev/null || die "Missing: $tool. Install what packages are made with:" \
        "  sudo apt-get install -y dpkg-dev debhelper nginx-dev help2man lintian"
done
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(packaging/time.sh)}"

rm -rf "$directory"
work=$directory/build
mkdir -p "$work"/{module,bin,completions}
cp -r packaging/debian "$work/debian"
cp -r README.md CHANGELOG.md docs nginx-conf packaging/snippets packaging/detach.sh "$work"
install "$frappe_cmd" "$work/bin/frappe-cmd"
# The script runs by Debian's own Python, which the package depends on.
sed '1s|.*|#!/usr/bin/python3|' tools/report.py >"$work/bin/frappe-report"
chmod 755 "$work/bin/frappe-report"
for shell in bash zsh fish; do
    "$frappe_cmd" --generate "$shell" >"$work/completions/frappe-cmd.$shell"
done
# Debian's policy wants shared objects that are not executable.
install -m 644 "$module" "$work/module"
version=$(debian_version)
changelog >"$work/debian/changelog"
sed -i "s/^Maintainer: .*/Maintainer: $(maintainer | sed 's/[&/\\]/\\&/g')/" "$work/debian/control"

[[ -z ${DEBHOMEPAGE:-} ]] || sed -i "s|^Homepage: .*|Homepage: $DEBHOMEPAGE|" "$work/debian/control"

echo "Packaging $PACKAGE $version"
log=$directory/build.log
# Build-Depends are for a build from source; the tools for this one were checked above.
if ! (cd "$work" && dpkg-buildpackage --build=binary --no-sign --no-check-builddeps) >"$log" 2>&1; then
    cat "$log" >&2
    die '' "dpkg-buildpackage failed; the above is in $log, too"
fi

deb=$(echo "$directory/$PACKAGE"_*.deb)
echo 'Checking it with lintian'
options=(--fail-on error)
[[ $(id -u) -ne 0 ]] || options+=(--allow-root)
lintian "${options[@]}" "$deb"
rm -rf "$work"
echo "built $deb"
