//! The seal of a container: a user block in front of the HDF5 file that vouches for every byte of it.
//!
//! HDF5 cannot be trusted with a damaged file: a few bytes changed at random can make it hang. So no byte
//! reaches it before the seal has been checked, and what is no container is recognised from its first line. The block
//! is plain text (`head -4 model.h5` shows it), and HDF5's own tools skip it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::check_path;
use crate::files::{MODEL_MARK, open_regular};
use crate::{Error, Result};

/// Length of the seal in bytes: the smallest user block that HDF5 allows.
pub(super) const SEAL_BYTES: usize = 512;

/// First line of the seal, and the `format` attribute.
pub(super) const FORMAT: &str = MODEL_MARK;

/// Version of the format that is written, and the only one that is read.
pub(super) const FORMAT_VERSION: i64 = 4;

/// Writes the seal into the first 512 bytes of `file`, an HDF5 file with a user block.
pub(super) fn seal(file: &Path) -> io::Result<()> {
    let mut file = File::options().read(true).write(true).open(file)?;
    file.seek(SeekFrom::Start(SEAL_BYTES as u64))?;
    let seal = seal_for(&mut file)?;
    file.rewind()?;
    file.write_all(&seal)
}

/// Checks the seal of the file at `path`.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if `path` is not UTF-8; [`Error::Io`] if it is missing, no regular file, or cannot be read; [`Error::Format`] if it is no container, of
/// a newer format, truncated or damaged.
pub(super) fn check_seal(path: &Path) -> Result<()> {
    check_path(path)?;
    let failed = |e: io::Error| Error::system(path, "read the model file", &e);
    let mut file = open_regular(path, "open the model file")?;
    let (found, expected) = read_seals(&mut file).map_err(failed)?;
    if found == expected {
        return Ok(());
    }
    Err(Error::format(path, what_is_wrong(&found, file.metadata().map_err(failed)?.len())))
}

/// The seal that the file has, and the one that its content calls for.
fn read_seals(file: &mut File) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    file.take(SEAL_BYTES as u64).read_to_end(&mut found)?;
    if !found.starts_with(FORMAT.as_bytes()) {
        return Ok((found, Vec::from(FORMAT))); // Somebody else's file may be huge: not worth reading to the end.
    }
    Ok((found, seal_for(file)?))
}

/// The seal for the bytes from the position of `file` to its end.
fn seal_for(file: &mut File) -> io::Result<Vec<u8>> {
    let mut digest = Sha256::new();
    let length = SEAL_BYTES as u64 + io::copy(file, &mut digest)?;
    let text = format!(
        "{FORMAT}\nformat version {FORMAT_VERSION}\n{length} bytes\nsha256 {:x}\n\
         HDF5 starts at byte {SEAL_BYTES}: h5py, h5dump and others read this file; changes break the seal.\n",
        digest.finalize()
    );
    let mut seal = text.into_bytes();
    seal.resize(SEAL_BYTES, 0);
    Ok(seal)
}

/// What is wrong with a file of the format `version`, which is to come.
pub(super) fn written_by_newer(version: i64) -> String {
    format!(
        "was written by a newer davegan: format version {version}, but this release reads version {FORMAT_VERSION}; use \
         a newer davegan"
    )
}

/// What is wrong with a file of `length` bytes whose seal `found` is not the right one, and what to do.
fn what_is_wrong(found: &[u8], length: u64) -> String {
    if length == 0 {
        return "the file is empty, not a davegan model; was the disk full when it was written?".into();
    }
    let text = String::from_utf8_lossy(found);
    let mut lines = text.lines();
    if lines.next() != Some(FORMAT) {
        let kind = if found.starts_with(b"\x89HDF\r\n\x1a\n") { "an HDF5 file, but " } else { "" };
        return format!("{kind}not a davegan model; give a file that davegan_train, or davegan train, has written");
    }
    let version = lines.next().and_then(|line| line.strip_prefix("format version ")?.parse::<i64>().ok());
    match version {
        Some(version) if version > FORMAT_VERSION => return written_by_newer(version),
        Some(version) if version < FORMAT_VERSION => {
            return format!(
                "was written by an older davegan: format version {version}, but this release reads version \
                 {FORMAT_VERSION}; train again, or use the davegan that wrote it"
            );
        }
        _ => {}
    }
    let recorded = lines.next().and_then(|line| line.strip_suffix(" bytes")?.parse::<u64>().ok());
    match recorded {
        Some(recorded) if recorded > length => {
            format!("truncated: {length} of {recorded} bytes are there; copy it again, or train again")
        }
        _ => "damaged: the content does not fit its SHA-256 checksum; copy it again, or train again".into(),
    }
}
