#!/bin/sh
# Checks that this machine has what the build needs. Root on Debian or Ubuntu
# gets the missing packages installed by apt-get. Anybody else gets the command
# to type, and make stops.
#
# usage: build/deps.sh [--check] [test] [debian] [deb] [debootstrap] [buildah] [bench] [peers] [lua] [njs] [memcheck] [repo]
#                      [srpm] [cross] [figures]
#        build/deps.sh [--check] report
#   --check  installs nothing, and names what is missing in any case
#   test     what the tests need, too
#   debian   Debian's nginx and its development files, too
#   deb      what makes Debian packages, too
#   memcheck valgrind, too
#   lua      the Lua module of Debian's nginx, too
#   njs      the JavaScript module of Debian's nginx, too
#   figures  what reads the figures in the tests: Chromium, Prometheus, too
#   bench    what measures a server, too
#   peers    the servers that it is measured beside, too
#   repo     what makes an apt repository, too
#   srpm     what makes source RPMs, too
#   cross    what builds and runs programs for arm64, too
#   debootstrap  what makes a scratch root to install them in, too
#   buildah  what builds container images, too
#   report   what reads a log, and nothing that builds: for a balancer
set -eu
cd "$(dirname "$0")/.."

check=
[ "${1:-}" != --check ] || { check=yes; shift; }
missing=
packages=
log=
policy=
beat=
trap '[ -z "$beat" ] || kill "$beat"; rm -f "$log" "$policy"' EXIT
trap 'exit 130' INT TERM

lacks() {
    missing="$missing${missing:+, }$1"
    packages="$packages $2"
}

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# Looks where bindgen looks. libclang is of no use without its builtin headers,
# which are a package of their own in Debian.
have_libclang() {
    [ -z "${LIBCLANG_PATH:-}" ] || [ ! -e "$LIBCLANG_PATH" ] || return 0

    for lib in /usr/lib/llvm-*/lib /usr/lib64 /usr/lib /usr/local/lib; do
        ls "$lib"/clang/*/include/stddef.h >/dev/null 2>&1 || continue
        for file in "$lib"/libclang.so* "$lib"/libclang-[0-9]*.so*; do
            [ ! -e "$file" ] || return 0
        done
    done
    return 1
}

# The packages of the distribution's default version. 'libclang-dev' would
# install the same, and 200 MB more that the build does not need.
libclang_packages() {
    version=$(apt-cache depends libclang-dev 2>/dev/null \
        | sed -n 's/^ *Depends: libclang-\([0-9]*\)-dev$/\1/p')
    if [ -n "$version" ]; then
        echo "libclang1-$version libclang-common-$version-dev"
    else
        echo libclang-dev
    fi
}

# The packages of missing headers. The preprocessor looks wherever the compiler does.
missing_headers() {
    cc -E -P - <<-'END'
	#if !__has_include(<stdlib.h>)
	libc6-dev
	#endif
	#if !__has_include(<pcre2.h>)
	libpcre2-dev
	#endif
	#if !__has_include(<zlib.h>)
	zlib1g-dev
	#endif
	#if !__has_include(<openssl/ssl.h>)
	libssl-dev
	#endif
	END
}

apt_install() {
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive

    # A fresh container has no package lists; those of an old machine may be stale.
    case $packages in
        *libclang*) have_lists=$(apt-cache depends libclang-dev 2>/dev/null || true) ;;
        *) have_lists=yes ;;
    esac
    [ -n "$have_lists" ] || apt_update
    packages=$(echo "$packages" | sed "s/ libclang-dev/ $(libclang_packages)/")

    echo "Installing by apt-get (usually 1 minute):$packages"
    # shellcheck disable=SC2086
    set -- apt-get -o DPkg::Lock::Timeout=60 install -y -q --no-install-recommends $packages
    logged "$@" || {
        apt_update
        logged "$@" || { cat "$log" >&2; die "apt-get could not install:$packages"; }
    }
}

apt_update() {
    echo "Updating apt-get's package lists (usually 10 s)"
    logged apt-get update -q || { cat "$log" >&2; die "apt-get update failed"; }
}

# Runs a command with its output in the log, and shows the log's last line every ten seconds.
logged() {
    (
        seconds=0
        while sleep 10 >/dev/null 2>&1; do
            seconds=$((seconds + 10))
            echo "  $seconds s so far: $(tail -n 1 "$log" | cut -c 1-100)"
        done
    ) &
    beat=$!
    status=0
    "$@" >"$log" 2>&1 || status=$?
    kill "$beat" 2>/dev/null || true
    beat=
    return "$status"
}

# Debian starts a service when its package is installed, but the tests need only
# the binary. A script policy-rc.d that exits with 101 forbids the start.
forbid_services() {
    [ ! -e /usr/sbin/policy-rc.d ] || return 0
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
}

check_rust() {
    wanted=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
    get="curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
    have curl || get="sudo apt-get install -y curl ca-certificates && $get"

    if ! have cargo || ! have rustc; then
        die "Missing: Rust $wanted or newer. Install it, then open a new shell:" "  $get"
    fi
    found=$(rustc --version | cut -d' ' -f2)
    oldest=$(printf '%s\n' "$wanted" "${found%%-*}" | sort -V | head -n 1)
    if [ "$oldest" != "$wanted" ]; then
        die "Rust $found ($(command -v rustc)) is too old, $wanted or newer is needed:" \
            "  rustup update stable    # or, without rustup: $get"
    fi
}

check_build() {
    # Rust comes first, since this script does not install it: a machine that cannot build is left
    # unchanged.
    check_rust

    if ! have cc || ! have gcc; then
        lacks gcc gcc
        lacks 'the headers of libc, pcre2, zlib and openssl' 'libc6-dev libpcre2-dev zlib1g-dev libssl-dev'
    else
        for package in $(missing_headers); do
            lacks "$package" "$package"
        done
    fi
    have make || lacks make make
    have_libclang || lacks 'libclang with its headers' "$(libclang_packages)"
}

[ "${1:-}" = report ] || check_build
have python3 || lacks python3 python3

for what in "$@"; do
    case $what in
        test)
            have curl || lacks curl curl
            have openssl || lacks openssl openssl
            have envsubst || lacks envsubst gettext-base
            have valgrind || lacks valgrind valgrind
            python3 -c 'import ensurepip, venv' 2>/dev/null || lacks "python3's venv" python3-venv
            ;;
        debian)
            [ -x /usr/sbin/nginx ] || lacks "Debian's nginx" nginx
            [ -e /usr/share/nginx/src/conf_flags ] || lacks "Debian's nginx headers" nginx-dev
            ;;
        deb)
            have dpkg-buildpackage || lacks dpkg-buildpackage dpkg-dev
            have dh || lacks debhelper debhelper
            have help2man || lacks help2man help2man
            have lintian || lacks lintian lintian
            ;;
        repo)
            have apt-ftparchive || lacks apt-ftparchive apt-utils
            have gpg || lacks gpg gpg
            ;;
        srpm)
            have rpmbuild || lacks rpmbuild rpm
            have rpmlint || lacks rpmlint rpmlint
            ;;
        cross)
            have aarch64-linux-gnu-gcc || lacks "a compiler for arm64" gcc-aarch64-linux-gnu
            have qemu-aarch64-static || lacks qemu-user-static qemu-user-static
            ;;
        bench)
            have wrk || lacks wrk wrk
            ;;
        lua | peers)
            [ -x /usr/sbin/nginx ] || lacks "Debian's nginx" nginx
            [ -e /usr/lib/nginx/modules/ngx_http_lua_module.so ] \
                || lacks "nginx's Lua module" libnginx-mod-http-lua
            [ "$what" = lua ] || have haproxy || lacks HAProxy haproxy
            ;;
        njs)
            [ -e /usr/lib/nginx/modules/ngx_http_js_module.so ] \
                || lacks "nginx's JavaScript module" libnginx-mod-http-js
            ;;
        debootstrap)
            have debootstrap || lacks debootstrap debootstrap
            have ip || lacks ip iproute2
            ;;
        buildah)
            have buildah || lacks buildah buildah
            ;;
        figures)
            have chromium || lacks Chromium chromium
            have promtool || lacks Prometheus prometheus
            ;;
        memcheck)
            # valgrind finds the functions of libc by its debugging symbols.
            have valgrind || lacks valgrind 'valgrind libc6-dbg'
            ;;
        report) ;;
        *)
            die "deps.sh: unknown argument: $what"
            ;;
    esac
done

if [ -n "$missing" ]; then
    echo "Missing: $missing"
    if ! have apt-get; then
        die "Install what your system has in place of these Debian packages:" "  $packages"
    elif [ -n "$check" ] || [ "$(id -u)" -ne 0 ]; then
        die "Install them with:" "  sudo apt-get install -y$packages"
    fi
    forbid_services
    apt_install
fi
