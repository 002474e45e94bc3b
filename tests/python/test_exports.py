"""Exported images, read by the programs that they are for.

DAVEGAN_BUILD names the directory that CMake built in.
"""

import ctypes
import json
import os
import pathlib
import shutil
import subprocess

import h5py
import meshio
import numpy as np
import pytest
import tifffile
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOXdmf2 import vtkXdmfReader
from vtkmodules.vtkIOXML import vtkXMLImageDataReader

import damask
import pyvista

BUILD = pathlib.Path(os.environ["DAVEGAN_BUILD"])
MICROMETRE = 3


class ExportOptions(ctypes.Structure):
    """davegan_export_options_t; the initialiser checks its size."""

    _fields_ = [("struct_size", ctypes.c_size_t), ("n_phases", ctypes.c_int32), ("voxel_unit", ctypes.c_int32),
                ("spacing", ctypes.c_double * 3), ("periodic", ctypes.c_int32), ("plane_stress", ctypes.c_int32)]


LIBRARY = ctypes.CDLL(str(BUILD / "lib" / "libdavegan.so"))


def export(name, path, phases, **fields):
    """Exports `phases`, an array (nz, ny, nx)."""
    options = ExportOptions()
    assert LIBRARY.davegan_export_options_init(ctypes.byref(options), ctypes.c_size_t(ctypes.sizeof(options))) == 0
    for field, value in fields.items():
        setattr(options, field, value)
    phases = np.ascontiguousarray(phases, np.uint8)
    function = getattr(LIBRARY, f"davegan_export_{name}")
    buffer, sides = phases.ctypes.data_as(ctypes.c_void_p), [ctypes.c_size_t(side) for side in phases.shape]
    status = function(os.fsencode(path), buffer, *sides, ctypes.byref(options))
    LIBRARY.davegan_last_error.restype = ctypes.c_char_p
    assert status == 0, LIBRARY.davegan_last_error()


def element(shape):
    """Phases 0 to 2 without any symmetry: the last voxel along x of the first row and layer alone is of phase 2."""
    phases = np.random.default_rng(7).integers(0, 2, shape, np.uint8)
    phases[0, 0, -1] = 2
    return phases


SHAPES = pytest.mark.parametrize("shape", [(1, 5, 7), (4, 5, 6)])
SPACING = (0.25, 0.5, 0.75)  # along x, y and z


@SHAPES
def test_vtk_reads_vti(tmp_path, shape):
    phases = element(shape)
    export("vti", tmp_path / "element.vti", phases, spacing=SPACING, voxel_unit=MICROMETRE)
    reader = vtkXMLImageDataReader()
    reader.SetFileName(str(tmp_path / "element.vti"))
    reader.Update()
    image = reader.GetOutput()
    assert image.GetDimensions() == tuple(side + 1 for side in shape[::-1])
    assert image.GetSpacing() == SPACING and image.GetOrigin() == (0, 0, 0)
    assert image.GetFieldData().GetAbstractArray("voxel_unit").GetValue(0) == "um"
    material = image.GetCellData().GetScalars()
    assert material.GetName() == "material" and material.GetDataTypeAsString() == "int"
    np.testing.assert_array_equal(vtk_to_numpy(material).reshape(shape), phases)


@SHAPES
def test_pyvista_reads_vti(tmp_path, shape):
    phases = element(shape)
    export("vti", tmp_path / "element.vti", phases, spacing=SPACING)
    image = pyvista.read(tmp_path / "element.vti")
    nz, ny, nx = shape
    assert image.spacing == SPACING and image.bounds == (0, nx * 0.25, 0, ny * 0.5, 0, nz * 0.75)
    assert not image.field_data.keys()
    marked = image.extract_cells(np.flatnonzero(image["material"] == 2))
    np.testing.assert_allclose(marked.center, ((nx - 0.5) * 0.25, 0.25, 0.375))


@SHAPES
def test_damask_reads_vti(tmp_path, shape):
    phases = element(shape)
    export("vti", tmp_path / "element.vti", phases, spacing=SPACING)
    grid = damask.GeomGrid.load(tmp_path / "element.vti")
    np.testing.assert_array_equal(grid.material, phases.T)
    np.testing.assert_allclose(grid.size, np.multiply(SPACING, shape[::-1]))
    assert tuple(grid.cells) == shape[::-1] and not grid.origin.any()


@SHAPES
def test_numpy_reads_npy(tmp_path, shape):
    phases = element(shape)
    export("npy", tmp_path / "element.npy", phases)
    for mode in (None, "r"):
        found = np.load(tmp_path / "element.npy", mmap_mode=mode)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, phases[0] if shape[0] == 1 else phases)


@SHAPES
def test_tifffile_reads_tiff(tmp_path, shape):
    phases = element(shape)
    export("tiff", tmp_path / "element.tif", phases, spacing=SPACING, voxel_unit=MICROMETRE)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "element.tif"), phases.squeeze())
    with tifffile.TiffFile(tmp_path / "element.tif") as file:
        assert len(file.pages) == shape[0]
        assert file.imagej_metadata["spacing"] == 0.75 and file.imagej_metadata["unit"] == "um"
        for page in file.pages:
            assert page.get_resolution("CENTIMETER") == (40000, 20000)
            assert page.photometric == tifffile.PHOTOMETRIC.MINISBLACK


def test_tifffile_reads_a_resolution_without_unit(tmp_path):
    export("tiff", tmp_path / "element.tif", element((2, 3, 4)), spacing=(0.3, 2, 5))
    with tifffile.TiffFile(tmp_path / "element.tif") as file:
        page = file.pages[0]
        assert page.tags["ResolutionUnit"].value == 1
        np.testing.assert_allclose(page.resolution, (1 / 0.3, 0.5), rtol=1e-9)
        assert file.imagej_metadata["spacing"] == 5


@SHAPES
def test_damask_reads_dream3d(tmp_path, shape):
    phases = element(shape)
    path = tmp_path / "element.dream3d"
    export("dream3d", path, phases, spacing=SPACING, n_phases=4)
    grid = damask.GeomGrid.load_DREAM3D(path, feature_IDs="FeatureIds")
    np.testing.assert_array_equal(grid.material, phases.T + 1)
    np.testing.assert_allclose(grid.size, np.multiply(SPACING, shape[::-1]))
    assert tuple(grid.cells) == shape[::-1] and not grid.origin.any()
    config = damask.ConfigMaterial.load_DREAM3D(path, grain_data="CellFeatureData")
    names = [material["constituents"][0]["phase"] for material in config["material"]]
    assert names == ["Unknown Phase Type", "Phase 0", "Phase 1", "Phase 2", "Phase 3"]


@SHAPES
def test_damask_numbers_materials_of_dream3d_cells_by_first_appearance(tmp_path, shape):
    phases = element(shape)
    path = tmp_path / "element.dream3d"
    export("dream3d", path, phases)
    grid, config = damask.GeomGrid.load_DREAM3D(path), damask.ConfigMaterial.load_DREAM3D(path)
    names = np.array([material["constituents"][0]["phase"] for material in config["material"]])
    assert (names[grid.material.T] == np.char.add("Phase ", phases.astype(str))).all()


@SHAPES
def test_dream3d_has_the_layout_that_simplnx_reads(tmp_path, shape):
    phases = element(shape)
    path = tmp_path / "element.dream3d"
    export("dream3d", path, phases, spacing=SPACING, voxel_unit=MICROMETRE)
    with h5py.File(path) as file:
        container = file["DataContainers/ImageDataContainer"]
        texts = [file.attrs.get_id("FileVersion")] + [
            item.attrs.get_id("ObjectType") for group in container.values() for item in group.values() if item.attrs]
        assert len(texts) == 8 and not any(text.get_type().is_variable_str() for text in texts)
        geometry = container["_SIMPL_GEOMETRY"]
        assert geometry.attrs["GeometryTypeName"] == b"ImageGeometry" and geometry.attrs["voxel_unit"] == b"um"
        assert tuple(geometry["DIMENSIONS"]) == shape[::-1] and geometry["DIMENSIONS"].dtype == np.int64
        assert tuple(geometry["SPACING"]) == SPACING and geometry["SPACING"].dtype == np.float32
        for name, kind, tuples in (("CellData", 3, shape[::-1]), ("CellFeatureData", 7, (4,)), ("CellEnsembleData", 11, (4,))):
            group = container[name]
            assert group.attrs["AttributeMatrixType"] == kind and tuple(group.attrs["TupleDimensions"]) == tuples
            for array in group.values():
                assert tuple(array.attrs["TupleDimensions"]) == tuples
                components = tuple(array.attrs["ComponentDimensions"])
                assert array.shape == tuples[::-1] + (() if array.dtype == object else components)
        np.testing.assert_array_equal(container["CellData/Phases"][..., 0], phases + 1)
        assert json.loads(file["Pipeline/Pipeline"][()])["PipelineBuilder"]["Number_Filters"] == 0



@SHAPES
def test_meshio_reads_abaqus(tmp_path, shape):
    phases = element(shape)
    path = tmp_path / "element.inp"
    export("abaqus", path, phases, spacing=SPACING, periodic=1, plane_stress=1)  # meshio has no CPE4
    mesh = meshio.read(path)
    nz, ny, nx = shape
    size = np.multiply(SPACING, (nx, ny, nz if nz > 1 else 0))
    assert (mesh.points.min(axis=0) == 0).all() and np.allclose(mesh.points.max(axis=0), size)
    found, volume = np.full(phases.size, 255), 0
    assert mesh.cell_sets_dict.keys() == {"PHASE_0", "PHASE_1", "PHASE_2", "ALL_ELEMENTS"}
    for phase in range(3):
        (kind, cells), = mesh.cell_sets_dict[f"PHASE_{phase}"].items()
        assert kind == ("quad" if nz == 1 else "hexahedron")
        cells = mesh.cells_dict[kind][cells]
        x, y, z = (mesh.points[cells].mean(axis=1) / SPACING).astype(int).T
        found[x + nx * (y + ny * z)] = phase
        a, b, c = (mesh.points[cells[:, node]] - mesh.points[cells[:, 0]] for node in (1, 3, -4))
        volume += np.linalg.det(np.stack([a, b, c], 1)).sum() if nz > 1 else (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()
    assert len(mesh.cell_sets_dict["ALL_ELEMENTS"][kind]) == phases.size
    np.testing.assert_array_equal(found.reshape(shape), phases)
    assert np.isclose(volume, np.prod(size[size > 0]))
    kind, sets = "EDGE" if nz == 1 else "FACE", mesh.point_sets
    for axis, name in enumerate("XYZ"[:2 if nz == 1 else 3]):
        for end, at in enumerate((0, size[axis])):
            np.testing.assert_array_equal(sets[f"{kind}_{name}{end}"], np.flatnonzero(np.isclose(mesh.points[:, axis], at)))
    corner = "CORNER_X1_Y0" + ("" if nz == 1 else "_Z1")
    np.testing.assert_allclose(mesh.points[sets[corner]], [(size[0], 0, size[2])])


@SHAPES
def test_vtk_and_pyvista_read_xdmf(tmp_path, shape):
    phases = element(shape)
    export("xdmf", tmp_path / "element.xdmf", phases, spacing=SPACING, voxel_unit=MICROMETRE)
    reader = vtkXdmfReader()
    reader.SetFileName(str(tmp_path / "element.xdmf"))
    reader.Update()
    image = reader.GetOutputDataObject(0)
    assert image.GetDimensions() == tuple(side + 1 for side in shape[::-1])
    assert image.GetSpacing() == SPACING and image.GetOrigin() == (0, 0, 0)
    found = image.GetCellData().GetArray("phase")
    assert found.GetDataTypeAsString() == "unsigned char"
    np.testing.assert_array_equal(vtk_to_numpy(found).reshape(shape), phases)
    with h5py.File(tmp_path / "element.h5") as file:
        np.testing.assert_array_equal(file["phase"], phases)
    found = pyvista.read(tmp_path / "element.xdmf")
    assert found.spacing == SPACING and (found["phase"].reshape(shape) == phases).all()


CCX = shutil.which("ccx")
needs_ccx = pytest.mark.skipif(CCX is None, reason="CalculiX (ccx) is not installed")
YOUNG, POISSON = (1.0, 10.0), 0.3
STRAIN = 1e-3
SIDES = (1 / 3, 0.1, 2 / 7)  # of a voxel: more digits than CalculiX reads


def stiffness(young):
    """C11 and C12 of an isotropic material."""
    factor = young / ((1 + POISSON) * (1 - 2 * POISSON))
    return factor * (1 - POISSON), factor * POISSON


def mean_stress(directory, phases, axis, **fields):
    """The mean stress (xx, yy, zz, xy, xz, yz) that CalculiX finds for a strain along one axis alone."""
    export("abaqus", directory / "element.inp", phases, spacing=SIDES, periodic=1, **fields)
    dimensions = 2 if phases.shape[0] == 1 else 3
    sides = np.multiply(SIDES, phases.shape[::-1])
    corner = "CORNER" + "".join(f"_{name}{{{position}}}" for position, name in enumerate("XYZ"[:dimensions]))
    boundary = [f"{corner.format(0, 0, 0)}, 1, {dimensions}"]
    for end in range(dimensions):
        at = corner.format(*(int(direction == end) for direction in range(3)))
        boundary += [f"{at}, {direction + 1}, {direction + 1}, {STRAIN * sides[end] if direction == end == axis else 0:.9e}"
                     for direction in range(dimensions)]
    sections = [f"*MATERIAL, NAME=M{phase}\n*ELASTIC\n{YOUNG[phase]}, {POISSON}\n"
                f"*SOLID SECTION, ELSET=PHASE_{phase}, MATERIAL=M{phase}\n{'1.' if dimensions == 2 else ''}".rstrip()
                for phase in np.unique(phases)]
    (directory / "job.inp").write_text("\n".join([
        "*INCLUDE, INPUT=element.inp", *sections, "*STEP", "*STATIC, SOLVER=SPOOLES", "*BOUNDARY", *boundary,
        "*EL PRINT, ELSET=ALL_ELEMENTS", "S", "*END STEP", ""]))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.run([CCX, "job"], cwd=directory, capture_output=True, text=True, env=environment)
    assert run.returncode == 0 and "*ERROR" not in run.stdout and "Job finished" in run.stdout, run.stdout[-2000:]
    rows = [line.split() for line in (directory / "job.dat").read_text().splitlines()]
    stresses = np.array([row[2:] for row in rows if len(row) == 8 and row[0].isdigit()], float)
    assert len(stresses) == 8 * phases.size
    return stresses.mean(axis=0)


@needs_ccx
@pytest.mark.parametrize("shape", [(1, 6, 8), (4, 6, 8)])
@pytest.mark.parametrize("axis", [0, 1])
def test_calculix_finds_the_stiffness_of_a_laminate(tmp_path, shape, axis):
    """Layers across x: exact for elements of any size."""
    phases = np.broadcast_to(np.arange(shape[2]) % 4 == 0, shape).astype(np.uint8)
    found = mean_stress(tmp_path, phases, axis) / STRAIN
    share = np.array([0.75, 0.25])
    c11, c12 = np.array([stiffness(young) for young in YOUNG]).T
    across = 1 / (share / c11).sum()
    coupling = across * (share * c12 / c11).sum()
    if axis == 0:
        expected = [across, coupling, coupling, 0, 0, 0]
    else:
        along = (share * (c11 - c12**2 / c11)).sum() + (share * c12 / c11).sum() * coupling
        beside = (share * (c12 - c12**2 / c11)).sum() + (share * c12 / c11).sum() * coupling
        expected = [coupling, along, beside, 0, 0, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@needs_ccx
@pytest.mark.parametrize("shape", [(1, 64, 64), (16, 16, 16)])
def test_calculix_runs_a_periodic_element(tmp_path, shape):
    phases = (element(shape) > 0).astype(np.uint8)
    found = mean_stress(tmp_path, phases, 0)[0] / STRAIN
    share = np.array([(phases == phase).mean() for phase in range(2)])
    c11 = np.array([stiffness(young)[0] for young in YOUNG])
    assert 1 / (share / c11).sum() < found < (share * c11).sum()


@needs_ccx
def test_calculix_knows_plane_stress(tmp_path):
    found = mean_stress(tmp_path, np.zeros((1, 2, 3), np.uint8), 0, plane_stress=1) / STRAIN
    expected = YOUNG[0] / (1 - POISSON**2)
    np.testing.assert_allclose(found, [expected, POISSON * expected, 0, 0, 0, 0], rtol=1e-5, atol=1e-5)
