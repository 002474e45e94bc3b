#!/usr/bin/env bash
# meshio 5.3.5 reads sets of an Abaqus file otherwise than Abaqus and CalculiX do:
# - of an element set with several names on a line (*ELSET, ELSET=ALL / A, B) it takes the first name alone, without a
#   warning: the set lacks the elements of B; with one name a line it is whole
# - a set with *NSET, GENERATE and more than one line is refused
# - it knows the quadrilateral CPS4, but CPE4 is "not available", and the whole file is refused
#
# Needs python3 and a network. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet meshio==5.3.5 numpy==2.3.4

venv/bin/python - <<'PYTHON'
import sys

import meshio

NODES = "*NODE\n1, 0., 0., 0.\n2, 1., 0., 0.\n3, 2., 0., 0.\n4, 0., 1., 0.\n5, 1., 1., 0.\n6, 2., 1., 0.\n"
ELEMENTS = "*ELEMENT, TYPE={0}, ELSET=A\n1, 1, 2, 5, 4\n*ELEMENT, TYPE={0}, ELSET=B\n2, 2, 3, 6, 5\n"


def read(text):
    """The mesh, or None if meshio refuses it."""
    with open("mesh.inp", "w") as file:
        file.write(text)
    try:
        return meshio.read("mesh.inp")
    except (SystemExit, meshio.ReadError):
        return None


def elements_of_all(mesh):
    return sum(len(cells) for cells in mesh.cell_sets["ALL"] if cells is not None)


mesh = NODES + ELEMENTS.format("CPS4")
found = {
    "two names on a line": elements_of_all(read(mesh + "*ELSET, ELSET=ALL\nA, B\n")),
    "one name a line": elements_of_all(read(mesh + "*ELSET, ELSET=ALL\nA\nB\n")),
    "one line to generate": read(mesh + "*NSET, NSET=SIDE, GENERATE\n1, 4, 3\n") is not None,
    "two lines to generate": read(mesh + "*NSET, NSET=SIDE, GENERATE\n1, 2, 1\n4, 5, 1\n") is not None,
    "CPE4": read(NODES + ELEMENTS.format("CPE4")) is not None,
}
expected = {"two names on a line": 1, "one name a line": 2, "one line to generate": True, "two lines to generate": False,
            "CPE4": False}
print(found)
print("as described" if found == expected else "changed")
sys.exit(found != expected)
PYTHON
