"""Plots of time against steps, batch size and numbers of images: the cost is linear, and here it is shown."""
import matplotlib
import numpy as np

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "davegan"  # the same figures give the same file
matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text: the files are smaller
from matplotlib import pyplot  # noqa: E402

STEPS = (250, 500, 1000, 1500, 2000)
BATCHES = (1, 2, 4, 8, 12, 16)
COUNTS = (64, 512, 1024, 2048, 4096, 8192)


def curves(bench):
    """File, title, what runs along x, unit of time, the numbers along x, the time at each."""
    ours = bench.ours
    return [
        ("steps", "Training, Table 3, batch 4", "steps", "s", STEPS, lambda n: ours("run", 2, n).value),
        ("batch", "Training step, Table 3", "batch", "ms", BATCHES, lambda n: ours("train", "paper64", n, 2, 100).value),
        ("realisations", "Realisations of 64 x 64, one call", "realisations", "ms", COUNTS,
         lambda n: ours("generate", bench.model, n, 2).value * n / 1e3),
        ("s2", "S2 errors of one image against others", "images", "ms", COUNTS,
         lambda n: ours("s2", n, 2).value * n / 1e3),
    ]


def write(bench, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, title, along, unit, numbers, time in curves(bench):
        rounds = [[time(n) for n in numbers] for _ in range(bench.n_rounds)]
        times = [min(column) for column in zip(*rounds)]  # as in the table
        plot(folder / f"{name}.svg", f"{title}, 2 threads", along, unit, numbers, times)
    return 0


def plot(path, title, along, unit, numbers, times):
    slope, start = np.polyfit(numbers, times, 1)
    figure, axes = pyplot.subplots(figsize=(5, 3.2), layout="constrained")
    axes.plot([0, numbers[-1]], [start, start + slope * numbers[-1]], color="0.7",
              label=f"{start:.3g} {unit} + {slope:.3g} {unit} each")
    axes.plot(numbers, times, "o", color="C0")
    axes.set(title=title, xlabel=along, ylabel=unit, xlim=(0, None), ylim=(0, None))
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
