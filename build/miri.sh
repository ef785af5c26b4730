#!/bin/bash
# Runs tests under Miri, which shows undefined behaviour.
#
# usage: build/miri.sh DIRECTORY [TEST...]
#
# Without TEST: the tests of the boundary that need no nginx, where memory that is not given back is an error, too;
# then those of the core that take Miri no longer than a minute or two. The core itself has no unsafe code, but the
# crates that it calls have.
set -euo pipefail
cd "$(dirname "$0")/.."

# Too slow for Miri, which takes hundreds of times as long: each place, split or character, generated texts, zones
# of a mebibyte and more, the simulation. Names, or beginnings of them.
slow=(
    body::arguments::names::tests::each_name_is_found body::arguments::names::tests::names_are
    body::form::tests::agrees body::form::tests::names_longer body::form::tests::vectors
    body::header::legacy::piece body::header::text
    body::json::number::tests::the_borders body::json::skip_tests::agrees body::json::skip_tests::at_each_place
    body::json::skip_tests::escapes_that body::json::skip_tests::keys body::json::skip_tests::rows
    body::json::steps_tests::what_is_common body::json::tests::agrees body::json::tests::keys body::json::tests::no_page
    body::json::tests::what_nobody_wants
    body::multipart::dashes body::multipart::delimiter::tests::a_delimiter
    body::multipart::delimiter::tests::agrees body::multipart::delimiter::tests::long_parts
    body::multipart::tests::line_breaks body::multipart::tests::pieces body::multipart::tests::values
    body::text::near body::text::percent::unescape body::text::utf8
    figures::histogram figures::pace::call::tests::any_bits figures::pace::server::tests::any_bits
    figures::pace::server::tests::the_past figures::pace::sim figures::pace::table::tests::any_bits
    figures::pace::table::tests::the_one figures::tests
    frappe::tests::early frappe::tests::vectors
)

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

miri() {
    cargo +nightly miri test --no-default-features --lib -- "$@"
}

if [[ $# != 0 ]]; then
    miri "$@"
    exit
fi
miri nginx::
skip=(--skip nginx::)
for test in "${slow[@]}"; do
    skip+=(--skip "$test")
done
# What lends pages to these tests never frees them.
MIRIFLAGS+=" -Zmiri-ignore-leaks"
miri "${skip[@]}"
