#!/usr/bin/env bash
# Runs every test, on a fresh Debian 12 with Rust, gcc and Python: installs what is missing, stops at the first failure.
#
# Everything cargo builds is built once, with the release profile, in one target directory (CARGO_TARGET_DIR, or target).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source cmake/packages.sh

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
build=$CARGO_TARGET_DIR/cmake
python=$CARGO_TARGET_DIR/venv/bin/python
export DAVEGAN_BUILD=$build
export DAVEGAN_ORACLE=$CARGO_TARGET_DIR/oracle # training steps that cargo test writes and PyTorch repeats

current=
stage_start=$SECONDS
summary=()

finish_stage() {
    [ -z "$current" ] || summary+=("$(printf '%-6s %5d s  %s' "$1" $((SECONDS - stage_start)) "$current")")
    current=
}

stage() {
    finish_stage passed
    current=$1
    stage_start=$SECONDS
    echo
    echo "==== $current"
}

print_summary() {
    local status=$?
    if [ $status -eq 0 ]; then finish_stage passed; else finish_stage FAILED; fi
    echo
    echo "==== summary"
    printf '%s\n' "${summary[@]}"
    exit $status
}
trap print_summary EXIT

# Where PyTorch cannot be had, the tests that compare with it say so and are skipped.
install_python_packages() {
    [ -x "$python" ] || python3 -m venv "$CARGO_TARGET_DIR/venv"
    "$python" -m pip install -q numpy scipy h5py vtk pytest || return 1
    "$python" -c 'import torch' 2>/dev/null || "$python" -m pip install -q torch ||
        echo "PyTorch cannot be installed: the comparison with it is left out"
}

stage "packages"
need gcc command -v cc
need g++ command -v c++
need make command -v make
need cmake command -v cmake
need gfortran command -v gfortran
need binutils command -v readelf
need pkg-config command -v pkg-config
need libhdf5-dev pkg-config --exists hdf5
need hdf5-tools command -v h5ls
need mesa-vulkan-drivers compgen -G '/usr/share/vulkan/icd.d/lvp_icd.*.json'
need python3-venv python3 -c 'import ensurepip, venv'
install_missing
{ cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1 || rustup component add rustfmt clippy

# PyTorch is gigabytes to unpack: beside the compiler, and waited for where it is needed.
mkdir -p "$CARGO_TARGET_DIR"
python_log=$CARGO_TARGET_DIR/python.log
install_python_packages >"$python_log" 2>&1 &
python_packages=$!

stage "cargo fmt"
cargo fmt --check

stage "cargo clippy"
cargo clippy --release --locked --all-targets -- -D warnings

stage "cargo clippy with accelerators"
accelerators=$CARGO_TARGET_DIR/accelerators
cmake -S . -B "$accelerators" -DDAVEGAN_WGPU=ON -DDAVEGAN_CUDA_NVRTC=ON
cargo clippy --release --manifest-path "$accelerators/cargo/Cargo.toml" --lib --features wgpu,cuda-nvrtc -- -D warnings

stage "cargo doc"
RUSTDOCFLAGS="-D warnings" cargo doc --release --locked --no-deps

stage "cargo test"
rm -rf "$DAVEGAN_ORACLE"
mkdir -p "$DAVEGAN_ORACLE"
cargo test --release --locked

stage "CMake build"
cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DDAVEGAN_FORTRAN=ON -DDAVEGAN_BUILD_TESTS=ON
cmake --build "$build"

stage "C, C++ and Fortran tests"
ctest --test-dir "$build" --output-on-failure

# Not optimised: that would take five times as long, and these tests train for a few steps alone. All others: CONTRIBUTING.md.
stage "WebGPU: build"
webgpu=$CARGO_TARGET_DIR/webgpu
cmake -S . -B "$webgpu" -DDAVEGAN_WGPU=ON -DDAVEGAN_BUILD_TESTS=ON -DDAVEGAN_CARGO_TARGET_DIR="$webgpu/cargo"
CARGO_PROFILE_RELEASE_OPT_LEVEL=0 cmake --build "$webgpu"

stage "WebGPU: C tests on Mesa's software driver"
DAVEGAN_TEST_DEVICE=wgpu NODEVICE_SELECT=1 ctest --test-dir "$webgpu" -j 2 -R '^c_(devices|model|latent)$' --output-on-failure

stage "installed package"
tests/install_test.sh "$build"

stage "examples of the README"
tests/readme_test.sh "$build"

stage "PyTorch, vtk and h5py"
wait $python_packages || {
    cat "$python_log"
    exit 1
}
cat "$python_log"
"$python" -m pytest -q -rs tests/python
