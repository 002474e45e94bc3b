//! The one error type of the library, one-to-one with the status codes of the C API.

mod hdf5_words;

use std::io;
use std::path::{Path, PathBuf};

pub(crate) use hdf5_words::{check_path, hdf5_words};

/// Result of every fallible operation of the library.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. The text says what was wrong, with the value, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An argument or option has a value that cannot be used.
    #[error("{0}")]
    InvalidParameter(String),
    /// The operating system refused to open, read, write or rename a file.
    #[error("{}: {reason}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words, and what to do.
        reason: String,
    },
    /// The HDF5 library refused an operation on a file that could be opened.
    #[error("{}: {reason}", path.display())]
    Hdf5 {
        /// The file.
        path: PathBuf,
        /// The dataset or attribute, HDF5's words, and what to do.
        reason: String,
    },
    /// A file could be read, but what it holds is not what was expected.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found, what was expected, and what to do.
        reason: String,
    },
    /// The requested device does not exist or failed.
    #[error("{0}")]
    Device(String),
    /// An allocation of this size is not possible.
    #[error("{0}")]
    OutOfMemory(String),
    /// A buffer of the caller is too small.
    #[error("the buffer for {what} holds {}, but must hold {needed}", counted(*given, "element"))]
    BufferSize {
        /// What was to be stored.
        what: String,
        /// Elements in the caller's buffer.
        given: usize,
        /// Elements needed.
        needed: usize,
    },
    /// A progress callback asked to stop; work so far is saved where the operation says so.
    #[error("{0}")]
    Cancelled(String),
    /// Training, the encoder or the generator gave values that are not finite.
    #[error("{0}")]
    Diverged(String),
    /// A defect in the library itself.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// An [`Error::InvalidParameter`] with the given text.
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::InvalidParameter(text.into())
    }

    /// An [`Error::Io`] for `path`.
    pub fn io(path: impl AsRef<Path>, reason: impl ToString) -> Self {
        Self::Io { path: path.as_ref().into(), reason: reason.to_string() }
    }

    /// An [`Error::Io`] for `path`: what failed (`cannot {doing}`), the system's words, and what to do.
    pub(crate) fn system(path: impl AsRef<Path>, doing: &str, error: &io::Error) -> Self {
        let advice = match error.kind() {
            _ if error.raw_os_error() == Some(libc::ENOLCK) => NO_LOCKS,
            io::ErrorKind::Unsupported if doing == LOCKING => NO_LOCKS,
            io::ErrorKind::NotFound if doing.ends_with("its directory") => "; create the directory, or check the path",
            io::ErrorKind::NotFound => "; check the path",
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "; check the permissions of the file and its directory, or choose another path"
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                "; make room or raise the limit, and try again"
            }
            io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => "; choose another path",
            io::ErrorKind::WouldBlock => {
                "; another process of this or another program has the file open: close it there, and try again"
            }
            _ => "",
        };
        Self::io(path, format!("cannot {doing}: {error}{advice}"))
    }

    /// An [`Error::Hdf5`] for `path`, or an [`Error::OutOfMemory`] where HDF5 says that memory is missing.
    pub fn hdf5(path: impl AsRef<Path>, reason: impl ToString) -> Self {
        let (path, reason) = (path.as_ref(), reason.to_string());
        if lacks_memory(&reason) {
            return Self::OutOfMemory(format!("{}: {reason}; {FREE_MEMORY}", path.display()));
        }
        Self::Hdf5 { path: path.into(), reason }
    }

    /// An [`Error::Format`] for `path`.
    pub fn format(path: impl AsRef<Path>, reason: impl ToString) -> Self {
        Self::Format { path: path.as_ref().into(), reason: reason.to_string() }
    }
}

/// What a call does that locks a file, to complete the sentence "cannot ...".
pub(crate) const LOCKING: &str = "lock the file";

/// What to do where the file system has no locks.
const NO_LOCKS: &str = "; this file system has no locks, as NFS without its lock service and Lustre mounted without flock: if no \
                        other program writes the file, set the environment variable HDF5_USE_FILE_LOCKING to FALSE before the \
                        program starts, and try again";

/// Whether HDF5's words are about memory, and not about room in a file.
fn lacks_memory(words: &str) -> bool {
    let words = words.to_lowercase();
    let of_file = ["file space", "file allocation", "errno = "].iter().any(|text| words.contains(text));
    let allocates = ["allocation failed", "unable to allocate", "can't allocate", "couldn't allocate", "out of memory"];
    !of_file && allocates.iter().any(|text| words.contains(text))
}

/// What to do where nothing smaller can be asked for.
pub(crate) const FREE_MEMORY: &str = "close other programs or raise the limit";

/// `n` and a noun: `1 tile`, `16 tiles`.
pub(crate) fn counted(n: impl TryInto<u64>, word: &str) -> String {
    let n = n.try_into().unwrap_or(u64::MAX);
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

/// A number as short as it can be read back, such as `0.25` or `1e308`.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-5..1e16).contains(&size) { value.to_string() } else { format!("{value:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_nouns_agree() {
        let values = [0.0, -1.0, 0.25, 1e-4, 1e-300, 1e308, -2.5e20, 123_456.0, f64::NAN, f64::NEG_INFINITY];
        let texts = ["0", "-1", "0.25", "0.0001", "1e-300", "1e308", "-2.5e20", "123456", "NaN", "-inf"];
        assert_eq!(values.map(short), texts);
        assert_eq!([0_u8, 1, 2].map(|n| counted(n, "step")), ["0 steps", "1 step", "2 steps"]);
    }
    #[test]
    fn a_file_system_without_locks_is_told_from_a_locked_file() {
        let advice = |doing: &str, number: i32| {
            let text = Error::system("a.h5", doing, &io::Error::from_raw_os_error(number)).to_string();
            (text.contains("HDF5_USE_FILE_LOCKING"), text.contains("close it there"))
        };
        assert_eq!(advice(LOCKING, libc::ENOLCK), (true, false));
        assert_eq!(advice(LOCKING, libc::ENOSYS), (true, false));
        assert_eq!(advice(LOCKING, libc::EOPNOTSUPP), (true, false));
        assert_eq!(advice("read it", libc::ENOSYS), (false, false));
        assert_eq!(advice(LOCKING, libc::EWOULDBLOCK), (false, true));
    }

    #[test]
    fn a_missing_file_is_told_from_a_missing_directory() {
        let advice =
            |doing: &str| Error::system("a.h5", doing, &io::Error::from_raw_os_error(libc::ENOENT)).to_string();
        assert!(!advice("open the model file").contains("create"));
        assert!(advice("open its directory").contains("create the directory"));
    }

    #[test]
    fn memory_that_hdf5_lacks_is_told_from_other_failures() {
        let words = "H5Dread(): can't read data: memory allocation failed for raw data chunk";
        assert!(matches!(Error::hdf5("a.h5", words), Error::OutOfMemory(text) if text.contains("raw data chunk")));
        for words in ["H5Dwrite(): can't write: can't allocate file space", "H5Fopen(): bad version number"] {
            assert!(matches!(Error::hdf5("a.h5", words), Error::Hdf5 { .. }), "{words}");
        }
    }
}
