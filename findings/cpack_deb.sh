#!/usr/bin/env bash
# CPack 3.31.6 (as 3.25.1 of Debian 12) makes Debian packages that say less, or more, than the files in them:
# - with CPACK_DEBIAN_PACKAGE_SHLIBDEPS on a machine without dpkg-shlibdeps (package dpkg-dev) the package has no Depends;
#   cpack says "Using only user-provided dependencies" on its way and exits with 0
# - Installed-Size counts a file once more for each symbolic link to it: a library with its two links three times
#
# CMake's SameMinorVersion of write_basic_package_version_file refuses a range that begins and ends in different minor versions,
# such as find_package(thing 0.1...0.2), whatever version is installed, also 0.1.0 and 0.2.0 themselves. 0.1...<0.2 is met by 0.1.0.
#
# Needs python3, make, file, dpkg-deb and a network. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet cmake==3.31.6
tools=$folder/venv/bin

mkdir project
cp /bin/true project/tool
head -c 300000 /dev/urandom >project/libthing.so.1.0
ln -s libthing.so.1.0 project/libthing.so.1
ln -s libthing.so.1 project/libthing.so
cat >project/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.22)
project(thing VERSION 0.1.0 LANGUAGES NONE)
install(PROGRAMS tool DESTINATION bin)
install(FILES libthing.so.1.0 libthing.so.1 libthing.so DESTINATION lib)
set(CPACK_PACKAGE_CONTACT somebody)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_GENERATOR DEB)
include(CPack)
END
"$tools/cmake" -S project -B build >/dev/null

# A machine without dpkg-dev: the variable that CPack searches the program for is empty.
status=0
(cd build && "$tools/cpack" -D SHLIBDEPS_EXECUTABLE=) >log 2>&1 || status=$?
package=$(echo build/*.deb)
depends=$(dpkg-deb --field "$package" Depends)
size=$(dpkg-deb --field "$package" Installed-Size)
echo "without dpkg-shlibdeps: status $status, Depends: '$depends'; Installed-Size: $size KiB for a file of 293 KiB with two links"

# accepted INSTALLED REQUEST: whether find_package takes the installed version for the request.
accepted() {
    rm -rf package
    mkdir -p package/lib/cmake/thing package/user
    cat >package/write.cmake <<END
include(CMakePackageConfigHelpers)
write_basic_package_version_file(package/lib/cmake/thing/thing-config-version.cmake
    VERSION $1 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
END
    "$tools/cmake" -P package/write.cmake
    : >package/lib/cmake/thing/thing-config.cmake
    cat >package/user/CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES NONE)
find_package(thing $2 REQUIRED)
END
    if "$tools/cmake" -S package/user -B package/build -DCMAKE_PREFIX_PATH="$PWD/package" >log 2>&1; then echo yes; else echo no; fi
}
answers="$(accepted 0.1.0 0.1...0.2) $(accepted 0.1.5 0.1...0.2) $(accepted 0.2.0 0.1...0.2) $(accepted 0.1.0 '0.1...<0.2') $(accepted 0.1.0 0.1)"
echo "0.1...0.2 with 0.1.0, 0.1.5, 0.2.0; 0.1...<0.2 and 0.1 with 0.1.0: $answers"

if [ "$status" = 0 ] && [ -z "$depends" ] && [ "$size" -gt 880 ] && [ "$answers" = "no no no yes yes" ]; then
    echo "as described"
else
    echo "changed"
    exit 1
fi
