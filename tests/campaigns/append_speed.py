#!/usr/bin/env python3
"""Time to add realisations to a file, of two builds side by side.

    tests/campaigns/append_speed.py OLD NEW [--rounds 5]

OLD and NEW are folders with the program davegan in them or in their bin, compiled alike. Each round takes, of both in turn:
one call that adds 1,000 realisations of 64 x 64, and 100 calls that add one each. Prints the medians, and exits 1 if NEW takes
more than 1.3 times as long for either.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

LIMIT = 1.3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("builds", type=pathlib.Path, nargs=2, metavar=("OLD", "NEW"))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    programs = [next(f for f in (build / "bin/davegan", build / "davegan") if f.exists()) for build in options.builds]
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def run(program, *arguments):
            subprocess.run([program, *map(str, arguments)], check=True, capture_output=True)

        sample = ("--sample", "gaussian_field", "--sample-size", 128)
        models = [folder / f"model{build}.h5" for build in range(2)]  # each build reads its own
        for program, model in zip(programs, models):
            run(program, "train", *sample, "--model", model, "--profile", "paper64", "--batch-size", 4, "--steps", 5)

        def add(program, model, calls, count):
            path = folder / "out.vtkhdf"
            path.unlink(missing_ok=True)
            start = time.perf_counter()
            for call in range(calls):
                run(program, "generate", model, path, "--first", call * count, "--count", count, "--threads", 1)
            return time.perf_counter() - start

        for _ in range(options.rounds):
            for calls, count in ((1, 1000), (100, 1)):
                for build, pair in enumerate(zip(programs, models)):
                    seconds.setdefault((calls, count), ([], []))[build].append(add(*pair, calls, count))
    is_slow = False
    for (calls, count), times in seconds.items():
        old, new = map(statistics.median, times)
        is_slow |= new > LIMIT * old
        print(f"{calls} calls of {count} realisations: {old:.3f} s, {new:.3f} s, ratio {new / old:.2f}")
    return is_slow


if __name__ == "__main__":
    sys.exit(main())
