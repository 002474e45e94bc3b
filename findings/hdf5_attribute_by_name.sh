#!/usr/bin/env bash
# HDF5 2.0.0 (h5py 3.16.0; 1.10.8 does the same): an attribute that is opened through another object than its own, such as
# H5Aopen_by_name(file, "dataset", "attribute"), can be read but not written: "can't locate open attribute?". It can be written
# if its own object is opened first: H5Aopen_by_name(dataset, ".", "attribute"), or H5Aopen(dataset, "attribute").
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

import h5py
import numpy

with h5py.File("file.h5", "w") as file:
    file["dataset"] = 0
    file["dataset"].attrs.create("attribute", 1, dtype="i4")


def write(open_attribute):
    """What the attribute is before and after 2 is written, or what HDF5 says."""
    with h5py.File("file.h5", "r+") as file:
        file["dataset"].attrs.modify("attribute", 1)
    with h5py.File("file.h5", "r+") as file:
        attribute, value = open_attribute(file), numpy.zeros((), "i4")
        attribute.read(value)
        try:
            attribute.write(numpy.array(2, "i4"))
        except OSError as error:
            return int(value), str(error)
    with h5py.File("file.h5") as file:
        return int(value), int(file["dataset"].attrs["attribute"])


found = {
    "through the file": write(lambda file: h5py.h5a.open(file.id, b"attribute", obj_name=b"dataset")),
    "through its dataset": write(lambda file: h5py.h5a.open(file["dataset"].id, b"attribute")),
}
print("HDF5", h5py.version.hdf5_version, found)
expected = {"through the file": (1, "Can't synchronously write data (can't locate open attribute?)"),
            "through its dataset": (1, 2)}
print("as described" if found == expected else "changed")
sys.exit(found != expected)
PYTHON
