#!/usr/bin/env python3
"""Damages HDF5 micrographs and counts what davegan_micrograph_read says.

    python3 tests/campaigns/damaged_micrographs.py LIBRARY [TRIES]

LIBRARY is libdavegan.so. Of TRIES (default 165) files each, some are cut short, some have bytes changed, some are marked as
written by a newer HDF5, some have a filter that the library lacks. Each try runs in a process of its own. Bad is: a
signal, more than 30 seconds, or a message of status DAVEGAN_HDF5 that does not say what to do before HDF5's own words.
Needs h5py and numpy.
"""

import collections
import ctypes
import multiprocessing
import pathlib
import random
import sys
import tempfile

import h5py
import numpy as np

OK, HDF5 = 0, 3
ADVICE = ("copy it again", "h5repack")
LZF = (32000).to_bytes(2, "little")


def good_files(folder):
    phases = (np.indices((96, 96)).sum(0) // 8 % 2).astype("u1")
    files = {}
    for name, version, options in [
        ("plain", "earliest", {}),
        ("compressed", "earliest", {"chunks": (32, 32), "compression": "gzip", "shuffle": True}),
        ("latest", "latest", {"chunks": (32, 32), "compression": "gzip"}),
        ("lzf", "earliest", {"chunks": (32, 32), "compression": "lzf"}),
    ]:
        path = folder / "good.h5"
        with h5py.File(path, "w", libver=version) as file:
            file.create_dataset("phase", data=phases, **options)
        files[name] = path.read_bytes()
    return files


def damaged(files, rng, number):
    """A kind of damage and the bytes."""
    kind = ("cut short", "bytes changed", "header changed", "newer", "filter")[number % 5]
    name = rng.choice(["plain", "compressed", "latest"])
    data = bytearray(files["lzf" if kind == "filter" else name])
    if kind == "cut short":
        del data[rng.randrange(1, len(data)) :]
    elif kind == "bytes changed":
        for _ in range(rng.randrange(1, 16)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif kind == "header changed":
        for _ in range(4):
            data[rng.randrange(8, 2048)] = rng.randrange(256)
    elif kind == "newer":
        data[8] = rng.randrange(4, 256)
    else:
        place = data.find(LZF)
        data[place : place + 2] = rng.choice([32000, 32001, 32004, 32008, 32015, 40000]).to_bytes(2, "little")
    return kind, bytes(data)


def read(library, path, results):
    davegan = ctypes.CDLL(library)
    davegan.davegan_last_error.restype = ctypes.c_char_p
    micrograph = ctypes.c_void_p()
    status = davegan.davegan_micrograph_read(str(path).encode(), None, None, ctypes.byref(micrograph))
    results.put((status, (davegan.davegan_last_error() or b"").decode()))


def attempt(library, path):
    """The outcome in a word or two, and the message."""
    results = multiprocessing.SimpleQueue()
    process = multiprocessing.Process(target=read, args=(library, path, results))
    process.start()
    process.join(30)
    if process.is_alive():
        process.kill()
        process.join()
        return "no end", ""
    if process.exitcode != 0:
        return f"exit {process.exitcode}", ""
    status, message = results.get()
    if status == HDF5:
        ours = message.split("(HDF5 says")[0]
        return ("advice" if any(advice in ours for advice in ADVICE) else "HDF5 alone"), message
    return ("read" if status == OK else f"status {status}"), message


def main():
    library, tries = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 165
    rng = random.Random(1)
    counts = collections.Counter()
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        files = good_files(folder)
        for number in range(tries):
            kind, data = damaged(files, rng, number)
            path = folder / "damaged.h5"
            path.write_bytes(data)
            outcome, message = attempt(library, path)
            counts[kind, outcome] += 1
            if outcome in ("no end", "HDF5 alone") or outcome.startswith("exit"):
                bad += 1
                print(f"try {number}, {kind}: {outcome}: {message}")
    for (kind, outcome), count in sorted(counts.items()):
        print(f"{count:5}  {kind}: {outcome}")
    print(f"{tries} tries, {bad} bad")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
