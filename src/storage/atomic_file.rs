//! Replacing a file in one step: whoever looks sees the old file or the new one, never a part.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// Lets `write` fill a temporary file beside `path`, then moves it over `path`.
///
/// File and directory are synchronised, so the new file survives a power cut as well. A process killed on the way
/// leaves `path` as it was, and a `.davegan-*.tmp` beside it that may be deleted.
///
/// # Errors
///
/// What `write` returns, told of `path` instead of the temporary file, and [`Error::Io`] if the directory is missing or
/// cannot be written, or `path` is a directory or a device.
/// `path` is as it was before, and the temporary file is gone.
pub(crate) fn replace_file(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let (target, temporary) = temporary_for(path)?;
    let result = write(&temporary).and_then(|()| {
        move_over(&temporary, &target).map_err(|e| Error::system(path, "put the new file in place", &e))
    });
    if result.is_err() {
        // The first error is the one worth telling; a file that cannot be removed is at worst a file too many.
        let _ = fs::remove_file(&temporary);
    }
    result.map_err(|error| match error {
        Error::Io { reason, .. } => Error::io(path, reason),
        Error::Hdf5 { reason, .. } => Error::hdf5(path, reason),
        other => other,
    })
}

/// The file that `path` stands for, and a new empty file beside it.
fn temporary_for(path: &Path) -> Result<(PathBuf, PathBuf)> {
    if path.is_dir() {
        return Err(Error::io(path, "is a directory; give the path of a file"));
    }
    // A host with the rights to would have its /dev/null replaced.
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return Err(Error::io(path, "is a device or a pipe; give the path of a file"));
    }
    // The file that a symbolic link points to is replaced, not the link.
    let target = path.canonicalize().unwrap_or_else(|_| path.into());
    let temporary = create_temporary(directory_of(&target))
        .map_err(|e| Error::system(path, "create a file in its directory", &e))?;
    Ok((target, temporary))
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Checks, before hours of work, that a file at `path` could be written.
///
/// # Errors
///
/// [`Error::Io`] if the directory is missing or cannot be written, or `path` is a directory or a device.
pub fn check_replaceable(path: &Path) -> Result<()> {
    let temporary = temporary_for(path)?.1;
    fs::remove_file(&temporary).map_err(|e| Error::system(path, "remove a file from its directory", &e))
}

/// Creates an empty file in `directory` under a name that nobody else has.
fn create_temporary(directory: &Path) -> io::Result<PathBuf> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!(".davegan-{}-{number}.tmp", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

fn move_over(temporary: &Path, target: &Path) -> io::Result<()> {
    File::open(temporary)?.sync_all()?;
    fs::rename(temporary, target)?;
    File::open(directory_of(target))?.sync_all()
}
