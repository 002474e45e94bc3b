#!/usr/bin/env bash
# CalculiX 2.20 (Debian 12) reads the first twenty characters of a number and ignores the rest, exponent included, without a
# warning: the coordinate 3.3333333333333333333e-1 is taken for 3.33..., so an element is ten times as long as it is written.
#
# Needs Debian 12 with calculix-ccx 2.20 and python3. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
{ ccx -v || true; } | tr -d '\n'
echo

cat >run.py <<'PYTHON'
import subprocess
import sys

DECK = """*NODE
1, 0., 0., 0.
2, {0}, 0., 0.
3, {0}, 1., 0.
4, 0., 1., 0.
5, 0., 0., 1.
6, {0}, 0., 1.
7, {0}, 1., 1.
8, 0., 1., 1.
*ELEMENT, TYPE=C3D8, ELSET=E
1, 1, 2, 3, 4, 5, 6, 7, 8
*NSET, NSET=HELD
1, 4, 5, 8
*MATERIAL, NAME=M
*ELASTIC
1., 0.3
*SOLID SECTION, ELSET=E, MATERIAL=M
*BOUNDARY
HELD, 1, 3
*STEP
*STATIC
*EL PRINT, ELSET=E
EVOL
*END STEP
"""


def volume(length):
    with open("job.inp", "w") as file:
        file.write(DECK.format(length))
    log = subprocess.run(["ccx", "job"], capture_output=True, text=True).stdout
    assert "Job finished" in log and "*ERROR" not in log and "*WARNING" not in log, log[-2000:]
    rows = [line.split() for line in open("job.dat")]
    return next(float(row[1]) for row in rows if len(row) == 2 and row[0] == "1")


LENGTHS = "3.3333333333333333333e-1", "3.333333333333333e-1", "0.3333333333333333333333"
found = [(length, len(length), volume(length)) for length in LENGTHS]
for length, characters, cubic in found:
    print(f"an element of length {length} ({characters} characters) and area 1 has volume {cubic:.6f}")
as_described = [round(cubic, 5) for *_, cubic in found] == [3.33333, 0.33333, 0.33333]
print("as described" if as_described else "changed")
sys.exit(not as_described)
PYTHON
python3 run.py
