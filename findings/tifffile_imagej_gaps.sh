#!/usr/bin/env bash
# tifffile 2026.3.3 reads wrong values, without a warning, from a multi-page TIFF whose first page has an ImageJ description
# (ImageJ=..., images=N) and whose pages do not follow each other without gaps: imread takes one block of bytes from the
# first page on and returns what lies between the pages as pixels. The tags of each page are right: the pages one by one, and
# Pillow, give the right values. Without the description imread does too. Writers that put the tags of each page behind its
# pixels, such as the Rust crate tiff 0.11.3, make such files.
#
# Needs python3 and a network. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet tifffile==2026.3.3 pillow==12.0.0 numpy==2.3.4

venv/bin/python - <<'PYTHON'
import struct
import sys

import numpy
import PIL.Image
import PIL.ImageSequence
import tifffile

PAGES = numpy.arange(2 * 3 * 4, dtype=numpy.uint8).reshape(2, 3, 4)


def stack(description):
    """A TIFF of two pages; the tags of each page come behind its pixels."""
    description = description.encode() + b"\0"
    file = bytearray(b"II\x2a\0" + struct.pack("<I", 8 + 12 + len(description) + len(description) % 2))
    link = 4
    for number, page in enumerate(PAGES):
        pixels = len(file)
        file += page.tobytes()
        text = len(file)
        if number == 0:
            file += description + b"\0" * (len(description) % 2)
        tags = [(256, 4, 1, 4), (257, 4, 1, 3), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
        tags += [(270, 2, len(description), text)] if number == 0 else []
        tags += [(273, 4, 1, pixels), (277, 3, 1, 1), (278, 4, 1, 3), (279, 4, 1, 12)]
        file[link:link + 4] = struct.pack("<I", len(file))
        file += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        link = len(file)
        file += b"\0\0\0\0"
    return bytes(file)


right = {}
for name, description in (("plain", "two pages"), ("imagej", "ImageJ=1.11a\nimages=2\nslices=2\n")):
    path = f"{name}.tif"
    with open(path, "wb") as file:
        file.write(stack(description))
    with tifffile.TiffFile(path) as file:
        one_by_one = numpy.stack([page.asarray() for page in file.pages])
    with PIL.Image.open(path) as image:
        pillow = numpy.stack([numpy.asarray(page) for page in PIL.ImageSequence.Iterator(image)])
    found = {"imread": tifffile.imread(path), "pages": one_by_one, "Pillow": pillow}
    right[name] = {reader: numpy.array_equal(values, PAGES) for reader, values in found.items()}
    print(name, right[name], "second page of imread:", found["imread"][1].ravel().tolist())
expected = {"plain": {"imread": True, "pages": True, "Pillow": True},
            "imagej": {"imread": False, "pages": True, "Pillow": True}}
print("as described" if right == expected else "changed")
sys.exit(right != expected)
PYTHON
