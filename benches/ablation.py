#!/usr/bin/env python3
"""Trains profile `standard` with one of its changes taken back at a time, and says which gates that costs.

    ablation.py MICROGRAPHS.h5 OUT_DIR [MATERIALS [SEEDS [STEPS]]]

    MATERIALS  names of datasets in MICROGRAPHS.h5, separated by commas; the five development micrographs if not given
    SEEDS      separated by commas; 1,2,3 if not given
    STEPS      of each training; 5000 if not given

A program on one thread runs on each core. Each writes what train_generate writes to OUT_DIR/ROW/MATERIAL-SEED; what is there
already is not made again, so that a run that was stopped goes on. Printed, tab-separated, is for each row the mean number
of gates that hold of 16, over all seeds and phases, then for each micrograph those of each seed (the phase with fewer), then
which gates are short in more of the runs than with nothing taken back: how many of them, and how many there.
The programs are those of the CMake build that DAVEGAN_BUILD names, else of the quick start's.
"""
import collections
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DEVELOPMENT = "alloy,ceramics,rubber,synthetic1,composite"

# Each row: its name, and what it takes back to the paper's value.
ROWS = {
    "standard": [],
    "no candidates": ["candidates=1"],
    "no patterns": ["lambda_patterns=0"],
    "no volume fractions": ["lambda_volume_fraction=0"],
    "no Euler characteristic": ["lambda_euler_characteristic=0"],
    "no noise": ["discriminator_noise=0"],
    "probabilities shown": ["discriminator_binary=0"],
    "batch normalisation": ["discriminator_spectral=0"],
    "width of the table": ["discriminator_width=1"],
    "tiles shown": ["discriminator_windows=0"],
    "reconstructions shown": ["discriminator_reconstructions=1"],
    "not periodic": ["generator_periodic=0"],
    "logits not smoothed": ["generator_smoothing=0"],
    "rates of the paper": ["rate_generator=1e-4", "rate_discriminator=4e-5", "rate_encoder=1e-4", "decay_start=1"],
    "rates do not fall": ["decay_start=1"],
    "beta1 of the paper": ["adam_beta1=0.9"],
    "no average": ["generator_average=0"],
    "lambda_rec of the paper": ["lambda_rec=1e-4"],
    "no floor": ["divergence_floor=0"],
    "labels not smoothed": ["label_smoothing=0"],
    "random prior": ["latent_augmentation=1"],
    "no choice": ["choice_interval=0", "candidates=1"],
}


def train(program, micrographs, out, row, material, seed, steps):
    """Files of one run; made unless there already."""
    to = out / row.replace(" ", "_") / f"{material}-{seed}"
    if not (to / "report.html").exists():
        to.mkdir(parents=True, exist_ok=True)
        options = [word for setting in ROWS[row] for word in ("--set", setting)]
        with open(to / "figures.txt", "w") as figures, open(to / "log.txt", "w") as log:
            command = [program, micrographs, material, to, "--seed", seed, "--steps", steps, "--threads", "1", *options]
            if subprocess.run(list(map(str, command)), stdout=figures, stderr=log).returncode:
                sys.exit(f"{row}, {material}, seed {seed}: failed; see {to / 'log.txt'}")
        print(f"{row}, {material}, seed {seed}: {', '.join(f'{gates} of 16' for gates, _ in phases(to))}", file=sys.stderr)
    return to


def phases(run):
    """For each phase of a run how many gates hold, and the names of those that do not."""
    result, short = [], []
    for line in open(run / "fidelity.txt"):
        words = line.split()
        if words[2:3] == ["SHORT"]:
            short.append(words[0])
        if line.rstrip().endswith("gates hold"):
            result.append((int(words[0]), short))
            short = []
    return result


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    root = Path(__file__).resolve().parent.parent
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    program = Path(os.environ.get("DAVEGAN_BUILD", target / "quickstart")) / "examples-c" / "train_generate"
    if not program.exists():
        sys.exit(f"{program} does not exist; build it with examples-c/quickstart.sh, or name a build in DAVEGAN_BUILD")
    micrographs, out = sys.argv[1], Path(sys.argv[2])
    materials, seeds = (text.split(",") for text in (sys.argv[3:5] + [DEVELOPMENT, "1,2,3"][len(sys.argv[3:5]):]))
    steps = sys.argv[5] if len(sys.argv) > 5 else "5000"

    print("taken back", "mean", *materials, "short more often", sep="\t")
    usual = None
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = {(row, seed, material): pool.submit(train, program, micrographs, out, row, material, seed, steps)
                for row in ROWS for seed in seeds for material in materials}
        for row in ROWS:
            of = {material: [phases(runs[row, seed, material].result()) for seed in seeds] for material in materials}
            every = [phase for seeds_of in of.values() for run in seeds_of for phase in run]
            short = collections.Counter(gate for _, gates in every for gate in gates)
            usual = usual or short
            mean = sum(gates for gates, _ in every) / len(every)
            least = [" ".join(str(min(gates for gates, _ in run)) for run in of[material]) for material in materials]
            more = [f"{gate} {count} ({usual[gate]})" for gate, count in short.most_common() if count > usual[gate]]
            print(row, f"{mean:.1f}", *least, ", ".join(more), sep="\t", flush=True)


if __name__ == "__main__":
    main()
