#!/usr/bin/env python3
"""Calls under many limits of address space: each must end with DAVEGAN_OK or DAVEGAN_OUT_OF_MEMORY, never by a signal.

    python3 tests/campaigns/memory.py BUILD/tests/c_memory [--limits 30] [--only read,train]

`c_memory` is built with the C tests (cmake -DDAVEGAN_BUILD_TESTS=ON). Takes some minutes, 1 GiB of disk in the
temporary directory and up to 2 GiB of memory. Prints for each call how many limits gave which status, what it maps
without a limit, and the least limit that sufficed; ends with 1 if anything is bad.
"""

import argparse
import collections
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

OK, OUT_OF_MEMORY = 0, 6

# Name of the call, its size, and the file that it reads: the C test says what they mean.
CALLS = [
    ("load", 1, "mem_model.h5"),
    ("read", 1, "large.h5"),
    ("read", 1, "large.png"),
    ("read", 1, "large.tif"),
    ("from_memory", 8000, ""),
    ("sample", 4096, ""),
    ("many_samples", 2000, ""),
    ("write_images", 8000, ""),
    ("s2", 3000, ""),
    ("s2_error", 3000, ""),
    ("s2_radial", 1500, ""),
    ("train", 16, ""),
    ("train_paper32", 512, ""),
    ("train_paper64", 64, ""),
    ("train_file", 3, "mem_micrograph.h5"),
    ("generate_into", 20000, ""),
    ("generate", 1000, ""),
    ("latent_vectors", 100000, ""),
    ("encode", 10000, ""),
    ("decode", 20000, ""),
    ("reconstruct", 10000, ""),
    ("traverse", 20000, ""),
    ("interpolate", 20000, ""),
    ("evaluate", 20000, ""),
    ("fidelity", 256, ""),
    ("contact_sheet", 10000, ""),
    ("report", 256, ""),
]


def pattern(row, width):
    """Two phases in blocks that compress badly enough to be a file of some size."""
    return bytes((row * 7919 + x) // 13 % 2 for x in range(256)) * (width // 256)


def write_png(path, side):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packed = zlib.compressobj(1)
    rows = b"".join(packed.compress(b"\0" + pattern(row, side)) for row in range(side)) + packed.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def write_tiff(path, side):
    """A float32 TIFF without compression."""
    length = 4 * side * side
    tags = [(256, side), (257, side), (258, 32), (259, 1), (262, 1), (273, 8), (277, 1), (278, side)]
    tags += [(279, length), (339, 3)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    with path.open("wb") as file:
        file.write(b"II*\0" + struct.pack("<I", 8 + length))
        for row in range(side):
            file.write(b"".join(struct.pack("<f", value) for value in pattern(row, 256)) * (side // 256))
        file.write(struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0))


def run(program, folder, call, limit):
    """The status (negative: a signal) of a call with `limit` MiB more than the process has, and what it printed."""
    name, size, file = call
    done = subprocess.run(
        [program, name, f"{limit:.2f}", str(size), file or "mem_model.h5"], cwd=folder, capture_output=True, text=True
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def campaign(program, folder, call, n_limits):
    """Runs a call at many limits; returns how many were bad."""
    name, size, file = call
    status, text = run(program, folder, call, 0)
    if status != OK:
        print(f"{name} {size} {file}: without a limit {status}: {text}")
        return 1
    mapped = float(text.split(", ")[1].split()[0])
    counts, bad, least, last = collections.Counter(), [], None, ""
    for index in range(n_limits):
        limit = 0.5 * ((1.6 * mapped + 60) / 0.5) ** (index / (n_limits - 1))
        status, text = run(program, folder, call, limit)
        counts[status] += 1
        if status == OK and least is None:
            least = limit
        if status == OUT_OF_MEMORY:
            last = text.split("resident, ")[-1]
        if status not in (OK, OUT_OF_MEMORY):
            bad.append(f"  {limit:.2f} MiB: {status}: {text[-300:]}")
    print(
        f"{name} {size} {file}: {counts[OK]} OK, {counts[OUT_OF_MEMORY]} out of memory, {len(bad)} bad; maps "
        f"{mapped:.0f} MiB, {'no limit sufficed' if least is None else f'{least:.0f} MiB sufficed'}; \"{last}\"",
        *bad,
        sep="\n",
        flush=True,
    )
    return len(bad)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", help="the C test c_memory")
    parser.add_argument("--limits", type=int, default=30)
    parser.add_argument("--only", help="names of calls, separated by commas")
    parser.add_argument("--side", type=int, default=16384, help="of the HDF5 micrograph; others half of it")
    options = parser.parse_args()
    program = str(pathlib.Path(options.program).resolve())
    calls = [call for call in CALLS if options.only is None or call[0] in options.only.split(",")]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([program, "prepare"], cwd=folder, check=True)
        if any(call[0] == "read" for call in calls):
            write = [program, "write_images", "0", str(options.side)]
            subprocess.run(write, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            next(folder.glob("*written.h5")).rename(folder / "large.h5")
            write_png(folder / "large.png", options.side // 2)
            write_tiff(folder / "large.tif", options.side // 2)
        for name in ("model.h5", "micrograph.h5"):
            shutil.copy(next(folder.glob(f"*_{name}")), folder / f"mem_{name}")
        bad = sum(campaign(program, folder, call, options.limits) for call in calls)
    print(f"{len(calls)} calls at {options.limits} limits each: {bad} bad")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
