#!/bin/bash
# Checks the core for aarch64, and with the oldest Rust that Cargo.toml promises. rustup downloads what is
# missing. Where it cannot, this says so and exits with 77.
set -euo pipefail
cd "$(dirname "$0")/.."

oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -1)
target=aarch64-unknown-linux-gnu
skipped=

skip() {
    echo "$1: not checked"
    skipped=1
}

if ! command -v rustup >/dev/null; then
    skip "$target and Rust $oldest need rustup, which is not installed"
    exit 77
fi

if rustup target add "$target" >/dev/null 2>&1; then
    cargo clippy --target "$target" --target-dir target/other --lib --no-default-features \
        ${CARGO_FLAGS:-} -- -D warnings
else
    skip "rustup cannot get $target"
fi

if rustup toolchain install "$oldest" --profile minimal >/dev/null 2>&1; then
    cargo "+$oldest" check --target-dir "target/other-$oldest" --lib --no-default-features ${CARGO_FLAGS:-}
else
    skip "rustup cannot get Rust $oldest"
fi

[[ -z $skipped ]] || exit 77
