#!/usr/bin/env bash
# Installs a build, moves it, runs its program, and builds and runs consumers against it: C, C++, Fortran, pkg-config; and one
# that takes the sources as a subdirectory.
#
#   install_test.sh BUILD_DIR
set -euo pipefail

build=$(cd "${1:?usage: install_test.sh BUILD_DIR}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/consumers.sh
source "$(dirname "${BASH_SOURCE[0]}")/consumers.sh"

fail() {
    echo "install_test.sh: $*" >&2
    exit 1
}

check_library() {
    local dir=$1 foreign
    foreign=$(nm -D --defined-only "$dir/libdavegan.so" | awk '{ print $3 }' | grep -v '^davegan_' || true)
    [ -z "$foreign" ] || fail "exported besides davegan_*: $foreign"
    local soname
    soname=$(readelf -d "$dir/libdavegan.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
    [[ $soname =~ ^libdavegan\.so\.[0-9]+\.[0-9]+$ ]] || fail "the SONAME is '$soname'"
    [ "$(readlink "$dir/libdavegan.so")" = "$soname" ] || fail "libdavegan.so does not point at $soname"
    [[ $(readlink "$dir/$soname") =~ ^$soname\.[0-9]+$ ]] || fail "$soname does not point at the library"
    if readelf -d "$dir/libdavegan.so" | grep -q 'NEEDED.*hdf5'; then fail "the library needs a shared HDF5"; fi
}

# The installed files must not remember where they were built or first installed.
check_relocatable() {
    if grep -rIl -e "$work/first" -e "$build" "$work/moved"; then fail "these files name the place they come from"; fi
}

# accepts VERSION: whether find_package takes this version, or range, for the installed one.
accepts() {
    mkdir -p "$work/version"
    cat >"$work/version/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.22)
project(version LANGUAGES NONE)
find_package(davegan $1 REQUIRED)
END
    cmake -S "$work/version" -B "$work/version/build" -DCMAKE_PREFIX_PATH="$work/moved" >"$work/version/log" 2>&1
}

# check_versions MAJOR MINOR PATCH: which requests the installed version meets.
check_versions() {
    local version="$1.$2.$3" minor="$1.$2" next="$1.$(($2 + 1))" request
    for request in "$minor" "$version" "$version EXACT" "$minor...$next" "$minor...<$next" "$version...$version" "0...$(($1 + 1))"; do
        accepts "$request" || { cat "$work/version/log" >&2; fail "find_package(davegan $request) refuses version $version"; }
    done
    for request in "$next" "$minor.$(($3 + 1))" "$next...$next.1" "0...<$version" "$(($1 + 1)).0"; do
        ! accepts "$request" || fail "find_package(davegan $request) takes version $version"
    done
}

check_manual() {
    local share=$work/moved/share file
    for file in man/man1/davegan.1 man/man1/davegan-train.1 bash-completion/completions/davegan zsh/site-functions/_davegan \
        fish/vendor_completions.d/davegan.fish; do
        [ -s "$share/$file" ] || fail "share/$file is not installed"
    done
    bash -n "$share/bash-completion/completions/davegan" || fail "bash does not read its completions"
}

cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"
check_library "$(dirname "$(find "$work/moved" -name libdavegan.so)")"
check_relocatable
"$work/moved/bin/davegan" --version | grep -q "$(sed -n 's/^version = "\(.*\)"/\1/p' "$consumers/../../Cargo.toml")" ||
    fail "the installed program does not run"
check_manual
IFS=. read -r major minor patch <<<"$(sed -n 's/^version = "\(.*\)"/\1/p' "$consumers/../../Cargo.toml" | head -1)"
check_versions "$major" "$minor" "$patch"
build_all "$work/moved"
build_with_cmake subdirectory -DDAVEGAN_CARGO_TARGET_DIR="$(sed -n 's/^DAVEGAN_CARGO_TARGET_DIR:PATH=//p' "$build/CMakeCache.txt")"
echo "the installed package works from where it was moved to"
