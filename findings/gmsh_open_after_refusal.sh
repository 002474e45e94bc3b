#!/usr/bin/env bash
# gmsh 4.15.2 (Python package): once gmsh.open has raised, because a file is missing or of a kind that gmsh does not read, every later
# gmsh.open returns without an error and reads nothing: the mesh stays empty. Only the log says "I'm busy! Ask me that later...".
# gmsh.clear does not help; gmsh.finalize and gmsh.initialize do. gmsh.merge still reads, and is not disturbed by a refusal of its own.
#
# Needs python3, the X and OpenGL libraries of gmsh (on Debian libglu1-mesa, libxcursor1, libxft2, libxinerama1) and a network.
# Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet gmsh==4.15.2

venv/bin/python - <<'PYTHON'
import sys

import gmsh

MESH = """$MeshFormat
2.2 0 8
$EndMeshFormat
$Nodes
4
1 0 0 0
2 1 0 0
3 1 1 0
4 0 1 0
$EndNodes
$Elements
1
1 3 2 1 1 1 2 3 4
$EndElements
"""
with open("square.msh", "w") as file:
    file.write(MESH)
with open("square.inp", "w") as file:  # a mesh of Abaqus, which gmsh writes but does not read
    file.write("*NODE\n1, 0., 0.\n2, 1., 0.\n3, 1., 1.\n4, 0., 1.\n*ELEMENT, TYPE=CPS4\n1, 1, 2, 3, 4\n")


def run(*calls):
    """The number of nodes after each call, or "refused"."""
    gmsh.initialize()
    gmsh.option.setNumber("General.Terminal", 0)
    found = []
    for call, *arguments in calls:
        try:
            call(*arguments)
            found.append(len(gmsh.model.mesh.getNodes()[0]))
        except Exception:
            found.append("refused")
    gmsh.finalize()
    return found


mesh, other, missing = "square.msh", "square.inp", "missing.msh"
found = {
    "open": run((gmsh.open, mesh), (gmsh.open, mesh)),
    "open another kind, then a mesh": run((gmsh.open, other), (gmsh.open, mesh), (gmsh.clear,), (gmsh.open, mesh)),
    "open a missing file, then a mesh": run((gmsh.open, missing), (gmsh.open, mesh)),
    "open another kind, merge a mesh": run((gmsh.open, other), (gmsh.merge, mesh)),
    "merge another kind, open a mesh": run((gmsh.merge, other), (gmsh.open, mesh)),
}
expected = {
    "open": [4, 4],
    "open another kind, then a mesh": ["refused", 0, 0, 0],
    "open a missing file, then a mesh": ["refused", 0],
    "open another kind, merge a mesh": ["refused", 4],
    "merge another kind, open a mesh": ["refused", 4],
}
print("gmsh", gmsh.__version__)
for name, nodes in found.items():
    print(f"{name}: {nodes} nodes")
print("as described" if found == expected else "changed")
sys.exit(found != expected)
PYTHON
