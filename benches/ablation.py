#!/usr/bin/env python3
"""Trains profile `standard` with one of its changes taken back at a time, and says which gates that costs.

    ablation.py MICROGRAPHS.h5 OUT_DIR [MATERIALS [SEEDS [STEPS]]]

    MATERIALS  names of datasets in MICROGRAPHS.h5, separated by commas; the five development micrographs if not given
    SEEDS      separated by commas; 1,2,3 if not given
    STEPS      of each training; 5000 if not given

fidelity.sh runs on each core, with one thread. OUT_DIR/ROW holds what it writes and prints; what is there already is not made
again, so that a run that was stopped goes on. The programs must have been built, see fidelity.sh. Printed, tab-separated, is
for each row the mean number of gates that hold of 16, over all seeds and phases, by how many these are more than with nothing
taken back, with the standard error of that over seeds and phases, then for each micrograph those of each seed (the phase with
fewer), then which gates are short in more of the runs than with nothing taken back: how many of them, and how many there.
"""
import collections
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FIDELITY = Path(__file__).resolve().parent / "fidelity.sh"
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
    "two batches of the generator": ["generator_separate_batches=1"],
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


def run(micrographs, out, row, material, seed, steps):
    """What fidelity.sh prints of one run, a line a phase; made unless there already."""
    folder = out / row.replace(" ", "_")
    lines = folder / f"{material}-{seed}.tsv"
    if not lines.exists():
        folder.mkdir(parents=True, exist_ok=True)
        options = [word for setting in ROWS[row] for word in ("--set", setting)]
        with open(folder / f"{material}-{seed}.log", "w") as log:
            command = [FIDELITY, micrographs, folder, material, seed, "--steps", steps, "--threads", "1", *options]
            printed = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=log, text=True).stdout
        of_phases = printed.splitlines()[1:]
        if not of_phases:
            sys.exit(f"{row}, {material}, seed {seed}: failed; see {log.name}")
        print(f"{row}: {'; '.join(of_phases)}", file=sys.stderr)
        lines.write_text("\n".join(of_phases))
    return [phase(line) for line in lines.read_text().splitlines()]


def phase(line):
    """How many gates hold, and the names of those that do not."""
    _, _, _, gates, _, short = line.split("\t")
    return int(gates.split()[0]), [gate.split()[0] for gate in short.split(", ") if gate]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    target = Path(os.environ.get("CARGO_TARGET_DIR", FIDELITY.parent.parent / "target"))
    build = Path(os.environ.get("DAVEGAN_BUILD", target / "quickstart"))
    if not (build / "examples-c" / "train_generate").exists():
        # fidelity.sh would build it, but here several would at once.
        sys.exit(f"{build} holds no programs; build them with examples-c/quickstart.sh, or name a build in DAVEGAN_BUILD")
    micrographs, out = sys.argv[1], Path(sys.argv[2])
    materials, seeds, steps = sys.argv[3:6] + [DEVELOPMENT, "1,2,3", "5000"][len(sys.argv[3:6]):]
    materials, seeds = materials.split(","), seeds.split(",")

    print("taken back", "mean", "more", "error", *materials, "short more often", sep="\t")
    with_all = None
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        runs = {(row, seed, material): pool.submit(run, micrographs, out, row, material, seed, steps)
                for row in ROWS for seed in seeds for material in materials}
        for row in ROWS:
            of = {material: [runs[row, seed, material].result() for seed in seeds] for material in materials}
            every = [phase for runs_of in of.values() for phases in runs_of for phase in phases]
            with_all = with_all or every
            short, usual = (collections.Counter(gate for _, gates in of_row for gate in gates) for of_row in (every, with_all))
            mean = statistics.mean(gates for gates, _ in every)
            more = [gates - of_all for (gates, _), (of_all, _) in zip(every, with_all)]
            error = statistics.stdev(more) / len(more) ** 0.5 if len(more) > 1 else float("nan")
            least = [" ".join(str(min(gates for gates, _ in phases)) for phases in of[material]) for material in materials]
            shorter = [f"{gate} {count} ({usual[gate]})" for gate, count in short.most_common() if count > usual[gate]]
            print(row, f"{mean:.1f}", f"{statistics.mean(more):+.1f}", f"{error:.1f}", *least, ", ".join(shorter), sep="\t", flush=True)
    finally:
        # If one has failed, the others need not be begun.
        pool.shutdown(cancel_futures=True)


if __name__ == "__main__":
    main()
