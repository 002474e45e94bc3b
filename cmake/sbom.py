#!/usr/bin/env python3
"""The software bill of materials of the shared library, in the format CycloneDX 1.5 (JSON): what it is made of, with versions,
licences and checksums.

sbom.py FILE   writes it to FILE

The parts are those of THIRD-PARTY.md: the crates of Cargo.lock that are linked, and the C libraries inside two of them, which
tools that look at Cargo.lock alone do not see. Equal sources give equal bytes.
"""

import json
import re
import sys
from pathlib import Path

from third_party import ROOT, crates

# Crate, name and licence of the C library in it, where it says its version, and how.
BUNDLED = [
    ("hdf5-metno-src", "hdf5", "BSD-3-Clause", "ext/hdf5/src/H5public.h", r'H5_VERS_INFO\s+"HDF5 library version:\s*([\w.-]+)'),
    ("libz-sys", "zlib", "Zlib", "src/zlib/zlib.h", r'ZLIB_VERSION "([^"]+)"'),
]


def checksums() -> dict[tuple[str, str], str]:
    """SHA-256 of each crate as it is downloaded."""
    entry = re.compile(r'name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"')
    lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    return {(name, version): checksum for name, version, checksum in entry.findall(lock)}


def licences(package: dict) -> list[dict]:
    if package["license"]:
        return [{"expression": package["license"].replace("/", " OR ")}]
    return [{"license": {"name": f"{package['license_file']} of the crate, see THIRD-PARTY.md"}}]


def crate(package: dict, hashes: dict) -> dict:
    name, version = package["name"], package["version"]
    purl = f"pkg:cargo/{name}@{version}"
    found = {"type": "library", "bom-ref": purl, "name": name, "version": version, "licenses": licences(package), "purl": purl}
    if (name, version) in hashes:
        found["hashes"] = [{"alg": "SHA-256", "content": hashes[name, version]}]
    return found


def bundled(packages: list[dict]) -> list[dict]:
    folders = {package["name"]: Path(package["manifest_path"]).parent for package in packages}
    parts = []
    for inside, name, licence, header, pattern in BUNDLED:
        text = (folders[inside] / header).read_text(encoding="utf-8", errors="replace")
        version = re.search(pattern, text)[1]
        purl = f"pkg:generic/{name}@{version}"
        licensed = [{"license": {"id": licence}}]
        parts.append(
            {"type": "library", "bom-ref": purl, "name": name, "version": version, "licenses": licensed, "purl": purl}
        )
    return parts


def bill() -> dict:
    packages, hashes = crates(), checksums()
    manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    version, licence = (re.search(rf'^{key} = "(.*)"', manifest, re.MULTILINE)[1] for key in ("version", "license"))
    parts = [crate(package, hashes) for package in packages] + bundled(packages)
    purl = f"pkg:cargo/davegan@{version}"
    library = {
        "type": "library",
        "bom-ref": purl,
        "name": "davegan",
        "version": version,
        "licenses": [{"expression": licence}],
        "purl": purl,
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": library},
        "components": parts,
        "dependencies": [{"ref": purl, "dependsOn": sorted(part["bom-ref"] for part in parts)}],
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    Path(sys.argv[1]).write_text(json.dumps(bill(), indent=1) + "\n", encoding="utf-8")
