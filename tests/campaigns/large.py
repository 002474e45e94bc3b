#!/usr/bin/env python3
"""Large sets, large realisations and more voxels than 2^31: made and written in bounded memory, and counted right.

    tests/campaigns/large.py BUILD [--realisations 1000000] [--side 16384] [--export-side 46352] [--only set,field,exports]

BUILD is a folder with bin/davegan and lib/libdavegan.so. Takes up to 6 GB of disk in the temporary directory, and for exports twice
the memory of the image. What is checked:

* set: so many realisations of profile paper32 in one file, 64 MiB more than one realisation takes at most; the file counts
  them, and some of them are those of single calls;
* field: one realisation of profile standard, side x side, at most 512 MiB; its volume fractions are those of its voxels, and a
  block of it is that of a call for the block alone;
* exports: an image of more than 2^31 voxels by davegan_write_images and every export but Abaqus, whose text would be 100 times as
  large; lengths, and the last rows that readers find.

Prints what was found and exits 1 if anything is bad. Needs h5py and numpy.
"""

import argparse
import ctypes
import os
import pathlib
import sys
import tempfile
import time

import h5py
import numpy as np

SAMPLE = ("--sample", "gaussian_field", "--sample-size", 64)
MIB = 1 << 20


class Campaign:
    def __init__(self, build, folder):
        self.program, self.library = build / "bin/davegan", ctypes.CDLL(str(build / "lib/libdavegan.so"))
        self.library.davegan_last_error.restype = ctypes.c_char_p
        self.folder, self.bad = folder, 0

    def run(self, *arguments):
        """Runs the program; returns the MiB that it took at most, and its seconds."""
        begin = time.monotonic()
        arguments = [str(argument) for argument in (self.program, *arguments)]
        quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        process = os.posix_spawn(arguments[0], arguments, os.environ, file_actions=quiet)
        _, status, usage = os.wait4(process, 0)
        if status:
            sys.exit(f"{' '.join(arguments)}: status {status}")
        return usage.ru_maxrss / 1024, time.monotonic() - begin

    def check(self, is_right, what):
        if not is_right:
            self.bad += 1
            print(f"BAD {what}", flush=True)

    def set_of(self, n):
        model, path = self.folder / "small.h5", self.folder / "set.vtkhdf"
        self.run("train", *SAMPLE, "--profile", "paper32", "--batch-size", 4, "--steps", 3, "--model", model)
        one, _ = self.run("generate", model, self.folder / "one.vtkhdf", "--threads", 1)
        peak, seconds = self.run("generate", model, path, "--count", n, "--threads", 1)
        with h5py.File(path) as file:
            written, index = int(file["davegan"].attrs["n_written"]), file["davegan/index"]
            self.check(written == n == len(index) and index[n - 1] == n - 1, f"{written} of {n} realisations are counted")
            for first in (0, n // 2, n - 1):
                single = self.folder / "single.h5"
                self.run("generate", model, single, "--group", "g", "--replace", "--first", first, "--threads", 1)
                with h5py.File(single) as of_one:
                    same = np.array_equal(file["VTKHDF/CellData/phase"][first], of_one["g/phase"][0])
                    self.check(same, f"realisation {first} is another one")
        self.check(peak < one + 64, f"{peak:.0f} MiB")
        print(f"set: {n} realisations in {seconds:.0f} s, {peak:.0f} MiB (one realisation {one:.0f} MiB), "
              f"{path.stat().st_size // MIB} MiB on the disk", flush=True)
        path.unlink()

    def field(self, side):
        model, path = self.folder / "field_model.h5", self.folder / "field.h5"
        self.run("train", *SAMPLE, "--profile", "standard", "--window-side", 32, "--batch-size", 4, "--steps", 1, "--model", model)
        peak, seconds = self.run("generate", model, path, "--group", "g", "--size", f"{side}x{side}", "--threads", 2)
        block = side - 100, side - 70, 300, 200
        part = self.folder / "part.h5"
        self.run("generate", model, part, "--group", "g", "--size", f"{side}x{side}", "--block", ",".join(map(str, block)))
        with h5py.File(path) as file, h5py.File(part) as of_part:
            phases, counts = file["g/phase"], np.zeros(8, np.int64)
            for row in range(0, side, 1024):
                counts += np.bincount(phases[0, 0, row:row + 1024].ravel(), minlength=8)
            fractions = file["g/volume_fraction"][0]
            shares = counts[:len(fractions)] / side**2
            self.check(int(file["g"].attrs["n_written"]) == 1 and np.allclose(shares, fractions, rtol=0, atol=1e-15),
                       f"volume fractions {fractions} instead of {shares}")
            x, y, nx, ny = block
            rows = np.concatenate([phases[0, 0, y:], phases[0, 0, :y + ny - side]])
            around = np.take(rows, np.arange(x, x + nx) % side, axis=1)
            self.check(np.array_equal(around, of_part["g/phase"][0, 0]), "the block of a call of its own is another one")
        self.check(peak < 512, f"{peak:.0f} MiB")
        print(f"field: {side} x {side} in {seconds:.0f} s, {peak:.0f} MiB", flush=True)
        path.unlink()

    def exports(self, side):
        pattern = (np.arange(side) // 8 % 2).astype(np.uint8)
        image = np.empty((side, side), np.uint8)
        image[:] = pattern
        image[-1, -5:] = 1, 0, 1, 1, 0
        end = image[-1, -5:].tobytes()
        sizes = [ctypes.c_size_t(length) for length in (1, side, side)]
        pixels = image.ctypes.data_as(ctypes.c_void_p)
        for name in ("images.h5", "e.npy", "e.vti", "e.tif", "e.dream3d", "e.xdmf"):
            path, begin = self.folder / name, time.monotonic()
            if name == "images.h5":
                status = self.library.davegan_write_images(os.fsencode(path), b"m", pixels, ctypes.c_size_t(1), *sizes)
            else:
                format = {"tif": "tiff"}.get(path.suffix[1:], path.suffix[1:])
                status = getattr(self.library, f"davegan_export_{format}")(os.fsencode(path), pixels, *sizes, None)
            found = self.library.davegan_last_error().decode() if status else self.found(path, side, end)
            self.check(found is None, f"{name}: {found}")
            print(f"exports: {name} of {side} x {side} voxels in {time.monotonic() - begin:.0f} s", flush=True)
            for file in (path, path.with_suffix(".h5")):
                file.unlink(missing_ok=True)

    def found(self, path, side, end):
        """What is wrong with an export; `end` are the last voxels."""
        if path.suffix == ".npy":
            array = np.load(path, mmap_mode="r")
            return None if array.shape == (side, side) and array[-1, -5:].tobytes() == end else f"shape {array.shape}"
        if path.suffix in (".vti", ".tif"):
            with path.open("rb") as file:
                start = file.read(1000)
                file.seek(-4096, os.SEEK_END)
                is_right = f"0 {side} 0 {side} 0 1".encode() in start if path.suffix == ".vti" else end in file.read()
            return None if is_right else "it is not right"
        with h5py.File(path.with_suffix(".h5") if path.suffix == ".xdmf" else path) as file:
            images = []
            is_image = lambda of: isinstance(of, h5py.Dataset) and of.size == side * side
            file.visititems(lambda _, of: images.append(of) if is_image(of) else None)
            image = images[0]  # DREAM.3D has phases twice
            row = [slice(-5, None) if axis == image.shape.index(side) + 1 else -1 for axis in range(image.ndim)]
            last = image[tuple(row)].astype(np.uint8) - (path.suffix == ".dream3d")  # which numbers phases from 1 on
            return None if last.astype(np.uint8).tobytes() == end else f"shape {image.shape}, last voxels {last}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--realisations", type=int, default=1_000_000)
    parser.add_argument("--side", type=int, default=16384)
    parser.add_argument("--export-side", type=int, default=46352)
    parser.add_argument("--only", type=lambda text: text.split(","), default=["set", "field", "exports"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(options.build.resolve(), pathlib.Path(folder))
        if "set" in options.only:
            campaign.set_of(options.realisations)
        if "field" in options.only:
            campaign.field(options.side)
        if "exports" in options.only:
            campaign.exports(options.export_side)
    print(f"{campaign.bad} bad")
    return campaign.bad > 0


if __name__ == "__main__":
    sys.exit(main())
