#!/usr/bin/env bash
# The Rust crate tiff 0.11.3 inverts floating-point samples of a min-is-white image (PhotometricInterpretation 0) as
# 1 - v, whatever their range: 255 is read as -254. tifffile and Pillow return the stored values. Signed integers of the same interpretation
# are refused as an unknown interpretation, though unsigned ones are read.
#
# Needs cargo, python3 and a network. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src

cat >Cargo.toml <<'EOF'
[package]
name = "min-is-white"
version = "0.0.0"
edition = "2021"

[workspace]

[dependencies]
tiff = "=0.11.3"
EOF

cat >src/main.rs <<'EOF'
use tiff::decoder::Decoder;

fn main() {
    for name in ["float", "signed", "unsigned"] {
        let file = std::fs::File::open(format!("{name}.tif")).unwrap();
        match Decoder::new(file).unwrap().read_image() {
            Ok(samples) => println!("{name}: {samples:?}"),
            Err(error) => println!("{name}: {error}"),
        }
    }
}
EOF

python3 -m venv venv
venv/bin/pip install --quiet pillow==12.0.0 tifffile==2025.10.16 numpy==2.3.4
venv/bin/python - >others.txt <<'EOF'
import numpy
import PIL.Image
import tifffile

for name, kind in ("float", "f4"), ("signed", "i2"), ("unsigned", "u2"):
    tifffile.imwrite(f"{name}.tif", numpy.array([[0, 255]], kind), photometric="miniswhite")
print("tifffile:", tifffile.imread("float.tif").tolist())
print("Pillow:", numpy.asarray(PIL.Image.open("float.tif")).tolist())
EOF
echo "tifffile 2025.10.16, Pillow 12.0.0:"
cat others.txt

cargo run --quiet >crate.txt
echo "tiff 0.11.3 (Rust):"
cat crate.txt

if grep -qx 'float: F32(\[1.0, -254.0\])' crate.txt && grep -q '^signed: .*nknown photometric' crate.txt &&
    grep -qx 'unsigned: U16(\[65535, 65280\])' crate.txt && grep -qx 'tifffile: \[\[0.0, 255.0\]\]' others.txt &&
    grep -qx 'Pillow: \[\[0.0, 255.0\]\]' others.txt; then
    echo "as described: 255.0 is read as -254.0, and signed integers are refused"
else
    echo "changed"
    exit 1
fi
