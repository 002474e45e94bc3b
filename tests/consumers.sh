# shellcheck shell=bash
# Builds and runs the programs of tests/consumer against an installed davegan; for the scripts that source it, which set `work`
# to an empty folder and define `fail`.

work=${work:?}
consumers=$(cd "$(dirname "${BASH_SOURCE[0]}")/consumer" && pwd)

# build_with_cmake NAME OPTION...: builds and runs the consumer NAME.
build_with_cmake() {
    local name=$1
    shift
    cmake -S "$consumers/$name" -B "$work/$name" "$@" >"$work/$name.log" 2>&1 &&
        cmake --build "$work/$name" >>"$work/$name.log" 2>&1 || { cat "$work/$name.log" >&2; fail "consumer $name"; }
    "$work/$name/consumer" || fail "consumer $name ran into an error"
}

# build_with_pkg_config PREFIX: builds and runs the consumer in C without CMake.
build_with_pkg_config() {
    cp -r "$consumers/c" "$consumers/pkgconfig" "$work/"
    PKG_CONFIG_PATH=$(dirname "$(find "$1" -name davegan.pc)") make -s -C "$work/pkgconfig"
    "$work/pkgconfig/consumer" || fail "consumer pkgconfig ran into an error"
}

# build_all PREFIX: the consumers in C, C++ and Fortran, and the one with pkg-config.
build_all() {
    local name
    for name in c cpp fortran; do
        build_with_cmake "$name" -DCMAKE_PREFIX_PATH="$1"
    done
    rm -rf "$work/c"
    build_with_pkg_config "$1"
}
