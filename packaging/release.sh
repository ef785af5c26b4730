#!/bin/bash
# Makes and tests all files of a release. `make release` calls this; only root can run it.
#
# usage: packaging/release.sh TARGET SUITES
#   TARGET   cargo's target directory, in which `make` builds
#   SUITES   the releases of Debian or Ubuntu that get a package, as `make debs` takes them
#
# TARGET/publish/files receives the files to upload: the source tarball, the packages, their signed repository
# as a tarball, the source RPM, and SHA256SUMS, signed by the repository's key. TARGET/publish/NOTES.md
# receives the section of CHANGELOG.md, and the glibc that each package needs.
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

[[ $# -eq 2 ]] || die 'usage: packaging/release.sh TARGET SUITES'
target=$1
read -ra suites <<<"$2"
publish=$target/publish
files=$publish/files

version=$(sed -n '0,/^version *=/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
named=$(sed -n '0,/^## /s/^## //p' CHANGELOG.md)
[[ ${named%% *} == "$version" ]] \
    || die "The first section of CHANGELOG.md is \"$named\", and the version in Cargo.toml is $version."
[[ -z $(git status --porcelain --untracked-files=no) ]] \
    || die 'A release is made of what is committed: commit it, or put it away.'
built=$(packaging/version.sh)
[[ $built == "$version" ]] \
    || echo "The last commit is not tagged v$version: this is a rehearsal, of $built."

make dist
make debs SUITES="$2"
make test-debs SUITES="$2"
rm -rf "$target/repo"
make repo SUITES="$2"
make srpm

rm -rf "$publish"
mkdir -p "$files"
cp "$target"/dist/*.tar.xz "$files"
# GitHub changes each ~ in a file's name to a dot. The files get such names here, so that SHA256SUMS has the
# same.
for file in "$target"/srpm/*.src.rpm $(printf "$target/debs/%s/*.deb " "${suites[@]/:/-}"); do
    name=$(basename "$file")
    cp "$file" "$files/${name//\~/.}"
done
tar --sort=name --owner=0 --group=0 --numeric-owner -C "$target" -cf "$files/apt-repository.tar" repo
(cd "$files" && sha256sum -- * >SHA256SUMS)
key=$(gpg --batch --show-keys --with-colons "$target"/repo/*.asc | sed -n 's/^fpr:*\([^:]*\):.*/\1/p' | head -n 1)
gpg --batch --yes --local-user "$key" --armor --detach-sign "$files/SHA256SUMS"

{
    awk '/^## / { if (seen++) exit; next } seen' CHANGELOG.md
    echo
    echo '| package | nginx | glibc, at least |'
    echo '| --- | --- | --- |'
    for package in "$files"/*.deb; do
        tree=$(mktemp -d)
        dpkg-deb -x "$package" "$tree"
        abi=$(dpkg-deb -f "$package" Depends | grep -o 'nginx-abi-[^,]*')
        echo "| $(basename "$package") | ${abi#nginx-abi-} | $(build/glibc.py "$tree"/usr/lib/nginx/modules/*.so) |"
        rm -rf "$tree"
    done
    echo
    echo "Signed by $key."
} >"$publish/NOTES.md"
echo "made $files:"
ls -l "$files"
