"""The examples of elastic stiffness: C++, Fortran and FFT find the same for the same elements.

DAVEGAN_BUILD names the directory that CMake built in.
"""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import test_exports as exports

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples-c" / "stiffness"
sys.path.insert(0, str(EXAMPLES))
import fft_stiffness  # noqa: E402

BUILD = pathlib.Path(os.environ["DAVEGAN_BUILD"])
COUNT = 2


def rows_of(*command):
    """The numbers of each line of a program, without its first word."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return np.array([line.split()[1:] for line in done.stdout.splitlines()], float)


@exports.needs_ccx
def test_calculix_from_two_languages_and_fft_agree(tmp_path):
    model = tmp_path / "model.h5"
    train = ["train", "--sample", "gaussian_field", "--sample-size", "64", "--window-side", "32", "--steps", "4", "--threads", "1"]
    subprocess.run([BUILD / "bin" / "davegan", *train, "--model", model], check=True, capture_output=True)
    programs = [BUILD / "examples-c" / name for name in ("stiffness", "stiffness_fortran")]
    found, same = (rows_of(program, model, 32, COUNT, tmp_path) for program in programs)
    assert found.shape == (COUNT + 2, 6)
    np.testing.assert_allclose(same, found, atol=2e-6)
    files = [tmp_path / f"element-{number}.npy" for number in range(COUNT)]
    by_fft = rows_of(sys.executable, EXAMPLES / "fft_stiffness.py", *files)
    np.testing.assert_allclose(by_fft, found[:COUNT], atol=2e-6)
    deviation = np.abs(found[0] - found[1]) / 2**0.5
    np.testing.assert_allclose(found[COUNT:], [found[:COUNT].mean(axis=0), 12.7062 * deviation / 2**0.5], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["stiffness", "stiffness_fortran"])
def test_wrong_arguments_are_told(name):
    usage = subprocess.run([BUILD / "examples-c" / name], capture_output=True, text=True)
    assert usage.returncode == 2 and f"usage: {name}" in usage.stderr


@exports.needs_ccx
def test_calculix_and_fft_agree_on_volumes(tmp_path, monkeypatch):
    monkeypatch.setattr(exports, "SIDES", (1, 1, 1))
    phases = (exports.element((5, 6, 8)) > 0).astype(np.uint8)
    found = exports.mean_stress(tmp_path, phases, 1) / exports.STRAIN
    by_fft = fft_stiffness.Element(phases == 1).mean_stress(np.eye(6)[1])
    np.testing.assert_allclose(found, by_fft, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axes", [2, 3])
def test_fft_is_exact_for_a_laminate(axes):
    """Layers across x, with any number of integration points."""
    stiff = np.broadcast_to(np.arange(8) % 4 == 0, (6,) * (axes - 1) + (8,))
    c11 = [fft_stiffness.hooke(young, axes)[0, 0] for young in (1.0, 10.0)]
    c66 = [fft_stiffness.hooke(young, axes)[axes, axes] for young in (1.0, 10.0)]
    for points in 1, 2:
        matrix = fft_stiffness.Element(stiff, points).stiffness()
        for place, (soft, hard) in ((0, c11), (axes, c66)):
            assert matrix[place, place] == pytest.approx(1 / (0.75 / soft + 0.25 / hard), rel=1e-6)
