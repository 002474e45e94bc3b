//! Opening files by name, and looking at their first bytes.
//!
//! Only regular files are opened: reading a pipe or a terminal may wait for ever.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hdf5::types::FixedUnicode;
use hdf5_sys::h5t::{H5T_class_t, H5T_cset_t, H5Tget_class, H5Tget_cset, H5Tis_variable_str};

use crate::{Error, Result};

/// First line of a model file, a checkpoint too.
pub(crate) const MODEL_MARK: &str = "davegan model";

/// Attribute of a group or dataset that says what it is.
pub(crate) const FORMAT: &str = "format";

/// What it says of a group with the record of realisations.
pub(crate) const REALISATIONS: &str = "davegan realisations";

/// Bytes of the longest text attribute. HDF5 keeps one within 64 KiB.
pub(crate) const LONGEST_TEXT: usize = 32 << 10;

/// Bytes of the longest name of a dataset that is read: that of the longest path of a file.
pub(crate) const LONGEST_NAME: usize = 4096;

/// Memory for any text attribute.
pub(crate) type Text = FixedUnicode<LONGEST_TEXT>;

/// Opens the regular file at `path` for reading; `doing` completes the sentence "cannot ...".
///
/// # Errors
///
/// [`Error::Io`] if there is no file, it cannot be read, or it is a directory, a device, a pipe or a socket.
pub(crate) fn open_regular(path: &Path, doing: &str) -> Result<File> {
    let failed = |e: io::Error| Error::system(path, doing, &e);
    check_regular(path, &fs::metadata(path).map_err(failed)?)?;
    // A pipe that takes the place of the file right now must not block either.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(failed)?;
    check_regular(path, &file.metadata().map_err(failed)?)?;
    Ok(file)
}

fn check_regular(path: &Path, found: &Metadata) -> Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let what = if found.is_dir() { "a directory" } else { "a device, a pipe or a socket" };
    Err(Error::io(path, format!("is {what}; give the path of a file")))
}

/// The `N` bytes at `offset`; zeros where the file ends before.
pub(crate) fn bytes_at<const N: usize>(file: &mut (impl Read + Seek), offset: u64) -> io::Result<[u8; N]> {
    let mut found = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(N as u64).read_to_end(&mut found)?;
    let mut bytes = [0; N];
    bytes[..found.len()].copy_from_slice(&found);
    Ok(bytes)
}

/// Refuses the `file` at `path` if it is a model, where something else is wanted; `advice` says what to give instead.
///
/// # Errors
///
/// [`Error::Format`] for a model, [`Error::Io`] if the file cannot be read.
pub(crate) fn refuse_model(file: &mut (impl Read + Seek), path: &Path, advice: &str) -> Result<()> {
    let start: [u8; MODEL_MARK.len()] = bytes_at(file, 0).map_err(|e| Error::system(path, "read the file", &e))?;
    if start == MODEL_MARK.as_bytes() {
        return Err(Error::format(path, format!("is a davegan model; {advice}")));
    }
    Ok(())
}

/// The names of the members of `group` that are in the same file: links elsewhere lead to no others.
pub(crate) fn hard_links(group: &hdf5::Group) -> hdf5::Result<Vec<String>> {
    group.iter_visit_default(Vec::new(), |_, name, link, names| {
        if link.link_type == hdf5::LinkType::Hard {
            names.push(name.to_owned());
        }
        true
    })
}

/// The text attribute `name` of the group or dataset `of`; `None` if it is missing or is no text of fixed length.
///
/// Texts of variable length are in HDF5's global heap, which it parses without looking: of a damaged file it may never return.
pub(crate) fn text_attribute(of: &hdf5::Location, name: &str) -> Option<String> {
    let attribute = of.attr(name).ok()?;
    // A null dataspace has no elements, and reading one would give memory that nobody has written.
    if text_length(&attribute.dtype().ok()?)? > LONGEST_TEXT || !attribute.is_scalar() {
        return None;
    }
    let text = attribute.read_scalar::<Text>().ok()?;
    String::from_utf8(text.as_bytes().to_vec()).ok()
}

/// Bytes of a UTF-8 text of fixed length; `None` for other types.
fn text_length(dtype: &hdf5::Datatype) -> Option<usize> {
    // SAFETY: the identifier is that of an open type, and only a text is asked for its characters.
    let is_fixed_utf8 = hdf5::sync::sync(|| unsafe {
        H5Tget_class(dtype.id()) == H5T_class_t::H5T_STRING
            && H5Tis_variable_str(dtype.id()) == 0
            && H5Tget_cset(dtype.id()) == H5T_cset_t::H5T_CSET_UTF8
    });
    is_fixed_utf8.then(|| dtype.size())
}

/// Whether `group` is the record of realisations.
pub(crate) fn is_record(group: &hdf5::Group) -> bool {
    text_attribute(group, FORMAT).as_deref() == Some(REALISATIONS)
}

/// Whether `file` is HDF5, which starts at byte 0, or after a user block of 512, 1024, 2048, ... bytes.
pub(crate) fn is_hdf5(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut offset = 0;
    while offset < length {
        if &bytes_at(file, offset)? == b"\x89HDF\r\n\x1a\n" {
            return Ok(true);
        }
        offset = (2 * offset).max(512);
    }
    Ok(false)
}
