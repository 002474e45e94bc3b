#!/usr/bin/env bash
# Runs the tests of davegan on an accelerator and measures a first table beside PyTorch; at most eight minutes.
#
#   run.sh        writes result.txt beside itself
#
# Needs the NVIDIA driver (libcuda.so.1), NVRTC and the headers of the CUDA toolkit (CUDA_PATH, or /usr/local/cuda), and for
# the comparison a Python with PyTorch. In the environment:
#   DEVICE=cuda       or cpu
#   STEPS=200         training steps that are timed
#   BATCH=32          images in a step of profile standard
#   SIDE=512          voxels along the side of a volume
#   COUNT=16384       realisations that are timed
#   RUST_TESTS=       only tests whose name contains this
#   C_TESTS='*'       only C test programs of these names
#   PYTHON=python3    a Python with PyTorch
#   PATIENCE=1        time limits are so many times as long
# Status: 0 all passed, 1 something failed, 3 something is missing.
set -uo pipefail
DEVICE=${DEVICE:-cuda}
STEPS=${STEPS:-200}
BATCH=${BATCH:-32}
SIDE=${SIDE:-512}
COUNT=${COUNT:-16384}
PYTHON=${PYTHON:-python3}
PATIENCE=${PATIENCE:-1}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
result=$here/result.txt
: >"$result"
failures=0

say() { echo "$*" | tee -a "$result"; }

case $DEVICE in
cuda) name=cuda:0 ;;
cpu) name=cpu ;;
*)
    echo "DEVICE is $DEVICE; it must be cuda or cpu" >&2
    exit 2
    ;;
esac

# A library that the dynamic linker or the CUDA toolkit has.
has_library() {
    local folder library_path=${LD_LIBRARY_PATH:-}
    grep -q "$1" <<<"$(ldconfig -p 2>/dev/null)" && return
    for folder in ${library_path//:/ } "${CUDA_PATH:-/usr/local/cuda}"/lib64 /opt/cuda/lib64; do
        compgen -G "$folder/$1*" >/dev/null && return
    done
    return 1
}

check_cuda() {
    local missing=0 toolkit
    has_library libcuda.so.1 || { say "missing: libcuda.so.1, which comes with the NVIDIA driver"; missing=1; }
    has_library libnvrtc.so || { say "missing: libnvrtc.so of the CUDA toolkit; set CUDA_PATH"; missing=1; }
    for toolkit in "${CUDA_PATH:-}" /usr/local/cuda /opt/cuda; do
        [ -n "$toolkit" ] && [ -e "$toolkit/include/cuda_runtime.h" ] && break
        toolkit=
    done
    [ -n "$toolkit" ] || { say "missing: include/cuda_runtime.h of the CUDA toolkit; set CUDA_PATH"; missing=1; }
    [ $missing -eq 0 ] || { say "nothing was run; DEVICE=cpu runs everything on the processor"; exit 3; }
}

# part SECONDS NAME COMMAND...: runs it, with its output in a file of that name, and says how it ended.
part() {
    local seconds=$((PATIENCE * $1)) label=$2 begin=$SECONDS status=0
    shift 2
    timeout -k 5 "$seconds" "$@" >"$work/$label.txt" 2>&1 || status=$?
    case $status in
    0) say "passed  $label ($((SECONDS - begin)) s)" ;;
    124 | 137) say "FAILED  $label: not done after $seconds s" ;;
    *) say "FAILED  $label: status $status" ;;
    esac
    if [ $status -ne 0 ]; then
        failures=$((failures + 1))
        tail -n 20 "$work/$label.txt" | tee -a "$result"
    fi
}

# measured SECONDS COMMAND...: the last line that it prints, or what went wrong. Never longer than is left of eight minutes.
measured() {
    local seconds=$((PATIENCE * $1)) left=$((PATIENCE * 475 - SECONDS)) status=0
    shift
    [ "$seconds" -le "$left" ] || seconds=$((left > 1 ? left : 1))
    timeout -k 5 "$seconds" "$@" >"$work/measured.txt" 2>&1 || status=$?
    if [ $status -eq 0 ]; then
        tail -n 1 "$work/measured.txt"
    else
        echo "failed ($status): $(tail -n 1 "$work/measured.txt")"
    fi
}

# torch NAME ARGUMENT...: the last line of torch_NAME.py.
torch() {
    local program=$here/torch_$1.py
    shift
    if $has_torch; then measured 40 "$PYTHON" "$program" "$@" --device "$DEVICE"; else echo "no PyTorch"; fi
}

row() {
    case $2 in failed*) failures=$((failures + 1)) ;; esac
    say "| $1 | $2 | $3 |"
}

say "davegan $(cat "$here/commit.txt") on $DEVICE, $(date -u +%Y-%m-%d)"
say "processor: $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
if [ "$DEVICE" = cuda ]; then
    check_cuda
    say "$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>&1)"
fi
for packed in "$here"/rust_tests.gz "$here"/rows.gz "$here"/lib/*.gz; do
    gzip -dc "$packed" >"$work/$(basename "$packed" .gz)"
done
chmod +x "$work/rust_tests" "$work/rows"
export LD_LIBRARY_PATH=$work${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export DAVEGAN_TEST_DEVICE=$DEVICE
has_torch=false
if "$PYTHON" -c 'import torch' 2>/dev/null; then
    has_torch=true
    say "PyTorch $("$PYTHON" -c 'import torch; print(torch.__version__)')"
fi

cd "$work" || exit 1
say
for test in "$here"/c/${C_TESTS:-*}; do
    # As much as is left of two minutes for all of them.
    part $((SECONDS < 115 ? 120 - SECONDS : 5)) "${test##*/}" "$test"
done
part 100 rust_tests ./rust_tests ${RUST_TESTS:+"$RUST_TESTS"}
say "$(grep '^test result' rust_tests.txt)"

say
say "| $DEVICE | davegan | PyTorch |"
say "|---|---|---|"
./rows model model.h5 >/dev/null
for batch in 4 64; do
    row "step of paper64, batch $batch" "$(measured 35 ./rows step paper64 "$batch" "$STEPS" "$name")" \
        "$(torch davegan time --batch "$batch" --steps "$STEPS")"
done
row "step of standard, batch $BATCH" "$(measured 40 ./rows step standard "$BATCH" "$STEPS" "$name")" \
    "$(torch fields step --batch "$BATCH" --steps "$STEPS")"
row "step of volume" "$(measured 40 ./rows step volume 1 "$STEPS" "$name")" "$(torch volumes step --steps "$STEPS")"
row "volume of $SIDE x $SIDE x $SIDE" "$(measured 40 ./rows element volume "$SIDE" 0 "$name")" \
    "$(torch volumes generate --side "$SIDE")"
row "generation of $COUNT, paper64, a realisation" "$(measured 35 ./rows generate model.h5 "$COUNT" 0 "$name")" \
    "$(torch davegan generate --count "$COUNT")"
say
if [ $failures -eq 0 ]; then say "all passed in $SECONDS s"; else say "$failures failed, after $SECONDS s"; fi
[ $failures -eq 0 ]
