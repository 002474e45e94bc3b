"""benches/reproduce.py with a few training steps: what it writes, that it continues, and what it says of wrong usage.

DAVEGAN_BUILD names the directory that CMake built in.
"""

import csv
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "benches" / "reproduce.py"
SMALL = ("--count", 4, "--ellipse-steps", 20, "--samples", 64, "--betas", "0.01,50", "--seeds", "1,2", "--threads", 1)


class Reproduce(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.directory.name)
        smooth = np.add.outer(np.sin(np.arange(192) / 3), np.sin(np.arange(192) / 5))
        with h5py.File(cls.folder / "micrographs.h5", "w") as file:
            file["alloy"] = (smooth > 0.8).astype(np.uint8)
            file["group/three"] = np.digitize(smooth, [-0.5, 0.9]).astype(np.uint8)
            file["not_an_image"] = np.arange(5)
        cls.run_script("micrographs.h5", "out", "--steps", 60, *SMALL)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    @classmethod
    def run_script(cls, *arguments, status=0):
        command = [sys.executable, SCRIPT, *map(str, arguments)]
        completed = subprocess.run(command, cwd=cls.folder, capture_output=True, text=True)
        assert completed.returncode == status, (arguments, completed.stdout, completed.stderr)
        return completed.stderr

    def rows(self, name):
        with open(self.folder / name) as file:
            return list(csv.DictReader(file, delimiter="\t"))

    def test_tables_have_every_row_with_finite_values(self):
        table = self.rows("out/table4.tsv")
        names = ["alloy", "alloy", "group/three", "group/three", "checkerboard", "checkerboard"]
        self.assertEqual([row["micrograph"] for row in table], names)
        self.assertEqual([row["phase"] for row in table[2:4]], ["all but 0", "all but 0"])
        self.assertEqual([row["E_rec, paper"] for row in table], ["0.00466"] * 2 + [""] * 2 + ["0"] * 2)
        for row in table:
            for name in ("E_rec", "E_gen", "E_gen of white noise"):
                self.assertGreater(float(row[name]), 0)
            self.assertEqual(row["E_gen of real windows"] == "", row["micrograph"] == "checkerboard")
        self.assertEqual([row["beta"] for row in self.rows("out/figure3.tsv")], ["0.01", "50"])
        self.assertEqual(len(self.rows("out/figure4.tsv")), 3 * 5)
        for path in self.folder.glob("out/*.tsv"):
            self.assertIsNone(re.search(r"\b(nan|inf)\b", path.read_text()), path)

    def test_errors_are_those_of_equation_12(self):
        row = self.rows("out/table4.tsv")[0]
        with h5py.File(self.folder / "out/alloy-seed-1/model.h5") as file:
            tiles = file["tiles"][:, 0]
        with h5py.File(self.folder / "out/alloy-seed-1/realisations.vtkhdf") as file:
            realisations = file["VTKHDF/CellData/phase"][:, 0]

        def s2(image):
            mask = (image == int(row["phase"])).astype(float)
            return np.fft.ifft2(abs(np.fft.fft2(mask)) ** 2).real / mask.size

        errors = [min(((s2(a) - s2(b)) ** 2).mean() ** 0.5 for b in tiles) for a in realisations]
        self.assertAlmostEqual(float(row["E_gen"]), np.mean(errors), places=6)

    def test_the_page_shows_everything_and_links_to_files_that_exist(self):
        page = (self.folder / "out/index.html").read_text()
        links = set(re.findall("(?:href|src)='([^']*)'", page))
        self.assertGreaterEqual(len(links), 4 + 12 + 6)
        for link in links:
            self.assertGreater((self.folder / "out" / link).stat().st_size, 0, link)
        self.assertNotIn("Not made yet", page)

    def test_a_second_run_trains_nothing_again_and_more_steps_go_on(self):
        model, tables = self.folder / "out/alloy-seed-1/model.h5", [self.folder / f"out/{part}.tsv" for part in ("table4", "figure4")]
        before, texts = model.stat(), [table.read_text() for table in tables]
        self.run_script("micrographs.h5", "out", "--steps", 60, *SMALL, "--only", "table4,figure4")
        self.assertEqual([table.read_text() for table in tables], texts)
        self.assertEqual((model.stat().st_mtime_ns, model.stat().st_ino), (before.st_mtime_ns, before.st_ino))
        errors = self.run_script("micrographs.h5", "more", "--steps", 3, *SMALL, "--only", "figure5", status=1)
        self.assertIn("--steps 50", errors)
        self.run_script("micrographs.h5", "more", "--steps", 5, *SMALL, "--only", "table4", "--materials", "alloy")
        self.assertEqual({row["steps"] for row in self.rows("more/table4.tsv")}, {"5"})
        errors = self.run_script("micrographs.h5", "more", "--steps", 2, *SMALL, "--only", "table4", status=1)
        self.assertIn("5 steps already", errors)

    def test_only_what_is_asked_for_is_made_with_built_in_materials_alone(self):
        self.run_script("-", "alone", "--only", "figure6", "--steps", 3, "--threads", 1)
        self.assertTrue((self.folder / "alone/figure6.svg").exists())
        self.assertFalse((self.folder / "alone/table4.tsv").exists())
        self.assertIn("--only table4", (self.folder / "alone/index.html").read_text())

    def test_wrong_usage_is_named(self):
        for status, words, *arguments in [
            (2, "the following arguments are required", "-"),
            (2, "unrecognized arguments: --bogus", "-", "out", "--bogus"),
            (2, "--steps: invalid", "-", "out", "--steps", "many"),
            (2, "table5 is none of table4", "-", "out", "--only", "table5"),
            (2, "-1 is out of range", "-", "out", "--betas=-1"),
            (1, "cannot be read as HDF5", "no_such_file.h5", "out"),
            (1, "no_such_dataset", "micrographs.h5", "wrong", "--materials", "no_such_dataset", "--only", "table4"),
        ]:
            self.assertIn(words, self.run_script(*arguments, status=status))
