#!/usr/bin/env python3
"""Looks at large realisations: is there a lattice of the latent grid's period, and do opposite edges fit?

    fields.py MODEL.h5 [PICTURE.png]

The model has profile standard or volume. DAVEGAN_BUILD names a CMake build, else the quick start's is taken. From 64 realisations of
1,024 x 1,024 pixels or 128 x 128 x 128 voxels it prints for the minority phase, all by position modulo 16 along each axis:

    lattice of the phase        sqrt(s^2 - s0^2) of the mean; s is its standard deviation over the positions, and s0 what
                                sampling alone gives
    lattice of its interfaces   the same of the density of interfaces to the next voxel along each axis
    edges                       interface density across the edges, divided by that within

Status 0: the first two are at most 0.003, and the third is 0.95 to 1.05. The picture shows the first realisation, or its first plane.
Needs numpy, h5py and, for the picture, matplotlib.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

from davegan_c import PROGRAM

STRIDE, COUNT, BATCH = 16, 64, 8
SIDES = {"standard": (1024, 1024), "volume": (128, 128, 128)}


def sides_of(model):
    profile = json.loads(subprocess.check_output([PROGRAM, "info", model, "--json"]))["profile"]
    if profile not in SIDES:
        sys.exit(f"{model} has profile {profile}, and realisations of one size alone; give a model of profile standard or volume")
    return SIDES[profile]


def realisations(model, sides):
    """All of them, some at a time: (n, [nz,] ny, nx) phases."""
    with tempfile.TemporaryDirectory() as folder:
        for first in range(0, COUNT, BATCH):
            file = Path(folder) / f"{first}.h5"
            command = [PROGRAM, "generate", model, file, "--group", "set", "--first", str(first), "--count", str(BATCH)]
            subprocess.run([*map(str, command), "--size", "x".join(map(str, sides))], check=True, stdout=subprocess.DEVNULL)
            with h5py.File(file) as made:
                yield made["set/phase"][:].reshape(-1, *sides)
            file.unlink()


def by_position(images):
    """Mean of each image at each position modulo the stride, (n, positions)."""
    n, *sides = images.shape
    cut = images.reshape(n, *(length for side in sides for length in (side // STRIDE, STRIDE)))
    return cut.mean(tuple(range(1, 2 * len(sides), 2))).reshape(n, -1)


def lattice(means):
    """sqrt(s^2 - s0^2) from the means of each realisation; what a realisation has more or less in all is no lattice."""
    means = means - means.mean(1, keepdims=True)
    sampling = (means.var(0, ddof=1) / len(means)).mean()
    return np.sqrt(max(means.mean(0).var() - sampling, 0)), np.sqrt(sampling)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sides = sides_of(sys.argv[1])
    phase, interfaces, across, within, minority = [], [], [], [], None
    for images in realisations(sys.argv[1], sides):
        if minority is None:
            minority = np.bincount(images.ravel()).argmin()
            if len(sys.argv) == 3:
                from matplotlib import image as picture

                picture.imsave(sys.argv[2], images[0].reshape(-1, *sides[-2:])[0], cmap="gray")
        here = images == minority
        phase.append(by_position(here))
        by_axis = []
        for axis in range(1, here.ndim):
            changes = here != np.roll(here, -1, axis)
            by_axis.append(by_position(changes))
            across.append(changes.take(-1, axis).mean())
            within.append(np.delete(changes, -1, axis).mean())
        interfaces.append(np.mean(by_axis, 0))
    found = [lattice(np.concatenate(means)) for means in (phase, interfaces)]
    edges = np.mean(across) / np.mean(within)
    for name, (excess, sampling) in zip(("lattice of the phase", "lattice of its interfaces"), found):
        print(f"{name:28}{excess:.4f} (sampling {sampling:.4f})")
    print(f"{'edges':28}{edges:.3f}")
    return 0 if max(excess for excess, _ in found) <= 0.003 and 0.95 <= edges <= 1.05 else 1


if __name__ == "__main__":
    sys.exit(main())
