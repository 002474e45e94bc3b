//! What may be written over: a file of the same kind, an empty one, or none.

use std::fs::File;
use std::io;
use std::path::Path;

use super::seal::FORMAT;
use crate::files::{bytes_at, is_hdf5};
use crate::{Error, Result};

/// A kind of file that the library writes, known by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A model or a checkpoint, which a new one replaces.
    Model,
    /// Any HDF5 file that is no model. It is added to, and keeps what it holds.
    Hdf5,
    /// A report of this library, which a new one replaces.
    Report,
    /// A PNG of this library, which a new one replaces.
    Picture,
    /// An image of this library for another program, which a new one in the same format replaces.
    Export(Export),
}

/// A format of other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Export {
    Vti,
    Npy,
    Tiff,
    Dream3d,
    Abaqus,
    Xdmf,
}

impl Export {
    pub const ALL: [Self; 6] = [Self::Vti, Self::Npy, Self::Tiff, Self::Dream3d, Self::Abaqus, Self::Xdmf];

    /// What stands in the first [`START`] bytes of such a file, and in no other's. NumPy's format has no place for a
    /// text: there it is a header that is longer than those of other programs.
    pub const fn mark(self) -> &'static [u8] {
        match self {
            Self::Vti => b"davegan export as VTK image",
            Self::Npy => b"\x93NUMPY\x01\0\xf6\x01{'descr': '|u1'",
            Self::Tiff => b"davegan export as TIFF",
            Self::Dream3d => b"davegan export as DREAM.3D file",
            Self::Abaqus => b"davegan export as Abaqus mesh",
            Self::Xdmf => b"davegan export as XDMF",
        }
    }
}

/// What the `generator` of a report's HTML is called; it stands in the first [`START`] bytes.
pub(crate) const REPORT_MARK: &str = "davegan report";

/// The text `Software` of a PNG of this library; it stands in the first [`START`] bytes.
pub(crate) const PICTURE_MARK: &str = "davegan picture";

/// Bytes in which a file's mark is looked for.
const START: usize = 512;

impl Kind {
    /// Refuses to write over `file`, which is at `path`, unless it is empty or of this kind.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] if it is of another kind, [`Error::Io`] if it cannot be read.
    pub fn check(self, file: &mut File, path: &Path) -> Result<()> {
        let failed = |e: io::Error| Error::system(path, "read what is there", &e);
        let found = Self::of(file).map_err(failed)?;
        if found == Some(self) || file.metadata().map_err(failed)?.len() == 0 {
            return Ok(());
        }
        let what = match self {
            Self::Model => "is no davegan model, and a model replaces nothing else",
            Self::Hdf5 if found == Some(Self::Model) => "is a davegan model, to which nothing is added",
            Self::Hdf5 if found == Some(Self::Export(Export::Dream3d)) => "is an export, to which nothing is added",
            Self::Hdf5 => "is no HDF5 file",
            Self::Report => "is no report of davegan, and a report replaces nothing else",
            Self::Picture => "is no picture of davegan, and a picture replaces nothing else",
            Self::Export(_) => "is no export of davegan in this format, and an export replaces nothing else",
        };
        Err(Error::format(path, format!("{what}; choose another path, or remove the file first")))
    }

    /// The kind of `file`, if it is one of these.
    pub fn of(file: &mut File) -> io::Result<Option<Self>> {
        let start: [u8; START] = bytes_at(file, 0)?;
        let has = |mark: &[u8]| start.windows(mark.len()).any(|bytes| bytes == mark);
        Ok(if start.starts_with(FORMAT.as_bytes()) {
            Some(Self::Model)
        } else if let Some(export) = Export::ALL.into_iter().find(|export| has(export.mark())) {
            Some(Self::Export(export))
        } else if is_hdf5(file)? {
            Some(Self::Hdf5)
        } else if start.starts_with(b"<!DOCTYPE html>") && has(REPORT_MARK.as_bytes()) {
            Some(Self::Report)
        } else if start.starts_with(b"\x89PNG") && has(PICTURE_MARK.as_bytes()) {
            Some(Self::Picture)
        } else {
            None
        })
    }
}
