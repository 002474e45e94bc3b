"""The figures and gates of fidelity, computed with numpy and scipy from their definitions.

Notation: x is an image of one phase, 1 in the phase and 0 elsewhere; n its side; <.> a mean over images and pixels. A set of images
is a Boolean array (images, ny, nx). `micrograph` is such a set, its `tiles` are the non-overlapping n x n parts of it, in row-major
order, and `windows` are n x n parts at any place. Every standard deviation is that of a sample, with N - 1.

Conductivity, pieces, copies and variety are computed from the first COSTLY realisations and windows.
"""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import fft, ndimage, signal, stats
from scipy.sparse.linalg import LinearOperator, cg
from scipy.spatial import distance

COSTLY = 96
LAGS = 16
CONTRAST = 100.0
COPY = 0.8


def tiles(micrograph, n):
    """The parts of side n at multiples of n: (images, ny, nx) -> (tiles, n, n)."""
    m, ny, nx = micrograph.shape
    whole = micrograph[:, :ny // n * n, :nx // n * n]
    return whole.reshape(m, ny // n, n, nx // n, n).swapaxes(2, 3).reshape(-1, n, n)


def tile_places(micrograph, n):
    """(image, y, x) of the first pixel of each tile."""
    m, ny, nx = micrograph.shape
    return np.stack(np.meshgrid(range(m), range(0, ny - n + 1, n), range(0, nx - n + 1, n), indexing="ij"), -1).reshape(-1, 3)


def apart(windows, tiles, n):
    """Whether a window has no pixel in common with a tile: (windows, 3), (tiles, 3) -> (windows, tiles)."""
    difference = np.abs(windows[:, None] - tiles)
    return (difference[..., 0] > 0) | (difference[..., 1:] >= n).any(-1)


def rms(difference):
    return np.sqrt(np.mean(np.square(difference)))


def deviation(values):
    return np.std(values, ddof=1)


def s2(images):
    """Two-point correlation on the torus, S2(r) = mean over p of x(p) x(p + r), of each image, as one row."""
    power = np.abs(fft.rfft2(images.astype(float))) ** 2
    return (fft.irfft2(power, s=images.shape[1:]) / images[0].size).reshape(len(images), -1)


def s2_errors(a, b):
    """Eq. 12 for every pair: sqrt(mean over r of (S2_a(r) - S2_b(r))^2)."""
    return distance.cdist(s2(a), s2(b)) / np.sqrt(a[0].size)


def covariance(images):
    """C(r) = (P(x(p) = x(p + r) = 1) - v^2) / (v - v^2) for lags |ry|, |rx| < LAGS, over the pairs that lie in one image; v = <x>."""
    sizes = images.shape[1:]
    near = tuple(slice(size - LAGS, size + LAGS - 1) for size in sizes)
    pairs = sum(signal.correlate(image, image, method="fft")[near] for image in images.astype(float))
    overlap = [size - np.abs(np.arange(1 - LAGS, LAGS)) for size in sizes]
    v = images.mean()
    return (pairs / (len(images) * np.outer(*overlap)) - v**2) / (v - v**2)


def lineal_path(images, lengths):
    """L(k), the share of segments of k pixels inside an image that lie in the phase, k = 1 to `lengths`; mean of both axes."""
    path = []
    for lines in (images, images.swapaxes(1, 2)):
        sums = np.cumsum(np.pad(lines.astype(int), ((0, 0), (0, 0), (1, 0))), axis=2)
        path.append([np.mean(sums[..., k:] - sums[..., :-k] == k) for k in range(1, lengths + 1)])
    return np.mean(path, axis=0)


def interface_density(images):
    """Of each image: share of the neighbours along y that differ, plus that along x."""
    return sum(np.mean(np.diff(images, axis=axis), axis=(1, 2)) for axis in (1, 2))


def seam_density(images):
    """The same for the first and the last row, and the first and the last column; of all images."""
    return np.mean(images[:, 0] ^ images[:, -1]) + np.mean(images[:, :, 0] ^ images[:, :, -1])


def halved(images):
    """At half the resolution: the majority of four pixels, or the upper left one if two are in the phase."""
    m, ny, nx = images.shape
    four = images[:, :ny // 2 * 2, :nx // 2 * 2].reshape(m, ny // 2, 2, nx // 2, 2)
    return four.sum(axis=(2, 4)) + 0.5 * four[:, :, 0, :, 0] > 2


def pattern_histogram(images):
    """Share of each of the 2^9 patterns of 3 x 3 pixels."""
    patterns = sliding_window_view(images, (3, 3), axis=(1, 2)).reshape(-1, 9)
    return np.bincount(patterns @ (1 << np.arange(9)), minlength=512) / len(patterns)


def pattern_distances(a, b):
    """Jensen-Shannon distance, base 2, of the histograms at full, half and quarter resolution."""
    found = []
    for _ in range(3):
        found.append(distance.jensenshannon(pattern_histogram(a), pattern_histogram(b), base=2))
        a, b = halved(a), halved(b)
    return np.array(found)


def pieces(images):
    """Pieces of the phase (connected by edges), pieces of the rest (by edges and corners), share of the phase in its largest piece."""
    rows = []
    for image in images:
        labels, objects = ndimage.label(image)
        holes = ndimage.label(~image, structure=np.ones((3, 3)))[1]
        rows.append((objects, holes, np.bincount(labels[image]).max(initial=0) / max(image.sum(), 1)))
    return np.array(rows).T


def conductivity(images):
    """Effective conductivity of the inner part of each image, pixels n // 8 to n - n // 8, mean over directions e = x, y.

    k_eff = min over periodic u of <k |e + grad u|^2>, where k is CONTRAST in the phase and 1 elsewhere. u is a trigonometric polynomial
    without the waves at the Nyquist frequency. With u = |q|^-1 v in Fourier space grad u = R v, the Riesz transform, and the minimum is
    at R* k R v = -R* k e, whose condition number is at most CONTRAST. All images and both directions are one system.
    """
    n = images.shape[1]
    inner = images[:, n // 8:n - n // 8, n // 8:n - n // 8]
    side = inner.shape[1]
    k = np.where(inner, CONTRAST, 1.0)
    q = np.stack(np.meshgrid(fft.fftfreq(side), fft.rfftfreq(side), indexing="ij"))
    known = np.any(q, axis=0) & ~np.any(np.abs(q) == 0.5, axis=0)
    riesz = 1j * np.divide(q, np.hypot(*q), out=np.zeros_like(q), where=known)
    e = np.eye(2)[:, None, :, None, None]
    shape = (2, len(k), side, side)

    def gradient(v):
        return fft.irfft2(riesz * fft.rfft2(v.reshape(shape))[:, :, None], s=(side, side))

    def divergence(flux):
        return fft.irfft2((riesz.conj() * fft.rfft2(flux)).sum(axis=2), s=(side, side)).ravel()

    weight = k[None, :, None]
    size = int(np.prod(shape))
    operator = LinearOperator((size, size), matvec=lambda v: divergence(weight * gradient(v)), dtype=float)
    v, status = cg(operator, -divergence(weight * e), rtol=1e-5, maxiter=1000)
    assert status == 0, "conjugate gradients did not converge"
    energy = (weight * (e + gradient(v)) ** 2).sum(axis=2).mean(axis=(2, 3))
    return energy.mean(axis=0)


def ends(images, radius):
    """Share of the pixels in the phase around which a square of that radius meets the phase in one run, not all around."""
    width = 2 * radius + 1
    squares = sliding_window_view(images, (width, width), axis=(1, 2))
    around = [squares[..., 0, :-1], squares[..., :-1, -1], squares[..., -1, :0:-1], squares[..., :0:-1, 0]]
    around = np.concatenate(around, axis=-1)
    runs = (around & ~np.roll(around, 1, axis=-1)).sum(axis=-1)
    return (squares[..., radius, radius] & (runs == 1)).mean()


def likeness(a, b):
    """Largest correlation coefficient of x_a(p) and x_b(p + r) over all r on the torus, for every pair; 0 without contrast."""
    def spectrum(images):
        centred = images - images.mean(axis=(1, 2), keepdims=True)
        norm = np.linalg.norm(centred, axis=(1, 2), keepdims=True)
        return fft.rfft2(np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0))

    spectra = spectrum(b).conj()
    return np.array([fft.irfft2(row * spectra, s=a.shape[1:]).max(axis=(1, 2)) for row in spectrum(a)])


def compared(name, generated, real):
    """Means, and their difference in standard deviations of the real windows."""
    difference = np.mean(generated) - np.mean(real)
    return {name: np.mean(generated), f"{name}_real": np.mean(real), f"{name}_sd": difference / max(deviation(real), 1e-12)}


def figures(micrograph, realisations, reconstructions, window_places):
    """All figures by name. `window_places`: (image, y, x) of the first pixel of each window."""
    n = realisations.shape[1]
    parts = tiles(micrograph, n)
    windows = np.stack([micrograph[image, y:y + n, x:x + n] for image, y, x in window_places])
    is_apart = apart(window_places, tile_places(micrograph, n), n)
    few = min(COSTLY, len(realisations))
    made, real = realisations[:few], windows[:few]

    def extreme_apart(values, extreme):
        """Mean over windows of the extreme value among the tiles that a window is apart from, if there are any."""
        rows = zip(values, is_apart)
        return np.mean([extreme(row[allowed]) for row, allowed in rows if allowed.any()])

    def floor(differ):
        """Half the difference of two halves of the micrograph, the larger one of two ways to cut: the whole varies half as much."""
        middle_y, middle_x = micrograph.shape[1] // 2, micrograph.shape[2] // 2
        rows = differ(micrograph[:, :middle_y], micrograph[:, middle_y:])
        columns = differ(micrograph[:, :, :middle_x], micrograph[:, :, middle_x:])
        return np.maximum(rows, columns) / 2

    def covariance_difference(a, b):
        return rms(covariance(a) - covariance(b))

    def lineal_difference(a, b):
        lengths = min(2 * LAGS, n - 1)
        return rms(lineal_path(a, lengths) - lineal_path(b, lengths)) / micrograph.mean()

    def variety(images):
        return np.mean(s2_errors(images[:few // 2], images[few // 2:few]))

    f = {
        "E_gen": np.mean(s2_errors(realisations, parts).min(axis=1)),
        "E_gen_floor": extreme_apart(s2_errors(windows, parts), np.min),
        "E_rec": np.mean(np.diag(s2_errors(reconstructions, parts))),
        "E_rec_pixels": np.mean(reconstructions != parts),
    }
    v, v_micrograph = realisations.mean(), micrograph.mean()
    fractions = {name: x.mean(axis=(1, 2)) for name, x in (("made", realisations), ("windows", windows), ("tiles", parts))}
    f |= {"vf": v, "vf_micrograph": v_micrograph}
    f["vf_bias_sd"] = (v - v_micrograph) / deviation(fractions["tiles"])
    f["vf_spread"] = deviation(fractions["made"]) / deviation(fractions["windows"])
    f |= {"covariance": covariance_difference(realisations, micrograph), "covariance_floor": floor(covariance_difference)}
    f |= {"lineal": lineal_difference(realisations, micrograph), "lineal_floor": floor(lineal_difference)}
    interfaces = interface_density(realisations).mean()
    bias = interfaces - interface_density(micrograph).mean()
    f["interface_sd"] = bias / deviation(interface_density(parts))
    f["seam_over_interior"] = seam_density(realisations) / interfaces
    patterns = zip(("full", "half", "quarter"), pattern_distances(realisations, micrograph), floor(pattern_distances))
    for scale, found, least in patterns:
        f |= {f"patterns_{scale}": found, f"patterns_{scale}_floor": least}
    for name, of_made, of_real in zip(("objects", "holes", "largest"), pieces(made), pieces(real)):
        f |= compared(name, of_made, of_real)
    k_made, k_real = conductivity(made), conductivity(real)
    f |= compared("k_eff", k_made, k_real)
    f["k_eff_ks_p"] = stats.ks_2samp(k_made, k_real).pvalue
    f |= {"ends": ends(realisations, n // 12), "ends_real": ends(micrograph, n // 12)}
    nearest = likeness(made, parts).max(axis=1)
    f |= {"likeness": nearest.mean(), "likeness_real": extreme_apart(likeness(real, parts), np.max)}
    f["copies"] = np.mean(nearest > COPY)
    f["variety"] = variety(realisations) / variety(windows)
    return f


def gates(f):
    """For each gate the least and the most that its figure may be."""
    return {
        "E_rec": (0, 1e-3),
        "E_gen": (0.6 * f["E_gen_floor"], 1.15 * f["E_gen_floor"]),
        "vf_bias_sd": (-0.35, 0.35),
        "vf_spread": (0.7, 1.3),
        "covariance": (0, 1.5 * f["covariance_floor"]),
        "lineal": (0, 1.5 * f["lineal_floor"]),
        "interface_sd": (-0.5, 0.5),
        **{f"patterns_{scale}": (0, 2 * f[f"patterns_{scale}_floor"]) for scale in ("full", "half", "quarter")},
        **{f"{name}_sd": (-0.5, 0.5) for name in ("objects", "holes", "largest")},
        "k_eff_sd": (-0.75, 0.75),
        "copies": (0, 0.02),
        "variety": (0.8, 1.25),
    }
