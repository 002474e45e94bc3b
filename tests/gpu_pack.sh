#!/usr/bin/env bash
# Collects in DIR what a machine with an NVIDIA GPU and no compiler needs to test and time davegan.
#
#   gpu_pack.sh DIR          builds with CUDA, for which neither a GPU nor the CUDA toolkit is needed: half an hour
#   gpu_pack.sh DIR --cpu    the same without CUDA, from the build directory that DAVEGAN_BUILD names
#
# Copy DIR to the other machine and start DIR/run.sh there; it says what it needs.
set -euo pipefail
usage="usage: gpu_pack.sh DIR [--cpu]"
dir=${1:?$usage}
cuda=true
case ${2:-} in
'') ;;
--cpu) cuda=false ;;
*)
    echo "$usage" >&2
    exit 2
    ;;
esac
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}

if $cuda; then
    build=$CARGO_TARGET_DIR/cuda
    cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DDAVEGAN_CUDA_NVRTC=ON -DDAVEGAN_BUILD_TESTS=ON -DDAVEGAN_FORTRAN=OFF
    cmake --build "$build"
    package=(--manifest-path "$build/cargo/Cargo.toml" --features cuda-nvrtc)
else
    build=${DAVEGAN_BUILD:?names the build directory to pack}
    package=(--locked)
fi

# executable CARGO_ARGUMENT...: builds one test or benchmark and prints the path of its program.
executable() {
    cargo "$@" --release --no-run "${package[@]}" 2>&1 | tee /dev/stderr | sed -n 's/.*Executable .*(\(.*\))$/\1/p'
}

# packed FILE NAME: stripped, and compressed because the programs contain the whole library.
packed() {
    strip -o "$dir/$2" "$1"
    gzip -9 -n "$dir/$2"
}

rm -rf "${dir:?}"/{lib,c,rust_tests.gz,rows.gz,run.sh} "$dir"/torch_*.py
mkdir "$dir/lib" "$dir/c"
packed "$(executable test --lib)" rust_tests
packed "$(executable test --bench rows)" rows
soname=$(readelf -d "$build/lib/libdavegan.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
packed "$build/lib/libdavegan.so" "lib/$soname"
for test in "$build"/tests/c_*; do
    # The other machine need not have HDF5.
    if [ -f "$test" ] && ! grep -q 'NEEDED.*hdf5' <<<"$(readelf -d "$test")"; then strip -o "$dir/c/${test##*/}" "$test"; fi
done
cp benches/peers/torch_{davegan,fields,periodic,volumes}.py "$dir/"
cp tests/gpu_pack_run.sh "$dir/run.sh"
git rev-parse HEAD >"$dir/commit.txt" 2>/dev/null || echo "unknown commit" >"$dir/commit.txt"
du -sh "$dir"
