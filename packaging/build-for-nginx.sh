#!/bin/bash
# Builds the module for any nginx. --help explains.
set -euo pipefail

usage() {
    cat <<'END'
usage: packaging/build-for-nginx.sh [--source SOURCE] [--check | --test] [NGINX]

Builds ngx_http_frappe_module.so for an nginx binary and shows that it loads there.

  NGINX             the binary (default: the nginx on PATH)
  --source SOURCE   its source, of exactly the same version: an unpacked tree, or the
                    tarball from https://nginx.org/download/. Not needed for the nginx of
                    Debian and Ubuntu with their nginx-dev, nor for a version that cargo has
                    as the crate nginx-src.
  --check           say whether it can be built here, and with what, or what is missing; this
                    takes a second, and installs and builds nothing
  --test            run the tests with it afterwards; PYTEST_ARGS="-k X" chooses some
  --help            this

Run it on a system like the one that nginx runs on, since the module needs that system's libc
or a newer one: in the same image, for a container. The binary itself is only asked for its
version and its configure arguments, and to load the module at the end.
END
}

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

source=
nginx=
check=
test=
while [[ $# -gt 0 ]]; do
    case $1 in
        --help | -h) usage; exit ;;
        --source) [[ $# -gt 1 ]] || die '--source needs a path; see --help'; source=$2; shift ;;
        --source=*) source=${1#*=} ;;
        --check) check=yes ;;
        --test) test=yes ;;
        -*) die "$1 is unknown; see --help" ;;
        *) [[ -z $nginx ]] || die 'One nginx at a time; see --help'; nginx=$1 ;;
    esac
    shift
done

[[ -n $nginx ]] || nginx=$(PATH=$PATH:/usr/sbin:/usr/local/nginx/sbin command -v nginx) \
    || die 'There is no nginx on PATH: give the path of its binary.'
[[ -f $nginx && -x $nginx ]] \
    || die "$nginx is no program: give the path of nginx's binary, for example /usr/sbin/nginx."
nginx=$(realpath "$nginx")
[[ -z $source || -e $source ]] \
    || die "--source $source does not exist: give an unpacked tree or a tarball."
[[ -z $source ]] || source=$(realpath "$source")
given=$source
cd "$(dirname "$0")/.."


# The version and the configure arguments that nginx prints.

about=$("$nginx" -V 2>&1) || die "$nginx -V failed:" "$about" \
    'Install the libraries that it misses, or run this where nginx runs.'
# The first three numbers are nginx's version; OpenResty adds a fourth.
version=$(sed -n 's/^nginx version: [^/]*\/\([0-9]*\.[0-9]*\.[0-9]*\).*/\1/p' <<<"$about")
arguments=$(sed -n 's/^configure arguments: *//p' <<<"$about")
[[ $about != "Angie version:"* ]] || die "$nginx is Angie, for which the module cannot be built: its" \
    "modules begin with a field that nginx-sys 0.5.0, the module's binding to nginx, does not know."
[[ -n $version ]] || die "$nginx -V names no version, so it is no nginx:" "$about"
echo "$nginx is nginx $version"

# Finds nginx's source. Debian's nginx-dev comes first for Debian's nginx, since it also has the configure
# arguments in a form that a shell can use.

# The version of a source, which is a tree or a tarball.
version_of() {
    if [[ -f $1 ]]; then
        tar -xOf "$1" --wildcards '*/src/core/nginx.h' 2>/dev/null
    else
        cat "$1/src/core/nginx.h" 2>/dev/null
    fi | sed -n 's/^#define NGINX_VERSION *"\(.*\)"/\1/p' || true
}

# Cargo.lock names the crate nginx-src with two versions, its own and nginx's.
crate_has_it() {
    grep -A 1 '^name = "nginx-src"$' Cargo.lock | grep -Fq "+$version\""
}

debian=/usr/share/nginx/src
if [[ -n $source ]]; then
    found=$(version_of "$source")
    if [[ -z $found && -f $source ]]; then
        die "$source cannot be unpacked: is it complete, and a tarball of nginx's source?"
    elif [[ -z $found ]]; then
        die "$source has no src/core/nginx.h: it is not the source of nginx." \
            "OpenResty's is in the directory bundle/nginx-$version of its own."
    elif [[ $found != "$version" ]]; then
        die "$source is nginx $found, but $nginx is $version." \
            'A module fits one version only: get the source of that one.'
    fi
    echo "The source is $source"
elif [[ $nginx == /usr/sbin/nginx && $(version_of $debian) == "$version" ]]; then
    source=$debian
    echo "The source is Debian's nginx-dev"
elif crate_has_it; then
    echo 'The source is the crate nginx-src'
else
    die "The source of nginx $version is not here. Either" \
        "    curl -O https://nginx.org/download/nginx-$version.tar.gz" \
        "    packaging/build-for-nginx.sh --source nginx-$version.tar.gz $nginx" \
        'or, for the nginx of Debian or Ubuntu:' \
        '    apt-get install nginx-dev'
fi

if [[ -n $check ]]; then
    build/deps.sh --check || die '' 'It can be built here as soon as that is installed.'
    echo "Rust is $(rustc --version | cut -d' ' -f2), the C library $(ldd --version 2>&1 | sed -n '1s/.* //p')"
    echo "It can be built here, for systems that have this C library or a newer one:"
    echo "    $0${given:+ --source $given} $nginx"
    exit 0
fi


build/deps.sh
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
work=$target/for-nginx/$version-$(cksum <<<"$arguments" | cut -d' ' -f1)
own=(NGINX=own NGINX_SOURCE_DIR="$work/source" NGINX_BUILD_DIR="$work/objs" NGINX_BINARY="$nginx")

# Runs make with the given arguments, shows that nginx loads the module, and says how to install it.
finish() {
    local module directory check=$target/for-nginx/check
    directory=$(grep -o -e '--modules-path=[^ ]*' <<<"$arguments" | cut -d= -f2 || true)
    make module "$@" || die '' 'The module was not built; the reason is above.'
    module=$(make -s print-module "$@")
    mkdir -p "$check/logs"
    printf 'load_module %s;\npid %s;\nerror_log %s;\nevents {}\n' \
        "$module" "$check/pid" "$check/error.log" >"$check/nginx.conf"
    if ! "$nginx" -t -p "$check" -c "$check/nginx.conf" >"$check/log" 2>&1; then
        cat "$check/log" >&2
        die "$nginx does not take $module." \
            'Is --source the source of just this nginx, with the patches of who built it?'
    fi
    echo "$nginx loads $module"
    echo "Put it into nginx's module directory; by cp, the workers of a running nginx would die:"
    echo "    sudo install -m 644 $module ${directory:-DIRECTORY}"
    echo 'and say in the first lines of nginx.conf:'
    echo '    load_module modules/ngx_http_frappe_module.so;'
    [[ -z $test ]] || make test-nginx "$@"
    exit 0
}

# The directory of the crate nginx-src.
crate() {
    "${CARGO:-cargo}" metadata --format-version 1 --locked --features vendored | python3 -c '
import json, pathlib, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == "nginx-src":
        print(pathlib.Path(package["manifest_path"]).parent / "nginx")'
}

[[ $source != "$debian" ]] || finish NGINX=debian
[[ -n $source ]] || source=$(crate)

# If source and arguments are the same as last time, neither configure nor bindgen has to run again.
if [[ -f $source ]]; then
    wanted=$(cksum <"$source")
else
    wanted=$(cd "$source" && find -L . -path ./objs -prune -o -type f -print0 | sort -z \
        | xargs -0 cksum | cksum)
fi
if [[ -f $work/objs/Makefile && $(cat "$work/configured" 2>/dev/null) == "$wanted" ]]; then
    finish "${own[@]}"
fi

# configure runs in a copy, since it writes into the source.
rm -rf "$work"
trap 'rm -rf "$work"; exit 130' INT TERM
mkdir -p "$work/source"
if [[ -f $source ]]; then
    tar -C "$work/source" --strip-components=1 -xf "$source" \
        || die "$source cannot be unpacked: is it complete, and a tarball of nginx's source?"
else
    for part in auto conf configure contrib src; do
        [[ ! -e $source/$part ]] || cp -rL "$source/$part" "$work/source"
    done
fi
repository=$PWD
cd "$work/source"
configure=./configure
[[ -e $configure ]] || configure=auto/configure    # a git tree
[[ -e $configure ]] || die "$source has no configure: get the whole source of nginx $version."


# The arguments may name directories of the machine that built nginx: other modules, and libraries that were
# built with it. Those that are not here are left out: our module does not use other modules, and the system
# has the libraries.
# shlex splits the arguments like a shell, but runs nothing in them.
split=$(python3 -c 'import shlex, sys; print(*shlex.split(sys.argv[1]), sep="\n")' "$arguments" \
    2>/dev/null) || die "The quotes in the configure arguments of $nginx do not match:" "$arguments" \
    'Configure its source by hand, and give both directories to make:' \
    '    make module NGINX_SOURCE_DIR=... NGINX_BUILD_DIR=.../objs'
given=()
[[ -z $split ]] || mapfile -t given <<<"$split"
kept=()
for argument in "${given[@]}"; do
    path=${argument#*=}
    case $argument in
        --add-module=* | --add-dynamic-module=* | --with-openssl=* | --with-pcre=* | --with-zlib=* \
            | --with-libatomic=*)
            [[ -d $path ]] || { echo "Left out, since it is not here: $argument"; continue; }
            ;;
    esac
    kept+=("$argument")
done

configure() {
    # shellcheck disable=SC2016  # for the other bash
    python3 "$repository/build/step.py" 'Configuring it as nginx was' 'usually 10 s' \
        bash -c 'exec "${@:2}" >"$1" 2>&1' configure "$work/configure.log" \
        sh "$configure" "$@" --builddir="$work/objs"
}

configure_failed() {
    tail -n 20 "$work/configure.log" >&2
    die '' "configure failed; the above is the end of $work/configure.log." \
        'Install the development files of the library that it misses, and try again.'
}

if ! configure "${kept[@]}"; then
    # The libraries of other modules may be missing. With --with-compat, no module changes nginx's structures,
    # so those modules can be left out.
    [[ $arguments == *--with-compat* ]] || configure_failed
    echo 'That failed; once more without the modules that nginx loads'
    built_in=()
    for argument in "${kept[@]}"; do
        [[ $argument == *=dynamic || $argument == --add-*module=* ]] || built_in+=("$argument")
    done
    configure "${built_in[@]}" || configure_failed
fi

cd - >/dev/null
echo "$wanted" >"$work/configured"
trap - INT TERM
finish "${own[@]}"
