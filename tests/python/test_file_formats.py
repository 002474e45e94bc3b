"""The formats of docs/files.md: its readers read what is written today, files of earlier days are read, and descriptions hold.

DAVEGAN_BUILD names the directory that CMake built in. `python3 test_file_formats.py describe` writes descriptions of the model
files that today's program writes to tests/files: new ones, beside the old ones, whenever the version of the format counts up.
"""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ROOT / "tests" / "files"
BUILD = pathlib.Path(os.environ.get("DAVEGAN_BUILD", ROOT / "target" / "cmake"))
SAMPLE = ("--sample", "checkerboard", "--sample-size", 64)
SAMPLE_OF = {"paper32": SAMPLE, "standard": ("--sample", "checkerboard", "--sample-size", 128)}
VERSION = 4  # of model files

# Attributes whose values may change without another format.
FREE = {"sha256", "library_version", "micrograph_sha256", "source_details"}


def davegan(*arguments):
    command = [BUILD / "bin" / "davegan", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def documented_readers():
    """The functions of the Python code in docs/files.md."""
    names = {}
    for code in re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "files.md").read_text(), re.DOTALL):
        exec(code, names)
    return names["read_model"], names["read_realisations"]


def train(profile, path):
    options = ("--profile", profile, "--batch-size", 4, "--latent-size", 4, "--steps", 1, "--voxel-size", "0.25um")
    davegan("train", *SAMPLE_OF[profile], *options, "--model", path)


def described(attributes, arrays):
    """What a model file holds: values of attributes, types and shapes of arrays."""
    plain = {name: value if isinstance(value, str) else int(value) for name, value in attributes.items()}
    return {
        "attributes": plain,
        "arrays": {name: [str(array.dtype), list(array.shape)] for name, array in sorted(arrays.items())},
    }


def structure(path, group=None):
    """Names, types and numbers of axes of everything in a file of realisations, but for the unit, which not every one has."""
    found = {}

    def note(name, item):
        found[name] = (str(item.dtype), item.ndim) if isinstance(item, h5py.Dataset) else "group"
        for attribute in set(item.attrs) - {"voxel_unit"}:
            of = item.attrs.get_id(attribute)
            found[f"{name}@{attribute}"] = ("text" if of.dtype.kind == "S" else str(of.dtype), of.shape)

    with h5py.File(path) as file:
        note("", file[group or "/"])
        file[group or "/"].visititems(note)
    return found


def value_of(name, dtype, shape, n_phases):
    """A value for each element of an array that a model file may hold: the least that every reader can check."""
    if name in ("relaxation", "dangling_ends"):
        return np.zeros(shape, dtype)
    if name == "phase_values":
        return np.arange(n_phases, dtype=dtype)
    if name == "history":
        return np.arange(1, np.prod(shape) + 1, dtype=dtype).reshape(shape)
    if dtype == "uint8":
        return (np.indices(shape).sum(axis=0) % n_phases).astype(dtype)
    # Variances and squares must not be negative.
    return np.full(shape, 0.5, dtype)


def write_described(path, description):
    """A model file made by h5py alone."""
    attributes = dict(description["attributes"])
    with h5py.File(path, "w", userblock_size=512, libver=("earliest", "v110")) as file:
        for name, value in attributes.items():
            if isinstance(value, str):
                text = value.encode()
                file.attrs.create(name, text, dtype=h5py.string_dtype(length=len(text)))
            else:
                file.attrs[name] = np.int64(value)
        for name, (dtype, shape) in description["arrays"].items():
            file[name] = value_of(name, dtype, shape, attributes["n_phases"])
    content = path.read_bytes()[512:]
    seal = [
        "davegan model",
        f"format version {attributes['format_version']}",
        f"{512 + len(content)} bytes",
        f"sha256 {hashlib.sha256(content).hexdigest()}",
        "HDF5 starts at byte 512: h5py, h5dump and others read this file; changes break the seal.\n",
    ]
    path.write_bytes("\n".join(seal).encode().ljust(512, b"\0") + content)


class FileFormats(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.out = pathlib.Path(cls.directory.name)
        cls.read_model, cls.read_realisations = map(staticmethod, documented_readers())
        for profile in SAMPLE_OF:
            train(profile, cls.out / f"{profile}.h5")
        (cls.out / "paper32.h5").rename(cls.out / "model.h5")
        davegan("generate", cls.out / "model.h5", cls.out / "series.vtkhdf", "--count", 3, "--first", 5)
        davegan("generate", cls.out / "model.h5", cls.out / "single.vtkhdf")
        davegan("generate", cls.out / "model.h5", cls.out / "host.h5", "--group", "rve", "--count", 2)
        images = (cls.out / "series.vtkhdf", "--dataset", "/VTKHDF/CellData/phase", "--not-periodic", "--volume-fractions", "0.5,0.5")
        davegan("relax", images[0], cls.out / "relaxed.vtkhdf", *images[1:], *SAMPLE)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def test_the_documented_reader_reads_a_model_file(self):
        attributes, arrays = self.read_model(self.out / "model.h5")
        info = json.loads(davegan("info", self.out / "model.h5", "--json"))
        self.assertEqual(attributes["step"], info["steps"])
        self.assertEqual(attributes["micrograph_sha256"], info["micrograph_sha256"])
        self.assertEqual(arrays["tiles"].shape, (info["n_tiles"], 1, info["tile_side"], info["tile_side"]))
        fractions = [(arrays["tiles"] == phase).mean() for phase in range(info["n_phases"])]
        np.testing.assert_allclose(info["volume_fractions"], fractions, atol=1e-12)
        damaged = bytearray((self.out / "model.h5").read_bytes())
        damaged[-1] ^= 1
        (self.out / "damaged.h5").write_bytes(damaged)
        with self.assertRaisesRegex(ValueError, "damaged"):
            self.read_model(self.out / "damaged.h5")

    def test_the_documented_reader_reads_files_of_realisations(self):
        for name, group, count, first in ("series.vtkhdf", None, 3, 5), ("single.vtkhdf", None, 1, 0), ("host.h5", "rve", 2, 0):
            phases, index, about = self.read_realisations(self.out / name, group)
            self.assertEqual(phases.shape, (count, 1, 32, 32))
            self.assertEqual(list(index), list(range(first, first + count)))
            self.assertEqual((about["voxel_size"], about["voxel_unit"], bool(about["complete"])), (0.25, "um", True))
            of_group = ["--group", group] if group else []
            davegan("export", self.out / name, *of_group, "--index", first, "--output", self.out / "one.npy")
            np.testing.assert_array_equal(np.load(self.out / "one.npy"), phases[0, 0])

    def test_what_is_written_today_is_what_is_described(self):
        names = set()
        for profile, file in ("paper32", "model.h5"), ("standard", "standard.h5"):
            expected = json.loads((FILES / f"model_{VERSION}_{profile}.json").read_text())
            found = described(*self.read_model(self.out / file))
            names |= set(found["attributes"]) | {name.rsplit("/", 1)[-1] for name in found["arrays"]}
            for attributes in expected["attributes"], found["attributes"]:
                attributes.update(dict.fromkeys(FREE & set(attributes)))
                attributes["options"] = [line.split(" = ")[0] for line in attributes["options"].splitlines()]
            message = "the format has changed: count its version up, and describe the new one beside the old"
            self.assertEqual(found, expected, message)
        for today, group, then, old_group in (
            ("series.vtkhdf", None, "realisations_2_series.vtkhdf", None),
            ("single.vtkhdf", None, "realisations_2_single.vtkhdf", None),
            ("host.h5", "rve", "realisations_2_host.h5", "host/rve"),
        ):
            self.assertEqual(structure(self.out / today, group), structure(FILES / then, old_group))
        with h5py.File(self.out / "series.vtkhdf") as file:
            for group in "davegan", "VTKHDF", "VTKHDF/Steps", "VTKHDF/CellData", "VTKHDF/FieldData":
                names |= set(file[group]) | set(file[group].attrs)
        with h5py.File(self.out / "relaxed.vtkhdf") as file:
            names |= set(file["davegan"].attrs)
        documented = (ROOT / "docs" / "files.md").read_text()
        missing = {name for name in names if not re.search(rf"[`/]{re.escape(name)}[`/]", documented)}
        self.assertEqual(missing, set(), "docs/files.md does not name these")

    def test_a_model_file_of_every_version_is_read(self):
        descriptions = sorted(FILES.glob("model_*.json"))
        self.assertTrue(descriptions)
        for path in descriptions:
            description = json.loads(path.read_text())
            model = self.out / f"{path.stem}.h5"
            write_described(model, description)
            info = json.loads(davegan("info", model, "--json"))
            attributes = description["attributes"]
            source = f"{attributes['source']}, {attributes['source_details']}"
            for name, expected in ("steps", attributes["step"]), ("micrograph", source), ("can_resume", True):
                self.assertEqual(info[name], expected)
            davegan("generate", model, self.out / f"{path.stem}.vtkhdf", "--count", 2)

    def test_files_of_realisations_that_were_written_once_are_read(self):
        expected = json.loads((FILES / "realisations.json").read_text())
        self.assertEqual({path.name for path in FILES.iterdir()} - set(expected), {"realisations.json"} | {
            path.name for path in FILES.glob("model_*.json")})
        for name, content in expected.items():
            group = ["--group", content["group"]] if content["group"] else []
            (said,) = json.loads(davegan("info", FILES / name, "--json"))["sets"]
            self.assertEqual((said["n_written"], said["first"], said["seed"]), tuple(content[k] for k in ("n_written", "first", "seed")))
            digest = hashlib.sha256()
            for index in range(said["first"], said["last"] + 1):
                davegan("export", FILES / name, *group, "--index", index, "--output", self.out / "one.npy")
                digest.update(np.load(self.out / "one.npy").tobytes())
            self.assertEqual(digest.hexdigest(), content["phases_sha256"])


if __name__ == "__main__":
    if sys.argv[1:] != ["describe"]:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        for profile in SAMPLE_OF:
            train(profile, f"{folder}/model.h5")
            found = described(*documented_readers()[0](f"{folder}/model.h5"))
            parts = (json.dumps(found["attributes"], indent=1), ",\n".join(
                f" {json.dumps(name)}: {json.dumps(array)}" for name, array in found["arrays"].items()))
            text = '{"attributes": %s,\n"arrays": {\n%s\n}}\n' % parts
            (FILES / f"model_{VERSION}_{profile}.json").write_text(text)
