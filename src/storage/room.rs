//! Room on the disk, taken before HDF5 needs it.
//!
//! HDF5 1.14 does not survive a full disk: closing a dataset whose chunks cannot be written leaves dangling pointers
//! behind, and the next flush of any file crashes the process. So the room is taken first, by making the file longer.
//! The system tells whether it is there, and HDF5 does not mind.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use hdf5::FileBuilder;

use super::hdf5_file::Explain;
use crate::{Error, Result};

/// Room for the structure of a file: everything but the data. Generous; what is left over is given back.
pub(super) const STRUCTURE_BYTES: u64 = 1 << 20;

/// Creates an HDF5 file at `path`, where there is an empty file or none.
pub(super) fn create_file(options: &FileBuilder, path: &Path) -> Result<hdf5::File> {
    // HDF5 will empty the file, so room can only be tried out here; what is flushed below is far less.
    File::create(path).map_err(|e| Error::system(path, "create the file", &e))?;
    take_room(path, STRUCTURE_BYTES)?;
    let file = options.create(path).explain(path, "create the file")?;
    file.flush().explain(path, "create the file")?;
    Ok(file)
}

/// Lets `write` add up to `bytes` bytes to `file`, which is open at `path`, and flushes it.
///
/// # Errors
///
/// [`crate::Error::Io`] if there is no room, and nothing is written then; or what `write` and flushing return.
pub(super) fn with_room(file: &hdf5::File, path: &Path, bytes: u64, write: impl FnOnce() -> Result<()>) -> Result<()> {
    take_room(path, bytes)?;
    let result = write().and_then(|()| file.flush().explain(path, "write the file"));
    let cut = File::options().append(true).open(path).and_then(|end| end.set_len(file.size()));
    result.and(cut.map_err(|e| Error::system(path, "give back the room taken for the file", &e)))
}

/// Makes the file at `path` longer by `bytes` zeros, or leaves it as it was.
fn take_room(path: &Path, bytes: u64) -> Result<()> {
    let lengthen = || {
        let mut file = File::options().append(true).open(path)?;
        let length = file.metadata()?.len();
        if let Err(error) = io::copy(&mut io::repeat(0).take(bytes), &mut file) {
            file.set_len(length)?;
            return Err(error);
        }
        Ok(())
    };
    lengthen().map_err(|error| Error::system(path, &format!("make room for {bytes} bytes"), &error))
}
