#!/bin/bash
# Adds packages to a signed apt repository, which any web server can serve as it is. `make repo` calls this.
#
# usage: packaging/repo.sh REPOSITORY SUITE PACKAGE...
#   REPOSITORY  the directory, which is made if it does not exist; packages that it holds stay
#   SUITE       the release that the packages are for, such as bookworm
#   PACKAGE     .deb files
#
# REPO_KEY in the environment names the key in gpg's keyring, by fingerprint or address. Without it, the key
# has this project's name and is made the first time. It has no passphrase, so anybody who can read the
# keyring can sign with it.
set -euo pipefail

readonly NAME=ngx-http-frappe-module
readonly OWNER="packages of $NAME"

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

fingerprint() {
    gpg --batch --with-colons --list-secret-keys "$1" 2>/dev/null | sed -n '/^fpr:/{s/^fpr:*\([^:]*\):.*/\1/p;q}' || true
}

[[ $# -gt 2 ]] || die "$(sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0")"
for tool in apt-ftparchive gpg; do
    command -v "$tool" >/dev/null || die "Missing: $tool. On Debian: sudo apt-get install -y apt-utils gpg"
done
repository=$1 suite=$2
shift 2
for package; do
    [[ -f $package ]] || die "$package is no file: give the packages that 'make debs' built."
done

key=$(fingerprint "${REPO_KEY:-=$OWNER}")
if [[ -z $key && -n ${REPO_KEY:-} ]]; then
    die "gpg has no secret key \"$REPO_KEY\": 'gpg --list-secret-keys' names those that it has."
elif [[ -z $key ]]; then
    gpg --batch --quiet --passphrase '' --quick-generate-key "$OWNER" ed25519 sign never 2>/dev/null \
        || die 'gpg cannot make a key; give one by REPO_KEY.'
    key=$(fingerprint "=$OWNER")
    echo "Made the key $key, in gpg's keyring. Keep a copy: gpg --export-secret-keys $key"
fi

mkdir -p "$repository/pool/$suite"
cp "$@" "$repository/pool/$suite"
cd "$repository"
gpg --batch --yes --armor --output "$NAME.asc" --export "$key"

dist=dists/$suite
architectures=()
for file in "pool/$suite"/*.deb; do
    architectures+=("$(dpkg-deb --field "$file" Architecture)")
done
mapfile -t architectures < <(printf '%s\n' "${architectures[@]}" | sort -u)
for architecture in "${architectures[@]}"; do
    binary=$dist/main/binary-$architecture
    mkdir -p "$binary"
    apt-ftparchive --arch "$architecture" packages "pool/$suite" >"$binary/Packages"
    gzip -9nkf "$binary/Packages"
done

# Release is made elsewhere and signed before it is installed here.
rm -f "$dist"/{Release,InRelease}*
draft=$(mktemp)
trap 'rm -f "$draft"' EXIT
apt-ftparchive -o "APT::FTPArchive::Release::Origin=$NAME" -o "APT::FTPArchive::Release::Label=$NAME" \
    -o "APT::FTPArchive::Release::Codename=$suite" -o "APT::FTPArchive::Release::Suite=$suite" \
    -o "APT::FTPArchive::Release::Architectures=${architectures[*]}" \
    -o 'APT::FTPArchive::Release::Components=main' release "$dist" >"$draft"
gpg --batch --yes --local-user "$key" --clearsign --output "$dist/InRelease" "$draft"
gpg --batch --yes --local-user "$key" --armor --detach-sign --output "$dist/Release.gpg" "$draft"
install -m 644 "$draft" "$dist/Release"
echo "$repository: $suite has $(grep -h '^Version:' "$dist"/main/*/Packages | wc -l) package(s), signed by $key"
