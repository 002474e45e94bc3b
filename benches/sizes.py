#!/usr/bin/env python3
"""Are large elements like small ones? Windows of 256 x 256 pixels of elements of growing sizes.

    benches/sizes.py MODEL.h5 [--sizes 256,1024,4096] [--windows 256]

The model has profile standard. DAVEGAN_BUILD names a CMake build, else the quick start's is taken. Elements are cut into windows that do
not overlap, as many of each size. For the minority phase it prints the mean of each figure over the windows of the first
size, and for each other size the difference in standard errors of a difference of two means:

    fraction      volume fraction
    interfaces    neighbours of different phases, for each pixel
    S2 4, 16, 64  probability that both pixels so far apart along x or y have the phase
    objects       pieces of the phase (eight neighbours) for 10,000 pixels
    largest       share of the largest piece in the phase

Status 0: none is beyond 3.5, which one of 2,000 figures is by chance. Needs numpy, scipy and h5py.
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
from scipy.ndimage import label

from davegan_c import PROGRAM

WINDOW, LAGS, MOST = 256, (4, 16, 64), 3.5
NAMES = ["fraction", "interfaces", *(f"S2 {lag}" for lag in LAGS), "objects", "largest"]


def windows(model, side, count):
    """(count, WINDOW, WINDOW) phases."""
    of_each = (side // WINDOW) ** 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "elements.h5"
        command = [PROGRAM, "generate", model, path, "--group", "set", "--size", f"{side}x{side}", "--count", -(-count // of_each)]
        subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL)
        with h5py.File(path) as file:
            phases = file["set/phase"][:].reshape(-1, side // WINDOW, WINDOW, side // WINDOW, WINDOW)
    return phases.swapaxes(2, 3).reshape(-1, WINDOW, WINDOW)[:count]


def figures(window):
    """Those of NAMES, of a window that is True where the phase is."""
    both = [(window[lag:] & window[:-lag]).mean() + (window[:, lag:] & window[:, :-lag]).mean() for lag in LAGS]
    interfaces = (window[1:] != window[:-1]).mean() + (window[:, 1:] != window[:, :-1]).mean()
    pieces, count = label(window, np.ones((3, 3)))
    largest = np.bincount(pieces.ravel())[1:].max(initial=0) / max(window.sum(), 1)
    return [window.mean(), interfaces, *(value / 2 for value in both), count / window.size * 1e4, largest]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--sizes", default="256,1024,4096", help=f"sides in pixels, multiples of {WINDOW}")
    parser.add_argument("--windows", type=int, default=256)
    arguments = parser.parse_args()
    print("\t".join(["side", *NAMES]))
    first, phase, worst = None, None, 0
    for side in map(int, arguments.sizes.split(",")):
        cut = windows(arguments.model, side, arguments.windows)
        phase = np.bincount(cut.ravel()).argmin() if phase is None else phase
        found = np.array([figures(window == phase) for window in cut])
        mean, error = found.mean(0), found.std(0, ddof=1) / np.sqrt(len(found))
        if first is None:
            first = mean, error
            shown = [f"{value:.4f}" for value in mean]
        else:
            off = (mean - first[0]) / np.hypot(error, first[1])
            worst = max(worst, np.abs(off).max())
            shown = [f"{value:+.1f}" for value in off]
        print("\t".join([str(side), *shown]), flush=True)
    return 0 if worst <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
