#!/usr/bin/env python3
"""Trains on three quarters of a micrograph and says where the model places the quarter that it has not seen.

    held_out.py MICROGRAPHS.h5 DATASET OUT_DIR [options of davegan train]

The micrograph is 256 x 256 pixels; training sees columns 0 to 191, which are 12 of its 16 tiles. Printed, tab-separated,
is for each kind of image the median and the range from the 5th to the 95th percentile of

    length   root mean square of the encoder's means: 1 for vectors drawn from the prior
    nearest  distance of these means to those of the nearest training tile, over the square root of the number of latents
    E        error of Eq. 12 between image and reconstruction
    pixels   share of pixels that the reconstruction has wrong

and, from the seen windows on, how many lie within the range of those. Needs numpy and h5py. The programs are those of the CMake
build that DAVEGAN_BUILD names, else of the quick start's.
"""
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np

from davegan_c import PROGRAM, Library, Model

SIDE = 64
SEEN = 192
COUNT = 256


def windows(image, ys, xs):
    return np.stack([image[y:y + SIDE, x:x + SIDE] for y, x in zip(ys, xs)])


def tiles(image):
    ys, xs = np.mgrid[0:image.shape[0]:SIDE, 0:image.shape[1]:SIDE]
    return windows(image, ys.ravel(), xs.ravel())


def s2(images):
    transformed = np.fft.rfft2(images.astype(float))
    return np.fft.irfft2(np.abs(transformed) ** 2, s=images.shape[1:]) / SIDE**2


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    library = Library()
    micrographs, dataset, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    with h5py.File(micrographs) as file:
        if dataset not in file:
            sys.exit(f"{micrographs} has no {dataset}; it has {', '.join(file)}")
        image = file[dataset][()]
    if image.shape != (4 * SIDE, 4 * SIDE):
        sys.exit(f"{dataset} is {image.shape}; it must be {(4 * SIDE, 4 * SIDE)}")
    image = np.unique(image, return_inverse=True)[1].reshape(image.shape).astype(np.uint8)
    with h5py.File(out / "seen.h5", "w") as file:
        file["phase"] = image[:, :SEEN]
    path = out / "model.h5"
    subprocess.run([PROGRAM, "train", out / "seen.h5", "--model", path, *sys.argv[4:]], check=True)
    subprocess.run([PROGRAM, "generate", path, out / "realisations.vtkhdf", "--count", str(COUNT), "--replace"], check=True)

    with h5py.File(path) as file:
        latents = int(file["generator/0/kernel"].shape[0])
    with h5py.File(out / "realisations.vtkhdf") as file:
        realisations = file["VTKHDF/CellData/phase"][:, 0]
    model = Model(library, path, latents)
    rng = np.random.default_rng(1)
    ys = rng.integers(0, 4 * SIDE - SIDE + 1, COUNT)
    seen = windows(image, ys, rng.integers(0, SEEN - SIDE + 1, COUNT))
    unseen = windows(image, ys, np.full(COUNT, SEEN))
    kinds = {
        "training tiles": tiles(image[:, :SEEN]),
        "seen windows": seen,
        "realisations": realisations,
        "white noise": rng.permuted(seen.reshape(COUNT, -1), axis=1).reshape(seen.shape),
        "unseen windows": unseen,
        "held-out tiles": tiles(image[:, SEEN:]),
    }
    places = {name: model.encode(images)[0] for name, images in kinds.items()}
    judged = int(np.argmin(np.bincount(image.ravel())))
    ranges = {}
    print("images\t" + "\t".join(f"{name}\t5 % to 95 %\twithin" for name in ("length", "nearest", "E", "pixels")))
    for name, images in kinds.items():
        distances = np.linalg.norm(places[name][:, None] - places["training tiles"][None], axis=2)
        made = model.reconstruct(images)
        figures = (
            np.linalg.norm(places[name], axis=1) / latents**0.5,
            distances.min(1) / latents**0.5,
            np.sqrt(((s2(images == judged) - s2(made == judged)) ** 2).mean((1, 2))),
            (images != made).mean((1, 2)),
        )
        cells = []
        for index, values in enumerate(figures):
            low, high = np.percentile(values, [5, 95])
            if name == "seen windows":
                ranges[index] = low, high
            within = ""
            if index in ranges:
                inside = (values >= ranges[index][0]) & (values <= ranges[index][1])
                within = f"{inside.sum()} of {len(values)}"
            cells.append(f"{np.median(values):.3g}\t{low:.3g} to {high:.3g}\t{within}")
        print(name + "\t" + "\t".join(cells))


if __name__ == "__main__":
    main()
