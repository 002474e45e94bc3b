#!/usr/bin/env bash
# The C and C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer of GCC, against the library as it is built: what it
# reads and writes through the pointers of a host, and what nobody frees.
#
#   tests/campaigns/sanitize.sh BUILD [TEST...]
#
# BUILD is a CMake build folder, such as target/cmake. TEST is a file tests/c/test_TEST.c, or hpp for the C++ test; default: all
# but memory and growth, which limit or measure the memory that the sanitizer takes too. Needs libhdf5-dev. Fails at the first
# error.
set -euo pipefail
build=$(realpath "${1:?usage: sanitize.sh BUILD [TEST...]}")
shift
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
if [ $# -eq 0 ]; then
    for source in "$root"/tests/c/test_*.c; do
        name=$(basename "$source" .c)
        case $name in test_memory | test_growth) ;; *) set -- "$@" "${name#test_}" ;; esac
    done
    set -- "$@" hpp
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
flags=(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1)
read -ra hdf5 <<<"$(pkg-config --cflags --libs hdf5-serial)"
libraries=(-L"$build/lib" -ldavegan -Wl,-rpath,"$build/lib" -lpthread -lm)
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
for test; do
    including=(-DTEST_NAME="\"a_$test\"" -I"$root/include" -I"$root/tests/c")
    if [ "$test" = hpp ]; then
        g++ "${flags[@]}" -std=c++17 "${including[@]}" "$root/tests/cpp/test_hpp.cpp" -o "$test" "${libraries[@]}"
    else
        gcc "${flags[@]}" -D_GNU_SOURCE "${including[@]}" "$root/tests/c/test_$test.c" -o "$test" "${libraries[@]}" "${hdf5[@]}"
    fi
    "./$test" >"$test.log" 2>&1 || { cat "$test.log"; echo "FAILED: $test"; exit 1; }
    echo "passed: $test"
done
echo "$# tests: no error"
