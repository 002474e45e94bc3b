#!/usr/bin/env bash
# Trains on micrographs and prints what their realisations are like, a line for each run and phase, tab-separated.
#
#   benches/fidelity.sh MICROGRAPHS.h5 OUT_DIR MATERIALS [SEEDS [train_generate options]]
#
#   MATERIALS  names of datasets in MICROGRAPHS.h5, or of the built-in micrographs grain_boundaries, discs, gaussian_field
#              (256 x 256 pixels, seed 7); separated by commas
#   SEEDS      of training and realisations, separated by commas; 1 if not given
#
# For each, OUT_DIR/MATERIAL-SEED holds all that train_generate writes, report.html among it. The programs are those of the
# quick start's build, or in the directory that DAVEGAN_BUILD names. Progress goes to stderr. Status 0: all gates hold.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ $# -lt 3 ]; then
    sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
fi
micrographs=$1 out=$2
IFS=, read -ra materials <<<"$3"
IFS=, read -ra seeds <<<"${4:-1}"
shift $(($# < 4 ? 3 : 4))

build=${DAVEGAN_BUILD:-${CARGO_TARGET_DIR:-$root/target}/quickstart}
if [ ! -x "$build/examples-c/train_generate" ]; then
    source "$root/cmake/packages.sh"
    need gcc command -v cc
    need g++ command -v c++
    need make command -v make
    need cmake command -v cmake
    { install_missing && cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DDAVEGAN_FORTRAN=OFF &&
        cmake --build "$build"; } >&2
fi

status=0
printf 'material\tseed\tphase\tgates\ttraining (s)\tshort\n'
for material in "${materials[@]}"; do
    file=$micrographs dataset=$material
    case $material in
    grain_boundaries | discs | gaussian_field)
        mkdir -p "$out"
        file=$out/$material.h5 dataset=/phase
        "$build/examples-c/make_micrograph" "$material" "$file" --seed 7 >&2
        ;;
    esac
    for seed in "${seeds[@]}"; do
        to=$out/$material-$seed
        mkdir -p "$to"
        "$build/examples-c/train_generate" "$file" "$dataset" "$to" --seed "$seed" "$@" >"$to/figures.txt"
        awk -v material="$material" -v seed="$seed" '
            FNR == NR { if ($1 == "training_seconds") seconds = $2; next }
            $1 == "phase" { phase = $2; short = "" }
            $3 == "SHORT" { short = short (short == "" ? "" : ", ") $1 " " $2 }
            / gates hold$/ { printf "%s\t%s\t%s\t%s of %s\t%.0f\t%s\n", material, seed, phase, $1, $3, seconds, short }
        ' "$to/figures.txt" "$to/fidelity.txt"
        if grep -q SHORT "$to/fidelity.txt"; then status=1; fi
    done
done
exit $status
