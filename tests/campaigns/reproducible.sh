#!/usr/bin/env bash
# Builds the shared library and the program twice, in folders of different names, and compares them bit for bit.
#
#   tests/campaigns/reproducible.sh [CARGO_OPTION...]
#
# CARGO_OPTION is a further option of cargo build, such as --config profile.release.opt-level=0 for a quick look. The sources are
# those of the last commit. Fails if a byte differs, and says which is the first. Takes two whole builds.
set -euo pipefail
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for place in first "a second place"; do
    mkdir "$work/$place"
    git -C "$root" archive HEAD | tar -x -C "$work/$place"
    (cd "$work/$place" && CARGO_TARGET_DIR="$work/$place/target" cargo build --release --locked --lib --bins "$@")
    mkdir "$work/$place/built"
    mv "$work/$place/target/release"/{libdavegan.so,davegan} "$work/$place/built"
    rm -rf "$work/$place/target" # two builds need not lie on the disk at once
done
same=0
for file in libdavegan.so davegan; do
    if cmp "$work/first/built/$file" "$work/a second place/built/$file"; then
        sha256sum "$work/first/built/$file" | sed "s| .*|  $file|"
    else
        same=1
    fi
done
exit $same
