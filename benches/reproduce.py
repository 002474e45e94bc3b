#!/usr/bin/env python3
"""Repeats the numerical experiments of the DA-VEGAN paper and puts its numbers beside ours.

The models are trained with the paper's networks and hyperparameters (profiles paper64 and paper32) by the command davegan.
OUT_DIR/index.html shows all results on one page; table4.tsv, figure3.tsv, figure4.tsv and figure5.tsv hold the numbers. A
directory for each model holds model.h5, report.html and contact_sheet.png. If the script was interrupted, the same command
continues. Needs numpy, h5py and matplotlib. The programs are those of the CMake build that DAVEGAN_BUILD names, else of the
quick start's.
"""
import argparse
import html
import re
import subprocess
import sys
from pathlib import Path

import h5py
import matplotlib
import numpy as np

from davegan_c import PROGRAM, Library, Model

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402: after the choice of a backend that needs no display

PAPER = {  # Table 4: E_rec and E_gen
    "alloy": (4.66e-3, 5.66e-3), "carbonate": (8.16e-3, 6.78e-3), "ceramics": (1.01e-2, 1.71e-2), "checkerboard": (0, 0),
    "copolymer": (6.96e-2, 5.64e-2), "rubber": (3.08e-4, 8.15e-4), "synthetic1": (1.81e-2, 1.06e-2),
    "synthetic2": (4.53e-3, 1.53e-2), "synthetic3": (4.42e-3, 1.89e-2), "composite": (9.71e-2, 3.84e-2),
    "sandstone": (1.71e-2, 5.97e-3),
}
BETAS, TRAVERSED = (0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 35, 50), (0.01, 1, 50)  # of Figures 3 and 4
ELLIPSE_SIDE, UNSEEN, UNSEEN_SEED = 32, 1000, 1  # training takes the ellipses of seed 0
LOSSES = ("encoder", "discriminator", "generator", "reconstruction", "divergence")
PARTS = {
    "table4": ("Table 4: errors of reconstructions and realisations",
               "Errors of Eq. 12. With two phases the smaller is evaluated, with several all but phase 0 count as one."),
    "figure5": ("Figure 5: losses", "Means over some training steps; alloy, or else the first micrograph."),
    "figure6": ("Figure 6: checkerboard", "The paper reconstructs it perfectly; all its tiles are alike."),
    "figure3": ("Figure 3: reconstruction error against beta",
                "The paper: close to 0 for small beta, rising with beta, with a local minimum around 35."),
    "figure4": ("Figure 4: one latent variable moved at a time",
                "The reference ellipse, encoded, with each latent variable from -3 to 3 standard deviations of the prior; and "
                "correlations of the encoder's means with the true parameters of ellipses that training has not seen."),
}


def davegan(*arguments):
    """Runs the command line. After Ctrl-C, which reaches the command too, waits until it has saved its work."""
    command = [PROGRAM, *map(str, arguments)]
    process, status = subprocess.Popen(command, stdout=subprocess.DEVNULL), None
    while status is None:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            pass
    if status != 0:
        sys.exit(f"reproduce.py: status {status} of {' '.join(map(str, command))}; the same command continues")


def s2(images):
    """Two-point correlation at all lags, periodic. Each is a count over the number of pixels, so rounding makes it exact."""
    size = images[0].size
    power = np.abs(np.fft.rfft2(images.astype(float))) ** 2
    return np.rint(np.fft.irfft2(power, s=images.shape[1:])) / size


def pair_errors(a, b):
    """Eq. 12 between images of the same number, in parts that fit into memory."""
    firsts = range(0, len(a), 1000)
    return np.concatenate([((s2(a[i:i + 1000]) - s2(b[i:i + 1000])) ** 2).mean((1, 2)) ** 0.5 for i in firsts])


def nearest_errors(images, tiles):
    """Eq. 12 between each image and each tile, (n, tiles)."""
    of_tiles = s2(tiles)
    return np.stack([((image - of_tiles) ** 2).mean((1, 2)) ** 0.5 for image in s2(images)])


def window_error(images, tiles, count, rng):
    """Mean of Eq. 12 between windows at random places and the nearest tile that they do not overlap; empty if there is none."""
    (n, ny, nx), side = images.shape, tiles.shape[1]
    tile_at = np.array([(k, y, x) for k in range(n) for y in range(0, ny - side + 1, side) for x in range(0, nx - side + 1, side)])
    drawn = np.column_stack([rng.integers(0, limit, count) for limit in (n, ny - side + 1, nx - side + 1)])
    errors = nearest_errors(np.stack([images[k, y:y + side, x:x + side] for k, y, x in drawn]), tiles)
    apart = np.abs(drawn[:, None] - tile_at)
    errors[(apart[..., 0] == 0) & (apart[..., 1:] < side).all(-1)] = np.inf
    nearest = errors.min(1)
    return float(nearest[np.isfinite(nearest)].mean()) if np.isfinite(nearest).any() else ""


def reference_ellipse():
    """The paper's reference: 6 pixels wide and 14 high, in the middle."""
    y, x = np.mgrid[:ELLIPSE_SIDE, :ELLIPSE_SIDE] + 0.5 - ELLIPSE_SIDE / 2
    return ((x / 3) ** 2 + (y / 7) ** 2 <= 1).astype(np.uint8)[None]


class Trained:
    """A model in a directory of OUT_DIR: trained, continued, or found as an earlier run has left it."""

    def __init__(self, run, name, source, profile, seed, steps, *options):
        self.name, self.source, self.seed, self.count = name, source, seed, run.count
        self.machine = ("--threads", run.threads)
        self.directory = run.out / name
        self.directory.mkdir(exist_ok=True)
        self.path = self.directory / "model.h5"
        print(f"== {name}", file=sys.stderr, flush=True)
        options = [*options, *(("--steps", steps) if steps else ())]
        davegan("train", *source, "--model", self.path, "--resume", "--profile", profile, "--seed", seed, *options,
                *self.machine)
        with h5py.File(self.path) as file:
            self.steps, self.n_phases = int(file.attrs["step"]), int(file.attrs["n_phases"])
            self.tiles, self.history = file["tiles"][:, 0], file["history"][()]
            latents = file["generator/0/kernel"].shape[0]
        self.model = Model(run.library, self.path, latents)

    def realisations(self):
        path = self.directory / "realisations.vtkhdf"
        davegan("generate", self.path, path, "--count", self.count, "--seed", self.seed, "--replace", *self.machine)
        with h5py.File(path) as file:
            return file["VTKHDF/CellData/phase"][()].reshape(-1, *self.tiles.shape[1:])

    def report(self):
        davegan("report", self.path, *self.source, "--count", self.count, "--seed", self.seed, *self.machine,
                "--output", self.directory / "report.html", "--contact-sheet", self.directory / "contact_sheet.png")


class Run:
    """All experiments with the options of the command line."""

    def __init__(self, options):
        self.__dict__.update(vars(options))
        self.library = Library()
        self.out.mkdir(parents=True, exist_ok=True)

    def train_material(self, name, seed):
        source = ["--sample", "checkerboard"] if name == "checkerboard" else [self.micrographs, name]
        return Trained(self, f"{name.strip('/').replace('/', '_')}-seed-{seed}", source, "paper64", seed, self.steps)

    def train_ellipses(self, beta):
        source = ["--sample", "ellipses", "--sample-count", self.samples]
        name = f"ellipses-beta-{beta:g}-seed-{self.seeds[0]}"
        return Trained(self, name, source, "paper32", self.seeds[0], self.ellipse_steps, "--beta", beta)

    def write_table(self, name, columns, rows):
        """Writes the rows so far and the page: a run of hours shows what it has."""
        def cell(value):
            return f"{value:.6g}" if isinstance(value, float) else str(value)

        lines = ["\t".join(map(cell, row)) for row in [columns, *rows]]
        (self.out / name).write_text("\n".join(lines) + "\n")
        self.write_page()

    def save(self, figure, name):
        figure.savefig(self.out / name, bbox_inches="tight")
        plt.close(figure)

    def draw_images(self, name, rows, row_names, column_names):
        figure, axes = plt.subplots(len(rows), len(column_names), squeeze=False,
                                    figsize=(1.2 * len(column_names), 1.3 * len(rows)))
        for row, images in enumerate(rows):
            for column, image in enumerate(images):
                axes[row, column].imshow(image, cmap="gray", interpolation="nearest")
                axes[row, column].set(xticks=[], yticks=[])
            axes[row, 0].set_ylabel(row_names[row])
        for axis, title in zip(axes[0], column_names):
            axis.set_title(title, fontsize=8)
        self.save(figure, name)

    def table4(self):
        rows = []
        for name in [*self.materials, "checkerboard"]:
            for seed in self.seeds:
                trained = self.train_material(name, seed)
                trained.report()
                rows.append(self.table4_row(name, trained))
                self.write_table("table4.tsv", ("micrograph", "seed", "steps", "realisations", "phase", "E_rec", "E_rec, paper",
                                                "E_gen", "E_gen, paper", "E_gen of real windows", "E_gen of white noise",
                                                "report", "pictures"), rows)

    def table4_row(self, name, trained):
        """With two phases the smaller is evaluated, with several all but phase 0 count as one."""
        smaller = int(np.argmin(np.bincount(trained.tiles.ravel(), minlength=2)))
        phase, of = ("all but 0", lambda images: images > 0) if trained.n_phases > 2 else (smaller, lambda images: images == smaller)
        tiles, realisations = of(trained.tiles), of(trained.realisations())
        e_rec = pair_errors(tiles, of(trained.model.reconstruct(trained.tiles))).mean()
        rng = np.random.default_rng(0)
        noise = rng.random(realisations.shape) < tiles.mean()
        real = "" if name == "checkerboard" else window_error(of(self.phases(name)), tiles, self.count, rng)
        e_gen, e_gen_of_noise = (nearest_errors(images, tiles).min(1).mean() for images in (realisations, noise))
        paper = PAPER.get(re.sub("[^a-z0-9]", "", name.rsplit("/", 1)[-1].lower()), ("", ""))
        return [name, trained.seed, trained.steps, self.count, phase, e_rec, paper[0], e_gen, paper[1], real, e_gen_of_noise,
                f"{trained.name}/report.html", f"{trained.name}/contact_sheet.png"]

    def phases(self, name):
        """The phase numbers of a micrograph, (n, ny, nx)."""
        with h5py.File(self.micrographs) as file:
            values = file[name][()]
        return np.unique(values, return_inverse=True)[1].reshape(-1, *values.shape[-2:])

    def figure3(self):
        rows, unseen = [], self.library.ellipses(UNSEEN_SEED, UNSEEN, ELLIPSE_SIDE)[0]
        for beta in self.betas:
            trained = self.train_ellipses(beta)
            errors = [float(pair_errors(images, trained.model.reconstruct(images)).mean())
                      for images in (reference_ellipse(), trained.tiles, unseen)]
            rows.append([f"{beta:g}", trained.seed, trained.steps, len(trained.tiles), *errors])
            self.draw_figure3(rows)
            self.write_table("figure3.tsv", ("beta", "seed", "steps", "ellipses", "E_rec of the reference", "E_rec, mean over training",
                                             "E_rec, mean over unseen"), rows)

    def draw_figure3(self, rows):
        figure, axes = plt.subplots(figsize=(6, 3.6))
        rows = sorted(rows, key=lambda row: float(row[0]))
        for column, label in ((4, "reference ellipse"), (6, "mean over ellipses that training has not seen")):
            axes.plot([float(row[0]) for row in rows], [row[column] for row in rows], "o-", label=label)
        axes.set(xscale="log", xlabel="beta", ylabel="E_rec", ylim=(0, None))
        axes.legend()
        self.save(figure, "figure3.svg")

    def figure4(self):
        rows, (unseen, parameters) = [], self.library.ellipses(UNSEEN_SEED, UNSEEN, ELLIPSE_SIDE)
        phi = parameters[:, 4]  # an ellipse turned by pi is the same
        truths = np.column_stack([parameters, np.cos(2 * phi), np.sin(2 * phi)])
        places = np.linspace(-3, 3, 7)
        for beta in TRAVERSED:
            trained = self.train_ellipses(beta)
            mean, deviation = trained.model.encode(unseen)
            divergence = 0.5 * (mean**2 + deviation**2 - 2 * np.log(deviation) - 1).mean(0)
            latents = range(mean.shape[1])
            correlations = np.nan_to_num(np.corrcoef(mean.T, truths.T)[:len(latents), len(latents):])
            rows += [[f"{beta:g}", f"z{i + 1}", float(divergence[i]), *map(float, correlations[i])] for i in latents]
            z = trained.model.encode(reference_ellipse())[0][0]
            moved = [trained.model.traverse(z, i, len(places), places[-1], ELLIPSE_SIDE) for i in latents]
            self.draw_images(f"figure4-beta-{beta:g}.svg", moved, [f"z{i + 1}" for i in latents], [f"{at:g} sigma" for at in places])
            self.write_table("figure4.tsv", ("beta", "latent", "divergence (nat)", "a", "b", "x1", "x2", "phi", "cos 2phi",
                                             "sin 2phi"), rows)

    def figure5(self):
        names = [name for name in self.materials if "alloy" in name.lower()] + [*self.materials, "checkerboard"]
        trained = self.train_material(names[0], self.seeds[0])
        if len(trained.history) == 0:
            sys.exit(f"reproduce.py: {trained.path} has too few steps for Figure 5: give --steps 50 or more")
        group = len(trained.history) // 400 + 1  # means over rows, at most 400 points
        means = np.array([part.mean(0) for part in np.array_split(trained.history, -(-len(trained.history) // group))])
        figure, axes = plt.subplots(1, len(LOSSES), figsize=(3.2 * len(LOSSES), 2.6))
        for axis, loss, values in zip(axes, LOSSES, means.T[1:]):
            axis.plot(means[:, 0], values, linewidth=0.8)
            axis.set(title=f"{loss} loss, {names[0]}", xlabel="training steps", yscale="log" if values.min() > 0 else "linear")
        self.save(figure, "figure5.svg")
        self.write_table("figure5.tsv", ("step", *LOSSES), trained.history.tolist())

    def figure6(self):
        trained = self.train_material("checkerboard", self.seeds[0])
        images = [trained.tiles[0], trained.model.reconstruct(trained.tiles[:1])[0], *trained.realisations()[:2]]
        self.draw_images("figure6.svg", [images], [""], ["original", "reconstruction", "realisation 0", "realisation 1"])
        self.write_page()

    def write_page(self):
        """Whatever is in OUT_DIR."""
        page = ["<!DOCTYPE html><meta charset='utf-8'><title>DA-VEGAN reproduced</title><style>body{font:15px sans-serif;margin:2em}"
                "td,th{padding:2px 9px;text-align:right}img{max-width:100%}</style><h1>DA-VEGAN reproduced</h1>"]
        for part, (title, text) in PARTS.items():
            table, pictures = self.out / f"{part}.tsv", sorted(self.out.glob(f"{part}*.svg"))
            page.append(f"<h2>{title}</h2><p>{html.escape(text)}</p>")
            if not table.exists() and not pictures:
                page.append(f"<p>Not made yet: run again with --only {part}.</p>")
            if table.exists():
                page += [f"<p><a href='{table.name}'>{table.name}</a></p>", "" if part == "figure5" else html_table(table)]
            page += [f"<p>{picture.name}</p><img src='{picture.name}' alt='{picture.name}'>" for picture in pictures]
        (self.out / "index.html").write_text("\n".join(page))


def html_table(path):
    """A tab-separated table; files in it become links."""
    def cell(text):
        text = html.escape(text)
        return f"<td><a href='{text}'>{text}</a>" if text.endswith((".html", ".png")) else f"<td>{text}"

    rows = [line.split("\t") for line in path.read_text().splitlines()]
    head = "".join(f"<th>{html.escape(name)}" for name in rows[0])
    return f"<table><tr>{head}" + "".join("<tr>" + "".join(map(cell, row)) for row in rows[1:]) + "</table>"


def numbers(kind, low, high=float("inf")):
    """A type for argparse: numbers with commas between them, each from `low` to `high`."""
    def parse(text):
        values = [kind(value) for value in text.split(",")]
        if not all(low <= value <= high for value in values):
            raise argparse.ArgumentTypeError(f"{text} is out of range: at least {low:g} is needed")
        return values

    return parse


def number(low):
    return lambda text: numbers(int, low)(text)[0]


def parts(text):
    chosen = text.split(",")
    if unknown := [part for part in chosen if part not in PARTS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(PARTS)}")
    return chosen


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("micrographs", help="HDF5 file, or - for the built-in checkerboard and ellipses alone")
    parser.add_argument("out", type=Path, metavar="OUT_DIR")
    parser.add_argument("--materials", type=lambda text: text.split(","), help="datasets for Table 4; all images if not given")
    parser.add_argument("--only", type=parts, default=list(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--seeds", type=numbers(int, 0), default=[1], help="of training and realisations; figures take the first")
    parser.add_argument("--steps", type=number(1), help="training steps on materials; 20,000 epochs if not given")
    parser.add_argument("--count", type=number(2), help="realisations of each model; 256 if not given")
    parser.add_argument("--ellipse-steps", type=number(1), help="training steps on ellipses; 200 epochs if not given")
    parser.add_argument("--samples", type=number(32), help="ellipses; 60,000 if not given")
    parser.add_argument("--betas", type=numbers(float, 1e-6), help="of Figure 3; ten from 0.01 to 50 if not given")
    parser.add_argument("--threads", type=number(0), default=0, help="one a core if not given")
    parser.add_argument("--quick", action="store_true", help="minutes instead of a day: to see what comes out, not to compare")
    chosen = parser.parse_args()
    quick = {"steps": 2000, "ellipse_steps": 2000, "samples": 6000, "count": 64, "betas": list(TRAVERSED)}
    full = {"steps": None, "ellipse_steps": None, "samples": 60_000, "count": 256, "betas": list(BETAS)}
    for name, value in (quick if chosen.quick else full).items():
        if getattr(chosen, name) is None:
            setattr(chosen, name, value)
    if chosen.materials is None:
        chosen.materials = images_of(chosen.micrographs)
    return chosen


def images_of(path):
    """The names of all datasets of two or three axes in an HDF5 file."""
    names = []
    if path != "-":
        try:
            with h5py.File(path) as file:
                file.visititems(lambda name, found: names.append(name) if getattr(found, "ndim", 0) in (2, 3) else None)
        except OSError as error:
            sys.exit(f"reproduce.py: {path} cannot be read as HDF5: {error}")
    return names


if __name__ == "__main__":
    run = Run(options())
    for part in PARTS:
        if part in run.only:
            getattr(run, part)()
    print(run.out / "index.html")
