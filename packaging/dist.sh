#!/bin/bash
# Makes a tarball of the last commit with all crates that it needs, and shows that it
# builds without a network. `make dist` calls this.
#
# usage: packaging/dist.sh DIRECTORY
#   DIRECTORY   receives ngx_http_frappe_module-VERSION.tar.xz and its .sha256
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Empties the crates for Windows. nginx's systems never build them, and they are more than half of the bytes,
# many in binaries. Cargo needs only their manifests.
drop_windows() {
    local crate
    for crate in "$1"/windows{-,_}*; do
        find "$crate" -mindepth 1 -maxdepth 1 ! -name Cargo.toml ! -name .cargo-checksum.json \
            -exec rm -r {} +
        sed -i 's/"files":{[^}]*}/"files":{}/' "$crate/.cargo-checksum.json"
        mkdir "$crate/src"
        touch "$crate/src/lib.rs"
    done
}

# Runs a command without cached crates, and for root in a network namespace without a connection.
offline() {
    local isolated=()
    ! unshare --net true 2>/dev/null || isolated=(unshare --net)
    env -u CARGO_TARGET_DIR -u CARGO_FLAGS CARGO_HOME="$work/cargo-home" CARGO_NET_OFFLINE=true \
        "${isolated[@]}" "$@"
}

[[ $# -eq 1 ]] || die 'usage: packaging/dist.sh DIRECTORY'
git rev-parse --verify --quiet HEAD >/dev/null || die 'A tarball is made from a git clone: this is none.'
command -v xz >/dev/null || die 'Missing: xz. On Debian: sudo apt-get install -y xz-utils'
[[ -z $(git status --porcelain --untracked-files=no) ]] \
    || echo 'What is not committed is not in the tarball.' >&2

mkdir -p "$1"
directory=$(realpath "$1")
version=$(sed -n '0,/^version *=/s/^version *= *"\(.*\)"/\1/p' Cargo.toml)
name=ngx_http_frappe_module-$version
tarball=$directory/$name.tar.xz
work=$directory/work
rm -rf "$work"
mkdir -p "$work/cargo-home"
trap 'rm -rf "$work"' EXIT

echo "Collecting $name and its crates"
git archive --prefix="$name/" HEAD | tar -x -C "$work"
(
    cd "$work/$name"
    (cd - >/dev/null && packaging/version.sh) >packaging/version
    "${CARGO:-cargo}" vendor --quiet --locked --versioned-dirs vendor >/dev/null
    drop_windows vendor
    cat >>.cargo/config.toml <<-'END'

	# The crates that this tarball brings.
	[source.crates-io]
	replace-with = "vendored-sources"

	[source.vendored-sources]
	directory = "vendor"
	END
)

echo 'Packing'
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" \
    -C "$work" -c "$name" | xz -T0 -6 >"$tarball.new"

echo "Building what was packed, without a network"
rm -rf "${work:?}/$name"
tar -C "$work" -xf "$tarball.new"
log=$directory/build.log
if ! offline make -C "$work/$name" module >"$log" 2>&1; then
    rm "$tarball.new"
    cat "$log" >&2
    die '' "It does not build; the above is in $log, too"
fi
mv "$tarball.new" "$tarball"
(cd "$directory" && sha256sum "$name.tar.xz" >"$name.tar.xz.sha256")
echo "built $tarball"
