"""What the library writes, read by vtk and h5py from PyPI.

DAVEGAN_BUILD names the directory that CMake built in.
"""

import ctypes
import os
import pathlib
import subprocess
import tempfile
import unittest

import h5py
import numpy as np
import pyvista
import read_vtkhdf

BUILD = pathlib.Path(os.environ["DAVEGAN_BUILD"])
SIDE, COUNT = 32, 32


SAMPLE = ("--sample", "gaussian_field", "--sample-size", 2 * SIDE)


def davegan(*arguments):
    return subprocess.run([BUILD / "bin" / "davegan", *map(str, arguments)], check=True, capture_output=True, text=True).stdout


class GenerateOptions(ctypes.Structure):
    """davegan_generate_options_t; the initialiser checks its size."""

    _fields_ = [("struct_size", ctypes.c_size_t)] + [
        (name, ctypes.c_int64) for name in (
            "seed", "first", "count", "nx", "ny", "nz", "x0", "y0", "z0", "block_nx", "block_ny", "block_nz", "row_stride",
            "layer_stride", "realisation_stride")] + [
        (name, ctypes.c_int32) for name in ("threads", "replace", "with_s2_error", "progress_bar", "voxel_unit")] + [
        (name, ctypes.c_double) for name in ("voxel_size", "progress_interval")] + [
        (name, ctypes.c_void_p) for name in ("progress", "user_data")] + [
        ("volume_fraction", ctypes.c_double * 8), ("threshold", ctypes.c_int64 * 256)] + [
        (name, ctypes.c_int32) for name in ("smallest_island", "majority")] + [("volume_fraction_deviation", ctypes.c_double)]


def generate(model_path, path, count):
    """Writes realisations to a file, and returns the same as made in memory."""
    library = ctypes.CDLL(str(BUILD / "lib" / "libdavegan.so"))
    model, options = ctypes.c_void_p(), GenerateOptions()
    phases = np.empty((count, 1, SIDE, SIDE), np.uint8)
    assert library.davegan_model_load(os.fsencode(model_path), 0, 0, ctypes.byref(model)) == 0
    assert library.davegan_generate_options_init(ctypes.byref(options), ctypes.c_size_t(ctypes.sizeof(options))) == 0
    options.seed, options.count, options.voxel_size = 7, count, 0.5
    assert library.davegan_generate(model, os.fsencode(path), None, ctypes.byref(options)) == 0
    buffer = phases.ctypes.data_as(ctypes.c_void_p)
    assert library.davegan_generate_into(model, ctypes.byref(options), buffer, ctypes.c_size_t(phases.size)) == 0
    library.davegan_model_free(model)
    return phases


class Readers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.out = pathlib.Path(cls.directory.name)
        model, count = cls.out / "model.h5", ("--count", COUNT)
        davegan("train", *SAMPLE, "--model", model, "--profile", "paper32", "--batch-size", 4, "--steps", 10)
        davegan("generate", model, cls.out / "realisations.vtkhdf", *count)
        table = davegan("evaluate", model, *SAMPLE, *count, "--reconstructions", cls.out / "reconstructions.h5")
        cls.figures = dict(line.split()[:2] for line in table.splitlines())
        with h5py.File(cls.out / "realisations.vtkhdf") as file:
            cls.phases = file["/VTKHDF/CellData/phase"][:]

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def test_vtk_and_h5py_read_what_the_library_made_in_memory(self):
        for count in (1, COUNT):
            path = self.out / f"{count}.vtkhdf"
            phases = generate(self.out / "model.h5", path, count)
            expected = {"shape": [1, SIDE, SIDE], "n_phases": 2, "count": count, "seed": 7,
                        "index": list(range(count)), "voxel_size": 0.5}
            read_vtkhdf.check_vtk(path, expected, phases)
            read_vtkhdf.check_h5py(path, expected, phases)

    def test_pyvista_shows_the_first_step_and_others_when_asked(self):
        reader = pyvista.get_reader(self.out / "realisations.vtkhdf")
        for step in 0, 3:
            if step:
                reader.reader.SetStep(step)
            np.testing.assert_array_equal(reader.read()["phase"].reshape(1, SIDE, SIDE), self.phases[step])

    def test_volume_fractions_are_those_of_the_voxels(self):
        expected = (self.phases == int(self.figures["phase"])).mean()
        self.assertAlmostEqual(float(self.figures["vf"]), expected, delta=1e-4 * expected)

    def test_reconstructions_are_one_per_tile(self):
        with h5py.File(self.out / "reconstructions.h5") as file:
            self.assertEqual(file["reconstructed"].shape, (4, SIDE, SIDE))
            self.assertEqual(file["reconstructed"].dtype, np.uint8)

    def test_e_rec_and_e_gen_follow_from_the_files(self):
        phase = int(self.figures["phase"])
        with h5py.File(self.out / "model.h5") as file:
            tiles = file["tiles"][:, 0]
        with h5py.File(self.out / "reconstructions.h5") as file:
            reconstructed = file["reconstructed"][:]

        def s2(images):
            power = np.abs(np.fft.fft2((images == phase).astype(float))) ** 2
            return np.fft.ifft2(power).real / SIDE**2

        def error(a, b):
            return np.sqrt(((s2(a) - s2(b)) ** 2).mean(axis=(-2, -1)))

        e_rec = error(tiles, reconstructed).mean()
        e_gen = error(self.phases[:, 0][:, None], tiles[None]).min(axis=1).mean()
        for name, expected in (("E_rec", e_rec), ("E_gen", e_gen)):
            self.assertAlmostEqual(float(self.figures[name]), expected, delta=1e-4 * expected)
