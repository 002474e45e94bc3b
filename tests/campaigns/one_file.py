#!/usr/bin/env python3
"""Two processes that write one file, and processes killed while they put a file in place.

    DAVEGAN_BUILD=PREFIX python3 tests/campaigns/one_file.py [RACES]

PREFIX is an installation of davegan or a CMake build, with bin/davegan and lib/libdavegan.so; RACES is 100 unless given.

For each way to write a file, two processes begin at the same moment, once where there is no file and once where there
is one. Bad is: a process that is told OK and whose data is not in the file; one that fails otherwise than with
DAVEGAN_IO and the name of the file. Then as many processes that save models are killed, beside one that goes on. Bad
is: a temporary file that is there after the next call into the directory, or a failure of the process that goes on.
Prints the counts; the exit status is 1 if anything was bad.
"""
import ctypes
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from ctypes import byref, c_char_p, c_double, c_int32, c_int64, c_size_t, c_void_p
from pathlib import Path

import h5py
import numpy as np

BUILD = Path(os.environ.get("DAVEGAN_BUILD", "/usr/local"))
OK, IO = 0, 2
SIDE, EACH = 32, 8  # pixels of an image, realisations of a call
KINDS = ("series", "one group", "two groups", "images", "fidelity", "model")


class GenerateOptions(ctypes.Structure):
    """davegan_generate_options_t"""

    _fields_ = (
        [("struct_size", c_size_t)]
        + [(name, c_int64) for name in ("seed", "first", "count", "nx", "ny", "nz", "x0", "y0", "z0")]
        + [(name, c_int64) for name in ("block_nx", "block_ny", "block_nz")]
        + [(name, c_int64) for name in ("row_stride", "layer_stride", "realisation_stride")]
        + [(name, c_int32) for name in ("threads", "replace", "with_s2_error", "progress_bar", "voxel_unit")]
        + [("voxel_size", c_double), ("progress_interval", c_double), ("progress", c_void_p), ("user_data", c_void_p)]
        + [("volume_fraction", c_double * 8), ("threshold", c_int64 * 256)]
        + [(name, c_int32) for name in ("smallest_island", "majority")]
    )


class Davegan:
    """The library of process `number`: with the first of `models`, and with its own one, which it saves."""

    def __init__(self, models, number=0):
        self.c = ctypes.CDLL(str(BUILD / "lib" / "libdavegan.so"))
        self.c.davegan_last_error.restype = c_char_p
        self.model, self.own, self.micrograph, self.fidelity = c_void_p(), c_void_p(), c_void_p(), c_void_p()
        self.check(self.c.davegan_model_load(models[0], 0, 0, byref(self.model)))
        self.check(self.c.davegan_model_load(models[number % 2], 0, 0, byref(self.own)))
        board = (np.add.outer(np.arange(64) // 8, np.arange(64) // 8) % 2).astype(np.uint8)
        pixels = board.ctypes.data_as(c_void_p)
        size = [c_size_t(length) for length in (1, 64, 64)]
        self.check(self.c.davegan_micrograph_from_memory(pixels, *size, byref(self.micrograph)))
        options = self.options(0, 32)
        self.check(self.c.davegan_fidelity_measure_model(self.model, self.micrograph, -1, 0, byref(options),
                                                         byref(self.fidelity)))

    def message(self):
        return self.c.davegan_last_error().decode()

    def check(self, status):
        if status != OK:
            sys.exit(self.message())

    def options(self, first, count=EACH):
        options = GenerateOptions()
        self.check(self.c.davegan_generate_options_init(byref(options), c_size_t(ctypes.sizeof(options))))
        options.first, options.count, options.threads = first, count, 1
        return options

    def realisations(self, first, count=EACH):
        phases = np.empty((count, SIDE, SIDE), np.uint8)
        options = self.options(first, count)
        self.check(self.c.davegan_generate_into(self.model, byref(options), phases.ctypes.data_as(c_void_p),
                                                c_size_t(phases.size)))
        return phases

    def write(self, kind, path, number):
        """The call of process `number`, which writes what no other one writes."""
        options = self.options(EACH * number)
        name = f"/part_{number}".encode()
        if kind == "fidelity":
            return self.c.davegan_fidelity_write(self.fidelity, path, name)
        if kind == "model":
            return self.c.davegan_model_save(self.own, path)
        if kind == "images":
            sizes = [c_size_t(length) for length in (EACH, 1, SIDE, SIDE)]
            phases = self.realisations(EACH * number)
            return self.c.davegan_write_images(path, name, phases.ctypes.data_as(c_void_p), *sizes)
        group = {"series": None, "one group": b"/group", "two groups": name}[kind]
        return self.c.davegan_generate(self.model, path, group, byref(options))

    def is_there(self, kind, path, number):
        """Whether the file has what `write` was to write."""
        if kind == "model":
            return Path(os.fsdecode(path)).read_bytes() == reference(path, number).read_bytes()
        try:
            with h5py.File(path) as file:
                return self.holds(file, kind, number)
        except (OSError, KeyError, RuntimeError) as error:  # what h5py says of a damaged file
            print(f"{path.decode()}: {error}")
            return False

    def holds(self, file, kind, number):
        name, mine = f"/part_{number}", slice(EACH * number, EACH * (number + 1))
        if kind == "fidelity":
            return name in file and file[name].attrs["n_gates"] > 0
        if kind == "images":
            return name in file and np.array_equal(file[name][:], self.realisations(mine.start))
        record = file.get("/davegan" if kind == "series" else "/group" if kind == "one group" else name)
        if record is None:
            return False
        rows = np.isin(record["index"][:], np.arange(mine.start, mine.stop))
        phases = file["/VTKHDF/CellData/phase"] if kind == "series" else record["phase"]
        whole = record.attrs["n_written"] == len(record["index"]) == len(phases)
        return whole and np.array_equal(phases[:][rows][:, 0], self.realisations(mine.start))


def reference(path, number):
    """The file in the folder of `path` that holds the model of process `number`."""
    return Path(os.fsdecode(path)).parent / f"reference{number % 2}.h5"


def race(models, number, tasks, results, barrier):
    davegan = Davegan(models, number)
    davegan.check(davegan.write("model", os.fsencode(reference(models[0], number)), number))
    for kind, path in iter(tasks.get, None):
        jitter = random.random() * 1e-3
        barrier.wait()
        until = time.perf_counter() + jitter
        while time.perf_counter() < until:
            pass
        status = davegan.write(kind, path, number)
        results.put((number, status, davegan.message() if status != OK else ""))


def races(folder, models, count):
    """Counts of outcomes for each kind and start, with those that are bad."""
    barrier, results = multiprocessing.Barrier(2), multiprocessing.Queue()
    tasks = [multiprocessing.Queue() for _ in range(2)]
    racers = [multiprocessing.Process(target=race, args=(models, number, tasks[number], results, barrier),
                                      daemon=True) for number in range(2)]
    for racer in racers:
        racer.start()
    davegan, bad = Davegan(models), 0
    for kind in KINDS:
        for start in ("no file", "a file"):
            both, told, lost, untrue = 0, 0, 0, 0
            for number in range(count):
                path = os.fsencode(folder / f"{kind}-{start}-{number}.h5")
                if start == "a file":
                    davegan.check(davegan.write(kind, path, 2))
                for queue in tasks:
                    queue.put((kind, path))
                outcomes = [results.get(timeout=120) for _ in range(2)]
                winners = [process for process, status, _ in outcomes if status == OK]
                both += len(winners) == 2
                told += len(winners) == 1
                if kind == "model":  # whoever came last replaced the other's
                    lost += not any(davegan.is_there(kind, path, process) for process in winners)
                else:
                    expected = winners + ([2] if start == "a file" else [])
                    lost += sum(not davegan.is_there(kind, path, process) for process in expected)
                untrue += not winners
                untrue += sum(status != OK and (status != IO or path.decode() not in message)
                              for _, status, message in outcomes)
                os.remove(path)
            print(f"{kind:10}  {start:7}  {count} races: both written {both}, one told that it cannot {told}, "
                  f"lost {lost}, untrue {untrue}", flush=True)
            bad += lost + untrue
    for queue in tasks:
        queue.put(None)
    left = list(folder.glob(".davegan-*"))
    print(f"temporary files left by the races: {len(left)}")
    return bad + len(left)


def save_for_ever(models, path, failures):
    davegan = Davegan(models)
    while True:
        if davegan.write("model", path, 0) != OK:
            print(davegan.message(), flush=True)
            failures.value += 1


def kills(folder, models, count):
    """Kills processes that save models; another one saves all the time in the same folder."""
    davegan, failures = Davegan(models), multiprocessing.Value("i", 0)
    living = multiprocessing.Process(target=save_for_ever, args=(models, os.fsencode(folder / "living.h5"), failures))
    living.start()
    found, left = 0, 0
    for _ in range(count):
        path = folder / "killed.h5"
        child = multiprocessing.Process(target=save_for_ever, args=(models, os.fsencode(path), failures))
        child.start()
        while not path.exists():
            time.sleep(1e-3)
        time.sleep(random.random() * 5e-2)
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        of_child = lambda: list(folder.glob(f".davegan-*{child.pid}-*"))
        found += len(of_child())
        davegan.check(davegan.write("model", os.fsencode(folder / "next.h5"), 0))
        left += len(of_child()) + (not davegan.is_there("model", os.fsencode(path), 0))
        path.unlink()
    living.kill()
    living.join()
    print(f"{count} kills: {found} temporary files, {left} of them or damaged models after the next call, "
          f"{failures.value} failures of processes that went on")
    return left + failures.value


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory(prefix="davegan-campaign-") as folder:
        folder = Path(folder)
        for seed in range(2):
            subprocess.run([BUILD / "bin" / "davegan", "train", "--sample", "checkerboard", "--sample-size", "64",
                            "--profile", "paper32", "--batch-size", "4", "--threads", "1", "--steps", "2",
                            "--seed", str(seed), "--model", folder / f"model{seed}.h5"], check=True, stdout=subprocess.DEVNULL)
        models = [os.fsencode(folder / f"model{number}.h5") for number in range(2)]
        bad = races(folder, models, count) + kills(folder, models, count)
    print("nothing bad" if bad == 0 else f"{bad} bad")
    sys.exit(bad > 0)


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
