#!/usr/bin/env bash
# Runs quick C tests under valgrind, which finds invalid reads and writes and decisions on memory that nobody has written.
#
#   tests/valgrind.sh BUILD [TEST...]
#
# BUILD is a CMake build folder with tests, such as target/cmake. TEST is a file tests/c/test_TEST.c; by default those that
# take seconds under valgrind. Fails at the first error. Valgrind shows the library a processor without AVX-512, so the
# kernels for AVX2 run.
set -euo pipefail
[ $# -ge 1 ] || {
    sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}
build=$(realpath "$1")
shift
[ $# -ge 1 ] || set -- status options relax
cd "$build/tests/files"
for test; do
    echo "valgrind: $test"
    valgrind --quiet --error-exitcode=9 "$build/tests/c_$test"
done
