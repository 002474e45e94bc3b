//! NumPy's file format, version 1.0.

use std::io::Write;
use std::path::Path;

use super::{replace, single};
use crate::Result;
use crate::micrograph::PhaseImages;
use crate::storage::Export;

/// Length of the header in bytes, which the mark of such a file begins with.
const HEADER_BYTES: usize = 512;

/// Writes `image` as an array of `uint8`: `(nz, ny, nx)`, or `(ny, nx)` for one layer.
///
/// The format has no place for the size of a voxel.
///
/// # Errors
///
/// [`crate::Error::InvalidParameter`] if there are several images; [`crate::Error::Io`] if the file cannot be written;
/// [`crate::Error::Format`] if something else than an .npy of this library is there.
pub fn write_npy(image: &PhaseImages, path: &Path) -> Result<()> {
    let phases = single(image)?;
    let [nz, ny, nx] = image.shape();
    let shape = if nz == 1 { format!("({ny}, {nx})") } else { format!("({nz}, {ny}, {nx})") };
    let mut header = Export::Npy.mark().to_vec();
    header.extend(format!(", 'fortran_order': False, 'shape': {shape}, }}").bytes());
    header.resize(HEADER_BYTES - 1, b' ');
    header.push(b'\n');
    replace(path, Export::Npy, |file| file.write_all(&header).and_then(|()| file.write_all(phases)))
}
