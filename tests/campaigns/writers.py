#!/usr/bin/env python3
"""Kills davegan while it writes a file of any kind, or lets the disk be full, and looks at what is left.

    tests/campaigns/writers.py BUILD [--kills 20] [--fails 10] [--only report,export]

BUILD is a folder with the program davegan and libdavegan.so in it, or in its bin and lib. Each writer runs where there is no
file and where there is one of its kind, which it replaces or adds to. It is killed before --kills of its calls that change a
file, and --fails times all calls from one on that need room fail, with the words of a full disk (ENOSPC) or of a quota
(EDQUOT) in turns. Realisations have a campaign of their own, kill.py. Afterwards:

* each file is the old one or the new one, whole; of HDF5 files everything in them, and what a host has put there; of
  relaxed images the set may be empty;
* after a failure: the status is 1, the message says to make room, and no file but a journal is there that was not;
* the next call succeeds, gives the files of an undisturbed one, and leaves no other.

Prints a line for each writer and exits 1 if anything is bad. Needs cc, h5py and numpy.
"""

import argparse
import contextlib
import errno
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = ("--sample", "gaussian_field", "--sample-size", 64)

# Calls that the program does not have: `save` writes a model, `micrograph` a micrograph of so many phases into a host's file.
CALLS = """
import ctypes, os, sys
library, call, path, source, seed = sys.argv[1:]
c, handle = ctypes.CDLL(library), ctypes.c_void_p()
if call == "save":
    status = c.davegan_model_load(os.fsencode(source), 0, 0, ctypes.byref(handle))
    status = status or c.davegan_model_save(handle, os.fsencode(path))
else:
    phases = bytes(i // 8 % (2 + int(seed)) for i in range(64 * 64))
    side = ctypes.c_size_t(64)
    status = c.davegan_micrograph_from_memory(phases, ctypes.c_size_t(1), side, side, ctypes.byref(handle))
    status = status or c.davegan_micrograph_write(handle, os.fsencode(path), b"m")
if status:
    c.davegan_last_error.restype = ctypes.c_char_p
    print(c.davegan_last_error().decode(), file=sys.stderr)
sys.exit(status != 0)
"""


class Writer:
    """`arguments` of the program that write the files `names`, for seed 0 or 1; `has_host`: into a host's HDF5 files."""

    def __init__(self, name, names, arguments, has_host=False):
        self.name, self.names, self.arguments, self.has_host = name, names, arguments, has_host


def writers(inputs):
    model, realisations = inputs / "model.h5", inputs / "realisations.vtkhdf"
    judged = (model, *SAMPLE, "--threads", 1)
    yield Writer("model", ["f"], lambda seed: ("train", *SAMPLE, "--profile", "paper32", "--batch-size", 4, "--steps", 2,
                                               "--threads", 1, "--seed", seed, "--model", "f"))
    yield Writer("report and contact sheet", ["r.html", "s.png"], lambda seed: (
        "report", *judged, "--count", 4, "--seed", seed, "--output", "r.html", "--contact-sheet", "s.png"))
    yield Writer("representative", ["f"], lambda seed: (
        "representative", model, "--sizes", 32, "--count", 4, "--threads", 1, "--seed", seed, "--output", "f"))
    yield Writer("evaluate", ["f.h5", "r.h5"], lambda seed: (
        "evaluate", *judged, "--count", 32, "--seed", seed, "--output", "f.h5", "--reconstructions", "r.h5"), has_host=True)
    yield Writer("relax", ["f.h5"], lambda seed: (
        "relax", realisations, "f.h5", "--dataset", "/VTKHDF/CellData/phase", *SAMPLE, "--group", "g", "--replace",
        "--seed", seed, "--threads", 1), has_host=True)
    for kind, names in [("vti", ["f"]), ("npy", ["f"]), ("tiff", ["f"]), ("dream3d", ["f"]), ("abaqus", ["f"]),
                        ("xdmf", ["f", "f.h5"])]:
        yield Writer(f"export {kind}", names, lambda seed, kind=kind: (
            "export", realisations, "--index", seed, "--output", "f", "--format", kind))
    yield Writer("save", ["f"], lambda seed: ("call save", "f", inputs / f"model{seed or ''}.h5", seed))
    yield Writer("micrograph", ["f.h5"], lambda seed: ("call micrograph", "f.h5", "-", seed), has_host=True)


def content(path):
    """The bytes of a file; of an HDF5 file without a mark of its own, everything that is in it."""
    if not path.exists():
        return None
    start = path.open("rb").read(8)
    if start != b"\x89HDF\r\n\x1a\n":
        return path.read_bytes()
    found = {}

    def look(name, of):
        attributes = {key: str(value) for key, value in of.attrs.items()}
        found[name] = attributes, of[()].tobytes() if isinstance(of, h5py.Dataset) else None

    with h5py.File(path) as file:
        file.visititems(look)
    return found


class Campaign:
    def __init__(self, build, folder):
        self.program = next(f for f in (build / "bin/davegan", build / "davegan") if f.exists())
        self.library = next(f for f in (build / "lib/libdavegan.so", build / "libdavegan.so") if f.exists())
        self.inputs, self.out = folder / "inputs", folder / "out"
        self.inputs.mkdir()
        self.preload = folder / "kill_at_write.so"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", self.preload, HERE / "kill_at_write.c", "-ldl", "-pthread"],
                       check=True)
        self.out.mkdir()
        for seed, name in enumerate(["model.h5", "model1.h5"]):
            self.run(("train", *SAMPLE, "--profile", "paper32", "--batch-size", 4, "--steps", 3, "--threads", 1, "--seed", seed,
                      "--model", self.inputs / name))
        self.run(("generate", self.inputs / "model.h5", self.inputs / "realisations.vtkhdf", "--count", 2, "--threads", 1))

    def run(self, arguments, **environment):
        first, *others = map(str, arguments)
        command = [self.program, first, *others]
        if first.startswith("call "):
            command = [sys.executable, "-B", "-c", CALLS, self.library, first.removeprefix("call "), *others]
        environment = {**os.environ, **{name: str(value) for name, value in environment.items()}}
        return subprocess.run(command, env=environment, cwd=self.out, capture_output=True, text=True)

    def undisturbed(self, writer, seed):
        result = self.run(writer.arguments(seed))
        if result.returncode != 0:
            sys.exit(f"{writer.name}: {result.stderr}")

    def begin(self, writer, has_old):
        """The folder as it is before the call that is disturbed."""
        shutil.rmtree(self.out)
        self.out.mkdir()
        for name in writer.names if writer.has_host else []:
            with h5py.File(self.out / name, "w") as file:
                file["mesh/points"] = np.arange(300.0)
        if has_old:
            self.undisturbed(writer, 1)

    def found(self, writer):
        return [content(self.out / name) for name in writer.names]

    def others(self, writer):
        """Files that the writer is not to leave."""
        return sorted({path.name for path in self.out.iterdir()} - set(writer.names))

    def disturb(self, writer, has_old, disturbance, **environment):
        """Disturbs one call, with this environment within the context `disturbance`. Returns its result and what is wrong then."""
        self.begin(writer, has_old)
        old = self.found(writer)
        with disturbance:
            result = self.run(writer.arguments(0), **environment)
        wrong = self.look(writer, old)
        if result.returncode > 0:
            wrong += self.look_at_failure(writer, result)
        again = self.run(writer.arguments(0))
        if again.returncode != 0:
            return result, [*wrong, f"the next call says: {again.stderr.strip()}"]
        if self.found(writer) != self.new:
            wrong.append("after the next call the files are not right")
        if self.others(writer):
            wrong.append(f"after the next call there are {self.others(writer)}")
        return result, wrong

    def look(self, writer, old):
        """What is wrong with the files after a call that was disturbed."""
        wrong = []
        try:
            for name, before, now, new in zip(writer.names, old, self.found(writer), self.new):
                is_added_to = writer.has_host and isinstance(now, dict) and now["mesh/points"] == before["mesh/points"]
                if now != before and now != new and not (is_added_to and writer.name == "relax"):
                    wrong.append(f"{name} is neither the old file nor the new one")
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            wrong.append(f"h5py: {error}")
        return wrong

    def look_at_failure(self, writer, result):
        """What is wrong with a call that had no room."""
        wrong = []
        if result.returncode != 1 or "make room" not in result.stderr:
            wrong.append(f"status {result.returncode}: {result.stderr.strip()[-300:]}")
        left = {name for name in self.others(writer) if not name.endswith(".davegan-journal")}
        if left:
            wrong.append(f"the failure leaves {left}")
        return wrong

    def run_all(self, writer, has_old, kills, fails):
        self.begin(writer, has_old)
        log = self.inputs / "log"
        self.run(writer.arguments(0), LD_PRELOAD=self.preload, KILL_LOG=log)
        self.new, calls = self.found(writer), int(log.read_text().split()[0])
        places = lambda n: sorted({1 + (2 * i + 1) * calls // (2 * n) for i in range(n)})
        hows = [{"KILL_AT": at} for at in places(kills)]
        hows += [{"FAIL_AT": at, "FAIL_ERRNO": (errno.ENOSPC, errno.EDQUOT)[i % 2]} for i, at in enumerate(places(fails))]
        counts, bad = {"killed": 0, "failed": 0, "went on": 0}, 0
        for how in hows:
            result, wrong = self.disturb(writer, has_old, contextlib.nullcontext(), LD_PRELOAD=self.preload, **how)
            counts["killed" if result.returncode == -9 else "failed" if result.returncode else "went on"] += 1
            if wrong:
                bad += 1
                print(f"BAD {writer.name}, {how} of {calls}: {'; '.join(wrong)[:700]}", flush=True)
        print(f"{writer.name}, {'over an old file' if has_old else 'new file'}: {calls} calls, "
              f"{', '.join(f'{n} {what}' for what, n in counts.items())}, {bad} bad", flush=True)
        return np.array([*counts.values(), bad])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--fails", type=int, default=10)
    parser.add_argument("--only", type=lambda text: text.split(","))
    options = parser.parse_args()
    total = np.zeros(4, int)
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(options.build.resolve(), pathlib.Path(folder))
        for writer in writers(campaign.inputs):
            if options.only and not any(writer.name.startswith(name) for name in options.only):
                continue
            for has_old in (False, True):
                total += campaign.run_all(writer, has_old, options.kills, options.fails)
    print("{} killed, {} failed, {} went on: {} bad".format(*total))
    return bool(total[3])


if __name__ == "__main__":
    sys.exit(main())
