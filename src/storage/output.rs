//! Files that calls write: one call at a time, and nothing of another kind is written over.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf, absolute};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::atomic_file::{TemporaryFile, directory_of};
use super::kind::{Export, Kind};
use crate::device::memory;
use crate::error::check_path;
use crate::files::open_regular;
use crate::{Error, Result};

/// A file that this call writes, and until it is dropped no other call of this process.
#[derive(Debug)]
pub(crate) struct Output {
    path: PathBuf,
    /// The path without symbolic links.
    target: PathBuf,
    kind: Kind,
    /// What is there, as this call knows it. Open, so that no other file can have its identity.
    there: Option<File>,
    /// Whether that is an empty file. It may be replaced as long as nobody fills it.
    is_empty: bool,
    _claim: Claim,
}

impl Output {
    /// Claims the file at `path`, which need not exist.
    ///
    /// For a file that is to be replaced whole, tests that one can be created in the directory: better now than after
    /// hours of work.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the path of an HDF5 file is not UTF-8; [`Error::Io`] if another call of this process
    /// writes the file, the directory is missing or cannot be written, or `path` is a directory, a device, a pipe or a
    /// socket; [`Error::Format`] if a file of another kind is there.
    pub fn claim(path: &Path, kind: Kind) -> Result<Self> {
        if matches!(kind, Kind::Model | Kind::Hdf5 | Kind::Export(Export::Dream3d)) {
            check_path(path)?;
            memory::require_for_hdf5()?;
        }
        let target = if find(path, kind)?.is_some() {
            // An open file that has lost its name has none but that in /proc/self/fd.
            path.canonicalize().unwrap_or_else(|_| path.into())
        } else {
            end_of_links(path)
        };
        let target = absolute(target).map_err(|e| Error::system(path, "find its directory", &e))?;
        let claim = Claim::new(path, &target)?;
        // Another call may have changed what is there until the claim.
        let there = find(&target, kind)?;
        if kind != Kind::Hdf5 {
            TemporaryFile::new(&target).map_err(|e| Error::system(path, "create a file in its directory", &e))?;
        }
        let is_empty = there.as_ref().is_some_and(is_empty);
        Ok(Self { path: path.into(), target, kind, there, is_empty, _claim: claim })
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path without symbolic links, absolute.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Puts a file that `write` fills in place of what is there, and returns what `write` does. File and directory are
    /// synchronised, so that the new file survives a power cut as well. The permissions of the old file are kept.
    ///
    /// # Errors
    ///
    /// What `write` returns, [`Error::Io`] if another program has put a file there since this call began, and those of
    /// [`claim`](Self::claim). What is there is as it was before then.
    pub fn replace<T>(&mut self, write: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
        let (temporary, written) = TemporaryFile::filled(&self.target, &self.path, write)?;
        let put = match find(&self.target, self.kind)? {
            None => temporary.put_new(&self.target),
            Some(found) if self.is_known(&found) => temporary.put_over(&self.target, &found),
            Some(_) => return Err(self.taken()),
        };
        self.there = Some(put.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => self.taken(),
            _ => self.not_put(&error),
        })?);
        self.is_empty = false;
        Ok(written)
    }

    /// Refuses to go on if the path leads to another file than this call knows.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it does.
    pub fn check_known(&self) -> Result<()> {
        let found = find(&self.target, self.kind)?;
        if found.is_some_and(|found| self.is_known(&found)) { Ok(()) } else { Err(self.taken()) }
    }

    /// Removes the file that this call has put there. One that cannot be removed is at worst a file too many.
    pub fn remove(&self) {
        if self.check_known().is_ok() {
            let _ = fs::remove_file(&self.target);
        }
    }

    fn is_known(&self, found: &File) -> bool {
        let id = |file: &File| file.metadata().ok().map(|metadata| FileId::of(&metadata));
        self.there.as_ref().is_some_and(|there| id(there) == id(found)) && (!self.is_empty || is_empty(found))
    }

    fn taken(&self) -> Error {
        let reason = "another program has put a file there since this call began, which is not written over; choose \
                      another path, or remove that file and try again";
        Error::io(&self.path, reason)
    }

    fn not_put(&self, error: &io::Error) -> Error {
        Error::system(&self.path, "put the new file in place", error)
    }
}

fn is_empty(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.len() == 0)
}

/// Refuses to write the file at `written` if it is the one at `read`.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if it is.
pub fn check_other_file(read: &Path, written: &Path) -> Result<()> {
    let id = FileId::at(read);
    if id.is_some() && id == FileId::at(written) {
        return Err(Error::invalid(format!(
            "{} is to be read and written over; choose another path for what is written",
            written.display()
        )));
    }
    Ok(())
}

/// The file at `path`, if there is one; it must be empty or of this `kind`.
fn find(path: &Path, kind: Kind) -> Result<Option<File>> {
    if fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let mut file = open_regular(path, "read what is there")?;
    kind.check(&mut file, path)?;
    Ok(Some(file))
}

/// Where a file appears that is created at `path`, which may be a symbolic link to no file.
fn end_of_links(path: &Path) -> PathBuf {
    fs::read_link(path).map_or_else(|_| path.into(), |to| end_of_links(&directory_of(path).join(to)))
}

/// Device and inode: the identity of a file as long as it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    fn of(metadata: &Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }

    /// `None` if there is no file.
    fn at(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }
}

/// A place in a directory, whether or not there is a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    directory: FileId,
    name: OsString,
}

/// The places that calls of this process write to, with a path to each.
static CLAIMED: Mutex<Vec<(Place, PathBuf)>> = Mutex::new(Vec::new());

fn claimed() -> MutexGuard<'static, Vec<(Place, PathBuf)>> {
    CLAIMED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An entry of [`CLAIMED`], removed when dropped.
#[derive(Debug)]
struct Claim(Place);

impl Claim {
    /// Claims `target`, which `path` leads to.
    fn new(path: &Path, target: &Path) -> Result<Self> {
        let directory =
            fs::metadata(directory_of(target)).map_err(|e| Error::system(path, "open its directory", &e))?;
        let name = target.file_name().ok_or_else(|| Error::io(path, "names no file; give the path of a file"))?;
        let place = Place { directory: FileId::of(&directory), name: name.into() };
        let mut claimed = claimed();
        // A file that a call has created meanwhile may have further names.
        let file = FileId::at(target);
        if claimed.iter().any(|(other, path)| *other == place || file.is_some() && FileId::at(path) == file) {
            let reason =
                "another call of this process is writing the file; wait until it returns, or choose another path";
            return Err(Error::io(path, reason));
        }
        claimed.push((place.clone(), target.into()));
        Ok(Self(place))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        claimed().retain(|(place, _)| *place != self.0);
    }
}

#[cfg(test)]
mod tests;
