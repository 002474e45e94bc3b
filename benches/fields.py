#!/usr/bin/env python3
"""Looks at large realisations: is there a lattice of the latent grid's period, and do opposite edges fit?

    fields.py MODEL.h5 [PICTURE.png]

The model has profile standard. DAVEGAN_BUILD names a CMake build, else the quick start's is taken. From 64 realisations of
1,024 x 1,024 pixels it prints for the minority phase, all by position modulo 16 along y and x:

    lattice of the phase        sqrt(s^2 - s0^2) of the mean; s is its standard deviation over the positions, and s0 what
                                sampling alone gives
    lattice of its interfaces   the same of the density of interfaces to the right and below
    edges                       interface density across the edges, divided by that within

Status 0: the first two are at most 0.003, and the third is 0.95 to 1.05. The picture shows the first realisation. Needs numpy,
h5py and, for the picture, matplotlib.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

from davegan_c import PROGRAM

STRIDE, SIDE, COUNT, BATCH = 16, 1024, 64, 8


def realisations(model):
    """All of them, some at a time, as (n, ny, nx) phases."""
    with tempfile.TemporaryDirectory() as folder:
        for first in range(0, COUNT, BATCH):
            file = Path(folder) / f"{first}.h5"
            command = [PROGRAM, "generate", model, file, "--group", "set", "--first", str(first), "--count", str(BATCH)]
            subprocess.run([*map(str, command), "--size", f"{SIDE}x{SIDE}"], check=True, stdout=subprocess.DEVNULL)
            with h5py.File(file) as made:
                yield made["set/phase"][:, 0]
            file.unlink()


def by_position(images):
    """Mean of each image at each position modulo the stride, (n, positions)."""
    n, cells = len(images), SIDE // STRIDE
    return images.reshape(n, cells, STRIDE, cells, STRIDE).mean((1, 3)).reshape(n, -1)


def lattice(means):
    """sqrt(s^2 - s0^2) from the means of each realisation; what a realisation has more or less in all is no lattice."""
    means = means - means.mean(1, keepdims=True)
    sampling = (means.var(0, ddof=1) / len(means)).mean()
    return np.sqrt(max(means.mean(0).var() - sampling, 0)), np.sqrt(sampling)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    phase, interfaces, across, within, minority = [], [], [], [], None
    for images in realisations(sys.argv[1]):
        if minority is None:
            minority = np.bincount(images.ravel()).argmin()
            if len(sys.argv) == 3:
                from matplotlib import image as picture

                picture.imsave(sys.argv[2], images[0], cmap="gray")
        here = images == minority
        right, below = here != np.roll(here, -1, 2), here != np.roll(here, -1, 1)
        phase.append(by_position(here))
        interfaces.append((by_position(right) + by_position(below)) / 2)
        across.append((right[:, :, -1].mean(1) + below[:, -1].mean(1)) / 2)
        within.append((right[:, :, :-1].mean((1, 2)) + below[:, :-1].mean((1, 2))) / 2)
    found = [lattice(np.concatenate(means)) for means in (phase, interfaces)]
    edges = np.concatenate(across).mean() / np.concatenate(within).mean()
    for name, (excess, sampling) in zip(("lattice of the phase", "lattice of its interfaces"), found):
        print(f"{name:28}{excess:.4f} (sampling {sampling:.4f})")
    print(f"{'edges':28}{edges:.3f}")
    return 0 if max(excess for excess, _ in found) <= 0.003 and 0.95 <= edges <= 1.05 else 1


if __name__ == "__main__":
    sys.exit(main())
