#!/bin/bash
# Minimises what `make fuzz` has found to as few inputs as reach all that they reach, and stores them in
# fuzz/corpus.tar.gz, with which each run begins.
#
# usage: fuzz/store.sh DIRECTORY
#
# DIRECTORY is that of fuzz/run.sh. `difference` and `splits` have inputs of the same shape as `request`, and
# begin with its.
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
    # What `cargo fuzz cmin` does, but how often a line runs does not matter: that would be ten times as many.
    "$directory/$host/release/$1" -merge=1 -use_counters=0 -max_len=2048 "$small/$1" "${all[@]}" \
        >"$directory/$1.merge.log" 2>&1 || { tail -n 20 "$directory/$1.merge.log" >&2; return 1; }
    echo "$1: $(find "$small/$1" -type f | wc -l) of $(find "${all[@]}" -type f | wc -l) inputs"
}
export -f minimise
export directory host small
find "$directory/corpus" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | grep -vx 'difference\|splits' | sort \
    | xargs -P "$(nproc)" -I '{}' bash -c 'minimise "$1"' _ '{}'

# The same inputs make the same file.
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=go+r --directory "$small" . \
    | gzip -9n >fuzz/corpus.tar.gz
ls -l fuzz/corpus.tar.gz
