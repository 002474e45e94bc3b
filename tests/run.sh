#!/usr/bin/env bash
# Builds davegan and runs its tests. Missing Debian packages are installed if you are root; otherwise they are listed.
#
#   run.sh                  the tests of the CPU; stops at the first failure
#   run.sh --accelerators   the build with WebGPU and CUDA, with clippy, and its C tests on Mesa's software driver; no others
#   run.sh --quick          format, unit tests and C tests: under three minutes once built
#   run.sh --strict         tests that are skipped count as failures; may stand beside the others
#
# The last lines say how many tests were skipped and why. DAVEGAN_DATA names a folder with real micrographs
# (micrographs.h5). Everything is built with the release profile in one target directory: CARGO_TARGET_DIR, or target.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source cmake/packages.sh

quick=false
only_accelerators=false
strict=false
for argument; do
    case $argument in
    --quick) quick=true ;;
    --accelerators) only_accelerators=true ;;
    --strict) strict=true ;;
    -h | --help)
        sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 0
        ;;
    *)
        echo "run.sh: there is no option $argument; there are --accelerators, --quick and --strict" >&2
        exit 2
        ;;
    esac
done

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
build=$CARGO_TARGET_DIR/cmake
python=$CARGO_TARGET_DIR/venv/bin/python
log=$CARGO_TARGET_DIR/tests.log # output of tests, from which skipped ones are counted
export DAVEGAN_BUILD=$build
export DAVEGAN_ORACLE=$CARGO_TARGET_DIR/oracle # training steps and figures that cargo test writes and Python repeats
mkdir -p "$CARGO_TARGET_DIR"
: >"$log"

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

logged() { "$@" 2>&1 | tee -a "$log"; }

# c_tests BUILD_DIR ARGUMENT...: runs ctest, which shows the output of failed tests only, and logs that of all.
c_tests() {
    local dir=$1
    shift
    ctest --test-dir "$dir" --output-on-failure "$@"
    cat "$dir/Testing/Temporary/LastTest.log" >>"$log"
}

# Lines "skipped: REASON" of Rust and C tests, and "SKIPPED [COUNT] FILE:LINE: REASON" of pytest.
skipped_tests() {
    awk '/^skipped: / { sub(/^skipped: /, ""); count[$0]++ }
         /^SKIPPED \[[0-9]+\] / { n = $2; gsub(/[^0-9]/, "", n); sub(/^SKIPPED [^ ]+ [^ ]+ /, ""); count[$0] += n }
         END { for (reason in count) printf "%4d  %s\n", count[reason], reason }' "$log" | sort -rn
}

print_summary() {
    local status=$?
    if [ $status -eq 0 ]; then finish_stage passed; else finish_stage FAILED; fi
    echo
    echo "==== summary"
    printf '%s\n' "${summary[@]}"
    local skipped
    skipped=$(skipped_tests)
    if [ -n "$skipped" ]; then
        echo "skipped $(awk '{ n += $1 } END { print n }' <<<"$skipped"):"
        echo "$skipped"
        if $strict && [ $status -eq 0 ]; then
            echo "FAILED: tests were skipped, which --strict forbids"
            status=1
        fi
    else
        echo "no test was skipped"
    fi
    exit $status
}
trap print_summary EXIT

# Where PyTorch cannot be installed, the tests that compare with it are skipped.
install_python_packages() {
    [ -x "$python" ] || python3 -m venv "$CARGO_TARGET_DIR/venv"
    "$python" -m pip install -q numpy scipy h5py vtk matplotlib pytest pytest-xdist \
        damask==3.1.0 pyvista==0.49.1 tifffile==2026.3.3 meshio==5.3.5 || return 1
    "$python" -c 'import torch' 2>/dev/null || "$python" -m pip install -q torch || echo "PyTorch cannot be installed"
}

build_with_cmake() {
    cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DDAVEGAN_FORTRAN=ON -DDAVEGAN_BUILD_TESTS=ON "$@"
    cmake --build "$build"
}

stage "packages"
need gcc command -v cc
need g++ command -v c++
need make command -v make
need cmake command -v cmake
need gfortran command -v gfortran
need binutils command -v readelf
need pkg-config command -v pkg-config
need libhdf5-dev pkg-config --exists hdf5-serial
if ! $quick; then
    need python3-venv python3 -c 'import ensurepip, venv'
    need doxygen command -v doxygen
    need shellcheck command -v shellcheck
    need valgrind command -v valgrind
    need calculix-ccx command -v ccx
    need dpkg-dev command -v dpkg-shlibdeps
    need file command -v file
    need openmpi-bin command -v mpirun
    need libopenmpi-dev command -v mpicc
    need libhdf5-openmpi-dev pkg-config --exists hdf5-openmpi
fi
if $only_accelerators; then
    need mesa-vulkan-drivers compgen -G '/usr/share/vulkan/icd.d/lvp_icd.*.json'
fi
install_missing
{ cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1 || rustup component add rustfmt clippy

if $quick; then
    stage "cargo fmt"
    cargo fmt --check

    stage "unit tests"
    logged cargo test --release --locked --lib -- --show-output

    stage "CMake build"
    build_with_cmake

    stage "C tests"
    c_tests "$build" -j "$(nproc)" -R '^c_'
    exit
fi

if $only_accelerators; then
    # Clippy as the compiler, so that the crates of the accelerators are compiled once. Not optimised: that would take five times as
    # long, and these tests train for a few steps only. All others: CONTRIBUTING.md.
    stage "accelerators: build, with clippy"
    accelerators=$CARGO_TARGET_DIR/accelerators
    cmake -S . -B "$accelerators" -DDAVEGAN_WGPU=ON -DDAVEGAN_CUDA_NVRTC=ON -DDAVEGAN_BUILD_TESTS=ON \
        "-DDAVEGAN_CARGO_OPTIONS=--config;profile.release.opt-level=0"
    RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings cmake --build "$accelerators"

    stage "accelerators: C tests with WebGPU on Mesa's software driver"
    DAVEGAN_TEST_DEVICE=wgpu NODEVICE_SELECT=1 c_tests "$accelerators" -j 2 -R '^c_(devices|model|latent)$'
    exit
fi

# PyTorch is gigabytes to unpack: it is installed while the compiler works.
python_log=$CARGO_TARGET_DIR/python.log
install_python_packages >"$python_log" 2>&1 &
python_packages=$!

stage "scripts, licences and format"
shellcheck -x -S warning -e SC2054 cmake/*.sh docs/*.sh examples-c/*.sh examples-c/*/*.sh tests/*.sh tests/campaigns/*.sh benches/*.sh .ci/run
cmake/third_party.py --check
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
grep -qx "version: $version" CITATION.cff || {
    echo "CITATION.cff does not name version $version of Cargo.toml" >&2
    exit 1
}
cargo fmt --check

stage "cargo clippy"
cargo clippy --release --locked --all-targets -- -D warnings

stage "cargo doc"
RUSTDOCFLAGS="-D warnings" cargo doc --release --locked --no-deps

stage "documentation pages"
docs/build.sh "$CARGO_TARGET_DIR/pages"

stage "cargo test"
rm -rf "$DAVEGAN_ORACLE"
mkdir -p "$DAVEGAN_ORACLE"
logged cargo test --release --locked -- --show-output

stage "CMake build"
build_with_cmake -DDAVEGAN_BUILD_MPI_EXAMPLES=ON

stage "C, C++ and Fortran tests"
c_tests "$build" -j "$(nproc)"

stage "quick C tests under valgrind"
tests/valgrind.sh "$build"

stage "installed package"
tests/install_test.sh "$build"

stage "Debian package and archive"
tests/package_test.sh "$build"

stage "code of README and guide"
tests/readme_test.sh "$build"

stage "PyTorch, and the programs that read our files"
wait $python_packages || {
    cat "$python_log"
    exit 1
}
cat "$python_log"
logged "$python" -m pytest -q -rs -n "$(nproc)" --dist loadfile tests/python

stage "GPU pack, on the processor"
PYTHON=$python logged tests/gpu_pack_test.sh "$build"
