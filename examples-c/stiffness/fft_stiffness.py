#!/usr/bin/env python3
"""Effective elastic stiffness of periodic elements by FFT, to compare with a finite-element program.

    fft_stiffness.py ELEMENT.npy... [--stiff PHASE] [--points 1|2]

The Lippmann-Schwinger equation with a discrete Green operator, solved for displacements by conjugate gradients. The Green
operator is that of (bi- or tri-)linear elements, a voxel each. With two integration points along each axis the solution is
that of CPE4 and C3D8 elements (Ladecky et al. 2023, doi:10.1016/j.amc.2023.127835); with one it is the rotated scheme
(Willot 2015, doi:10.1016/j.crme.2014.12.005). Phases are as in stiffness.cpp, and so is what is printed.

Needs numpy.
"""

import argparse
import itertools

import numpy as np

SOFT, STIFF, POISSON = 1.0, 10.0, 0.3


def pairs(axes):
    """The axes of each component of strain: xx, yy, zz, xy, xz, yz."""
    return [(i, i) for i in range(axes)] + list(itertools.combinations(range(axes), 2))


def hooke(young, axes):
    """Stiffness for strains with shear counted twice, of plane strain for two axes."""
    shear = young / (2 * (1 + POISSON))
    matrix = np.diag([2 * shear] * axes + [shear] * (len(pairs(axes)) - axes))
    matrix[:axes, :axes] += young * POISSON / ((1 + POISSON) * (1 - 2 * POISSON))
    return matrix


def strain_matrices(axes, points):
    """Strain at each integration point of an element of side 1 from its displacements, corner by corner, with equal weights."""
    at = [0.5] if points == 1 else [0.5 - 12**-0.5, 0.5 + 12**-0.5]
    corners = list(itertools.product((0, 1), repeat=axes))
    matrices = []
    for point in itertools.product(at, repeat=axes):
        shape = [[x if end else 1 - x for x, end in zip(point, corner)] for corner in corners]
        matrix = np.zeros((len(pairs(axes)), len(corners), axes))
        for row, (i, j) in enumerate(pairs(axes)):
            for number, corner in enumerate(corners):
                slope = [(1 if corner[k] else -1) * np.prod(np.delete(shape[number], k)) for k in range(axes)]
                matrix[row, number, i] += slope[j]
                if i != j:
                    matrix[row, number, j] += slope[i]
        matrices.append(matrix.reshape(len(matrix), -1))
    return np.array(matrices)


class Element:
    """A periodic element: `soft` where the array `stiff`, (nz, ny, nx) or (ny, nx), is false."""

    def __init__(self, stiff, points=2):
        self.stiff = np.ascontiguousarray(stiff.T)  # axes in the order x, y, z
        self.axes = self.stiff.ndim
        self.corners = list(itertools.product((0, 1), repeat=self.axes))
        strain = strain_matrices(self.axes, points)
        self.hooke = [hooke(young, self.axes) for young in (SOFT, STIFF)]
        self.stress = [np.mean([c @ b for b in strain], axis=0) for c in self.hooke]  # mean stress from displacements
        self.of_element = [np.mean([b.T @ c @ b for b in strain], axis=0) for c in self.hooke]
        self.green = self.green_operator()

    def green_operator(self):
        """Displacements from forces of a homogeneous element, for each wave vector."""
        size = len(self.corners)
        matrix = np.mean(self.of_element, axis=0).reshape(size, self.axes, size, self.axes)
        waves = np.meshgrid(*[2 * np.pi * np.fft.fftfreq(n) for n in self.stiff.shape], indexing="ij")
        phase = np.exp(1j * np.array([sum(w * c for w, c in zip(waves, corner)) for corner in self.corners]))
        symbol = np.einsum("a...,aibj,b...->...ij", phase.conj(), matrix, phase, optimize=True)
        values, vectors = np.linalg.eigh(symbol)
        is_rigid = values < 1e-10 * values.max()  # translations, and with one integration point hourglasses
        inverse = np.where(is_rigid, 0, 1 / np.where(is_rigid, 1, values))
        return np.einsum("...ik,...k,...jk->...ij", vectors, inverse, vectors.conj())

    def gather(self, u):
        """Displacements of the corners of each element: (corners * axes, voxels)."""
        axes = tuple(range(1, self.axes + 1))
        return np.concatenate([np.roll(u, [-c for c in corner], axes).reshape(self.axes, -1) for corner in self.corners])

    def scatter(self, forces):
        """Forces on nodes from those on the corners of each element."""
        axes = tuple(range(1, self.axes + 1))
        parts = forces.reshape(len(self.corners), self.axes, *self.stiff.shape)
        return sum(np.roll(part, corner, axes) for part, corner in zip(parts, self.corners))

    def by_phase(self, matrices, vectors):
        """The matrix of each voxel's phase, times its vector."""
        return np.where(self.stiff.ravel(), matrices[1] @ vectors, matrices[0] @ vectors)

    def precondition(self, residual):
        axes = tuple(range(1, self.axes + 1))
        return np.fft.ifftn(np.einsum("...ij,j...->i...", self.green, np.fft.fftn(residual, axes=axes)), axes=axes).real

    def mean_stress(self, strain, tolerance=1e-8):
        """Mean stress for a mean strain."""
        uniform = np.repeat(strain[:, None], self.stiff.size, axis=1)
        residual = -self.scatter(self.by_phase([matrix.T for matrix in self.stress], uniform))
        u = np.zeros((self.axes, *self.stiff.shape))
        direction = preconditioned = self.precondition(residual)
        norm = first = (residual * preconditioned).sum()
        while norm > tolerance**2 * first:
            image = self.scatter(self.by_phase(self.of_element, self.gather(direction)))
            step = norm / (direction * image).sum()
            u = u + step * direction
            residual = residual - step * image
            preconditioned = self.precondition(residual)
            norm, before = (residual * preconditioned).sum(), norm
            direction = preconditioned + norm / before * direction
        stress = self.by_phase(self.hooke, uniform) + self.by_phase(self.stress, self.gather(u))
        return stress.mean(axis=1)

    def stiffness(self):
        return np.array([self.mean_stress(strain) for strain in np.eye(len(pairs(self.axes)))]).T


def upper_triangle(matrix):
    return ((matrix + matrix.T) / 2)[np.triu_indices(len(matrix))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("elements", nargs="+", metavar="ELEMENT.npy")
    parser.add_argument("--stiff", type=int, default=1, help="the phase that is ten times as stiff (default 1)")
    parser.add_argument("--points", type=int, choices=(1, 2), default=2, help="integration points along an axis (default 2)")
    arguments = parser.parse_args()
    for number, path in enumerate(arguments.elements):
        element = Element(np.load(path) == arguments.stiff, arguments.points)
        print(number, *(f"{value:.6f}" for value in upper_triangle(element.stiffness())))


if __name__ == "__main__":
    main()
