#!/usr/bin/env bash
# Repeats the numerical experiments of the DA-VEGAN paper and puts its numbers beside ours on one page.
#
#   reproduce.sh MICROGRAPHS.h5 OUT_DIR [options]
#
# Table 4 is of every micrograph in MICROGRAPHS.h5 and of the built-in checkerboard; --materials A,B chooses. Figures 3
# and 4 are of built-in ellipses, and with - for MICROGRAPHS.h5 there is nothing but what is built in. At full size this
# takes a day on two cores; --quick takes minutes, to see what comes out. What was interrupted goes on where it stopped
# if run again. The program is that of the quick start's build, or in the directory that DAVEGAN_BUILD names.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${DAVEGAN_BUILD:-${CARGO_TARGET_DIR:-$root/target}/quickstart}
program=$build/examples-c/reproduce

usage() {
    sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    echo
    if [ -x "$program" ]; then "$program" --help; else echo "Once built, --help tells all options."; fi
}

case ${1:-} in
-h | --help)
    usage
    exit 0
    ;;
esac
if [ $# -lt 2 ]; then
    usage >&2
    exit 2
fi
micrographs=$1

# The micrographs are looked up only where nobody names them.
look_up=1
[ "$micrographs" != - ] || look_up=0
for option in "$@"; do [ "$option" != --materials ] || look_up=0; done

source "$root/cmake/packages.sh"
if [ ! -x "$program" ]; then
    need gcc command -v cc
    need g++ command -v c++
    need make command -v make
    need cmake command -v cmake
fi
[ $look_up = 0 ] || need hdf5-tools command -v h5ls
[ ${#missing[@]} = 0 ] || install_missing >&2
if [ ! -x "$program" ]; then
    { cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DDAVEGAN_FORTRAN=OFF && cmake --build "$build"; } >&2
fi

if [ $look_up = 1 ]; then
    listing=$(h5ls -r "$micrographs") || {
        echo "reproduce.sh: $micrographs cannot be read as HDF5" >&2
        exit 1
    }
    # Lines such as "/alloy   Dataset {256, 256}"; three lengths are a stack of images.
    materials=$(sed -nE 's|^/(.*[^ ]) +Dataset \{[^ ,]+(, [^ ,]+){1,2}\}$|\1|p' <<<"$listing" | paste -sd,)
    if [ -z "$materials" ]; then
        echo "reproduce.sh: $micrographs holds no images; it holds:" >&2
        echo "$listing" >&2
        exit 1
    fi
    set -- "$@" --materials "$materials"
fi
exec "$program" "$@"
