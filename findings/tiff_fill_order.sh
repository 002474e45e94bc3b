#!/usr/bin/env bash
# The Rust crate tiff 0.11.3 ignores the tag FillOrder (266). An image of 1 bit a pixel that is stored from the lowest
# bit on (FillOrder = 2) is decoded without an error, but every group of eight pixels comes out in reverse. libtiff
# (Pillow) and tifffile read the same bytes in the right order.
#
# Needs cargo, python3 and a network. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src

cat >Cargo.toml <<'EOF'
[package]
name = "fill-order"
version = "0.0.0"
edition = "2021"

[workspace]

[dependencies]
tiff = "=0.11.3"
EOF

cat >src/main.rs <<'EOF'
use std::io::Cursor;
use tiff::decoder::{Decoder, DecodingResult};

/// A TIFF of one row of eight pixels of 1 bit; the first pixel is 1, the others are 0.
fn file(fill_order: u16) -> Vec<u8> {
    let pixels: u8 = if fill_order == 2 { 0b0000_0001 } else { 0b1000_0000 };
    let entries: [(u16, u16); 8] =
        [(256, 8), (257, 1), (258, 1), (262, 1), (266, fill_order), (273, 8), (278, 1), (279, 1)];
    let mut file = b"II\x2a\0\x0a\0\0\0".to_vec();
    file.extend([pixels, 0]);
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, value) in entries {
        file.extend([tag, 3, 1, 0, value, 0].iter().flat_map(|number: &u16| number.to_le_bytes()));
    }
    file.extend([0; 4]);
    file
}

fn main() {
    for fill_order in [1, 2] {
        let file = file(fill_order);
        std::fs::write(format!("fill_order_{fill_order}.tif"), &file).unwrap();
        let samples = Decoder::new(Cursor::new(file)).unwrap().read_image().unwrap();
        let DecodingResult::U8(bytes) = samples else { panic!("other samples") };
        let pixels: Vec<u8> = (0..8).map(|x| bytes[0] >> (7 - x) & 1).collect();
        println!("FillOrder {fill_order}: {pixels:?}");
    }
}
EOF

cargo run --quiet >crate.txt
echo "tiff 0.11.3 (Rust):"
cat crate.txt

python3 -m venv venv
venv/bin/pip install --quiet pillow==12.0.0 tifffile==2025.10.16 numpy==2.3.4
venv/bin/python - >others.txt <<'EOF'
import numpy
import PIL.Image
import tifffile

for fill_order in 1, 2:
    path = f"fill_order_{fill_order}.tif"
    print(f"FillOrder {fill_order}: {numpy.asarray(PIL.Image.open(path)).astype(int)[0].tolist()}")
    print(f"FillOrder {fill_order}: {tifffile.imread(path).astype(int)[0].tolist()}")
EOF
echo "Pillow 12.0.0, tifffile 2025.10.16:"
cat others.txt

first="[1, 0, 0, 0, 0, 0, 0, 0]"
last="[0, 0, 0, 0, 0, 0, 0, 1]"
if diff crate.txt <(printf 'FillOrder 1: %s\nFillOrder 2: %s\n' "$first" "$last") &&
    diff others.txt <(for order in 1 1 2 2; do echo "FillOrder $order: $first"; done); then
    echo "as described: the crate reverses the pixels of FillOrder 2, the others do not"
else
    echo "changed"
    exit 1
fi
