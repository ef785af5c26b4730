#!/bin/bash
# Downloads the nginx of another release of Debian or Ubuntu, to test with: the binary, its libraries and
# its development files. It installs nothing, changes no file of apt, and does not need root.
#
# usage: build/nginx-suite.sh SUITE DIRECTORY
#   SUITE       such as trixie, or noble
#   DIRECTORY   receives `nginx`, which runs here, and `source`, for packaging/build-for-nginx.sh
#
# Exits with 77 when apt cannot get that nginx, after a line that says why.
set -euo pipefail

skip() {
    printf '%s\n' "$@" >&2
    exit 77
}

[[ $# -eq 2 ]] || { echo 'usage: build/nginx-suite.sh SUITE DIRECTORY' >&2; exit 1; }
suite=$1
command -v apt-get >/dev/null || skip "apt-get is not here: no nginx of $suite"
mkdir -p "$2"
directory=$(realpath "$2")
apt=$directory/apt
root=$directory/root
log=$directory/apt.log

# The mirror that this machine's own packages come from.
vendor=$(. /etc/os-release; echo "${ID^}")
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Origin: $vendor" \
    'Component: main' | head -n 1)
[[ -n $mirror ]] || skip "apt knows no mirror of $vendor: 'apt-get update' first"

# Configures an apt that knows this suite alone, and no installed package. It accepts expired lists: a mirror
# that lags behind is good enough to test with.
mkdir -p "$apt"/{lists,archives}/partial "$apt/cache"
: >"$apt/status"
echo "deb $mirror $suite main" >"$apt/sources.list"
cat >"$apt/apt.conf" <<END
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
Dir::Cache::archives "$apt/archives";
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Debug::NoLocking "true";
END
export APT_CONFIG=$apt/apt.conf

quietly() {
    "$@" >"$log" 2>&1 || skip "$(tail -n 5 "$log")" "apt cannot get the nginx of $suite: not tested with it"
}

echo "Looking for the nginx of $suite"
quietly apt-get update
version=$(apt-cache show nginx 2>/dev/null | sed -n 's/^Version: //p' | head -n 1)
if [[ -n $version && $(cat "$directory/version" 2>/dev/null) == "$version" ]]; then
    exit 0
fi
echo "Getting nginx $version"
quietly apt-get install --yes --download-only nginx
(cd "$apt/archives" && quietly apt-get download nginx-dev)

rm -rf "$root" "$directory/source"
mkdir "$root"
for package in "$apt"/archives/*.deb; do
    dpkg-deb --extract "$package" "$root"
done
rm -r "$apt/archives"
mv "$root/usr/share/nginx/src" "$directory/source"

# This script runs nginx with the libc of its release. For an upgrade of the binary, nginx starts $0 again.
loader=$(find "$root/" -name 'ld-linux*.so.*' | head -n 1)
libraries=$(dirname "$(find "$root/" -name 'libc.so.6' | head -n 1)")
cat >"$directory/nginx" <<END
#!/bin/sh
exec '$loader' --library-path '$libraries' --argv0 "\$0" '$root/usr/sbin/nginx' "\$@"
END
chmod 755 "$directory/nginx"
"$directory/nginx" -v
echo "$version" >"$directory/version"
