#!/usr/bin/env bash
# From a fresh Debian 12 with Rust, gcc and g++ to realisations of a material.
#
#   quickstart.sh [MICROGRAPH [DATASET]]
#
# MICROGRAPH: HDF5 (DATASET is the path inside), PNG or TIFF; a built-in one if not given. The results go to
# ./davegan-quickstart, or to the directory that DAVEGAN_OUT names.
set -euo pipefail

# A minute or two on two cores; the default is 20,000.
STEPS=${DAVEGAN_STEPS:-6000}

case ${1:-} in
-h | --help)
    sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
esac

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=${DAVEGAN_OUT:-davegan-quickstart}
build=${CARGO_TARGET_DIR:-$root/target}/quickstart
source "$root/cmake/packages.sh"

echo "== what is needed"
need gcc command -v cc
need g++ command -v c++
need make command -v make
need cmake command -v cmake
install_missing

echo "== building (some ten minutes the first time, the libraries it stands on being most of it)"
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DDAVEGAN_FORTRAN=OFF
cmake --build "$build"

mkdir -p "$out"
if [ $# -gt 0 ]; then
    micrograph=$1
    dataset=${2:--}
else
    echo "== a built-in micrograph"
    micrograph=$out/micrograph.h5
    dataset=/phase
    "$build/examples-c/make_micrograph" gaussian_field "$micrograph" --seed 1
fi

echo "== training for $STEPS steps (the paper: 80,000), generating, measuring"
start=$SECONDS
"$build/examples-c/train_generate" "$micrograph" "$dataset" "$out" --steps "$STEPS" | tee "$out/figures.txt"

cat <<END

Done in $((SECONDS - start)) s, after $STEPS training steps; the paper trains for 80,000, and quality grows with the steps.

  $out/report.html              whether to trust it: open it in a browser
  $out/contact_sheet.png        original, reconstructions and realisations side by side
  $out/realisations.vtkhdf      the realisations: open it in ParaView
  $out/reconstructions.h5       the micrograph's tiles, encoded and decoded
  $out/fidelity.txt             what they are like beside real windows: the table above
  $out/fidelity.h5              the same as datasets
  $out/figures.txt              the other figures above
  $out/model.h5                 the model; more realisations from C++:
                                $build/examples-c/rve_generator $out/model.h5
END
