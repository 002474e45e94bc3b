#!/usr/bin/env bash
# Fuzzes the targets of tests/hostile with libFuzzer under AddressSanitizer; Rust, HDF5 and zlib are compiled for both.
#
#   tests/campaigns/fuzz.sh [SECONDS [TARGET...]]
#
# SECONDS (default 600) is the time for each target; TARGET is one of model, checkpoint, realisations, hdf5, png, tiff and options
# (default: all). Needs cargo-fuzz (`cargo install cargo-fuzz`) and clang. Builds in target/fuzz, minutes the first time. Prints the
# number of inputs of each target and ends with 1 if one of them is bad: its log is target/fuzz/TARGET.log, the input is in
# target/fuzz/found. Inputs that reach new code stay in target/fuzz/corpus for the next time. tests/hostile/corpus has those that
# reach most: `-set_cover_merge=1 -use_counters=0`, and of these at most the first forty; of HDF5 files small ones that h5py reads
# or refuses at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:-600}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- model checkpoint realisations hdf5 png tiff options
work=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
mkdir -p "$work/found" "$work/corpus"

cp Cargo.lock tests/campaigns/fuzz/Cargo.lock # the same versions; cargo adds those for libFuzzer
# RUSTC_BOOTSTRAP allows sanitizers in a released compiler.
RUSTC_BOOTSTRAP=1 CC=clang CXX=clang++ CFLAGS="-fsanitize=address,fuzzer-no-link -g1 -fno-omit-frame-pointer" \
    CARGO_TARGET_DIR=$work cargo fuzz build --fuzz-dir tests/campaigns/fuzz hostile
program=$work/$(rustc -vV | sed -n 's/^host: //p')/release/hostile

# HDF5 frees nothing at the end, and survives allocations that fail. In Rust one that fails ends the process, so that no small
# file may have it ask for much at once.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=600
status=0
for target; do
    export DAVEGAN_FUZZ_TARGET=$target DAVEGAN_FUZZ_SEEDS=$files/$target
    corpus=("$work/corpus/$target" "$files/$target" "tests/hostile/corpus/$target")
    mkdir -p "${corpus[@]:0:2}"
    result="no defect"
    TMPDIR=$files "$program" "${corpus[@]}" -max_total_time="$seconds" -timeout=20 -max_len=65536 -rss_limit_mb=3000 \
        -malloc_limit_mb=0 -artifact_prefix="$work/found/$target-" -print_final_stats=1 >"$work/$target.log" 2>&1 || {
        status=1
        result="FOUND: $work/$target.log"
    }
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log") inputs, $result"
done
exit $status
