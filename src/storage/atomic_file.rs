//! New files put in place in one step: whoever looks sees the old file or the new one, never a part.
//!
//! A new file is written as `.davegan-HOST-PID-N.tmp` beside its place, where `HOST` is a start of this host's system,
//! and is locked as long as its process lives. The next process that puts a file into the directory removes what a
//! killed one has left. Where the file system cannot lock a file so that HDF5 can lock it as well, as network file
//! systems cannot, the name is `.davegan-PID-N.tmp`. Such a file, and one of another host or start, is removed when
//! nobody has written to it for ten minutes.

use std::fs::{self, DirEntry, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::{Error, Result};

const PREFIX: &str = ".davegan-";
const ENDING: &str = ".tmp";

/// How long a temporary file that its writer has not locked must have been left alone before it is removed.
const ABANDONED: Duration = Duration::from_secs(600);

/// A file that is on its way to its place, removed if it does not get there.
pub(super) struct TemporaryFile {
    file: File,
    path: PathBuf,
}

impl TemporaryFile {
    /// An empty file that can be put at `target`.
    pub fn new(target: &Path) -> io::Result<Self> {
        let directory = directory_of(target);
        remove_leftovers(directory);
        match Self::locked(directory)? {
            Some(locked) => Ok(locked),
            None => Self::create(directory, ""),
        }
    }

    /// A file that can be put at `target`, filled by `write` and synchronised, and what `write` returns.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be created, and what `write` returns; both are told of `path`.
    pub fn filled<T>(target: &Path, path: &Path, write: impl FnOnce(&Path) -> Result<T>) -> Result<(Self, T)> {
        let temporary = Self::new(target).map_err(|e| Error::system(path, "create a file in its directory", &e))?;
        let written = write(temporary.path()).map_err(|error| told_of(path, error))?;
        temporary.file.sync_all().map_err(|e| Error::system(path, "write the new file", &e))?;
        Ok((temporary, written))
    }

    /// Where it is until it is put in its place.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `None` where files cannot be locked, or not so that HDF5 can lock them as well.
    fn locked(directory: &Path) -> io::Result<Option<Self>> {
        let Some(host) = host() else { return Ok(None) };
        loop {
            let temporary = Self::create(directory, &host)?;
            if !lock(&temporary.file, Wait::Yes) || File::open(&temporary.path).is_ok_and(|f| f.try_lock().is_err()) {
                return Ok(None);
            }
            // Whoever removes leftovers may have been here between creating and locking.
            if temporary.file.metadata()?.nlink() > 0 {
                return Ok(Some(temporary));
            }
        }
    }

    /// A file under a name that nobody else has.
    fn create(directory: &Path, host: &str) -> io::Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = directory.join(format!("{PREFIX}{host}{}-{number}{ENDING}", std::process::id()));
            match File::options().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { file, path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves the file to `target`, where there must be none, and returns it.
    pub fn put_new(self, target: &Path) -> io::Result<File> {
        match renameat_with(CWD, &self.path, CWD, target, RenameFlags::NOREPLACE).map_err(io::Error::from) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            // Network file systems cannot rename so, but have links. The first name goes when this is dropped.
            Err(_) => fs::hard_link(&self.path, target)?,
            Ok(()) => {}
        }
        self.at(target)
    }

    /// Moves the file to `target`, in place of `old`, and returns it. If another file is there, that stays.
    pub fn put_over(self, target: &Path, old: &File) -> io::Result<File> {
        let known = old.metadata()?;
        // Not every file system has permissions to keep.
        let _ = self.file.set_permissions(known.permissions());
        if self.exchange(target).is_err() {
            // Network file systems cannot exchange files; the caller has just looked what is there.
            fs::rename(&self.path, target)?;
            return self.at(target);
        }
        self.after_exchange(target, &known)
    }

    /// Exchanges the file with the one at `target`.
    fn exchange(&self, target: &Path) -> io::Result<()> {
        Ok(renameat_with(CWD, &self.path, CWD, target, RenameFlags::EXCHANGE)?)
    }

    /// Takes the exchange back if what has been at `target` is another file than the `known` one.
    fn after_exchange(&self, target: &Path, known: &Metadata) -> io::Result<File> {
        // Nobody locks what has been there, so another process may have removed it as a leftover by now.
        let is_other = |found: Metadata| (found.dev(), found.ino()) != (known.dev(), known.ino());
        if fs::metadata(&self.path).is_ok_and(is_other) {
            self.exchange(target)?;
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.at(target)
    }

    /// The file, once it is at `target` for good.
    fn at(&self, target: &Path) -> io::Result<File> {
        File::open(directory_of(target))?.sync_all()?;
        self.file.try_clone()
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // There is none if it has moved to its place. A file that cannot be removed is at worst a file too many.
        let _ = fs::remove_file(&self.path);
    }
}

/// `error` of a file that stands for the one at `path`, told of `path`.
pub(super) fn told_of(path: &Path, error: Error) -> Error {
    match error {
        Error::Io { reason, .. } => Error::io(path, reason),
        Error::Hdf5 { reason, .. } => Error::hdf5(path, reason),
        other => other,
    }
}

/// The directory that `path` is in.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// What tells this host from others, and from itself before it was started last; `None` if the system does not say.
fn host() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    id.get(..8).map(|start| format!("{start}-"))
}

#[derive(PartialEq)]
enum Wait {
    Yes,
    No,
}

/// Locks `file` as long as it is open, with the kind of lock that HDF5 does not use. Returns whether that is possible.
#[cfg(target_os = "linux")]
fn lock(file: &File, wait: Wait) -> bool {
    let whole =
        libc::flock { l_type: libc::F_WRLCK as _, l_whence: libc::SEEK_SET as _, l_start: 0, l_len: 0, l_pid: 0 };
    let command = if wait == Wait::Yes { libc::F_OFD_SETLKW } else { libc::F_OFD_SETLK };
    // SAFETY: the descriptor is open, and the command reads a `flock`.
    unsafe { libc::fcntl(file.as_raw_fd(), command, &raw const whole) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn lock(_: &File, _: Wait) -> bool {
    false
}

/// Removes what killed processes have left in `directory`.
fn remove_leftovers(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let prefix_here = host().map(|host| format!("{PREFIX}{host}"));
    for entry in entries.flatten() {
        // The lock is held until the file is gone: its writer may be just about to lock it.
        if let Some(_locked) = leftover(&entry, prefix_here.as_deref()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The file at `entry`, locked, if it is a temporary file that nobody writes any more. Its name has `prefix_here` if
/// its writer locked it here.
fn leftover(entry: &DirEntry, prefix_here: Option<&str>) -> Option<File> {
    let name = entry.file_name();
    let name = name.to_str().filter(|name| name.starts_with(PREFIX) && name.ends_with(ENDING))?;
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let file = File::options().read(true).write(true).custom_flags(flags).open(entry.path()).ok()?;
    let found = file.metadata().ok()?;
    let is_abandoned = || found.modified().is_ok_and(|time| time.elapsed().is_ok_and(|age| age > ABANDONED));
    let may_go = || match prefix_here {
        Some(prefix) if name.starts_with(prefix) => lock(&file, Wait::No),
        _ => is_abandoned() && file.try_lock().is_ok(),
    };
    (found.is_file() && may_go()).then_some(file)
}

#[cfg(test)]
mod tests;
