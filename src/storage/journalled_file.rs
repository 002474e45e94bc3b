//! An HDF5 file that is changed in whole steps: a killed process loses at most the step it was in.

use std::fs::{self, File, TryLockError};
use std::io;
use std::ops::Deref;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use hdf5::Group;
use hdf5::file::FileAccess;

use super::atomic_file::told_of;
use super::file_driver::{Content, free_space, open_file, with_writes};
use super::hdf5_file::{Explain, file_access};
use super::held_writes::HeldWrites;
use super::journal;
use super::kind::{Export, Kind};
use super::output::Output;
use super::seal::SEAL_BYTES;
use crate::error::LOCKING;
use crate::{Error, Result};

/// An HDF5 file that is open for writing and locked.
///
/// What is written in a [transaction](Self::transaction) is on the disk as a whole or not at all. What was there before
/// stays readable for others at every moment. Everything here needs HDF5's lock.
#[derive(Debug)]
pub(super) struct JournalledFile {
    file: hdf5::File,
    path: PathBuf,
}

impl JournalledFile {
    /// Opens the file of `output` and completes what a killed run has begun there; `None` if there is no file or an empty
    /// one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written or another program has it open; [`Error::Format`] if it is no HDF5
    /// file, or the journal beside it belongs to another file.
    pub fn open(output: &Output) -> Result<Option<Self>> {
        // The journal stands beside the file, not beside a symbolic link to it, which may change.
        let path = output.target();
        let doing = "open the file for writing";
        let open = || {
            let file = match File::options().read(true).write(true).open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                file => file.map_err(|e| Error::system(path, doing, &e))?,
            };
            lock(&file, path)?;
            // Whoever held the lock may have replaced the file.
            output.check_known()?;
            if file.metadata().map_err(|e| Error::system(path, doing, &e))?.len() == 0 {
                return Ok(None);
            }
            journal::complete(&file, path)?;
            let file = open_file(file, path, &access(path)?, Content::Keep).explain(path, doing);
            Ok(Some(Self { file: file.map_err(no_hdf5_file)?, path: path.into() }))
        };
        open().map_err(|error| told_of(output.path(), error))
    }

    /// Creates a file with what `fill` writes, and puts it at the place of `output`, where there is an empty file or none.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be written or another process has created one meanwhile; or what `fill` returns.
    pub fn create(output: &mut Output, fill: impl FnOnce(&hdf5::File) -> Result<()>) -> Result<Self> {
        Self::put(output, |temporary| Self::fill(temporary, 0, fill))
    }

    /// Replaces the file by a new one with what `fill` writes; `keep`: beside the content of this one.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or what `fill` returns. The old file is in its place then.
    pub fn rewrite(
        self,
        output: &mut Output,
        keep: bool,
        fill: impl FnOnce(&hdf5::File) -> Result<()>,
    ) -> Result<Self> {
        let doing = "replace the file";
        let check = || {
            let check = |writes: &mut HeldWrites| writes.check(&self.path);
            let checked = with_writes(&self.file, check).explain(&self.path, doing)?;
            checked.map_err(|e| Error::system(&self.path, doing, &e))
        };
        Self::put(output, |temporary| {
            check()?;
            if keep {
                fs::copy(&self.path, temporary).map_err(|e| Error::system(&self.path, doing, &e))?;
            }
            let new = Self::fill(temporary, 0, fill)?;
            check()?;
            Ok(new)
        })
    }

    /// Writes what `fill` does into the file at `path`, which nobody else reads. An empty one is begun with `userblock`
    /// bytes for the caller: 0, or a power of two from 512 on.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Hdf5`], or what `fill` returns. The file is worthless then.
    pub fn fill(path: &Path, userblock: u64, fill: impl FnOnce(&hdf5::File) -> Result<()>) -> Result<Self> {
        let doing = "write the file";
        let file = File::options().read(true).write(true).open(path).map_err(|e| Error::system(path, doing, &e))?;
        lock(&file, path)?;
        let is_empty = file.metadata().map_err(|e| Error::system(path, doing, &e))?.len() == 0;
        let content = if is_empty { Content::Create { userblock } } else { Content::Fill };
        let file = open_file(file, path, &access(path)?, content).explain(path, doing)?;
        let new = Self { file, path: path.into() };
        new.transaction(doing, fill)?;
        Ok(new)
    }

    /// Puts the file that `make` makes from an empty one at the place of `output`.
    fn put(output: &mut Output, make: impl FnOnce(&Path) -> Result<Self>) -> Result<Self> {
        let new = output.replace(make)?;
        Ok(Self { path: output.target().into(), ..new })
    }

    /// Makes all that `write` writes part of the file, or nothing. After an error the file has to be closed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system refuses, or another program has cut, removed or replaced the file; [`Error::Hdf5`] for
    /// other failures inside HDF5; or what `write` returns.
    pub fn transaction(&self, doing: &str, write: impl FnOnce(&hdf5::File) -> Result<()>) -> Result<()> {
        let written = write(&self.file)
            .and_then(|()| self.file.flush().explain(&self.path, doing))
            .and_then(|()| free_space(&self.file).explain(&self.path, doing));
        let refused = |error: io::Error| Error::system(&self.path, doing, &error);
        let commit = |writes: &mut HeldWrites| match (written, writes.take_error()) {
            (_, Some(error)) => Err(refused(error)),
            (Ok(free), None) => writes.commit(&self.path, free).map_err(refused),
            (Err(error), None) => Err(error),
        };
        with_writes(&self.file, commit).explain(&self.path, doing)?
    }

    /// Creates the groups of the path `name` that are not there, each in a transaction of its own.
    ///
    /// # Errors
    ///
    /// Those of [`Self::transaction`].
    pub fn create_groups(&self, name: &str) -> Result<()> {
        let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
        // One at a time: what the table of names gives up when it grows must not be used again before the commit.
        for part in ends.map(|end| &name[..end]).filter(|part| part.split('/').any(|name| !name.is_empty())) {
            if !self.file.link_exists(part) {
                let doing = format!("create the group {part:?}");
                let create = |file: &hdf5::File| file.create_group(part).map(drop).explain(&self.path, &doing);
                self.transaction(&doing, create)?;
            }
        }
        Ok(())
    }

    /// Has the system write the file to the disk.
    pub fn sync(&self) -> io::Result<()> {
        with_writes(&self.file, |writes| writes.file().sync_all()).map_err(io::Error::other)?
    }
}

impl Deref for JournalledFile {
    type Target = Group;

    fn deref(&self) -> &Group {
        &self.file
    }
}

/// Replaces the file at `path` by an HDF5 file with what `fill` writes, behind a user block with the mark of `export`.
///
/// # Errors
///
/// Those of [`Output::claim`] and [`JournalledFile::fill`]. What is there is as it was then.
pub(crate) fn replace_hdf5(
    path: &Path,
    export: Export,
    fill: impl FnOnce(&hdf5::File) -> hdf5::Result<()>,
) -> Result<()> {
    let doing = "write the file";
    let mut output = Output::claim(path, Kind::Export(export))?;
    output.replace(|temporary| {
        let fill = |file: &hdf5::File| fill(file).explain(path, doing);
        hdf5::sync::sync(|| JournalledFile::fill(temporary, SEAL_BYTES as u64, fill).map(drop))?;
        let file = File::options().write(true).open(temporary);
        let marked = file.and_then(|file| file.write_all_at(export.mark(), 0));
        marked.map_err(|e| Error::system(path, doing, &e))
    })
}

fn access(path: &Path) -> Result<FileAccess> {
    file_access(&mut FileAccess::build()).finish().explain(path, "open the file for writing")
}

/// Locks `file`, as HDF5 itself does, unless its environment variable says no.
fn lock(file: &File, path: &Path) -> Result<()> {
    if std::env::var("HDF5_USE_FILE_LOCKING").is_ok_and(|value| value == "FALSE" || value == "0") {
        return Ok(());
    }
    match file.try_lock() {
        Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => {
            Err(Error::system(path, LOCKING, &error))
        }
        Err(TryLockError::WouldBlock) => {
            Err(Error::system(path, LOCKING, &io::Error::from_raw_os_error(libc::EWOULDBLOCK)))
        }
        _ => Ok(()),
    }
}

/// What went wrong where a file that is there could not be opened.
pub(super) fn no_hdf5_file(error: Error) -> Error {
    match error {
        Error::Hdf5 { path, reason } => {
            Error::format(path, format!("no HDF5 file, or a damaged one; choose another path ({reason})"))
        }
        other => other,
    }
}
