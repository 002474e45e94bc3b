#!/usr/bin/env python3
"""Kills trainings, and looks at the model file and at what becomes of it when they are resumed.

    tests/campaigns/kill_training.py BUILD [--kills 200] [--seed 0] [--profiles paper32,standard,volume]

BUILD is a folder with bin/davegan and lib/libdavegan.so. A training is killed with SIGKILL some times in a row, in turns at a
random moment of it and before a random one of its calls that change a file, and resumed each time; then it is left alone.
Every other one begins over the model of another training. After each kill the file is what it was, or a model that
`davegan info` reads, no further back than before; at the end it has the bytes of a training that was never killed. The
calibration of profiles standard and volume takes most of their time, so nine in ten kills are of profile paper32.

Prints a line for each profile and exits 1 if anything is bad. Needs cc.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parents[1] / "include"
# Of each profile: steps, steps between checkpoints, and its share of the kills.
PROFILES = {"paper32": (60, 4, 0.9), "standard": (4, 1, 0.06), "volume": (2, 1, 0.04)}
IN_A_ROW = 5


class Campaign:
    def __init__(self, build, folder):
        self.info_program, self.folder = build / "bin/davegan", folder
        self.preload, self.program = folder / "kill_at_write.so", folder / "train"
        compile = lambda *arguments: subprocess.run(["cc", "-O1", *map(str, arguments)], check=True)
        compile("-shared", "-fPIC", "-o", self.preload, HERE / "kill_at_write.c", "-ldl", "-pthread")
        compile("-o", self.program, HERE / "kill_training.c", "-I", INCLUDE, "-L", build / "lib", "-ldavegan",
                f"-Wl,-rpath,{build / 'lib'}")

    def train(self, path, profile, resume, kill_after=None, steps=None, **environment):
        """Trains; returns the exit status, -9 after a kill, and the seconds that it took."""
        steps, interval = steps or PROFILES[profile][0], PROFILES[profile][1]
        environment = {**os.environ, **{name: str(value) for name, value in environment.items()}}
        command = [self.program, path, profile, *map(str, (steps, interval, int(resume)))]
        begin = time.monotonic()
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            _, errors = process.communicate(timeout=kill_after)
        except subprocess.TimeoutExpired:
            process.kill()
            _, errors = process.communicate()
        if process.returncode not in (0, -9):
            sys.exit(f"training ended with {process.returncode}: {errors}")
        return process.returncode, time.monotonic() - begin

    def steps(self, path):
        """The steps of the model at `path`; -1 if there is none, None if it cannot be read."""
        if not path.exists():
            return -1
        info = subprocess.run([self.info_program, "info", path, "--json"], capture_output=True, text=True)
        return json.loads(info.stdout)["steps"] if info.returncode == 0 else None

    def chain(self, profile, dice, kills, whole, seconds, calls, other):
        """Kills one training some times and lets it end. Returns the number of kills and what is wrong."""
        path, n, wrong = self.folder / "model.h5", 0, []
        path.unlink(missing_ok=True)
        if other:
            path.write_bytes(other)
        resume, before = not other, -1
        for kill in range(kills):
            how = {"kill_after": dice.uniform(0, seconds)}
            if kill % 2:
                how = {"LD_PRELOAD": self.preload, "KILL_AT": dice.randint(1, calls)}
            status, _ = self.train(path, profile, resume, **how)
            n += status == -9
            if not resume and path.read_bytes() == other:
                continue  # nothing is saved yet
            resume, now = True, self.steps(path)
            if now is None or now < before:
                wrong.append(f"{how}: a file of {before} steps has become one of {now}")
            before = -1 if now is None else now
        self.train(path, profile, resume)
        if path.read_bytes() != whole:
            wrong.append("resuming gives other bytes")
        left = [file.name for file in self.folder.glob(".davegan-*")]
        return n, wrong + ([f"files are left: {left}"] if left else [])

    def run(self, profile, dice, kills):
        path, log, n, n_bad = self.folder / "whole.h5", self.folder / "log", 0, 0
        _, seconds = self.train(path, profile, False)
        self.train(path, profile, False, LD_PRELOAD=self.preload, KILL_LOG=log)
        whole, calls = path.read_bytes(), int(log.read_text().split()[0])
        self.train(path, "paper32", False, steps=2)
        others = [None, path.read_bytes()]
        while n < kills:
            found, wrong = self.chain(profile, dice, min(IN_A_ROW, kills - n), whole, seconds, calls, others[0])
            others.reverse()
            n += found
            n_bad += bool(wrong)
            if wrong:
                print(f"BAD {profile}: {'; '.join(wrong)}", flush=True)
        print(f"{profile}: {n} kills of trainings of {seconds:.1f} s, {n_bad} bad", flush=True)
        return n, n_bad


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--profiles", type=lambda text: text.split(","), default=list(PROFILES))
    options = parser.parse_args()
    dice = random.Random(options.seed)
    shares = sum(PROFILES[profile][2] for profile in options.profiles)
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(options.build.resolve(), pathlib.Path(folder))
        counts = [campaign.run(profile, dice, round(options.kills * PROFILES[profile][2] / shares))
                  for profile in options.profiles]
    kills, bad = map(sum, zip(*counts))
    print(f"{kills} kills, {bad} bad")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
