#!/usr/bin/env bash
# C tests under ThreadSanitizer. The test, the library with all its crates, Rust's standard library, HDF5 and zlib are compiled for
# it.
#
#   tests/campaigns/threads.sh [TEST...]
#
# TEST is a file tests/c/test_TEST.c; default: threads and parallel. Needs clang and the sources of the standard library
# (`rustup component add rust-src`). Builds in target/tsan, many minutes the first time. Fails at the first data race.
set -euo pipefail
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
cd "$root"
[ $# -gt 0 ] || set -- threads parallel
host=$(rustc -vV | sed -n 's/^host: //p')
work=${CARGO_TARGET_DIR:-$root/target}/tsan

# RUSTC_BOOTSTRAP allows sanitizers in a released compiler.
RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=thread CC=clang CXX=clang++ CFLAGS="-fsanitize=thread -g1" \
    cargo build --release --locked --lib -Zbuild-std --target "$host" --target-dir "$work" --config profile.release.opt-level=1

built=$work/$host/release
soname=$(readelf -d "$built/libdavegan.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
ln -sf libdavegan.so "$built/$soname"
# One runtime for the test and the library: that of the Rust compiler.
runtime=$(find "$(rustc --print sysroot)/lib/rustlib/$host/lib" -name 'librustc-*_rt.tsan.a')
mkdir -p "$work/files"
cd "$work/files"
for test; do
    clang -fsanitize=thread -g -O1 -fPIE -D_GNU_SOURCE -DTEST_NAME="\"t_$test\"" -DSANITIZER_THREADS=1 -I"$root/include" -I"$root/tests/c" \
        -c "$root/tests/c/test_$test.c" -o "$test.o"
    clang "$test.o" -o "$test" -Wl,--whole-archive "$runtime" -Wl,--no-whole-archive -Wl,--export-dynamic \
        -L"$built" -ldavegan -Wl,-rpath,"$built" -lpthread -ldl -lm -lrt
    TSAN_OPTIONS="halt_on_error=1 die_after_fork=0" "./$test" >"$test.log" 2>&1 || { cat "$test.log"; echo "FAILED: $test"; exit 1; }
    echo "passed: $test"
done
echo "$# tests: no data race"
