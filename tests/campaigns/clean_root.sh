#!/usr/bin/env bash
# Installs the Debian package of a build into a Debian of its own, as a user would: with dpkg, and apt for what it depends on.
# There the program trains, generates, exports and reports, ldconfig knows the library, and programs in C, C++ and Fortran are
# built against it and run. Needs root, debootstrap and a Debian mirror; takes some minutes.
#
#   clean_root.sh BUILD_DIR [SUITE [MIRROR]]      SUITE: bookworm
set -euo pipefail

build=$(cd "${1:?usage: clean_root.sh BUILD_DIR [SUITE [MIRROR]]}" && pwd)
suite=${2:-bookworm}
mirror=("${@:3:1}")
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
root=$work/root
trap 'rm -rf "$work"' EXIT

# inside COMMAND...: runs it in the new Debian.
inside() { chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }

stage() { printf '\n==== %s\n' "$*"; }

stage "package"
(cd "$build" && cpack -G DEB -B "$work/packages") >"$work/cpack.log" 2>&1 || { cat "$work/cpack.log" >&2; exit 1; }
package=$(echo "$work"/packages/davegan_*.deb)
dpkg-deb --field "$package"

stage "a Debian with nothing but the least"
debootstrap --variant=minbase "$suite" "$root" "${mirror[@]}" >"$work/debootstrap.log" 2>&1 || { tail "$work/debootstrap.log" >&2; exit 1; }
cp "$package" "$root/davegan.deb"

stage "dpkg --install"
inside dpkg --install /davegan.deb
inside ldconfig -p | grep libdavegan
inside davegan devices

stage "the command line"
inside sh -euxc 'cd /tmp
    davegan train --sample gaussian_field --sample-size 128 --steps 20 --model model.h5
    davegan info model.h5
    davegan generate model.h5 realisations.vtkhdf --count 32
    davegan export realisations.vtkhdf --index 3 --output element.vti
    davegan report model.h5 --sample gaussian_field --sample-size 128 --count 32 --output report.html
    ls -l'

stage "programs in C, C++ and Fortran"
inside apt-get update -qq
inside apt-get install -y -qq --no-install-recommends gcc g++ gfortran cmake make pkg-config >"$work/apt.log" 2>&1 || { tail "$work/apt.log" >&2; exit 1; }
cp -r "$tests/consumer" "$root/tmp/"
# Found without a word about where: the package is in the usual place.
inside sh -euc 'cd /tmp/consumer
    for name in c cpp fortran; do
        cmake -S $name -B ../$name >/dev/null && cmake --build ../$name >/dev/null && ../$name/consumer
    done
    make -s -C pkgconfig && pkgconfig/consumer'

stage "removed again"
inside dpkg --remove davegan
if inside ldconfig -p | grep libdavegan; then echo "ldconfig still knows the library" >&2; exit 1; fi
if find "$root/usr" -name '*davegan*' | grep .; then echo "these files are left" >&2; exit 1; fi
echo "the package works in a clean $suite"
