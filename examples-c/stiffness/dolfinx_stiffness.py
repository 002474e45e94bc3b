#!/usr/bin/env python3
"""Effective elastic stiffness of periodic elements in plane strain with FEniCS (DOLFINx).

    dolfinx_stiffness.py ELEMENT.npy... [--stiff PHASE]

An element is a NumPy array (ny, nx) of phase numbers, as `davegan export` and davegan_export_npy write it. Each voxel is a
quadrilateral of bilinear displacements. Opposite sides are tied by dolfinx_mpc; what is solved for is the deviation from the
mean strain. Phases are as in stiffness.cpp, and so is what is printed.

Run with DOLFINx 0.5.2 and dolfinx_mpc 0.5.0 of Debian 12 (python3-dolfinx, python3-dolfinx-mpc).
"""

import argparse

import dolfinx_mpc
import numpy as np
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI

SOFT, STIFF, POISSON = 1.0, 10.0, 0.3
LOADS = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 0.5], [0.5, 0]]])  # xx, yy, xy with shear counted twice


def young_modulus(domain, phases, stiff):
    """A function that is constant in each cell: that of the voxel in which its midpoint lies."""
    field = fem.Function(fem.FunctionSpace(domain, ("DG", 0)))
    cells = domain.topology.index_map(2)
    x, y, _ = mesh.compute_midpoints(domain, 2, np.arange(cells.size_local + cells.num_ghosts, dtype=np.int32)).astype(int).T
    field.x.array[:] = np.where(phases[y, x] == stiff, STIFF, SOFT)
    return field


def periodic(space, nx, ny, conditions):
    """Ties the sides x = nx and y = ny to the opposite ones; the corner belongs to x = nx."""
    constraint = dolfinx_mpc.MultiPointConstraint(space)

    def opposite(x):
        out = x.copy()
        out[0][np.isclose(x[0], nx)] = 0
        out[1][np.isclose(x[1], ny)] = 0
        return out

    def last_x(x):
        return np.isclose(x[0], nx)

    def last_y(x):
        return np.isclose(x[1], ny) & ~np.isclose(x[0], nx)

    for side in last_x, last_y:
        constraint.create_periodic_constraint_geometrical(space, side, opposite, conditions)
    constraint.finalize()
    return constraint


def stiffness(phases, stiff):
    ny, nx = phases.shape
    domain = mesh.create_rectangle(MPI.COMM_WORLD, [[0, 0], [nx, ny]], [nx, ny], mesh.CellType.quadrilateral)
    space = fem.VectorFunctionSpace(domain, ("Lagrange", 1))
    young = young_modulus(domain, phases, stiff)
    shear, first = young / (2 * (1 + POISSON)), young * POISSON / ((1 + POISSON) * (1 - 2 * POISSON))

    def stress(strain):
        return 2 * shear * strain + first * ufl.tr(strain) * ufl.Identity(2)

    def strain(u):
        return ufl.sym(ufl.grad(u))

    # Not the origin: a condition on a node to which others are tied is not met.
    inside = fem.locate_dofs_geometrical(space, lambda x: np.isclose(x[0], 1) & np.isclose(x[1], 1))
    conditions = [fem.dirichletbc(np.zeros(2), inside, space)]
    constraint = periodic(space, nx, ny, conditions)
    u, v = ufl.TrialFunction(space), ufl.TestFunction(space)
    mean_strain = fem.Constant(domain, np.zeros((2, 2)))
    problem = dolfinx_mpc.LinearProblem(
        ufl.inner(stress(strain(u)), strain(v)) * ufl.dx, -ufl.inner(stress(mean_strain), strain(v)) * ufl.dx, constraint,
        bcs=conditions, petsc_options={"ksp_type": "preonly", "pc_type": "lu"})
    columns = []
    for load in LOADS:
        mean_strain.value = load
        found = stress(mean_strain + strain(problem.solve()))
        means = [domain.comm.allreduce(fem.assemble_scalar(fem.form(found[i, j] * ufl.dx))) / phases.size
                 for i, j in ((0, 0), (1, 1), (0, 1))]
        columns.append(means)
    return np.array(columns).T


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("elements", nargs="+", metavar="ELEMENT.npy")
    parser.add_argument("--stiff", type=int, default=1, help="the phase that is ten times as stiff (default 1)")
    arguments = parser.parse_args()
    for number, path in enumerate(arguments.elements):
        matrix = stiffness(np.load(path), arguments.stiff)
        row = ((matrix + matrix.T) / 2)[np.triu_indices(3)]
        if MPI.COMM_WORLD.rank == 0:
            print(number, *(f"{value:.6f}" for value in row))


if __name__ == "__main__":
    main()
