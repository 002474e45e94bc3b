#!/usr/bin/env python3
"""Writes micrographs of seven synthetic materials for fidelity.sh.

    materials.py OUT.h5 [SEED]

    layers       a Gaussian random field, longer along x than along y, cut at its 70th percentile: anisotropic
    labyrinth    a random field of one wavelength, 14 pixels, cut at its median: two phases that both hang together
    sparse       ellipses in all directions that do not touch, 6 %
    polycrystal  convex grains of three phases
    fractal      a random field without a length of its own, cut at its 80th percentile: no two windows are alike
    large        an isotropic Gaussian random field of 512 x 512 pixels, which has 64 tiles
    small        128 x 128 pixels of layers turned by 90 degrees, which have four

All but the last two are 256 x 256 pixels, cut out of something larger, so that they are not periodic. Needs numpy, scipy, h5py.
"""
import sys

import h5py
import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

SIDE = 768  # of what micrographs are cut from, in pixels


def cut(image, side=256):
    return image[100 : 100 + side, 100 : 100 + side]


def field(rng, spectrum):
    """A periodic Gaussian random field; `spectrum` says how strong each wave is, by its wave numbers in waves a pixel."""
    waves = np.fft.fftfreq(SIDE)
    ky, kx = np.meshgrid(waves, waves, indexing="ij")
    noise = np.fft.fft2(rng.standard_normal((SIDE, SIDE)))
    return np.fft.ifft2(noise * np.sqrt(spectrum(ky, kx))).real


def above(values, quantile):
    return (cut(values) > np.quantile(values, quantile)).astype(np.uint8)


def ellipses(rng, share):
    """Ellipses at random that lie two pixels or more apart, until they take up `share`."""
    image = np.zeros((SIDE, SIDE), np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE]
    while image.mean() < share:
        centre_y, centre_x = rng.uniform(0, SIDE, 2)
        long, short, angle = rng.uniform(5, 8), rng.uniform(2.0, 3.5), rng.uniform(0, np.pi)
        dy = (y - centre_y + SIDE / 2) % SIDE - SIDE / 2
        dx = (x - centre_x + SIDE / 2) % SIDE - SIDE / 2
        along, across = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        ellipse = (along / long) ** 2 + (across / short) ** 2 < 1
        if not (ndimage.binary_dilation(ellipse, iterations=2) & (image > 0)).any():
            image[ellipse] = 1
    return image


def grains(rng, shares):
    """Voronoi cells of 260 pixels on average, each of a phase at random."""
    centres = rng.uniform(0, SIDE, (SIDE * SIDE // 260, 2))
    y, x = np.mgrid[:SIDE, :SIDE]
    _, nearest = cKDTree(centres, boxsize=SIDE).query(np.stack([y.ravel(), x.ravel()], 1).astype(float))
    phases = rng.choice(len(shares), len(centres), p=shares).astype(np.uint8)
    return phases[nearest].reshape(SIDE, SIDE)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) == 3 else 20261125)
    turn = 2 * np.pi
    long_along_x = field(rng, lambda ky, kx: np.exp(-0.5 * ((kx * turn * 14) ** 2 + (ky * turn * 4) ** 2)))
    layers = above(long_along_x, 0.7)
    ring = field(rng, lambda ky, kx: np.exp(-0.5 * ((np.hypot(kx, ky) - 1 / 14) / 0.008) ** 2))
    labyrinth = above(ring, 0.5)
    sparse = cut(ellipses(rng, 0.06))
    polycrystal = cut(grains(rng, [0.5, 0.3, 0.2]))
    power_law = field(rng, lambda ky, kx: (np.hypot(kx, ky) + 1e-3) ** -3.0 * np.exp(-((np.hypot(kx, ky) / 0.15) ** 2)))
    fractal = above(power_law, 0.8)
    isotropic = field(rng, lambda ky, kx: np.exp(-0.5 * (kx**2 + ky**2) * (turn * 5) ** 2))
    large = (cut(isotropic, 512) > 0).astype(np.uint8)
    small = np.ascontiguousarray(layers.T[:128, :128])
    micrographs = {"layers": layers, "labyrinth": labyrinth, "sparse": sparse, "polycrystal": polycrystal,
                   "fractal": fractal, "large": large, "small": small}
    with h5py.File(sys.argv[1], "w") as file:
        for name, phases in micrographs.items():
            file[name] = phases


if __name__ == "__main__":
    main()
