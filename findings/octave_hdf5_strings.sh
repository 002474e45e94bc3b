#!/usr/bin/env bash
# Octave 7.3.0 (Debian 12), load of an HDF5 file: the first dataset of strings of variable length, or of strings that are marked as
# UTF-8, ends it. What comes after it in the alphabet is missing, and if it lies in a group the whole group as well. There is a warning,
# but no error, and the status is 0. h5py writes a str that way. Strings of fixed length that are marked as ASCII are read. With the name
# of a dataset, load("file.h5", "z"), those after it are read too.
#
# Needs Debian 12 with octave 7.3.0, python3 and a network. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
octave-cli --version | head -n 1
python3 -m venv venv
venv/bin/pip install --quiet h5py==3.16.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import subprocess
import sys

import h5py
import numpy

KINDS = {
    "no strings": ("m", 1.0, None),
    "variable length": ("m", "text", None),
    "fixed length, UTF-8": ("m", b"text", h5py.string_dtype("utf-8", 4)),
    "fixed length, ASCII": ("m", b"text", h5py.string_dtype("ascii", 4)),
    "variable length, in a group": ("g/n", "text", None),
}


def octave(code):
    done = subprocess.run(["octave-cli", "--norc", "--quiet", "--eval", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


found = {}
for kind, (path, value, dtype) in KINDS.items():
    with h5py.File("file.h5", "w") as file:
        file["a"] = file["g/h"] = file["z"] = numpy.arange(3.0)
        file.create_dataset(path, data=value, dtype=dtype)
    names = octave("s = load('file.h5'); printf('%s ', fieldnames(s){:})")
    last = octave("s = load('file.h5', 'z'); printf('%g ', s.z)")
    found[kind] = names, last
    print(f"{kind}: the file holds a, g{', m' if path == 'm' else ''} and z; load gives {', '.join(names)}; z by its name: {last}")
z = ["0", "1", "2"]
expected = {
    "no strings": (["a", "g", "m", "z"], z),
    "variable length": (["a", "g"], z),
    "fixed length, UTF-8": (["a", "g"], z),
    "fixed length, ASCII": (["a", "g", "m", "z"], z),
    "variable length, in a group": (["a"], z),
}
print("as described" if found == expected else "changed")
sys.exit(found != expected)
PYTHON
