"""The C interface of davegan from Python with ctypes and numpy, as far as the scripts here need it.

A function returns a status; 0 is success, and davegan_last_error() says what went wrong otherwise.
"""
import ctypes
import os
import sys
from ctypes import byref, c_double, c_int32, c_int64, c_size_t, c_void_p
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("DAVEGAN_BUILD", Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "quickstart"))
PROGRAM = BUILD / "bin" / "davegan"
ELLIPSES = 1  # DAVEGAN_SAMPLE_ELLIPSES


class SampleOptions(ctypes.Structure):
    """davegan_sample_options_t"""

    _fields_ = (
        [("struct_size", c_size_t), ("kind", c_int32)]
        + [(name, c_int64) for name in ("nx", "ny", "nz", "count", "seed")]
        + [(name, c_double) for name in ("volume_fraction", "correlation_length_x", "correlation_length_y", "correlation_length_z")]
        + [("cell_size", c_int64)]
        + [(name, c_double) for name in ("grain_size", "boundary_thickness", "radius_min", "radius_max", "elongation", "gap")]
    )


def pointer(array):
    return None if array is None else array.ctypes.data_as(c_void_p)


class Library:
    """The functions of libdavegan.so of the CMake build that DAVEGAN_BUILD names, else of the quick start's."""

    def __init__(self):
        if not PROGRAM.exists():
            sys.exit(f"{PROGRAM} does not exist; run examples-c/quickstart.sh, or name a CMake build in DAVEGAN_BUILD")
        self.functions = ctypes.CDLL(str(BUILD / "lib" / "libdavegan.so"))
        self.functions.davegan_last_error.restype = ctypes.c_char_p

    def call(self, name, *arguments):
        if getattr(self.functions, name)(*arguments) != 0:
            sys.exit(f"{name}: {self.functions.davegan_last_error().decode()}")

    def ellipses(self, seed, count, side):
        """Images of ellipses, (count, side, side), and their parameters a, b, x1, x2, phi, (count, 5)."""
        options, handle = SampleOptions(), c_void_p()
        self.call("davegan_sample_options_init", byref(options), c_size_t(ctypes.sizeof(options)), ELLIPSES)
        options.seed, options.count, options.nx, options.ny = seed, count, side, side
        self.call("davegan_micrograph_sample", byref(options), byref(handle))
        images, parameters = np.empty((count, side, side), np.uint8), np.empty((count, 5))
        self.call("davegan_micrograph_phases", handle, pointer(images), c_size_t(images.size))
        self.call("davegan_micrograph_parameters", handle, pointer(parameters), c_size_t(parameters.size))
        self.functions.davegan_micrograph_free(handle)
        return images, parameters


class Model:
    """A model file. Images are (n, ny, nx) arrays of phase numbers."""

    def __init__(self, library, path, latents):
        self.library, self.latents, self.handle = library, latents, c_void_p()
        library.call("davegan_model_load", os.fsencode(path), c_int32(0), c_int32(0), byref(self.handle))

    def __del__(self):
        self.library.functions.davegan_model_free(self.handle)

    def of_images(self, name, images, *results):
        images = np.ascontiguousarray(images, np.uint8)
        arguments = [pointer(result) for result in results] + [c_size_t(results[0].size)]
        shape = [c_size_t(length) for length in (len(images), 1, *images.shape[1:])]
        self.library.call(name, self.handle, pointer(images), *shape, *arguments)

    def encode(self, images):
        """Means and standard deviations of the latent variables, two (n, latents) arrays."""
        mean, deviation = np.empty((2, len(images), self.latents))
        self.of_images("davegan_encode", images, mean, deviation)
        return mean, deviation

    def reconstruct(self, images):
        result = np.empty(images.shape, np.uint8)
        self.of_images("davegan_reconstruct", images, result)
        return result

    def traverse(self, vector, latent, n, reach, side):
        """Images with one latent variable of `vector` moved from -reach to reach in n steps."""
        vector, images = np.ascontiguousarray(vector, float), np.empty((n, side, side), np.uint8)
        self.library.call("davegan_traverse", self.handle, pointer(vector), c_int32(latent), c_size_t(n), c_double(reach),
                          c_size_t(1), c_size_t(side), c_size_t(side), pointer(images), c_size_t(images.size))
        return images
