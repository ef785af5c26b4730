#!/bin/bash
# Shows which lines of the core its tests run, and which not.
#
# usage: build/coverage.sh DIRECTORY
set -euo pipefail
cd "$(dirname "$0")/.."

directory=$1
mkdir -p "$directory"
export PATH=$directory/tools/bin:$PATH
if ! command -v cargo-llvm-cov >/dev/null; then
    echo 'cargo-llvm-cov is not here: installing it, which takes a minute or two'
    cargo install --quiet --locked --root "$directory/tools" cargo-llvm-cov@0.9.1
fi
export CARGO_TARGET_DIR=$directory
# What tests themselves have is no part of what is tested.
cargo llvm-cov --no-default-features --lib --show-missing-lines \
    --ignore-filename-regex '(tests?|testing|generate)(/.*)?\.rs$|src/nginx/'
