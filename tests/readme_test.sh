#!/usr/bin/env bash
# Compiles and links the examples that the README prints.
#
#   readme_test.sh BUILD_DIR
set -euo pipefail

build=$(cd "${1:?usage: readme_test.sh BUILD_DIR}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# example LANGUAGE FILE: the first block of the language.
example() {
    awk -v fence="\`\`\`$1" '$0 == fence { inside = 1; next } inside && /^```/ { exit } inside' README.md >"$work/$2"
    [ -s "$work/$2" ] || { echo "readme_test.sh: the README has no example in $1" >&2; exit 1; }
}

example c example.c
example cpp example.cpp
example fortran example.f90
libraries=(-L"$build/lib" -ldavegan)
cc -Wall -Wextra -Werror -Iinclude "$work/example.c" -o "$work/c" "${libraries[@]}"
c++ -std=c++17 -Wall -Wextra -Iinclude "$work/example.cpp" -o "$work/cpp" "${libraries[@]}"
gfortran -I"$build/fortran" "$work/example.f90" -o "$work/fortran" "$build/libdavegan_fortran.a" "${libraries[@]}"
echo "the README's examples compile"
