#!/usr/bin/env python3
"""Kills davegan while it writes realisations, and looks at what is left.

    tests/campaigns/kill.py BUILD [--writes 400] [--times 200] [--cuts 40] [--seed 0] [--keep FOLDER]
                                  [--kinds small,large,volume]

BUILD is a folder with the program davegan and libdavegan.so in it, or in its bin and lib. Each run is killed before one of its calls that change a
file (--writes), the same with the write made up to the end of a page first (--cuts), or at a random time after the first
such call (--times). After every third kill the next run, which mends the file, is killed early as well. Kills are spread
over the cases below: small realisations and volumes are added whole, large ones block by block. After each:

* h5py reads every earlier realisation, and what the host has written, with the same bytes, before any recovery;
* a dataset of davegan_write_images is the old one or the new one;
* n_written, and for VTK NSteps, count only realisations whose rows are there and right;
* the next call that adds to the file succeeds, and then everything is right.

Prints a line for each case and exits 1 if anything is bad. --keep keeps the bad files. Needs cc, h5py and numpy.
"""

import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ADDED = 40
COLUMNS = ("index", "volume_fraction", "s2_error")


class Case:
    """`name`; what the set of `group` (None: VTKHDF) holds `before`; the format of what a host has put into the file; and
    whether the set is replaced instead of added to."""

    kind, added, more = "small", ADDED, 3  # of the realisations; how many are added, and by the call after the last kill

    def __init__(self, name, before, group=None, host=None, replace=False):
        self.name, self.before, self.group, self.host, self.replace = name, before, group, host, replace
        self.fields = 9 if host == "earliest" else 4  # docs/reliability.md tells of more than 8 links in newer formats


class ImagesCase(Case):
    """davegan_write_images replaces a dataset of 8 images, or writes the first one."""

    def __init__(self, name, before):
        super().__init__(name, before, "images", "earliest")


class LargeCase(Case):
    """A realisation that is stored block by block."""

    kind, added, more = "large", 1, 1


class VolumeCase(Case):
    """Volumes of 32 x 32 x 32 voxels."""

    kind, added, more = "volume", 2, 1


# Of each kind: the profile that makes its realisations, more options of the training, and how many the cases need.
KINDS = {
    "small": ("paper32", ("--batch-size", 4), 64 + ADDED + 3),
    "large": ("standard", ("--batch-size", 4), 4),
    "volume": ("volume", ("--window-side", 32), 5),
}

CASES = [
    Case("VTKHDF, new file", 0),
    Case("VTKHDF, 1 realisation", 1),
    Case("VTKHDF, 64 realisations", 64),
    Case("host's file, new group", 0, "ensembles/run", "earliest"),
    Case("host's file of HDF5 1.14, new group", 0, "ensembles/run", "latest"),
    Case("host's group, 64", 64, "ensembles/run", "earliest"),
    Case("group beside other sets, 64", 64, "sets/d", "earliest"),
    Case("VTKHDF, 64 replaced", 64, replace=True),
    Case("group beside other sets, 64 replaced", 64, "sets/d", "earliest", replace=True),
    ImagesCase("images, new dataset", 0),
    ImagesCase("images, dataset replaced", 8),
    LargeCase("VTKHDF, new file, in blocks", 0),
    LargeCase("VTKHDF, 1 realisation, in blocks", 1),
    LargeCase("VTKHDF, 2 realisations, in blocks", 2),
    LargeCase("host's file, new group, in blocks", 0, "ensembles/run", "earliest"),
    LargeCase("host's group, 2, in blocks", 2, "ensembles/run", "earliest"),
    VolumeCase("VTKHDF, new file of volumes", 0),
    VolumeCase("VTKHDF, 1 volume", 1),
    VolumeCase("VTKHDF, 2 volumes", 2),
    VolumeCase("host's file, new group of volumes", 0, "ensembles/run", "earliest"),
    VolumeCase("host's group, 2 volumes", 2, "ensembles/run", "earliest"),
]


# Writes the images in the file argv[4], 32 x 32 pixels each.
WRITE_IMAGES = """
import ctypes, os, sys
library, path, dataset, images = sys.argv[1:]
phases = open(images, "rb").read()
n = ctypes.c_size_t(len(phases) // 32**2)
sides = map(ctypes.c_size_t, (1, 32, 32))
sys.exit(ctypes.CDLL(library).davegan_write_images(os.fsencode(path), dataset.encode(), phases, n, *sides))
"""


class Campaign:
    def __init__(self, build, folder, kinds):
        self.program = next(f for f in (build / "bin/davegan", build / "davegan") if f.exists())
        self.library = next(f for f in (build / "lib/libdavegan.so", build / "libdavegan.so") if f.exists())
        self.folder = folder
        self.preload = folder / "kill_at_write.so"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", self.preload, HERE / "kill_at_write.c", "-ldl", "-pthread"],
                       check=True)
        self.models, self.right = {}, {}
        for kind in kinds:
            profile, options, count = KINDS[kind]
            self.models[kind] = folder / f"{kind}.h5"
            self.run("train", "--sample", "gaussian_field", "--sample-size", 64, "--model", self.models[kind],
                     "--profile", profile, *options, "--steps", 5)
            reference = folder / f"{kind}_reference.h5"
            self.generate(kind, reference, "all", 0, count)
            with h5py.File(reference) as file:
                self.right[kind] = {name: file["all"][name][:] for name in ("phase", *COLUMNS)}

    def run(self, *arguments, **environment):
        command = [self.program, *map(str, arguments)]
        environment = {**os.environ, **{name: str(value) for name, value in environment.items()}}
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def generate(self, kind, path, group, first, count, *options, **environment):
        layout = ("--group", group) if group else ()
        size = ("--size", "32x4128") if kind == "large" else ()
        return self.run("generate", self.models[kind], path, "--first", first, "--count", count, "--threads", 1, *layout,
                        *size, *options, **environment)

    def add(self, case, path, n, count, **environment):
        """Adds `count` realisations to the `n` that are there, or writes the images 0..n + count."""
        if case.replace:
            return self.generate(case.kind, path, case.group, 0, n + count, "--replace", **environment)
        if not isinstance(case, ImagesCase):
            return self.generate(case.kind, path, case.group, n, count, **environment)
        images = self.folder / "images"
        images.write_bytes(self.right[case.kind]["phase"][:n + count].tobytes())
        command = [sys.executable, "-B", "-c", WRITE_IMAGES, self.library, path, case.group, images]
        environment = {**os.environ, **{name: str(value) for name, value in environment.items()}}
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    def prepare(self, case):
        """The file of `case` before the addition that is killed; None if there is none."""
        path = self.folder / "before.h5"
        path.unlink(missing_ok=True)
        if case.host:
            with h5py.File(path, "w", libver=case.host) as file:
                file["mesh/points"] = np.arange(300.0).reshape(100, 3)
                file["mesh/names"] = ["left", "right", "top"]
                for i in range(case.fields):
                    file[f"field{i}"] = np.full(50, i)
        if case.group and case.group.startswith("sets/"):
            for other in "abc":
                self.generate(case.kind, path, f"sets/{other}", 0, 8)
        if case.before:
            self.add(case, path, 0, case.before)
        return path if path.exists() else None

    def problems(self, case, path, at_least, at_most):
        """What is wrong with the file at `path`, and how many realisations it counts."""
        at_least = 0 if case.replace and at_least < at_most else at_least
        if not path.exists():
            return ([] if at_least == 0 and not case.host else ["the file is gone"]), 0
        try:
            with h5py.File(path) as file:
                return self.problems_inside(case, file, at_least, at_most)
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            return [f"h5py: {error}"], None

    def problems_inside(self, case, file, at_least, at_most):
        found = []
        if case.host:
            host_is_right = (
                (file["mesh/points"][:] == np.arange(300.0).reshape(100, 3)).all()
                and list(file["mesh/names"].asstr()) == ["left", "right", "top"]
                and all((file[f"field{i}"][:] == i).all() for i in range(case.fields)))
            if not host_is_right:
                found.append("the host's data have changed")
        if case.group and case.group.startswith("sets/"):
            for other in "abc":
                self.compare(case, file[f"sets/{other}"], file[f"sets/{other}/phase"], 8, found)
        if isinstance(case, ImagesCase):
            images = file.get(case.group)
            n = len(images) if images is not None else 0
            if n not in (at_least, at_most) or n and (images[:] != self.right[case.kind]["phase"][:n, 0]).any():
                found.append(f"{n} images are there, or they are not right")
            return found, n
        record = file.get(case.group or "davegan")
        n = int(record.attrs.get("n_written", 0)) if record is not None else 0
        if not at_least <= n <= at_most:
            found.append(f"n_written is {n}, expected {at_least} to {at_most}")
        if n:
            phases = record["phase"] if case.group else file["VTKHDF/CellData/phase"]
            self.compare(case, record, phases, n, found)
        steps = file.get("VTKHDF/Steps")
        if steps is not None:
            n_steps = int(steps.attrs["NSteps"])
            values = [steps["Values"][:n_steps], steps["CellDataOffsets/phase"][:n_steps]]
            if n_steps > at_most or any((part != np.arange(n_steps)).any() for part in values):
                found.append(f"NSteps is {n_steps}, the steps {values}")
            self.compare(case, None, file["VTKHDF/CellData/phase"], n_steps, found)
        return found, n

    def compare(self, case, record, phases, n, found):
        parts = {"phase": phases, **({name: record[name] for name in COLUMNS} if record is not None else {})}
        for name, data in parts.items():
            data = data[:][None] if name == "phase" and data.ndim == 3 else data[:n]
            if not np.array_equal(data, self.right[case.kind][name][:n], equal_nan=True):
                found.append(f"{name} of {n} realisations is not right")

    def kill(self, case, before, again, **how):
        """Kills one addition, and if `again` is not 0 the next one at this call. Returns the number of kills and what is wrong."""
        path = self.folder / "out.h5"
        self.clear(path)
        if before:
            shutil.copy(before, path)
        n, kills, found = case.before, 0, []
        for how in [how, {"KILL_AT": again}] if again else [how]:
            result = self.add(case, path, n, case.before + case.added - n, LD_PRELOAD=self.preload, **how)
            kills += result.returncode == -9
            wrong, counted = self.problems(case, path, n, case.before + case.added)
            found += wrong
            n = n if counted is None else counted
            if n == case.before + case.added:
                break
        return kills, found + self.go_on(case, path, n)

    def go_on(self, case, path, n):
        """Adds what is missing to the `n` realisations at `path`, and some more. Returns what is wrong."""
        found = []
        rest = case.before + case.added + case.more - n
        result = self.add(case, path, n, rest)
        if " already; choose a first index beyond " in result.stderr:
            # It has completed what was begun, and the file counts more than it did after the kill.
            wrong, n = self.problems(case, path, n + 1, case.before + case.added)
            found += wrong
            rest = case.before + case.added + case.more - n
            result = self.add(case, path, n, rest)
        if result.returncode != 0:
            return [*found, f"the next call says: {result.stderr.strip()}"]
        after, _ = self.problems(case, path, n + rest, n + rest)
        return found + [f"after the next call, which says OK: {problem}" for problem in after]

    def clear(self, path):
        for old in [path, *self.folder.glob(path.name + ".*"), *self.folder.glob(".davegan-*")]:
            old.unlink(missing_ok=True)

    def size(self, case, before):
        """Calls that change a file, and microseconds from the first of them to the end."""
        path, log = self.folder / "out.h5", self.folder / "log"
        self.clear(path)
        if before:
            shutil.copy(before, path)
        self.add(case, path, case.before, case.added, LD_PRELOAD=self.preload, KILL_LOG=log)
        return tuple(map(int, log.read_text().split()))


def spread(n, calls):
    """`n` of the calls 1..calls, the same distance apart; all of them, repeatedly, if there are fewer."""
    return [1 + i * calls // n if n <= calls else 1 + i % calls for i in range(n)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--writes", type=int, default=400)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--cuts", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--kinds", default=",".join(KINDS), type=lambda text: text.split(","))
    options = parser.parse_args()
    dice = random.Random(options.seed)
    total, bad = 0, 0
    cases = [case for case in CASES if case.kind in options.kinds]
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(options.build.resolve(), pathlib.Path(folder), options.kinds)
        for number, case in enumerate(cases):
            share = lambda n: n // len(cases) + (number < n % len(cases))
            before = campaign.prepare(case)
            calls, microseconds = campaign.size(case, before)
            kills = [{"KILL_AT": at} for at in spread(share(options.writes), calls)]
            kills += [{"KILL_AT": at, "KILL_CUT": 1} for at in spread(share(options.cuts), calls)]
            kills += [{"KILL_AFTER": dice.randrange(microseconds)} for _ in range(share(options.times))]
            n_killed, n_bad = 0, 0
            for kill, how in enumerate(kills):
                again = dice.randrange(1, 13) if kill % 3 == 0 else 0
                n, found = campaign.kill(case, before, again, **how)
                n_killed += n
                if found:
                    n_bad += 1
                    print(f"BAD {case.name}: {how} of {calls}: {'; '.join(found)[:600]}", flush=True)
                    if options.keep:
                        options.keep.mkdir(parents=True, exist_ok=True)
                        shutil.copy(campaign.folder / "out.h5", options.keep / f"{number}-{n_bad}.h5")
            print(f"{case.name}: {n_killed} kills in {calls} calls, {n_bad} bad", flush=True)
            total, bad = total + n_killed, bad + n_bad
    print(f"{total} kills, {bad} bad")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
