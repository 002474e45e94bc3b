#!/usr/bin/env python3
"""Lets the disk, or the quota, be full while davegan writes a file of any kind, and looks at what is left.

    tests/campaigns/full_disk.py BUILD [--fails 10] [--only report,export]

BUILD is a folder with the program davegan and libdavegan.so in it, or in its bin and lib. The disks are a tmpfs and a
subvolume of btrfs with a quota. Of what a writer needs, --fails shares are free in turn. The writers are those of writers.py
and the additions of kill.py. Afterwards:

* each file is the old one or the new one, whole; files of realisations are as kill.py wants them; a new file is not there;
* the status is 1, the message says to make room, and no file but a journal is there that was not;
* with room again the call succeeds, and everything is right.

Prints a line for each case and exits 1 if anything is bad. Needs root, cc, h5py, numpy and, of Debian, btrfs-progs.
"""

import argparse
import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

import kill
import writers

PIECE = 1 << 14  # bytes of a file that takes up room
ROOM = 16 << 20  # bytes of a disk


@contextlib.contextmanager
def tmpfs(work):
    disk = work / "tmpfs"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


@contextlib.contextmanager
def quota(work):
    image, disk = work / "image", work / "btrfs"
    disk.mkdir()
    with image.open("wb") as file:
        file.truncate(256 << 20)
    for command in (["mkfs.btrfs", "-q", image], ["mount", "-o", "loop", image, disk], ["btrfs", "quota", "enable", disk],
                    ["btrfs", "subvolume", "create", disk / "limited"],
                    ["btrfs", "qgroup", "limit", str(ROOM), disk / "limited"]):
        subprocess.run(command, check=True, capture_output=True)
    try:
        yield disk / "limited"
    finally:
        subprocess.run(["umount", disk], check=True)


@contextlib.contextmanager
def full_but_for(disk, room):
    """Within it all but about `room` bytes of `disk` are taken up."""

    def remove(pieces):
        for piece in pieces:
            piece.unlink(missing_ok=True)
        subprocess.run(["sync", "-f", disk], check=True)  # btrfs counts what is free after that

    pieces = []
    try:
        while True:
            pieces.append(disk / f"piece{len(pieces)}")
            pieces[-1].write_bytes(bytes(PIECE))
    except OSError:
        remove(pieces[max(0, len(pieces) - 1 - room // PIECE):])
    try:
        yield
    finally:
        remove(pieces)


def tried(name, need, fails, attempt):
    """Tries with shares of the bytes that are needed. Prints and returns how many failed, went on and were bad."""
    counts = {"failed": 0, "went on": 0, "bad": 0}
    for i in range(fails):
        result, wrong = attempt((2 * i + 1) * need // (2 * fails))
        counts["failed" if result.returncode else "went on"] += 1
        if wrong:
            counts["bad"] += 1
            print(f"BAD {name}, room {i} of {fails}: {'; '.join(wrong)[:700]}", flush=True)
    print(f"{name}: {', '.join(f'{n} {what}' for what, n in counts.items())}", flush=True)
    return np.array([*counts.values()])


class Writers(writers.Campaign):
    """The writers of writers.py."""

    def __init__(self, build, folder, disk):
        super().__init__(build, folder)
        self.disk, self.out = disk, disk / "out"
        self.out.mkdir()

    def cases(self):
        for writer in writers.writers(self.inputs):
            for has_old in (False, True):
                yield f"{writer.name}, {'over an old file' if has_old else 'new file'}", (writer, has_old)

    def prepare(self, writer, has_old):
        """The bytes that the call needs."""
        self.begin(writer, has_old)
        self.undisturbed(writer, 0)
        self.new = self.found(writer)
        return sum((self.out / name).stat().st_size for name in writer.names)

    def attempt(self, room, writer, has_old):
        return self.disturb(writer, has_old, full_but_for(self.disk, room))


class Realisations(kill.Campaign):
    """The files of kill.py with small realisations."""

    def __init__(self, build, folder, disk):
        super().__init__(build, folder, ["small"])
        self.disk, self.path = disk, disk / "out.h5"

    def cases(self):
        for case in kill.CASES:
            if case.kind == "small":
                yield case.name, (case,)

    def begin(self, case):
        self.clear(self.path)
        if self.before:
            shutil.copy(self.before, self.path)

    def prepare(self, case):
        """The bytes that the call needs."""
        self.before = super().prepare(case)
        self.begin(case)
        self.add(case, self.path, case.before, case.added)
        return self.path.stat().st_size

    def attempt(self, room, case):
        self.begin(case)
        with full_but_for(self.disk, room):
            result = self.add(case, self.path, case.before, case.added)
        wrong, n = self.problems(case, self.path, case.before, case.before + case.added)
        if result.returncode != 0:
            if not self.before and self.path.exists():
                wrong.append("the failure leaves a new file")
            if "make room" not in result.stderr and not isinstance(case, kill.ImagesCase):  # which has no message here
                wrong.append(f"status {result.returncode}: {result.stderr.strip()[-300:]}")
        return result, wrong + self.go_on(case, self.path, case.before if n is None else n)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--fails", type=int, default=10)
    parser.add_argument("--only", type=lambda text: text.split(","))
    options = parser.parse_args()
    is_bad = False
    for kind in (tmpfs, quota):
        total = np.zeros(3, int)
        with tempfile.TemporaryDirectory() as folder, kind(pathlib.Path(folder)) as disk:
            for number, campaign in enumerate((Writers, Realisations)):
                own = pathlib.Path(folder) / str(number)
                own.mkdir()
                campaign = campaign(options.build.resolve(), own, disk)
                for name, case in campaign.cases():
                    if not options.only or any(name.startswith(start) for start in options.only):
                        need = campaign.prepare(*case) + (1 << 16)
                        total += tried(name, need, options.fails, lambda room: campaign.attempt(room, *case))
        print("{}: {} failed, {} went on: {} bad".format(kind.__name__, *total), flush=True)
        is_bad |= bool(total[2])
    return is_bad


if __name__ == "__main__":
    sys.exit(main())
