#!/bin/bash
# Shows which lines of the core no test runs: neither the core's own tests nor the oracle's, which compare the
# core's answers with those of the real werkzeug.
#
# usage: build/coverage.sh DIRECTORY PYTHON [CASES]
#
# PYTHON is the interpreter of the tests' environment. CASES says how many requests of the oracle each version
# gets.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p "$1"
directory=$(cd "$1" && pwd) python=$2 cases=${3:-2000}
export PATH=$directory/tools/bin:$PATH

# The tools that read the counters must be of the compiler's own LLVM.
tools=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
if [[ ! -e $tools/llvm-profdata && -z ${LLVM_PROFDATA:-} ]]; then
    if ! command -v rustup >/dev/null || ! rustup component add llvm-tools; then
        echo "LLVM's tools of $(rustc --version) are missing: rustup component add llvm-tools," >&2
        echo 'or set LLVM_COV and LLVM_PROFDATA to those of the same LLVM' >&2
        exit 1
    fi
fi
if ! command -v cargo-llvm-cov >/dev/null; then
    echo 'cargo-llvm-cov is not here: installing it, which takes a minute or two'
    cargo install --quiet --locked --root "$directory/tools" cargo-llvm-cov@0.9.1
fi

export CARGO_TARGET_DIR=$directory
# shellcheck disable=SC1090
source <(cargo llvm-cov show-env --sh)
cargo llvm-cov clean --workspace
# Skips the long simulations, which judge the pace by statistics and would take minutes.
cargo test --no-default-features --lib -- --skip sim::table --skip property_4 --skip property_5 --skip property_6 --skip property_2
cargo build --package frappe-cmd
(cd t && TEST_FRAPPE_CMD=$directory/debug/frappe-cmd "$python" -m oracle.fuzz --cases "$cases")

# The report leaves out the code of the tests themselves, and the boundary.
report=(cargo llvm-cov report --ignore-filename-regex '(tests?|testing|generate|sim)(/.*)?\.rs$|src/nginx/|examples/')
"${report[@]}" --show-missing-lines
"${report[@]}" --fail-under-lines 97 --summary-only >/dev/null \
    || { echo 'fewer than 97 % of the lines are run' >&2; exit 1; }
