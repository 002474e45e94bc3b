#!/usr/bin/env bash
# The paper's experiments with a few training steps on a made micrograph: what is written, that a second run goes on,
# and what is said of wrong usage.
#
#   reproduce_test.sh BUILD_DIR
set -euo pipefail

DAVEGAN_BUILD=$(cd "${1:?usage: reproduce_test.sh BUILD_DIR}" && pwd)
export DAVEGAN_BUILD
reproduce=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/examples-c/reproduce.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "reproduce_test.sh: $*" >&2
    exit 1
}

# lines FILE N: it has so many.
lines() { [ "$(wc -l <"$1")" -eq "$2" ] || fail "$1 should have $2 lines: $(cat "$1")"; }

# refused STATUS WORDS ARGUMENT...: the arguments are refused with the status and the words.
refused() {
    local status=0 expected=$1 words=$2
    shift 2
    "$reproduce" "$@" >refused.txt 2>&1 || status=$?
    [ $status -eq "$expected" ] || fail "status $status, not $expected, of: $*"
    grep -q -e "$words" refused.txt || fail "no \"$words\" in: $(cat refused.txt)"
}

small=(--count 32 --ellipse-steps 20 --samples 64 --betas 0.01,50 --seeds 1,2 --threads 2)
run() { "$reproduce" micrographs.h5 out --materials phase "${small[@]}" "$@" >/dev/null; }

"$DAVEGAN_BUILD/examples-c/make_micrograph" grain_boundaries micrographs.h5 --size 128 --seed 3 >/dev/null
run --steps 60
lines out/table4.tsv 5
lines out/figure3.tsv 3
lines out/figure4.tsv 16
# The last row: seed 2, and the paper's two zeros.
[ "$(cut -f 1-3,7,9 out/table4.tsv | tail -1)" = $'checkerboard\t2\t60\t0\t0' ] || fail "$(cat out/table4.tsv)"
# E_rec, E_gen, and E_gen of white noise.
measured=$(awk -F '\t' 'NR > 1 && $6 > 0 && $8 > 0 && $11 > 0' out/table4.tsv)
[ "$(wc -l <<<"$measured")" -eq 4 ] || fail "$(cat out/table4.tsv)"
! grep -q -i -w -e nan -e inf out/*.tsv out/*.svg out/index.html || fail "there are values that are not finite"
links=$(grep -oE '(href|src)="[^"]*"' out/index.html | cut -d '"' -f 2)
[ "$(wc -l <<<"$links")" -ge 25 ] || fail "the page has too few links: $links"
for link in $links; do [ -s "out/$link" ] || fail "the page links to $link, which is not there"; done

# What is finished is not trained again; with more steps it is trained further.
cp out/figure4.tsv out/table4.tsv .
model=$(stat -c %Y.%i out/phase-seed-1/model.h5)
run --steps 60 --only table4,figure4
cmp table4.tsv out/table4.tsv && cmp figure4.tsv out/figure4.tsv || fail "a second run gives something else"
[ "$model" = "$(stat -c %Y.%i out/phase-seed-1/model.h5)" ] || fail "a second run has trained again"
run --steps 70 --only table4
[ "$(cut -f 3 out/table4.tsv | sort -u | head -1)" = 70 ] || fail "no 70 steps: $(cat out/table4.tsv)"

# Only what is asked for, with nothing but what is built in.
"$reproduce" - alone --only figure6 --steps 10 --threads 2 >/dev/null
[ -s alone/figure6.svg ] && [ ! -e alone/table4.tsv ] || fail "only figure 6 was asked for"
grep -q 'only table4' alone/index.html || fail "the page does not say how to make what is missing"

# Every dataset of a file, where the program that lists them is there.
if command -v h5ls >/dev/null; then
    "$reproduce" micrographs.h5 all --only table4 --steps 2 --count 32 --threads 2 >/dev/null
    [ "$(cut -f 1 all/table4.tsv | tr '\n' ' ')" = "micrograph phase checkerboard " ] || fail "$(cat all/table4.tsv)"
    refused 1 "cannot be read as HDF5" no_such_file.h5 out
else
    echo "reproduce_test.sh: no h5ls (hdf5-tools): datasets are not looked up"
fi

refused 2 "usage: reproduce"
refused 2 "there is no option --bogus" - out --bogus 1
refused 2 '--steps needs a whole number.*"many"' - out --steps many
refused 2 "--only takes.*not table5" - out --only table5
refused 2 "--betas needs positive numbers, not -1" - out --betas -1
refused 2 "without its value: --steps" - out --steps
refused 1 "no_such_dataset" micrographs.h5 out --materials no_such_dataset --only table4
refused 1 "70 training steps already" micrographs.h5 out --materials phase --only table4 --steps 5
echo "the paper's experiments run"
