#!/usr/bin/env bash
# Trains on micrographs and prints how their realisations compare, a line for each run and phase, tab-separated.
#
#   benches/fidelity.sh MICROGRAPHS.h5 OUT_DIR MATERIALS [SEEDS [options of davegan train]]
#
#   MATERIALS  names of datasets in MICROGRAPHS.h5, or of the built-in micrographs grain_boundaries, discs, gaussian_field
#              (256 x 256 pixels, seed 7); separated by commas
#   SEEDS      of training and realisations, separated by commas; 1 if not given
#
# For each, OUT_DIR/MATERIAL-SEED holds model.h5, fidelity.txt, report.html and contact_sheet.png. The program is that of the
# quick start's build, or of the CMake build that DAVEGAN_BUILD names. Progress goes to stderr. Status 0: all gates hold.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ $# -lt 3 ]; then
    sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
fi
micrographs=$1 out=$2
IFS=, read -ra materials <<<"$3"
IFS=, read -ra seeds <<<"${4:-1}"
shift $(($# < 4 ? 3 : 4))

davegan=${DAVEGAN_BUILD:-${CARGO_TARGET_DIR:-$root/target}/quickstart}/bin/davegan
if [ ! -x "$davegan" ]; then
    echo "$davegan does not exist; run examples-c/quickstart.sh, or name a CMake build in DAVEGAN_BUILD" >&2
    exit 1
fi

status=0
printf 'material\tseed\tphase\tgates\ttraining (s)\tshort\n'
for material in "${materials[@]}"; do
    case $material in
    grain_boundaries | discs | gaussian_field) micrograph=(--sample "$material" --sample-seed 7) ;;
    *) micrograph=("$micrographs" "$material") ;;
    esac
    for seed in "${seeds[@]}"; do
        to=$out/$material-$seed
        mkdir -p "$to"
        start=$SECONDS
        "$davegan" train "${micrograph[@]}" --model "$to/model.h5" --seed "$seed" "$@" >&2
        seconds=$((SECONDS - start))
        "$davegan" evaluate "$to/model.h5" "${micrograph[@]}" --seed "$seed" >"$to/fidelity.txt"
        "$davegan" report "$to/model.h5" "${micrograph[@]}" --seed "$seed" --output "$to/report.html" \
            --contact-sheet "$to/contact_sheet.png" >&2
        awk -v material="$material" -v seed="$seed" -v seconds="$seconds" '
            $1 == "phase" { phase = $2; short = "" }
            $3 == "SHORT" { short = short (short == "" ? "" : ", ") $1 " " $2 }
            / gates hold$/ { printf "%s\t%s\t%s\t%s of %s\t%d\t%s\n", material, seed, phase, $1, $3, seconds, short }
        ' "$to/fidelity.txt"
        if grep -q SHORT "$to/fidelity.txt"; then status=1; fi
    done
done
exit $status
