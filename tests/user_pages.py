#!/usr/bin/env python3
"""Does what each page of docs/users says, in an empty folder and with an installed davegan alone.

    user_pages.py PREFIX GUIDE_RUN

A block of code behind a line "`NAME`:" is written to the file NAME. Blocks in sh have to succeed. Blocks in console hold commands
that have to fail ("$ COMMAND"), each with lines that the output must contain. Trainings take 20 steps instead of 8,000. One that
GUIDE_RUN, the folder where the guide's code has run, or an earlier page has done with the same command is not repeated.
"""

import math
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"
BLOCK = re.compile(r"(?:^`([\w.]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def environment(prefix):
    """What the pages tell users to set, and what lets mpirun start in containers with one core."""
    library = next(prefix.glob("lib/**/libdavegan.so")).parent
    there = {"PATH": f"{prefix}/bin:{os.environ['PATH']}", "CMAKE_PREFIX_PATH": prefix, "LD_LIBRARY_PATH": library,
             "PKG_CONFIG_PATH": library / "pkgconfig", "GFORTRAN_ERROR_BACKTRACE": 0, "OMPI_ALLOW_RUN_AS_ROOT": 1,
             "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": 1, "OMPI_MCA_rmaps_base_oversubscribe": 1}
    return os.environ | {name: str(value) for name, value in there.items()}


def write_pictures(folder, side=192):
    """A grey picture of a random field, and one that is a JPEG by its first bytes."""
    rng = random.Random(1)
    waves = [(rng.gauss(0, 0.25), rng.gauss(0, 0.25), rng.uniform(0, 2 * math.pi)) for _ in range(24)]
    rows = bytearray()
    for y in range(side):
        rows.append(0)
        for x in range(side):
            field = sum(math.cos(kx * x + ky * y + phase) for kx, ky, phase in waves)
            rows.append(min(255, max(0, round(120 + 30 * field))))

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND", b"")
    (folder / "micrograph.png").write_bytes(png)
    (folder / "picture.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00")


def run(command, folder, env):
    return subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder, env=env, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def must_succeed(page, commands, folder, env, trained):
    """Runs a block in sh. `trained` has the model of each training so far."""
    training = commands.strip() if commands.startswith("davegan train") and "\n" not in commands.strip() else None
    model = training and training.split("--model ")[1]
    if training in trained:
        shutil.copy(trained[training], folder / model)
        return
    done = run(commands.replace("8000", "20"), folder, env)
    if done.returncode != 0:
        sys.exit(f"user_pages.py: this of {page} fails:\n{commands}\n{done.stdout}")
    if training:
        trained[training] = folder / model


def must_fail(page, block, folder, env):
    """Runs the commands of a block in console, and looks for what it says of their output."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *expected = part.rstrip("\n").split("\n")
        done = run(command, folder, env)
        if done.returncode == 0 or not expected or any(line not in done.stdout for line in expected):
            sys.exit(f"user_pages.py: {page} says of this something else:\n$ {part}\nstatus {done.returncode}\n{done.stdout}")


def follow(page, folder, env, trained):
    folder.mkdir()
    if "micrograph.png" in page.read_text(encoding="utf-8"):
        write_pictures(folder)
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    for name, language, code in blocks:
        if name:
            (folder / name).write_text(code, encoding="utf-8")
        elif language == "sh":
            must_succeed(page.name, code, folder, env, trained)
        elif language == "console":
            must_fail(page.name, code, folder, env)
        else:
            sys.exit(f"user_pages.py: {page.name} has a block in {language} without the name of a file")
    languages = {language for _, language, _ in blocks}
    if not {"sh", "console"} <= languages:
        sys.exit(f"user_pages.py: {page.name} has only blocks in {languages}")


def trainings_of(guide, folder):
    """Models of the guide's trainings whose options were not changed for its test."""
    lines = re.findall(r"^davegan train .*--profile volume .*--model (?:\S+)$", guide.read_text(encoding="utf-8"), re.MULTILINE)
    return {line: folder / line.split("--model ")[1] for line in lines if "--sample" in line}


def main():
    prefix, guide_run = (pathlib.Path(path).resolve() for path in sys.argv[1:])
    trained = trainings_of(DOCS / "guide.md", guide_run)
    pages = sorted((DOCS / "users").glob("*.md"))
    with tempfile.TemporaryDirectory() as work:
        for page in pages:
            follow(page, pathlib.Path(work) / page.stem, environment(prefix), trained)
    if len(pages) != 5:
        sys.exit(f"user_pages.py: there are {len(pages)} pages of users, not five")
    print(f"what the pages of users say works: {', '.join(page.stem for page in pages)}")


if __name__ == "__main__":
    main()
