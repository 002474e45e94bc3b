#!/usr/bin/env bash
# The Rust crate tiff 0.11.3 writes to the standard error of its host, also in a release build: where a text tag is longer than
# the limit decoding_buffer_size that the host has set, it returns LimitsExceeded and prints a line besides, with the path of its
# source on the machine that it was built on (`Err(dbg!(..))`, src/decoder/ifd.rs, line 723). The image itself is read. Seen:
#
#   pixels: true
#   description: Err(LimitsExceeded)
#   stderr: [.../tiff-0.11.3/src/decoder/ifd.rs:723:32] TiffError::LimitsExceeded = LimitsExceeded
#
# Needs cargo and a network. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src

cat >Cargo.toml <<'EOF'
[package]
name = "debug-output"
version = "0.0.0"
edition = "2021"

[workspace]

[dependencies]
tiff = "=0.11.3"
EOF

cat >src/main.rs <<'EOF'
use std::io::Cursor;
use tiff::decoder::{Decoder, Limits};
use tiff::encoder::{colortype::Gray8, TiffEncoder};
use tiff::tags::Tag;

fn main() {
    // An image of 8 x 8 pixels with a description of 2 MiB: OME-TIFF keeps its XML there.
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap();
    let mut image = encoder.new_image::<Gray8>(8, 8).unwrap();
    image.encoder().write_tag(Tag::ImageDescription, &*"x".repeat(2 << 20)).unwrap();
    image.write_data(&[7; 64]).unwrap();

    file.set_position(0);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = 1 << 20;
    let mut decoder = Decoder::new(file).unwrap().with_limits(limits);
    println!("pixels: {:?}", decoder.read_image().is_ok());
    println!("description: {:?}", decoder.get_tag(Tag::ImageDescription).map(|_| ()));
}
EOF

cargo build --release --quiet
target/release/debug-output >output 2>errors
cat output
sed 's/^/stderr: /' errors
diff output - <<'EOF'
pixels: true
description: Err(LimitsExceeded)
EOF
grep -q 'src/decoder/ifd.rs:723:.*TiffError::LimitsExceeded = LimitsExceeded' errors
echo "as described"
