#!/bin/bash
# Runs tests of the core, and of the boundary where it needs no nginx, under Miri, which shows undefined
# behaviour.
#
# usage: build/miri.sh DIRECTORY TEST...
set -euo pipefail
cd "$(dirname "$0")/.."

directory=$1
shift
if ! cargo +nightly miri --version >/dev/null 2>&1; then
    if ! command -v rustup >/dev/null \
        || ! rustup toolchain install nightly --profile minimal -c miri -c rust-src; then
        echo 'Miri is a part of nightly Rust: rustup toolchain install nightly -c miri -c rust-src' >&2
        exit 1
    fi
fi
# Some tests read a clock or ask how many threads there are, which Miri's isolation forbids.
export MIRIFLAGS="-Zmiri-disable-isolation ${MIRIFLAGS:-}" CARGO_TARGET_DIR=$directory
cargo +nightly miri test --no-default-features --lib -- "$@"
