#!/usr/bin/env bash
# meshio 5.3.5 writes Abaqus files that CalculiX 2.20 (Debian 12) refuses, or that mean another element:
# - Linear hexahedra are written as C3D8RH (hybrid), which CalculiX does not know, and quadrilaterals as CAX4P (axisymmetric, with pore
#   pressure), triangles as R3D3 (rigid), lines as B31H, whatever was read: C3D8 comes out as C3D8RH. Nothing chooses another type.
# - Coordinates have 22 characters; CalculiX reads 20, and for 0 that is an error. With float_fmt=".12e" they fit.
# With both mended, CalculiX runs the file.
#
# Needs Debian 12 with calculix-ccx 2.20, python3 and a network. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
{ ccx -v || true; } | tr -d '\n'
echo
python3 -m venv venv
venv/bin/pip install --quiet meshio==5.3.5 numpy==2.3.4

venv/bin/python - <<'PYTHON'
import subprocess
import sys

import meshio

POINTS = [[x, y, z] for z in (0.0, 1.0) for x, y in ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))]
STEP = """*MATERIAL, NAME=M
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


def written_type(cells, corners):
    meshio.Mesh(POINTS, [(cells, [list(range(corners))])]).write("mesh.inp")
    return open("mesh.inp").read().split("TYPE=")[1].split()[0]


def errors(rename=None, **options):
    """What CalculiX finds wrong in a cube that meshio has read as C3D8, with the held nodes and elements as sets, and written."""
    with open("cube.inp", "w") as file:
        file.write("*NODE\n" + "".join(f"{i + 1}, {x}, {y}, {z}\n" for i, (x, y, z) in enumerate(POINTS)))
        file.write("*ELEMENT, TYPE=C3D8, ELSET=E\n1, 1, 2, 3, 4, 5, 6, 7, 8\n*NSET, NSET=HELD\n1, 4, 5, 8\n")
    meshio.read("cube.inp").write("mesh.inp", **options)
    text = open("mesh.inp").read()
    with open("job.inp", "w") as file:
        file.write((text.replace(*rename) if rename else text) + STEP)
    log = subprocess.run(["ccx", "job"], capture_output=True, text=True).stdout
    found = [what for what, sign in (("numbers", "ERROR reading *NODE. Card"), ("type", "is an unknown element type")) if sign in log]
    return found or ["none"] if ("Job finished" in log) == (not found) else ["other"]


types = {cells: written_type(cells, corners) for cells, corners in
         (("hexahedron", 8), ("quad", 4), ("triangle", 3), ("line", 2), ("tetra", 4))}
print("meshio", meshio.__version__, types)
found = {
    "as written": errors(),
    'float_fmt=".12e"': errors(float_fmt=".12e"),
    'float_fmt=".12e", C3D8RH renamed to C3D8': errors(("C3D8RH", "C3D8"), float_fmt=".12e"),
}
for name, what in found.items():
    print(f"{name}: CalculiX finds errors: {', '.join(what)}")
as_described = types == {"hexahedron": "C3D8RH", "quad": "CAX4P", "triangle": "R3D3", "line": "B31H", "tetra": "C3D4"}
as_described &= list(found.values()) == [["numbers", "type"], ["type"], ["none"]]
print("as described" if as_described else "changed")
sys.exit(not as_described)
PYTHON
