"""Compares the figures of fidelity with those of an independent judge written in numpy and scipy.

DAVEGAN_ORACLE names the folder in which `cargo test --release figures_for_the_judge` made a folder. DAVEGAN_JUDGE names
the judge, a Python file with a function judge(micrograph, phase, generated, reconstructions) and a list GATES.
"""
import glob
import importlib.util
import os
import pathlib

import h5py
import numpy as np
import pytest

pytest.importorskip("scipy")

FOLDER = os.path.join(os.environ.get("DAVEGAN_ORACLE", "/nonexistent"), "fidelity")
FILES = sorted(glob.glob(os.path.join(FOLDER, "*.h5")))
JUDGE = os.environ.get("DAVEGAN_JUDGE") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "judge" / "judge.py"

# Figures that the judge does not have.
OURS = {"ends", "ends_real"}


@pytest.fixture(scope="module")
def judge():
    if not os.path.exists(JUDGE):
        pytest.skip(f"there is no judge at {JUDGE}; set DAVEGAN_JUDGE")
    spec = importlib.util.spec_from_file_location("judge", JUDGE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Windows:
    """Random numbers that are places of windows: those of y, then those of x."""

    def __init__(self, places):
        self.places = iter(places.T)

    def integers(self, low, high, count):
        places = next(self.places)
        assert len(places) == count and low <= places.min() and places.max() < high
        return places


@pytest.mark.skipif(not FILES, reason=f"no files in {FOLDER}")
@pytest.mark.parametrize("path", FILES, ids=[pathlib.Path(path).stem for path in FILES])
def test_figures_are_those_of_the_judge(path, judge, monkeypatch):
    with h5py.File(path) as file:
        arrays = {name: file[name][()] for name in file}
        names, short, phase = file.attrs["names"].split(), file.attrs["short"].split(), int(file.attrs["phase"])
    monkeypatch.setattr(np.random, "default_rng", lambda seed: Windows(arrays["windows"]))
    expected = judge.judge(arrays["micrograph"], phase, arrays["realisations"], arrays["reconstructions"])
    found = {name: value for name, value in zip(names, arrays["values"]) if name not in OURS}
    assert found.keys() == expected.keys()
    wrong = {name: (found[name], expected[name]) for name in found
             if not abs(found[name] - expected[name]) <= 1e-6 * max(1, abs(expected[name]))}
    assert not wrong
    assert short == [name for name, holds, _ in judge.GATES if not holds(expected)]


def ends(images, radius):
    """Share of the pixels of phases around which a square of radius meets the phase in one run."""
    width = 2 * radius + 1
    squares = np.lib.stride_tricks.sliding_window_view(images, (width, width), axis=(1, 2))
    around = [squares[..., 0, :-1], squares[..., :-1, -1], squares[..., -1, :0:-1], squares[..., :0:-1, 0]]
    around = np.concatenate(around, axis=-1)
    runs = (around & ~np.roll(around, 1, axis=-1)).sum(axis=-1)
    return (squares[..., radius, radius] & (runs == 1)).mean()


@pytest.mark.skipif(not FILES, reason=f"no files in {FOLDER}")
@pytest.mark.parametrize("path", FILES, ids=[pathlib.Path(path).stem for path in FILES])
def test_ends_are_those_of_numpy(path):
    with h5py.File(path) as file:
        found = dict(zip(file.attrs["names"].split(), file["values"][()]))
        phase, side = int(file.attrs["phase"]), file["realisations"].shape[-1]
        images = {"ends": file["realisations"][()], "ends_real": file["micrograph"][()]}
    for name, phases in images.items():
        phases = phases.reshape(-1, *phases.shape[-2:])
        assert abs(found[name] - ends(phases == phase, side // 12)) < 1e-12
