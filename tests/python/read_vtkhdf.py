"""Compares a file of realisations, as VTK (ParaView's reader) and h5py read it, with what was written.

What was written is a dictionary:

    shape        [nz, ny, nx]
    n_phases     number of phases
    count        number of realisations
    seed         seed
    index        list of their indices
    voxel_size   side of a voxel

and an array of their phases, (count, nz, ny, nx).
"""

import h5py
import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline
from vtkmodules.vtkIOHDF import vtkHDFReader


def require_equal(what, found, expected):
    """Arrays are compared element by element."""
    equal = np.shape(found) == np.shape(expected) and np.array_equal(found, expected)
    assert equal, f"{what}: found {found}, expected {expected}"


def read_vtk(path):
    """The time steps; and for each, or once without steps: dimensions in points, spacing, phases (nz, ny, nx),
    volume fractions."""
    reader = vtkHDFReader()
    assert reader.CanReadFile(str(path)), f"{path}: VTK cannot read this file"
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    times = reader.GetOutputInformation(0).Get(vtkStreamingDemandDrivenPipeline.TIME_STEPS())
    images = []
    for time in times or [None]:
        if time is None:
            reader.Update()
        else:
            reader.UpdateTimeStep(time)
        image = reader.GetOutputDataObject(0)
        require_equal("VTK class", image.GetClassName(), "vtkImageData")
        cells = image.GetCellData()
        require_equal("number of VTK cell arrays", cells.GetNumberOfArrays(), 1)
        require_equal("name of the active scalars", cells.GetScalars().GetName(), "phase")
        nx, ny, nz = (points - 1 for points in image.GetDimensions())
        phases = vtk_to_numpy(cells.GetScalars()).reshape(nz, ny, nx).copy()
        fractions = vtk_to_numpy(image.GetFieldData().GetArray("volume_fraction")).ravel()
        images.append((image.GetDimensions(), image.GetSpacing(), phases, fractions))
    return times, images


def check_vtk(path, expected, phases):
    """What ParaView shows."""
    nz, ny, nx = expected["shape"]
    count = expected["count"]
    times, images = read_vtk(path)
    require_equal("time steps", times or (), tuple(range(count)) if count > 1 else ())
    for i, (dimensions, spacing, found, fractions) in enumerate(images):
        require_equal(f"points of realisation {i}", dimensions, (nx + 1, ny + 1, nz + 1))
        require_equal(f"spacing of realisation {i}", spacing, (expected["voxel_size"],) * 3)
        require_equal(f"type of realisation {i}", str(found.dtype), "uint8")
        require_equal(f"phases of realisation {i}", found, phases[i])
        expected_fractions = [(phases[i] == phase).mean() for phase in range(expected["n_phases"])]
        np.testing.assert_allclose(fractions, expected_fractions, rtol=0, atol=1e-12)


def check_h5py(path, expected, phases):
    """What a script sees."""
    with h5py.File(path) as file:
        found = file["/VTKHDF/CellData/phase"]
        require_equal("shape", found.shape, phases.shape if expected["count"] > 1 else phases.shape[1:])
        require_equal("type", str(found.dtype), "uint8")
        require_equal("phases", found[()].reshape(phases.shape), phases)
        record = file["/davegan"]
        require_equal("index", record["index"][()], expected["index"])
        fractions = [[(image == phase).mean() for phase in range(expected["n_phases"])] for image in phases]
        np.testing.assert_allclose(record["volume_fraction"][()], fractions, rtol=0, atol=1e-12)
        attributes = {
            "seed": expected["seed"],
            "shape": expected["shape"],
            "n_phases": expected["n_phases"],
            "voxel_size": expected["voxel_size"],
            "n_written": expected["count"],
            "complete": True,
        }
        for name, value in attributes.items():
            require_equal(f"attribute {name}", record.attrs[name], value)
        # Octave stops loading at a dataset of strings.
        texts = []
        file.visititems(lambda name, item: texts.append(name) if getattr(item, "dtype", np.dtype("u1")).kind in "OSU" else None)
        require_equal("datasets of strings", texts, [])
