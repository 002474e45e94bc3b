#!/usr/bin/env bash
# HDF5 2.0.0 (h5py 3.16.0; 1.14.6 does the same): H5Dget_chunk_info_by_coord goes through the chunks of a dataset until it comes to the one, so
# that asking for each of n chunks takes n^2 steps. H5Dget_chunk_storage_size and H5Dread_chunk look a chunk up in its index.
#
# Needs python3 and a network. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet h5py==3.16.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import sys
import time

import h5py
import numpy

with h5py.File("file.h5", "w") as file:
    for n in 500, 50_000:
        file.create_dataset(str(n), data=numpy.zeros((n, 4), "u1"), chunks=(1, 4))


def microseconds(n, ask):
    """The time to ask for one of the last of n chunks, the least of ten."""
    with h5py.File("file.h5") as file:
        dataset, times = file[str(n)].id, []
        ask(dataset, (7, 0))
        for row in range(n - 10, n):
            start = time.perf_counter()
            ask(dataset, (row, 0))
            times.append(time.perf_counter() - start)
    return 1e6 * min(times)


print("HDF5", h5py.version.hdf5_version)
ratios = {}
for name in "get_chunk_info_by_coord", "read_direct_chunk":
    few, many = (microseconds(n, getattr(h5py.h5d.DatasetID, name)) for n in (500, 50_000))
    ratios[name] = many / few
    print(f"{name}: {few:.1f} us with 500 chunks, {many:.1f} us with 50,000")
expected = ratios["get_chunk_info_by_coord"] > 10 and ratios["read_direct_chunk"] < 10
print("as described" if expected else "changed")
sys.exit(not expected)
PYTHON
