#!/usr/bin/env bash
# HDF5 1.14.6, built by CMake: HDF5_ENABLE_EMBEDDED_LIBINFO=OFF ("Embed library info into executables") has no effect. The
# library holds the text of its configuration all the same, with the folder of the build and the day, so that builds in two
# folders differ. A program can leave the text out when it links the static library, by
# -Wl,--gc-sections,--defsym=H5build_settings=H5_lib_vers_info_g.
#
# Needs cargo (for the sources, those of the crate hdf5-metno-src), cmake and a C compiler, a network, and minutes. Exits with 0 if the
# behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cargo init --quiet --vcs none --name sources
cargo add --quiet hdf5-metno-src@=0.9.5
cargo vendor --quiet >/dev/null

cmake -S vendor/hdf5-metno-src/ext/hdf5 -B "$folder/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTING=OFF \
    -DHDF5_BUILD_TOOLS=OFF -DHDF5_BUILD_EXAMPLES=OFF -DHDF5_BUILD_HL_LIB=OFF -DHDF5_ENABLE_Z_LIB_SUPPORT=OFF \
    -DHDF5_ENABLE_SZIP_SUPPORT=OFF -DHDF5_ENABLE_EMBEDDED_LIBINFO=OFF >configure.log
cmake --build build >build.log

echo 'int H5open(void); int main(void) { return H5open(); }' >main.c
flags=(build/bin/libhdf5.a -lm -ldl -lpthread -Wl,--gc-sections)
cc main.c -o plain "${flags[@]}"
cc main.c -o without "${flags[@]}" -Wl,--defsym=H5build_settings=H5_lib_vers_info_g
result=0
for program in plain without; do
    "./$program"
    count=$(grep -c -a "Installation point" "$program" || true)
    echo "$program: $count lines with the folder of the installation"
    [ "$program $count" = "plain 1" ] || [ "$program $count" = "without 0" ] || result=1
done
grep -q "HDF5_ENABLE_EMBEDDED_LIBINFO:BOOL=OFF" build/CMakeCache.txt || result=1
[ "$result" = 0 ] && echo "as described" || echo "changed"
exit "$result"
