#!/usr/bin/env bash
# Makes the Debian package and the archive of a build, checks what they hold and say, and builds consumers against both.
# tests/campaigns/clean_root.sh installs the package into a Debian of its own.
#
#   package_test.sh BUILD_DIR
set -euo pipefail

build=$(cd "${1:?usage: package_test.sh BUILD_DIR}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/consumers.sh
source "$(dirname "${BASH_SOURCE[0]}")/consumers.sh"

fail() {
    echo "package_test.sh: $*" >&2
    exit 1
}

# pack GENERATORS OPTION...: the packages in $work/packages.
pack() {
    local generators=$1
    shift
    (cd "$build" && cpack -G "$generators" -B "$work/packages" "$@") >"$work/cpack.log" 2>&1
}

# expect_files PREFIX: everything that a package has to hold, below PREFIX.
expect_files() {
    local prefix=$1 file
    for file in bin/davegan include/davegan.h include/davegan.hpp include/davegan.f90 \
        share/man/man1/davegan.1 share/man/man1/davegan-relax.1 share/bash-completion/completions/davegan \
        share/zsh/site-functions/_davegan share/fish/vendor_completions.d/davegan.fish \
        share/doc/davegan/LICENSE-MIT share/doc/davegan/LICENSE-APACHE share/doc/davegan/THIRD-PARTY.md \
        share/doc/davegan/davegan.cdx.json \
        share/doc/davegan/examples/homogenisation.f90 share/doc/davegan/examples/mpi/ensemble.c; do
        [ -s "$prefix/$file" ] || fail "$file is missing in $prefix"
    done
    # MIT asks for its text beside the program.
    grep -q "Permission is hereby granted" "$prefix/share/doc/davegan/THIRD-PARTY.md" || fail "$prefix has no licence texts"
    # Each crate of the notice, and HDF5 and zlib, are in the bill of materials.
    python3 - "$prefix/share/doc/davegan" <<'CHECK' || fail "$prefix has no whole bill of materials"
import json, pathlib, re, sys
folder = pathlib.Path(sys.argv[1])
named = {part["name"] for part in json.loads((folder / "davegan.cdx.json").read_text())["components"]}
notice = (folder / "THIRD-PARTY.md").read_text(encoding="utf-8").split("| crate | licence |", 1)[1].split("\n\n")[0]
listed = set(re.findall(r"^\| ([\w-]+) \|", notice, re.MULTILINE))
sys.exit(len(listed) < 50 or listed | {"hdf5", "zlib"} != named)
CHECK
    for file in davegan-config.cmake davegan-config-version.cmake davegan.pc libdavegan.so; do
        [ -n "$(find "$prefix/lib" -name "$file")" ] || fail "$file is missing in $prefix"
    done
    "$prefix/bin/davegan" devices >/dev/null || fail "the program of $prefix does not run"
    if grep -rIl -e "$build" "$prefix"; then fail "these files name the place they come from"; fi
}

# field NAME: of the Debian package.
field() { dpkg-deb --field "$package" "$1"; }

check_control() {
    [[ $(field Depends) == *"libc6 (>= "* ]] || fail "the package depends on '$(field Depends)'"
    local said found
    said=$(field Installed-Size)
    # As the disk has it: each file once, in whole blocks.
    found=$(du --summarize --block-size=1K --exclude=DEBIAN "$work/root" | cut -f1)
    ((said > found * 9 / 10 && said < found * 11 / 10)) || fail "Installed-Size is $said KiB, but $found KiB are installed"
    dpkg-deb --info "$package" triggers | grep -qx 'activate-noawait ldconfig' || fail "ldconfig is not called"
    dpkg-deb --info "$package" shlibs | grep -q '^libdavegan [0-9.]* davegan (>= ' || fail "no shlibs for what links to the library"
    dpkg-deb --contents "$package" | awk '$2 != "root/root" { exit 1 }' || fail "somebody else than root owns files"
}

# gzip is five times as fast as what packages have.
pack "DEB;TGZ" -D CPACK_DEBIAN_COMPRESSION_TYPE=gzip || { cat "$work/cpack.log" >&2; fail "cpack"; }
package=$(echo "$work"/packages/davegan_*.deb)
archive=$(echo "$work"/packages/davegan-*.tar.gz)
mkdir "$work/root" "$work/unpacked"
dpkg-deb --extract "$package" "$work/root"
expect_files "$work/root/usr"
check_control
build_all "$work/root/usr"
rm -rf "$work"/{c,cpp,fortran,pkgconfig}

tar -xf "$archive" -C "$work/unpacked" --strip-components=1
expect_files "$work/unpacked"
build_with_pkg_config "$work/unpacked"

# A package without dependencies must not be made in silence.
if pack DEB -D DAVEGAN_DPKG_SHLIBDEPS=; then fail "cpack makes a Debian package without dpkg-shlibdeps"; fi
grep -q "needs dpkg-shlibdeps" "$work/cpack.log" || { cat "$work/cpack.log" >&2; fail "cpack does not say what is missing"; }
echo "the package $(basename "$package") and the archive $(basename "$archive") work"
