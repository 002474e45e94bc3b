"""What train_generate writes, read by vtk and h5py from PyPI.

DAVEGAN_EXAMPLES names the directory with the example programs.
"""

import os
import pathlib
import subprocess
import tempfile
import unittest

import h5py
import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy

EXAMPLES = pathlib.Path(os.environ["DAVEGAN_EXAMPLES"])
SIDE, COUNT = 32, 5


def run(program, *arguments):
    completed = subprocess.run([EXAMPLES / program, *map(str, arguments)], check=True, capture_output=True, text=True)
    return dict(line.split(maxsplit=1) for line in completed.stdout.splitlines())


class Readers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.out = pathlib.Path(cls.directory.name)
        micrograph = cls.out / "micrograph.h5"
        run("make_micrograph", "gaussian_field", micrograph, "--size", 2 * SIDE)
        cls.figures = run("train_generate", micrograph, "/phase", cls.out, "--profile", "paper32", "--batch", 4,
                          "--steps", 10, "--count", COUNT)
        with h5py.File(cls.out / "realisations.vtkhdf") as file:
            cls.phases = file["/VTKHDF/CellData/phase"][:]

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def test_h5py_finds_the_layout_of_vtkhdf(self):
        with h5py.File(self.out / "realisations.vtkhdf") as file:
            root = file["VTKHDF"]
            self.assertEqual(root.attrs["Type"], b"ImageData")
            self.assertEqual(root.attrs["Version"].tolist(), [2, 0])
            self.assertEqual(root.attrs["WholeExtent"].tolist(), [0, SIDE, 0, SIDE, 0, 1])
            self.assertEqual(root["CellData/phase"].shape, (COUNT, 1, SIDE, SIDE))
            self.assertEqual(root["CellData/phase"].dtype, np.uint8)
            self.assertEqual(root["CellData/phase"].maxshape[0], None)
            self.assertEqual(list(root["CellData"]), ["phase"])
            self.assertEqual(root["Steps"].attrs["NSteps"], COUNT)
            self.assertEqual(root["Steps/CellDataOffsets/phase"][:].tolist(), list(range(COUNT)))
        self.assertLessEqual(set(np.unique(self.phases)), {0, 1})

    def test_volume_fractions_are_those_of_the_voxels(self):
        expected = np.stack([(self.phases == phase).mean(axis=(1, 2, 3)) for phase in (0, 1)], axis=1)
        with h5py.File(self.out / "realisations.vtkhdf") as file:
            np.testing.assert_allclose(file["davegan/volume_fraction"][:], expected, atol=1e-12)
            self.assertEqual(file["davegan/index"][:].tolist(), list(range(COUNT)))
            self.assertEqual(file["davegan"].attrs["n_written"], COUNT)
            self.assertTrue(file["davegan"].attrs["complete"])
        self.assertAlmostEqual(float(self.figures["volume_fraction_realisations_1"]), expected[:, 1].mean(), places=8)

    def test_vtk_reads_every_time_step(self):
        reader = vtk.vtkHDFReader()
        reader.SetFileName(str(self.out / "realisations.vtkhdf"))
        reader.UpdateInformation()
        self.assertEqual(reader.GetNumberOfSteps(), COUNT)
        for step in range(COUNT):
            reader.SetStep(step)
            reader.Update()
            image = reader.GetOutput()
            self.assertEqual(image.GetDimensions(), (SIDE + 1, SIDE + 1, 2))
            values = vtk_to_numpy(image.GetCellData().GetArray("phase"))
            np.testing.assert_array_equal(values.reshape(1, SIDE, SIDE), self.phases[step])

    def test_reconstructions_are_one_per_tile(self):
        with h5py.File(self.out / "reconstructions.h5") as file:
            self.assertEqual(file["reconstructed"].shape, (4, SIDE, SIDE))
            self.assertEqual(file["reconstructed"].dtype, np.uint8)

    def test_e_rec_and_e_gen_follow_from_the_files(self):
        phase = int(self.figures["phase_judged"])
        with h5py.File(self.out / "micrograph.h5") as file:
            image = file["phase"][:].reshape(2 * SIDE, 2 * SIDE)
        with h5py.File(self.out / "reconstructions.h5") as file:
            reconstructed = file["reconstructed"][:]
        tiles = np.stack([image[y:y + SIDE, x:x + SIDE] for y in (0, SIDE) for x in (0, SIDE)])

        def s2(images):
            power = np.abs(np.fft.fft2((images == phase).astype(float))) ** 2
            return np.fft.ifft2(power).real / SIDE**2

        def error(a, b):
            return np.sqrt(((s2(a) - s2(b)) ** 2).mean(axis=(-2, -1)))

        e_rec = error(tiles, reconstructed).mean()
        e_gen = error(self.phases[:, 0][:, None], tiles[None]).min(axis=1).mean()
        self.assertAlmostEqual(float(self.figures["E_rec"]), e_rec, places=9)
        self.assertAlmostEqual(float(self.figures["E_gen"]), e_gen, places=9)


if __name__ == "__main__":
    unittest.main()
