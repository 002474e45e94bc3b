#!/usr/bin/env python3
"""Peak memory and time of square or cubic realisations in a file; large ones are made and stored block by block.

    benches/streaming.py model.h5 [--sizes 4096,16384] [--threads 1] [--group NAME]

The model has profile standard, or volume for cubes. DAVEGAN_BUILD names a CMake build, else the quick start's is taken. Prints, for
each size: the peak resident memory of the program (VmHWM) in MiB, seconds and seconds of the processor for a million (1,048,576)
pixels or voxels, and the size of the file. Each size runs in a process of its own and writes a new file. 32768 takes half an hour.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time

from davegan_c import PROGRAM


def measure(arguments, size, axes):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "out.h5")
        layout = ["--group", arguments.group] if arguments.group else []
        command = [PROGRAM, "generate", arguments.model, path, "--size", "x".join([str(size)] * axes), "--threads", str(arguments.threads)]
        begin = time.monotonic()
        process = subprocess.Popen([*command, *layout], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"davegan generate ended with status {os.waitstatus_to_exitcode(status)}")
        seconds = time.monotonic() - begin, usage.ru_utime + usage.ru_stime
        return usage.ru_maxrss / 1024, *(part * 2**20 / size**axes for part in seconds), os.path.getsize(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--sizes", default="4096,16384", help="sides in pixels or voxels, multiples of 16")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--group")
    arguments = parser.parse_args()
    info = json.loads(subprocess.run([PROGRAM, "info", arguments.model, "--json"], check=True, capture_output=True).stdout)
    axes = 3 if info["profile"] == "volume" else 2
    for size in map(int, arguments.sizes.split(",")):
        peak, seconds, of_processor, bytes_written = measure(arguments, size, axes)
        print(f"{' x '.join([str(size)] * axes)}: peak {peak:.0f} MiB, {seconds:.2f} s a million, {of_processor:.2f} s of the processor; "
              f"file of {bytes_written / 2**20:.1f} MiB", flush=True)


if __name__ == "__main__":
    main()
