#!/usr/bin/env bash
# VTK 9.7.2 (as 9.6.2), vtkXdmfReader:
# - Unsigned integers (NumberType="UInt") become 32 bits wide, whatever their Precision is. Of 8 bytes, every value above 4294967295
#   becomes 4294967295, without a warning. 1 byte takes four. NumberType="UChar" and "UShort" keep the width, and so does Int of 8 bytes.
# - A uniform grid of two axes (2DCoRectMesh, ORIGIN_DXDY) lies in the plane of y and z: the first of its two numbers is that of z, the
#   second that of y. A 3DCoRectMesh of one layer of cells lies in the plane of x and y; its origin, spacing and dimensions are in the
#   order z, y, x.
#
# Needs python3 and a network. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet vtk==9.7.2 h5py==3.16.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import sys

import h5py
import numpy
import vtk
from vtk.util.numpy_support import vtk_to_numpy

XDMF = """<?xml version="1.0"?><Xdmf Version="3.0"><Domain><Grid GridType="Uniform">
<Topology TopologyType="{topology}" Dimensions="{points}"/>
<Geometry GeometryType="{geometry}">
<DataItem Format="XML" NumberType="Float" Precision="8" Dimensions="{axes}">{origin}</DataItem>
<DataItem Format="XML" NumberType="Float" Precision="8" Dimensions="{axes}">{spacing}</DataItem>
</Geometry>
<Attribute Name="phase" Center="Cell"><DataItem Format="HDF" NumberType="{kind}" Precision="{width}" Dimensions="{cells}">
image.h5:/data</DataItem></Attribute></Grid></Domain></Xdmf>
"""


def text(numbers):
    return " ".join(map(str, numbers))


def read(data, kind, origin, spacing):
    """The image that VTK reads, and its cell data."""
    with h5py.File("image.h5", "w") as file:
        file["data"] = data
    axes = data.ndim
    with open("image.xdmf", "w") as file:
        file.write(XDMF.format(topology=f"{axes}DCoRectMesh", geometry="ORIGIN_DXDY" + "DZ" * (axes == 3), axes=axes, kind=kind,
                               points=text(n + 1 for n in data.shape), cells=text(data.shape), width=data.itemsize,
                               origin=text(origin), spacing=text(spacing)))
    reader = vtk.vtkXdmfReader()
    reader.SetFileName("image.xdmf")
    reader.Update()
    image = reader.GetOutputDataObject(0)
    return image, vtk_to_numpy(image.GetCellData().GetArray(0))


def types():
    """Of the largest value of each type: the type and the value that VTK has for it."""
    for kind, dtype in ("UInt", "u1"), ("UInt", "u2"), ("UInt", "u4"), ("UInt", "u8"), ("UChar", "u1"), ("UShort", "u2"), ("Int", "i8"):
        largest = numpy.iinfo(dtype).max
        data = read(numpy.full((2, 2, 2), largest, dtype), kind, (0, 0, 0), (1, 1, 1))[1]
        yield f"{kind} of {dtype[1]}", (str(data.dtype), int(data[0]) == largest)


def bounds(shape, origin, spacing):
    """Lower and upper bound along x, y and z."""
    image, data = read(numpy.arange(numpy.prod(shape), dtype="u1").reshape(shape), "UChar", origin, spacing)
    assert numpy.array_equal(data, numpy.arange(numpy.prod(shape)))
    return image.GetBounds()


print("VTK", vtk.vtkVersion().GetVTKVersion())
found = dict(types())
found["two axes"] = bounds((3, 4), (1, 2), (10, 20))
found["three axes"] = bounds((1, 3, 4), (0, 1, 2), (1, 10, 20))
for name, what in found.items():
    print(name, what)
expected = {
    "UInt of 1": ("uint32", True),
    "UInt of 2": ("uint32", True),
    "UInt of 4": ("uint32", True),
    "UInt of 8": ("uint32", False),
    "UChar of 1": ("uint8", True),
    "UShort of 2": ("uint16", True),
    "Int of 8": ("int64", True),
    "two axes": (0, 0, 2, 82, 1, 31),
    "three axes": (2, 82, 1, 31, 0, 1),
}
print("as described" if found == expected else "changed")
sys.exit(found != expected)
PYTHON
