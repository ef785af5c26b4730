#!/bin/bash
# Runs fuzz targets, each for SECONDS, as many at once as there are cores.
#
# usage: fuzz/run.sh DIRECTORY SECONDS [TARGET...]
#
# DIRECTORY keeps the programs, the corpus, and the inputs that failed. Each run begins with that corpus, with
# the one in fuzz/corpus.tar.gz, and with the requests of the tests. For a target that fails, this says which
# input it was and how to run it again. With 0 SECONDS a target only runs what is stored. DIFFERENCE_SECONDS,
# if set, is the time of the target `difference`. FUZZ_PYTHON is the interpreter of the tests' environment.
set -euo pipefail
cd "$(dirname "$0")/.."

directory=$1 seconds=$2
shift 2
targets=("$@")
if [[ ${#targets[@]} == 0 ]]; then
    mapfile -t targets < <(sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | tail -n +2)
fi
for target in "${targets[@]}"; do
    if [[ ! -e fuzz/targets/$target.rs ]]; then
        echo "no fuzz target is called $target: there are" fuzz/targets/*.rs >&2
        exit 2
    fi
done
host=$(rustc -vV | sed -n 's/^host: //p')
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)

export PATH=$directory/tools/bin:$PATH
if ! command -v cargo-fuzz >/dev/null; then
    echo 'cargo-fuzz is not here: installing it, which takes a minute or two'
    cargo install --quiet --locked --root "$directory/tools" cargo-fuzz@0.13.2
fi

# Stable Rust has coverage and AddressSanitizer only with this variable. The counter of work (src/work.c) needs
# trace-pc.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Cllvm-args=-sanitizer-coverage-trace-pc ${RUSTFLAGS:-}"
cargo fuzz build --fuzz-dir fuzz --target-dir "$directory"

rm -rf "$directory/stored"
mkdir -p "$directory/stored"
tar -xzf fuzz/corpus.tar.gz -C "$directory/stored"
"$FUZZ_PYTHON" fuzz/seeds.py "$directory/corpus" "${targets[@]}"

run() {
    local target=$1 log=$directory/$1.log status=0 stored=$directory/stored/$1 time=$seconds
    [[ $1 != difference ]] || time=${DIFFERENCE_SECONDS:-$seconds}
    # libFuzzer takes 0 seconds for no limit.
    if [[ $time == 0 ]]; then time=-runs=0; else time=-max_total_time=$time; fi
    # These targets take inputs of the same shape as `request`.
    [[ $1 != difference && $1 != splits ]] || stored=$directory/stored/request
    mkdir -p "$directory/corpus/$target" "$directory/failed"
    "$directory/$host/release/$target" "$directory/corpus/$target" "$stored" "$time" -max_len=8192 \
        -timeout=20 -rss_limit_mb=2048 -dict=fuzz/dictionary -use_value_profile=1 -print_final_stats=1 \
        -artifact_prefix="$directory/failed/$target-" >"$log" 2>&1 || status=$?
    if [[ $status == 0 ]]; then
        sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/\1 runs in \2 s/p' "$log" | tail -n 1 \
            | sed "s/^/$target: /"
        return
    fi
    tail -n 40 "$log" >&2
    echo "$target: FAILED; see $log. Again: $directory/$host/release/$target $directory/failed/$target-…" >&2
    return 1
}
export -f run
export directory seconds host
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I '{}' bash -c 'run "$1"' _ '{}'
