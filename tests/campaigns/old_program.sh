#!/usr/bin/env bash
# C programs of an older davegan with the library of a newer one: the C tests of REVISION are compiled against the header of
# REVISION, and run with the library of BUILD.
#
#   tests/campaigns/old_program.sh BUILD REVISION [TEST...]
#
# BUILD is a CMake build folder or an installation. REVISION is a commit of the same minor version, such as its first release.
# TEST is a file tests/c/test_TEST.c; default: those of programs, which do not look at how the library is made. Needs git and
# libhdf5-dev. Fails at the first test that does not pass.
set -euo pipefail
build=$(realpath "${1:?usage: old_program.sh BUILD REVISION [TEST...]}")
revision=${2:?usage: old_program.sh BUILD REVISION [TEST...]}
shift 2
[ $# -gt 0 ] || set -- status options devices train model volume history latent descriptor relax pictures export representative \
    micrograph generate fidelity parallel
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git -C "$root" archive "$revision" include tests/c | tar -x -C "$work"
cd "$work"
read -ra hdf5 <<<"$(pkg-config --cflags --libs hdf5-serial)"
for test; do
    gcc -D_GNU_SOURCE -DTEST_NAME="\"o_$test\"" -Iinclude -Itests/c "tests/c/test_$test.c" -o "$test" \
        -L"$build/lib" -ldavegan -Wl,-rpath,"$build/lib" -lpthread -lm "${hdf5[@]}"
    "./$test" >"$test.log" 2>&1 || { cat "$test.log"; echo "FAILED: $test"; exit 1; }
    echo "passed: $test"
done
echo "$# tests of $revision: passed"
