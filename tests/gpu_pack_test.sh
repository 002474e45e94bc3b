#!/usr/bin/env bash
# Packs a build without CUDA, runs the pack on the processor with small counts, and asks it for a GPU that is not there.
#
#   gpu_pack_test.sh BUILD_DIR
set -euo pipefail
DAVEGAN_BUILD=$(cd "${1:?usage: gpu_pack_test.sh BUILD_DIR}" && pwd)
export DAVEGAN_BUILD
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "gpu_pack_test.sh: $*" >&2
    exit 1
}

# has WORDS: a line of the result has them.
has() { grep -q -e "$1" "$work/pack/result.txt" || fail "no \"$1\" in: $(cat "$work/pack/result.txt")"; }

"$tests/gpu_pack.sh" "$work/pack" --cpu
[ "$(du -sm "$work/pack" | cut -f 1)" -lt 60 ] || fail "the pack is too large: $(du -sm "$work/pack")"

export STEPS=20 BATCH=2 SIDE=64 COUNT=64 PATIENCE=20 RUST_TESTS=device C_TESTS='c_[dm]*'
DEVICE=cpu "$work/pack/run.sh"
for line in 'passed  c_devices' 'passed  c_model' 'passed  rust_tests' 'test result: ok. [1-9]' 'all passed'; do has "$line"; done
time='[0-9.]*[1-9][0-9.]* [mu]*s' # above zero
for row in 'paper64, batch 4' 'paper64, batch 64' 'standard, batch 2' 'step of volume' 'volume of 64' 'generation of 64'; do
    has "^| .*$row.* | $time |"
    has "^| .*$row.* | $time\( (.*)\)* |\$"
done

if grep -q libcuda.so.1 <<<"$(ldconfig -p)"; then
    echo "skipped: this machine has libcuda.so.1, so the pack misses nothing"
else
    status=0
    "$work/pack/run.sh" >"$work/output.txt" || status=$?
    [ $status -eq 3 ] || fail "status $status, not 3, without a driver"
    has 'missing: libcuda.so.1'
    has 'nothing was run'
fi

# A test that fails is told, and so is the status.
C_TESTS=c_devices DEVICE=cpu STEPS=nonsense SIDE=32 PYTHON=false "$work/pack/run.sh" >"$work/output.txt" && fail "a failure has status 0"
has 'failed (2)'
echo "the GPU pack works on the processor"
