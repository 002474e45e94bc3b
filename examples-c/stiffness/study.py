#!/usr/bin/env python3
"""How the effective stiffness of an ensemble depends on the size of its elements, with CalculiX and by FFT.

    study.py PROGRAM PLANES.h5 VOLUMES.h5 --output stiffness.png

PROGRAM is the example `stiffness`, PLANES.h5 a model of profile standard and VOLUMES.h5 one of profile volume. Prints a table
and draws it: the stiffness C11 of all elements, its mean with the 95 % confidence interval, and the mean by FFT. Needs ccx,
numpy and matplotlib.
"""

import argparse
import pathlib
import subprocess
import tempfile

import matplotlib
import numpy as np

from fft_stiffness import Element, upper_triangle

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

PLANES = {32: 48, 64: 24, 128: 12}  # elements of each side
CUBES = {32: 6, 48: 3}


def by_calculix(program, model, side, count, folder):
    """Rows of stiffness of the elements, their mean and its interval."""
    output = subprocess.run([program, model, str(side), str(count), folder], check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = [line.split() for line in output.splitlines()]
    numbers = np.array([row[1:] for row in rows], float)
    return numbers[:-2], numbers[-2], numbers[-1]


def by_fft(folder, count, stiff, points):
    elements = [np.load(f"{folder}/element-{number}.npy") for number in range(count)]
    return np.array([upper_triangle(Element(element == stiff, points).stiffness()) for element in elements])


def study(program, model, sizes, stiff):
    """For each side: C11 of all elements by CalculiX, mean, interval, and the means by FFT with two points and one."""
    found = {}
    for side, count in sizes.items():
        with tempfile.TemporaryDirectory() as folder:
            rows, mean, interval = by_calculix(program, model, side, count, folder)
            full, rotated = (by_fft(folder, count, stiff, points) for points in (2, 1))
        assert np.allclose(rows.mean(axis=0), mean, atol=1e-5)
        worst = [np.abs(rows[:, 0] / other[:, 0] - 1).max() for other in (full, rotated)]
        found[side] = rows[:, 0], mean[0], interval[0], full[:, 0].mean(), rotated[:, 0].mean()
        print(f"| {side} | {count} | {mean[0]:.4f} ± {interval[0]:.4f} | {rows[:, 0].std(ddof=1):.4f} | "
              f"{full[:, 0].mean():.4f} ({worst[0]:.1e}) | {rotated[:, 0].mean():.4f} ({worst[1]:.1e}) |", flush=True)
    return found


def draw(axes, found, title):
    sides = list(found)
    for side, (rows, *_) in found.items():
        axes.plot([side] * len(rows), rows, ".", color="0.75", zorder=1)
    means, intervals = ([found[side][i] for side in sides] for i in (1, 2))
    axes.errorbar(sides, means, intervals, fmt="o-", capsize=4, color="C0", label="CalculiX, mean and 95 % interval")
    axes.plot(sides, [found[side][3] for side in sides], "x", color="C3", markersize=9, label="FFT, mean of the same elements")
    axes.set(title=title, xlabel="side of an element (voxels)", ylabel="$C_{11}$ (Young's modulus of the soft phase = 1)")
    axes.set_xscale("log", base=2)
    axes.set_xticks(sides, [str(side) for side in sides])
    axes.minorticks_off()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("planes")
    parser.add_argument("volumes")
    parser.add_argument("--stiff", type=int, default=1, help="the minority phase of both models (default 1)")
    parser.add_argument("--output", type=pathlib.Path, default="stiffness.png")
    arguments = parser.parse_args()
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    for place, model, sizes, title in ((axes[0], arguments.planes, PLANES, "squares in plane strain"),
                                       (axes[1], arguments.volumes, CUBES, "cubes")):
        print(title)
        print("| side | elements | CalculiX | standard deviation | FFT (largest difference) | rotated scheme (largest difference) |")
        draw(place, study(arguments.program, model, sizes, arguments.stiff), title)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.savefig(arguments.output, dpi=110)


if __name__ == "__main__":
    main()
