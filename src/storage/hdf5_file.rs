//! What every use of HDF5 here shares: how files are opened, and how HDF5's errors become ours.

use std::fmt::Display;
use std::path::Path;

use hdf5::Location;
use hdf5::file::{FileAccessBuilder, FileCloseDegree, LibraryVersion};
use hdf5::types::TypeDescriptor;

pub(super) use crate::files::text_attribute;
use crate::files::{LONGEST_TEXT, Text};
use crate::{Error, Result};

/// The largest chunk, in elements of one byte: large enough to be fast, small enough for HDF5's 1 MiB chunk cache.
const CHUNK_BYTES: usize = 1 << 20;

/// The fastest level: phase images shrink seven- to thirty-fold with it, and level 6 takes five times as long for
/// half as much again.
pub(crate) const DEFLATE_LEVEL: u8 = 1;

/// How all files are created, and opened for writing.
///
/// The earliest file format that can hold the content: readers as old as HDF5 1.8 understand it, it has no time stamps,
/// and it has no "open for writing" mark that a killed run would leave behind. The upper bound lets hosts' newer files
/// in. Closing a file closes everything in it, so that the close, with its last writes, happens where it is checked.
pub(super) fn file_access(access: &mut FileAccessBuilder) -> &mut FileAccessBuilder {
    access.libver_bounds(LibraryVersion::Earliest, LibraryVersion::V110).fclose_degree(FileCloseDegree::Strong)
}

/// The chunk of a dataset of `shape`: whole rows, layers and images as long as they fit into 1 MiB of bytes.
pub(crate) fn chunk_shape(shape: &[usize]) -> Vec<usize> {
    let mut room = CHUNK_BYTES;
    let mut chunk = vec![1; shape.len()];
    for (side, &length) in chunk.iter_mut().zip(shape).rev() {
        *side = length.min(room).max(1);
        room /= *side;
    }
    chunk
}

/// Refuses the `name` of a `kind` of object, such as a group, that HDF5 cannot have.
pub(super) fn check_name(kind: &str, name: &str, example: &str) -> Result<()> {
    if name.contains('\0') || name.split('/').all(str::is_empty) {
        return Err(Error::invalid(format!(
            "the {kind} name {name:?} is empty, the root group or contains a NUL; give one such as {example:?}"
        )));
    }
    Ok(())
}

/// Gives the group or dataset `of` the text attribute `name`, as long as the text, at least one byte.
///
/// # Errors
///
/// [`Error::InvalidParameter`] for a text with a NUL or of more than 32 KiB; [`Error::Hdf5`] for failures inside HDF5.
pub(super) fn put_text(of: &Location, name: &str, text: &str, path: &Path) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::invalid(format!("the text {text:?} contains a NUL, which HDF5 cannot hold")));
    }
    let fixed: Text = text.parse().map_err(|_| {
        let found =
            format!("the text {name:?} has {} bytes, but an attribute holds at most {LONGEST_TEXT}", text.len());
        Error::invalid(format!("{found}; give files and datasets shorter names"))
    })?;
    let attribute = of.new_attr_builder().empty_as(&TypeDescriptor::FixedUnicode(text.len().max(1))).create(name);
    attribute.and_then(|a| a.write_scalar(&fixed)).explain(path, format!("write the attribute {name:?}"))
}

/// Turns HDF5's errors into ours; `doing` completes the sentence "cannot ...".
pub(super) trait Explain<T> {
    /// The value, or [`Error::of_hdf5`].
    fn explain(self, path: &Path, doing: impl Display) -> Result<T>;
}

impl<T> Explain<T> for hdf5::Result<T> {
    fn explain(self, path: &Path, doing: impl Display) -> Result<T> {
        self.map_err(|error| Error::of_hdf5(path, &doing.to_string(), &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_whole_slabs_of_at_most_a_mebibyte() {
        assert_eq!(chunk_shape(&[1, 1, 64, 64]), [1, 1, 64, 64]);
        assert_eq!(chunk_shape(&[1, 256, 256, 256]), [1, 16, 256, 256]);
        assert_eq!(chunk_shape(&[1, 1, 3, 1 << 21]), [1, 1, 1, 1 << 20]);
        assert_eq!(chunk_shape(&[0, 5]), [1, 5]);
    }
}
