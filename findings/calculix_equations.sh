#!/usr/bin/env bash
# CalculiX 2.20 (Debian 12) with equations (*EQUATION) that tie opposite sides of an element to corners, which carry the mean
# strain, in linear statics:
# - The printed reaction force (RF) of a corner is that of its own element alone. It lacks what the equations hand on to it: the
#   corner is held against the force on a whole side.
# - SOLVER=ITERATIVE CHOLESKY and SOLVER=ITERATIVE SCALING end as if they had converged. But the forces across layers of the
#   element, which equilibrium makes equal, differ by 1e-4 to 1e-3. With SOLVER=SPOOLES they differ by 1e-8.
#
# Needs Debian 12 with calculix-ccx 2.20 and python3. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
{ ccx -v || true; } | tr -d '\n'
echo

cat >run.py <<'PYTHON'
import random
import subprocess
import sys

N = 10  # elements along each axis
STRAIN = 1e-3
YOUNG, POISSON = (1.0, 10.0), 0.3


def node(x, y, z):
    return 1 + x + (N + 1) * (y + (N + 1) * z)


def grid(n):
    return [(x, y, z) for z in range(n) for y in range(n) for x in range(n)]


def deck(solver):
    """N x N x N cubes, of two phases at random, periodic along all axes, stretched along x."""
    phases = random.Random(7).choices((0, 1), k=N**3)
    lines = ["*NODE, NSET=ALL"] + [f"{node(*place)}, {place[0]}., {place[1]}., {place[2]}." for place in grid(N + 1)]
    for phase in range(2):
        lines.append(f"*ELEMENT, TYPE=C3D8, ELSET=P{phase}")
        for number, (x, y, z) in enumerate(grid(N)):
            if phases[number] == phase:
                corners = [node(x + dx, y + dy, z + dz) for dz in (0, 1) for dx, dy in ((0, 0), (1, 0), (1, 1), (0, 1))]
                lines.append(", ".join(map(str, [number + 1, *corners])))
    lines += ["*ELSET, ELSET=E", "P0", "P1"]
    for phase in range(2):
        lines += [f"*MATERIAL, NAME=M{phase}", "*ELASTIC", f"{YOUNG[phase]}, {POISSON}",
                  f"*SOLID SECTION, ELSET=P{phase}, MATERIAL=M{phase}"]
    lines.append("*EQUATION")
    for place in grid(N + 1):
        last = [axis for axis in range(3) if place[axis] == N]
        opposite = tuple(0 if axis in last else place[axis] for axis in range(3))
        if not last or (opposite == (0, 0, 0) and len(last) == 1):
            continue
        terms = [(node(*place), 1)] + ([(node(*opposite), -1)] if opposite != (0, 0, 0) else [])
        terms += [(node(*(N * (axis == other) for other in range(3))), -1) for axis in last]
        terms.append((node(0, 0, 0), len(last) - (opposite == (0, 0, 0))))
        for direction in (1, 2, 3):
            lines.append(str(len(terms)))
            text = [f"{number}, {direction}, {factor}." for number, factor in terms]
            lines += [", ".join(text[i:i + 4]) for i in range(0, len(text), 4)]
    lines += ["*STEP", f"*STATIC, SOLVER={solver}", "*BOUNDARY", f"{node(0, 0, 0)}, 1, 3",
              f"{node(N, 0, 0)}, 1, 1, {N * STRAIN}", f"{node(N, 0, 0)}, 2, 3", f"{node(0, N, 0)}, 1, 3", f"{node(0, 0, N)}, 1, 3",
              "*NSET, NSET=END", str(node(N, 0, 0)), "*NODE PRINT, NSET=END", "RF", "*EL PRINT, ELSET=E", "S", "*END STEP"]
    return "\n".join(lines) + "\n"


def run(solver):
    """The reaction force of the corner along x, and the force across each layer of elements along x."""
    with open("job.inp", "w") as file:
        file.write(deck(solver))
    log = subprocess.run(["ccx", "job"], capture_output=True, text=True).stdout
    assert "Job finished" in log and "*ERROR" not in log and "*WARNING" not in log, log[-2000:]
    rows = [line.split() for line in open("job.dat")]
    reactions = [float(row[1]) for row in rows if len(row) == 4 and row[0] == str(node(N, 0, 0))]
    points = [row for row in rows if len(row) == 8 and row[0].isdigit()]
    assert len(reactions) == 1 and len(points) == 8 * N**3
    forces = [0.0] * N
    for row in points:
        forces[(int(row[0]) - 1) % N] += float(row[2]) / 8
    return reactions[0], forces


as_described = True
for solver in "SPOOLES", "ITERATIVE CHOLESKY", "ITERATIVE SCALING":
    reaction, forces = run(solver)
    mean = sum(forces) / N
    spread = max(abs(force / mean - 1) for force in forces)
    print(f"{solver}: force across layers {mean:.6e}, they differ by {spread:.1e}; reaction force of the corner {reaction:.6e}")
    as_described &= abs(reaction) < 0.01 * mean and (spread < 1e-6 if solver == "SPOOLES" else spread > 1e-4)
print("as described" if as_described else "changed")
sys.exit(not as_described)
PYTHON
python3 run.py
