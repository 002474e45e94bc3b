//! What HDF5's errors mean and what to do, and the paths that HDF5 can open.

use std::io;
use std::path::Path;

use super::{Error, LOCKING, Result};

/// What is in HDF5's words, what it means and what to do; the first that fits.
const MEANINGS: [(&str, &str); 5] = [
    (
        "version number",
        "written by a newer HDF5 than this library reads (1.14), or damaged; convert it with h5format_convert, or with \
         `h5repack --high=2 OLD NEW`, of the HDF5 that wrote it",
    ),
    (
        "plugin",
        "compressed with a filter that is not part of this library; convert the file with `h5repack -f GZIP=1 OLD NEW`",
    ),
    ("truncated file", "the file is truncated; copy it again, or write it anew"),
    ("file signature not found", "not an HDF5 file, or damaged; choose another path, or copy it again"),
    ("", "the file is damaged, or is not built as expected; copy it again, or write it anew"),
];

impl Error {
    /// The error for an HDF5 operation on `path`, where `doing` completes the sentence "cannot ...": [`Error::Io`] where
    /// the system refused, [`Error::Hdf5`] otherwise.
    pub(crate) fn of_hdf5(path: impl AsRef<Path>, doing: &str, error: &hdf5::Error) -> Self {
        let words = hdf5_words(error);
        if let Some(error) = system_error(&words) {
            let doing = if words.contains("unable to lock file") { LOCKING } else { doing };
            return Self::system(path, doing, &error);
        }
        let meaning = MEANINGS.iter().find(|(part, _)| words.contains(part)).map_or("", |(_, meaning)| meaning);
        Self::hdf5(path, format!("cannot {doing}: {meaning} (HDF5 says: {words})"))
    }
}

/// HDF5's own words. It quotes names from the file, which need not be UTF-8, and the crate does not look.
pub(crate) fn hdf5_words(error: &hdf5::Error) -> String {
    String::from_utf8_lossy(&error.to_string().into_bytes()).into_owned()
}

/// The system's error that HDF5 reports as `errno = N` in its own words.
fn system_error(words: &str) -> Option<io::Error> {
    let digits: String = words.split_once("errno = ")?.1.chars().take_while(char::is_ascii_digit).collect();
    match digits.parse() {
        Ok(0) | Err(_) => None,
        Ok(number) => Some(io::Error::from_raw_os_error(number)),
    }
}

/// Refuses a path that HDF5 cannot open, before anything is created.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if it is not UTF-8.
pub(crate) fn check_path(path: &Path) -> Result<()> {
    if path.to_str().is_none() {
        let reason = "is not UTF-8, as HDF5 wants it; rename the file or its directory";
        return Err(Error::invalid(format!("the path {path:?} {reason}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_errors_inside_hdf5s_words_are_io_errors() {
        let words = "H5Dwrite(): can't write: file write failed: errno = 28, error message = 'No space left on device'";
        let error = Error::of_hdf5("a.h5", "write", &words.into());
        assert!(matches!(error, Error::Io { .. }));
        assert!(error.to_string().contains("make room"), "{error}");
        let words =
            "H5Fopen(): unable to open file: unable to lock file, errno = 37, error message = 'No locks available'";
        let text = Error::of_hdf5("a.h5", "open it", &words.into()).to_string();
        assert!(text.starts_with("a.h5: cannot lock the file: ") && text.contains("HDF5_USE_FILE_LOCKING"), "{text}");
    }

    #[test]
    fn hdf5s_words_come_after_what_they_mean() {
        for (words, meaning) in [
            ("unable to open file: bad superblock version number", "newer HDF5"),
            ("can't open directory (/usr/local/hdf5/lib/plugin)", "h5repack -f GZIP=1"),
            ("truncated file: eof = 96", "truncated"),
            ("no such thing", "copy it again"),
        ] {
            let error = Error::of_hdf5("a.h5", "read it", &words.into());
            assert!(matches!(&error, Error::Hdf5 { reason, .. } if reason.contains(meaning)), "{error}");
            assert!(error.to_string().ends_with(&format!("(HDF5 says: {words})")), "{error}");
        }
    }
}
