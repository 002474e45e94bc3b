"""Statistics of elements beside those of numpy and scipy.

DAVEGAN_BUILD names the directory that CMake built in.
"""
import ctypes
import os
import pathlib

import numpy as np
import pytest

stats = pytest.importorskip("scipy.stats")
ndimage = pytest.importorskip("scipy.ndimage")

import fidelity_reference as reference  # noqa: E402

BUILD = pathlib.Path(os.environ["DAVEGAN_BUILD"])


class ElementStatistics(ctypes.Structure):
    """davegan_element_statistics_t; the library checks its size."""

    _fields_ = [("struct_size", ctypes.c_size_t)] + [(name, ctypes.c_int64) for name in ("nx", "ny", "nz", "count")] + [
        (name, ctypes.c_double * 3) for name in ("mean", "deviation", "interval", "error")]


def element_statistics(images, phase):
    library = ctypes.CDLL(str(BUILD / "lib" / "libdavegan.so"))
    found = ElementStatistics()
    n, ny, nx = images.shape
    sizes = [ctypes.c_size_t(length) for length in (n, 1, ny, nx)]
    assert library.davegan_element_statistics(images.ctypes.data_as(ctypes.c_void_p), *sizes, phase, None,
                                              ctypes.byref(found), ctypes.c_size_t(ctypes.sizeof(found))) == 0
    assert (found.count, found.nz, found.ny, found.nx) == (n, 1, ny, nx)
    return {name: np.array(getattr(found, name)) for name in ("mean", "deviation", "interval", "error")}


def radial_s2(images, longest):
    """S2 of periodic images against the distance, rounded to pixels."""
    power = np.abs(np.fft.fft2(images.astype(float))) ** 2
    s2 = np.fft.ifft2(power).real / images[0].size
    lags = [np.minimum(np.arange(n), n - np.arange(n)) for n in images.shape[1:]]
    distance = np.round(np.hypot(*np.meshgrid(*lags, indexing="ij")))
    return np.array([[one[distance == r].mean() for r in range(longest + 1)] for one in s2])


@pytest.mark.parametrize("shape", [(5, 48, 48), (2, 32, 48)])
def test_statistics_are_those_of_numpy_and_scipy(shape):
    noise = np.random.default_rng(1).normal(size=shape)
    images = (ndimage.gaussian_filter(noise, (0, 2, 2), mode="wrap") > 0.1).astype(np.uint8)
    found = element_statistics(images, 1)
    n, curves = len(images), radial_s2(images == 1, min(shape[1:]) // 2)
    rms = lambda values: np.sqrt((values**2).mean())  # noqa: E731
    volume_fractions = images.mean(axis=(1, 2))
    mean = [volume_fractions.mean(), rms(curves.mean(axis=0))]
    deviation = [volume_fractions.std(ddof=1), rms(curves.std(axis=0, ddof=1))]
    assert found["mean"][:2] == pytest.approx(mean, rel=1e-9)
    assert found["deviation"][:2] == pytest.approx(deviation, rel=1e-9)
    if shape[1] == shape[2]:
        # The reference takes the inner part of its images.
        margin = shape[1] // 6
        conductivities = reference.conductivity(np.pad(images == 1, [(0, 0), (margin, margin), (margin, margin)], mode="wrap"))
        assert found["mean"][2] == pytest.approx(conductivities.mean(), rel=1e-5)
        assert found["deviation"][2] == pytest.approx(conductivities.std(ddof=1), rel=1e-4)
    assert found["error"] == pytest.approx(2 * found["deviation"] / found["mean"], rel=1e-12)
    low, high = stats.t.interval(0.95, n - 1, found["mean"], found["deviation"] / np.sqrt(n))
    assert found["mean"] - found["interval"] == pytest.approx(low, rel=1e-9)
    assert found["mean"] + found["interval"] == pytest.approx(high, rel=1e-9)
