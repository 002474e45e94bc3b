#!/usr/bin/env python3
"""The Rust crates in the shared library and their licences, as THIRD-PARTY.md lists them.

third_party.py --check        fails if the list of THIRD-PARTY.md is not the one that Cargo.lock gives
third_party.py --write        writes that list into THIRD-PARTY.md
third_party.py --texts FILE   writes THIRD-PARTY.md and the licence texts of all crates to FILE
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTICE = ROOT / "THIRD-PARTY.md"
TARGET = "x86_64-unknown-linux-gnu"
HEADING = "## Rust crates\n"
TEXT_NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT", "UNLICENSE")


def cargo(*arguments: str) -> str:
    return subprocess.run(["cargo", *arguments, "--locked"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def crates() -> list[dict]:
    """All crates that are linked into the library for Linux on x86-64 with the default features, sorted by name."""
    tree = cargo("tree", "--edges", "normal,no-proc-macro", "--target", TARGET, "--prefix", "none", "--format", "{p}")
    linked = {tuple(line.split()[:2]) for line in tree.splitlines()}
    metadata = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", TARGET))
    packages = [package for package in metadata["packages"] if package["id"] != metadata["resolve"]["root"]]
    packages = [package for package in packages if (package["name"], f"v{package['version']}") in linked]
    return sorted(packages, key=lambda package: (package["name"], package["version"]))


def table(packages: list[dict]) -> str:
    rows = {f"| {package['name']} | {package['license'] or 'see above'} |\n" for package in packages}
    return "| crate | licence |\n|---|---|\n" + "".join(sorted(rows))


def texts(packages: list[dict]) -> str:
    parts = []
    for package in packages:
        parts.append(f"\n==== {package['name']} {package['version']}: {package['license'] or package['license_file']}\n")
        directory = Path(package["manifest_path"]).parent
        for path in sorted(directory.iterdir()):
            if path.is_file() and path.name.upper().startswith(TEXT_NAMES):
                parts.append(f"\n-- {path.name}\n\n{path.read_text(encoding='utf-8', errors='replace')}")
    return "".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true")
    what.add_argument("--write", action="store_true")
    what.add_argument("--texts", type=Path, metavar="FILE")
    arguments = parser.parse_args()

    packages = crates()
    committed = NOTICE.read_text(encoding="utf-8")
    current = committed[: committed.index(HEADING)] + HEADING + "\n" + table(packages)
    if arguments.texts:
        arguments.texts.write_text(current + texts(packages), encoding="utf-8")
    elif arguments.write:
        NOTICE.write_text(current, encoding="utf-8")
    elif committed != current:
        print("THIRD-PARTY.md does not list the crates of Cargo.lock: run cmake/third_party.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
