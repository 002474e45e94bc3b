#!/usr/bin/env python3
"""Realisations of given volume fractions beside windows of the micrograph with about the same fraction.

    benches/given_fractions.py model.h5 micrographs.h5 alloy --phase 0 [--count 16] [--size 128x128x128]

The model has two phases and makes the size, in voxels along x, y and z; 256x256 if none is given. DAVEGAN_BUILD names a CMake build,
else the quick start's is taken. Prints, for the mean of windows of 64 x 64 pixels and one and two standard deviations to either side:
the largest deviation of COUNT realisations in voxels, and the interface density and mean chord length of realisations (of
volumes: of planes across z) and of windows within half a standard deviation. Needs numpy and h5py.
"""
import argparse
import subprocess
import tempfile

import h5py
import numpy as np

from davegan_c import PROGRAM

WINDOW = 64


def interface_density(image):
    return (image[1:] != image[:-1]).mean() + (image[:, 1:] != image[:, :-1]).mean()


def chord_length(image):
    begins = (image[:, 1:] & ~image[:, :-1]).sum()
    return image[:, 1:].sum() / max(begins, 1)


def figures(images):
    return np.array([[interface_density(image), chord_length(image)] for image in images])


def realisations(model, phase, fraction, count, size):
    """The voxels of a phase, (realisation, z, y, x)."""
    fractions = [1 - fraction, fraction] if phase == 1 else [fraction, 1 - fraction]
    with tempfile.NamedTemporaryFile(suffix=".h5") as file:
        options = ["--group", "set", "--count", str(count), "--size", size]
        given = ",".join(repr(float(value)) for value in fractions)
        subprocess.run([PROGRAM, "generate", model, file.name, *options, "--volume-fractions", given], check=True,
                       stdout=subprocess.DEVNULL)
        with h5py.File(file.name) as made:
            return made["set/phase"][...] == phase


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("micrographs")
    parser.add_argument("dataset")
    parser.add_argument("--phase", type=int, default=1)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--size", default="256x256")
    arguments = parser.parse_args()
    with h5py.File(arguments.micrographs) as file:
        micrograph = file[arguments.dataset][...] == arguments.phase
    places = [range(0, length - WINDOW + 1, 8) for length in micrograph.shape]
    windows = [micrograph[y:y + WINDOW, x:x + WINDOW] for y in places[0] for x in places[1]]
    shares, of_windows = np.array([window.mean() for window in windows]), figures(windows)
    for deviations in range(-2, 3):
        fraction = shares.mean() + deviations * shares.std()
        if not 0 < fraction < 1:
            continue
        made = realisations(arguments.model, arguments.phase, fraction, arguments.count, arguments.size)
        off = np.abs(made.sum((1, 2, 3)) - fraction * made[0].size).max()
        alike = of_windows[np.abs(shares - fraction) < shares.std() / 2]
        (density, chord), means, spreads = figures(made.reshape(-1, *made.shape[2:])).mean(0), alike.mean(0), alike.std(0)
        print(f"{deviations:+d} sd: fraction {fraction:.4f}, at most {off:.1f} voxels off; "
              f"interface density {density:.4f}, windows {means[0]:.4f} +- {spreads[0]:.4f}; "
              f"chord length {chord:.2f}, windows {means[1]:.2f} +- {spreads[1]:.2f}")


if __name__ == "__main__":
    main()
