#!/usr/bin/env bash
# From a fresh Debian 12 with Rust, gcc and g++ to realisations of a material.
#
#   quickstart.sh [--volume] [MICROGRAPH [DATASET]] [-- options of davegan train]
#
# --volume makes volumes, whose planes across each axis look like the micrograph. MICROGRAPH is an HDF5, PNG or TIFF file, and
# DATASET a path inside an HDF5 file; without it a built-in material is taken.
# Examples of options: --otsu 2 finds two phases in a grey picture, --roi 0,0,512,400 leaves out a data bar, and --steps 8000
# trains as long as the default of the library. davegan train --help lists them all.
# The results go to ./davegan-quickstart, or to the directory that DAVEGAN_OUT names. DAVEGAN_BUILD names a CMake build to take
# instead of building.
set -euo pipefail

case ${1:-} in
-h | --help)
    sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
esac

volume=
if [ "${1:-}" = --volume ]; then
    volume=yes
    shift
fi
micrograph=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    micrograph+=("$1")
    shift
done
[ $# -eq 0 ] || shift
if [ ${#micrograph[@]} -gt 2 ]; then
    echo "quickstart.sh: MICROGRAPH and DATASET are expected, and options after --; not: ${micrograph[*]}" >&2
    exit 2
fi
if [ ${#micrograph[@]} -gt 0 ] && [ ! -f "${micrograph[0]}" ]; then
    echo "quickstart.sh: there is no file ${micrograph[0]}; give a micrograph (HDF5, PNG or TIFF), or none. Options: quickstart.sh --help" >&2
    exit 2
fi
[ ${#micrograph[@]} -gt 0 ] || micrograph=(--sample gaussian_field --sample-seed 1)
# Options that say how the micrograph is read are needed again when the model is evaluated.
training=()
while [ $# -gt 0 ]; do
    case $1 in
    --otsu | --thresholds | --roi | --voxel-size | --across-y | --across-x)
        micrograph+=("$1" "${2:-}")
        shift $(($# > 1 ? 2 : 1))
        ;;
    --otsu=* | --thresholds=* | --roi=* | --voxel-size=* | --across-y=* | --across-x=*)
        micrograph+=("$1")
        shift
        ;;
    *)
        training+=("$1")
        shift
        ;;
    esac
done

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=${DAVEGAN_OUT:-davegan-quickstart}
build=${DAVEGAN_BUILD:-${CARGO_TARGET_DIR:-$root/target}/quickstart}
davegan=$build/bin/davegan
source "$root/cmake/packages.sh"

build_davegan() {
    echo "== looking for the tools that are needed"
    need gcc command -v cc
    need g++ command -v c++
    need make command -v make
    need cmake command -v cmake
    install_missing

    echo "== building; the first time this takes about six minutes on two cores, and cargo shows how far it is"
    cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DDAVEGAN_FORTRAN=OFF >/dev/null
    cmake --build "$build"
}
[ -n "${DAVEGAN_BUILD:-}" ] || build_davegan

mkdir -p "$out"
start=$SECONDS
echo "== training, a few minutes on two cores for 2,000 steps"
profile=()
[ -z "$volume" ] || profile=(--profile volume)
"$davegan" train "${micrograph[@]}" --model "$out/model.h5" "${profile[@]}" --steps 2000 "${training[@]}" || {
    echo "quickstart.sh: options of davegan train stand after --, such as: quickstart.sh picture.png -- --otsu 2" >&2
    exit 1
}
# Results of an earlier run may be of another material, or of images where these are volumes.
rm -f "$out"/{reconstructions.h5,fidelity.h5,fidelity.txt,report.html,contact_sheet.png,realisations.vtkhdf}
# The paper's networks make elements of one size. Models of volumes have no encoder, which reconstructs.
picture="original, reconstructions and a realisation side by side"
count=64
size=(--size 256x256)
reconstructions=(--reconstructions "$out/reconstructions.h5")
[[ "${training[*]}" != *paper* ]] || size=()
if [ -n "$volume" ]; then
    picture="the micrograph, and a realisation as a cube"
    count=4
    size=(--size 128x128x128)
    reconstructions=()
fi
echo "== generating $count realisations"
"$davegan" generate "$out/model.h5" "$out/realisations.vtkhdf" --count $count "${size[@]}" --replace
echo "== comparing them with real windows of the micrograph"
"$davegan" evaluate "$out/model.h5" "${micrograph[@]}" --output "$out/fidelity.h5" \
    "${reconstructions[@]}" | tee "$out/fidelity.txt" || rm "$out/fidelity.txt"
echo "== writing the report"
"$davegan" report "$out/model.h5" "${micrograph[@]}" --output "$out/report.html" --contact-sheet "$out/contact_sheet.png"

cat <<END

Done in $((SECONDS - start)) s. Quality grows with the number of training steps; the library takes 8,000 by default.

  $out/report.html              whether to trust the model: open it in a browser
  $out/contact_sheet.png        $picture
  $out/realisations.vtkhdf      the realisations: open it in ParaView
END
[ -n "$volume" ] || cat <<END
  $out/reconstructions.h5       the micrograph's tiles, encoded and decoded
END
[ ! -e "$out/fidelity.txt" ] || cat <<END
  $out/fidelity.txt             realisations compared with real windows: the table above
  $out/fidelity.h5              the same as datasets
END
cat <<END
  $out/model.h5                 the model; more realisations:
                                $davegan generate $out/model.h5 more.vtkhdf --count 1000 --first $count ${size[*]}
END
