#!/usr/bin/env bash
# Builds the documentation pages of the C, C++ and Fortran interfaces with Doxygen. A warning is an error.
#
#   build.sh OUT     C and C++: OUT/index.html, Fortran: OUT/fortran/index.html
set -euo pipefail
out=${1:?usage: build.sh OUT}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source cmake/packages.sh

need doxygen command -v doxygen
need python3 command -v python3
install_missing

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)

# pages DIR SETTING...: Doxygen with docs/Doxyfile and these settings.
pages() {
    local dir=$1
    shift
    mkdir -p "$dir"
    { cat docs/Doxyfile && printf '%s\n' "PROJECT_NUMBER = $version" "HTML_OUTPUT = \"$dir\"" "$@"; } | doxygen -
}

# The Fortran module has the name of the C++ namespace, so it has pages of its own.
pages "$out" 'INPUT = include/davegan.h include/davegan.hpp docs/guide.md docs/users docs/theory.md' \
    'USE_MDFILE_AS_MAINPAGE = docs/guide.md' 'PROJECT_NAME = davegan'
pages "$out/fortran" 'INPUT = include/davegan.f90' 'OPTIMIZE_FOR_FORTRAN = YES' 'PROJECT_NAME = "davegan for Fortran"'
echo "the pages begin with $out/index.html"
