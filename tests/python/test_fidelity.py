"""Holds every figure and gate of the library to those of fidelity_reference, which has them from numpy and scipy.

DAVEGAN_ORACLE names the folder in which `cargo test --release figures_for_numpy` has written images with their figures.
"""
import glob
import os
import pathlib

import h5py
import pytest

pytest.importorskip("scipy")

import fidelity_reference as reference  # noqa: E402

FOLDER = os.path.join(os.environ.get("DAVEGAN_ORACLE", "/nonexistent"), "fidelity")
FILES = sorted(glob.glob(os.path.join(FOLDER, "*.h5")))


@pytest.mark.skipif(not FILES, reason=f"no files in {FOLDER}")
@pytest.mark.parametrize("path", FILES, ids=[pathlib.Path(path).stem for path in FILES])
def test_figures_and_gates_are_those_of_numpy_and_scipy(path):
    with h5py.File(path) as file:
        arrays = {name: file[name][()] for name in file}
        names, short = (file.attrs[name].decode().split() for name in ("names", "short"))
        phase = int(file.attrs["phase"])
    images = [arrays[name] == phase for name in ("micrograph", "realisations", "reconstructions")]
    expected = reference.figures(*images, arrays["windows"])
    found = dict(zip(names, arrays["values"]))
    assert found.keys() == expected.keys()
    wrong = {name: (found[name], expected[name]) for name in found
             if not abs(found[name] - expected[name]) <= 1e-6 * max(1, abs(expected[name]))}
    assert not wrong
    missed = [name for name, (least, most) in reference.gates(expected).items() if not least <= expected[name] <= most]
    assert short == missed
