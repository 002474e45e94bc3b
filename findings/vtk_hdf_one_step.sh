#!/usr/bin/env bash
# VTK 9.7.2 (as 9.3.1 and 9.5.2), vtkHDFReader, images with cell data:
# - A series of one step (NSteps = 1) that is written as the format says, steps along the first axis of each array, is not read: the image
#   is empty. The reader takes a file of one step for one without steps, and asks for three axes. With NSteps = 2 it reads.
# - An array in CellData that has too few axes, such as a table of figures, costs those after it in the alphabet as well; those before it
#   are read. An array that is too long is read all the same, its first cells along each axis.
# Both print errors, but Update raises nothing and GetErrorCode is 0.
#
# Needs python3 and a network. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet vtk==9.7.2 h5py==3.16.0 numpy==2.4.6

cat >run.py <<'PYTHON'
import sys

import h5py
import numpy
import vtk
from vtk.util.numpy_support import vtk_to_numpy

vtk.vtkObject.GlobalWarningDisplayOff()


def read(steps, **shapes):
    """An image of 3 x 2 x 2 cells with `steps` steps: the names of the arrays that the reader finds, its error code, and whether it
    returns the first cells along each axis."""
    with h5py.File("image.vtkhdf", "w") as file:
        root = file.create_group("VTKHDF")
        root.attrs["Version"] = [2, 0]
        root.attrs["Type"] = numpy.bytes_("ImageData")
        root.attrs["WholeExtent"] = [0, 3, 0, 2, 0, 2]
        root.attrs["Origin"] = numpy.zeros(3)
        root.attrs["Spacing"] = numpy.ones(3)
        root.attrs["Direction"] = numpy.eye(3).ravel()
        for name, shape in shapes.items():
            root[f"CellData/{name}"] = numpy.arange(numpy.prod(shape)).reshape(shape)
        if steps:
            root["Steps/Values"] = numpy.arange(float(steps))
            root["Steps"].attrs["NSteps"] = steps
    reader = vtk.vtkHDFReader()
    reader.SetFileName("image.vtkhdf")
    reader.Update()
    cells = reader.GetOutput().GetCellData()
    names = [cells.GetArrayName(i) for i in range(cells.GetNumberOfArrays())]
    same = True
    for name in names:
        values = numpy.arange(numpy.prod(shapes[name])).reshape(shapes[name])
        first = (values[0] if values.ndim == 4 else values)[:2, :2, :3]
        same &= numpy.array_equal(vtk_to_numpy(cells.GetArray(name)), first.ravel())
    return "".join(names), reader.GetErrorCode(), same


found = {
    "no steps": read(0, phase=(2, 2, 3)),
    "NSteps = 1": read(1, phase=(1, 2, 2, 3)),
    "NSteps = 1, without the axis of steps": read(1, phase=(2, 2, 3)),
    "NSteps = 2": read(2, phase=(2, 2, 2, 3)),
    "a, a table b, c": read(0, a=(2, 2, 3), b=(5, 2), c=(2, 2, 3)),
    "a, b too long, c": read(0, a=(2, 2, 3), b=(2, 2, 4), c=(2, 2, 3)),
}
print("VTK", vtk.vtkVersion().GetVTKVersion())
for name, (names, code, same) in found.items():
    print(f"{name}: read '{names}'{'' if same else ' (other values)'}, error code {code}")
expected = {
    "no steps": ("phase", 0, True),
    "NSteps = 1": ("", 0, True),
    "NSteps = 1, without the axis of steps": ("phase", 0, True),
    "NSteps = 2": ("phase", 0, True),
    "a, a table b, c": ("a", 0, True),
    "a, b too long, c": ("abc", 0, True),
}
print("as described" if found == expected else "changed")
sys.exit(found != expected)
PYTHON
venv/bin/python run.py 2>errors.txt || { status=$?; cat errors.txt; exit $status; }
