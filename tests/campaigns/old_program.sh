#!/usr/bin/env bash
# C programs of an older davegan with the library of a newer one: the examples in docs/examples of REVISION are compiled against
# the header of REVISION, and run with the library of BUILD.
#
#   tests/campaigns/old_program.sh BUILD REVISION
#
# BUILD is a CMake build folder or an installation. REVISION is a commit of the same minor version, such as its first release.
# Needs git. Fails at the first program that does not end well.
set -euo pipefail
build=$(realpath "${1:?usage: old_program.sh BUILD REVISION}")
revision=${2:?usage: old_program.sh BUILD REVISION}
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git -C "$root" archive "$revision" include docs/examples tests/c | tar -x -C "$work"
cd "$work"
count=0
for source in docs/examples/*.c; do
    name=$(basename "$source" .c)
    gcc -D_GNU_SOURCE -DTEST_NAME="\"old_$name\"" -Iinclude -Itests/c "$source" -o "$name" \
        -L"$build/lib" -ldavegan -Wl,-rpath,"$build/lib" -lm
    "./$name" >"$name.log" 2>&1 || { cat "$name.log"; echo "FAILED: $name"; exit 1; }
    echo "passed: $name"
    count=$((count + 1))
done
echo "$count programs of $revision: passed"
