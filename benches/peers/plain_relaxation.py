#!/usr/bin/env python3
"""Times four sweeps of a program in plain C over the image that `rows relax` has left in a folder. Needs gcc.

    plain_relaxation.py RELAX.c FOLDER SIDE

The program is one of the prototypes that benches/peers.sh --prototypes names: images (relax2d_local.c) or volumes (relax3d.c). They
count patterns, too, and calibrate: what they take without sweeps is subtracted, and calls for several images are divided by their
number. One thread.
"""
import subprocess
import sys
import time
from pathlib import Path

SWEEPS, ROUNDS = 4, 8
MICROGRAPH = ["micrograph.raw", "256", "256"]


def seconds(command, folder):
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main():
    source, folder, side = Path(sys.argv[1]).resolve(), Path(sys.argv[2]), sys.argv[3]
    program = folder / source.stem
    subprocess.run(["gcc", "-O3", "-march=native", "-ffast-math", "-w", "-o", program, source, "-lm"], check=True)
    if source.stem == "relax3d":
        images, arguments = 1, lambda sweeps: ["image.raw", "1", side, str(sweeps), "1e-6", "1e-3"]
    else:
        # Each of the rounds calibrates on one of the two images; both are relaxed in the end.
        (folder / "two.raw").write_bytes(2 * (folder / "image.raw").read_bytes())
        images, arguments = ROUNDS + 2, lambda sweeps: ["two.raw", "2", side, side, str(sweeps), str(ROUNDS), "0.1", "1e-6"]
    with_sweeps, without = (seconds([program, *MICROGRAPH, *arguments(sweeps)], folder) for sweeps in (SWEEPS, 0))
    print(f"{(with_sweeps - without) / images:.4f} s")


if __name__ == "__main__":
    main()
