#!/bin/bash
# Reduces the inputs that `make fuzz` has found to a few that reach the same code, and stores them in
# fuzz/corpus.tar.gz, with which each run begins.
#
# usage: fuzz/store.sh DIRECTORY
#
# DIRECTORY is that of fuzz/run.sh. `difference` and `splits` take inputs of the same shape as `request`, so
# they begin with the inputs of `request`.
set -euo pipefail
cd "$(dirname "$0")/.."

directory=$(cd "$1" && pwd)
host=$(rustc -vV | sed -n 's/^host: //p')
small=$(mktemp -d)
trap 'rm -rf "$small"' EXIT

minimise() {
    local all=("$directory/corpus/$1")
    [[ $1 != request ]] || all+=("$directory/corpus/difference" "$directory/corpus/splits")
    mkdir "$small/$1"
    # This does what `cargo fuzz cmin` does, but ignores how often a line runs: with that there would be ten
    # times as many inputs.
    "$directory/$host/release/$1" -merge=1 -use_counters=0 -max_len=2048 "$small/$1" "${all[@]}" \
        >"$directory/$1.merge.log" 2>&1 || { tail -n 20 "$directory/$1.merge.log" >&2; return 1; }
    echo "$1: $(find "$small/$1" -type f | wc -l) of $(find "${all[@]}" -type f | wc -l) inputs"
}
export -f minimise
export directory host small
find "$directory/corpus" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | grep -vx 'difference\|splits' | sort \
    | xargs -P "$(nproc)" -I '{}' bash -c 'minimise "$1"' _ '{}'

# tar and gzip write no times and owners, so that the same inputs make the same file.
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=go+r --directory "$small" . \
    | gzip -9n >fuzz/corpus.tar.gz
ls -l fuzz/corpus.tar.gz
