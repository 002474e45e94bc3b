#!/usr/bin/env bash
# Installs a build, moves it, runs its program, and builds and runs consumers against it: C, C++, Fortran, pkg-config; and one
# that takes the sources as a subdirectory.
#
#   install_test.sh BUILD_DIR
set -euo pipefail

build=$(cd "${1:?usage: install_test.sh BUILD_DIR}" && pwd)
consumers=$(cd "$(dirname "${BASH_SOURCE[0]}")/consumer" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

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

build_with_cmake() {
    local name=$1
    shift
    cmake -S "$consumers/$name" -B "$work/$name" "$@" >"$work/$name.log" 2>&1 &&
        cmake --build "$work/$name" >>"$work/$name.log" 2>&1 || { cat "$work/$name.log" >&2; fail "consumer $name"; }
    "$work/$name/consumer" || fail "consumer $name ran into an error"
}

build_with_pkg_config() {
    cp -r "$consumers/c" "$consumers/pkgconfig" "$work/"
    PKG_CONFIG_PATH=$(dirname "$(find "$work/moved" -name davegan.pc)") make -s -C "$work/pkgconfig"
    "$work/pkgconfig/consumer" || fail "consumer pkgconfig ran into an error"
}

cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"
check_library "$(dirname "$(find "$work/moved" -name libdavegan.so)")"
check_relocatable
"$work/moved/bin/davegan" --version | grep -q "$(sed -n 's/^version = "\(.*\)"/\1/p' "$consumers/../../Cargo.toml")" ||
    fail "the installed program does not run"
for name in c cpp fortran; do
    build_with_cmake "$name" -DCMAKE_PREFIX_PATH="$work/moved"
done
rm -rf "$work/c"
build_with_pkg_config
build_with_cmake subdirectory -DDAVEGAN_CARGO_TARGET_DIR="$(sed -n 's/^DAVEGAN_CARGO_TARGET_DIR:PATH=//p' "$build/CMakeCache.txt")"
echo "the installed package works from where it was moved to"
