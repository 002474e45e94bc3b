#!/usr/bin/env bash
# A virtual file driver cannot be declared with the Rust crate hdf5-metno-sys 0.10.1 as it comes: its H5FD_class_t lacks
# the member `version` with which the struct begins since HDF5 1.14, and the calls for vectors that came with it. HDF5
# 1.14.6, which the crate builds, takes the number of the driver for the version of the struct and refuses it.
#
# Needs cargo, cmake, a C compiler and a network; builds HDF5, which takes minutes. Exits with 0 if the behaviour is as
# described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src

cat >Cargo.toml <<'EOF'
[package]
name = "driver-class"
version = "0.0.0"
edition = "2021"

[workspace]

[dependencies]
hdf5-metno-sys = { version = "=0.10.1", features = ["static"] }
EOF

cat >src/main.rs <<'EOF'
use hdf5_metno_sys::{h5, h5e, h5fd::*};
use std::ffi::{c_char, c_uint, c_void, CStr};

unsafe extern "C" fn description(_: c_uint, entry: *const h5e::H5E_error2_t, _: *mut c_void) -> h5::herr_t {
    println!("{}", CStr::from_ptr((*entry).desc).to_str().unwrap());
    0
}

fn main() {
    let (mut major, mut minor, mut release) = (0, 0, 0);
    unsafe { h5::H5open() };
    unsafe { h5::H5get_libversion(&mut major, &mut minor, &mut release) };
    println!("HDF5 {major}.{minor}.{release}");
    // HDF5 leaves the numbers 256 to 511 to private drivers. It must look at the first member alone to refuse this one.
    let mut class: H5FD_class_t = unsafe { std::mem::zeroed() };
    class.value = 300;
    class.name = c"example".as_ptr() as *const c_char;
    unsafe { h5e::H5Eset_auto2(h5e::H5E_DEFAULT, None, std::ptr::null_mut()) };
    let driver = unsafe { H5FDregister(&class) };
    println!("{}", if driver < 0 { "refused" } else { "registered" });
    unsafe { h5e::H5Ewalk2(h5e::H5E_DEFAULT, h5e::H5E_direction_t::H5E_WALK_UPWARD, Some(description), std::ptr::null_mut()) };
}
EOF

cargo run --quiet >output.txt
cat output.txt

grep -qx 'HDF5 1.14.6' output.txt && grep -qx 'refused' output.txt && grep -qx 'wrong file driver version #' output.txt || {
    echo "hdf5-metno-sys or HDF5 behaves otherwise now"
    exit 1
}
