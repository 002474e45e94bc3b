//! Images of phases in the formats of solvers and other programs.
//!
//! * [`write_vti`]: VTK image data with the cell data `material`, for DAMASK, ParaView and pyvista.
//! * [`write_npy`]: a NumPy array.
//! * [`write_tiff`]: a stack of pages with their resolution, for ImageJ and tifffile.
//! * [`write_dream3d`]: a DREAM.3D file, for DREAM.3D, simplnx and DAMASK.
//! * [`write_abaqus`]: a mesh of voxels, for Abaqus and CalculiX.
//! * [`write_xdmf`]: XDMF beside HDF5, for ParaView.
//!
//! Each function writes one image, two-dimensional (one layer of voxels) or three-dimensional, with the [`Spacing`] of
//! its voxels where the format has a place for it. The file is replaced in one step, and only if it is an export of this
//! library in the same format.

mod abaqus;
mod dream3d;
mod npy;
mod spacing;
mod tiff_stack;
mod vti;
mod xdmf;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

pub use abaqus::{MeshOptions, write_abaqus};
pub use dream3d::write_dream3d;
pub use npy::write_npy;
pub use spacing::Spacing;
pub use tiff_stack::write_tiff;
pub use vti::write_vti;
pub use xdmf::write_xdmf;

use crate::error::counted;
use crate::micrograph::PhaseImages;
use crate::storage::{Export, Kind, Output};
use crate::{Error, Result};

/// Replaces the file at `path`, an `export`, by what `write` writes.
fn replace(path: &Path, export: Export, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
    Output::claim(path, Kind::Export(export))?.replace(|temporary| {
        let written = File::options().write(true).open(temporary).and_then(|file| {
            let mut file = BufWriter::new(file);
            write(&mut file).and_then(|()| file.flush())
        });
        written.map_err(|error| Error::system(path, "write the file", &error))
    })
}

/// The voxels of the only image.
fn single(image: &PhaseImages) -> Result<&[u8]> {
    if image.len() == 1 {
        return Ok(image.as_slice());
    }
    Err(Error::invalid(format!("{} for one file; write each to a file of its own", counted(image.len(), "image"))))
}

#[cfg(test)]
mod tests;
