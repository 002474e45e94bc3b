//! Status codes, the message of the last failure, and warnings.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};

use crate::{Error, Result};

/// What a function returns: `DAVEGAN_OK` or the kind of failure. The numbers are never changed.
pub type davegan_status_t = i32;

// Of type i32, not davegan_status_t, because cbindgen leaves constants of other types out of the header.

/// Success.
pub const DAVEGAN_OK: i32 = 0;
/// An argument or option has a value that cannot be used, or a pointer is NULL; the message names it.
pub const DAVEGAN_INVALID_PARAMETER: i32 = 1;
/// The operating system refused to open, read, write or rename a file.
pub const DAVEGAN_IO: i32 = 2;
/// HDF5 refused an operation on a file that could be opened, or a dataset is missing.
pub const DAVEGAN_HDF5: i32 = 3;
/// A file could be read, but holds something else than was expected, or is damaged.
pub const DAVEGAN_FORMAT: i32 = 4;
/// The requested device does not exist, is not part of this build, or failed.
pub const DAVEGAN_DEVICE: i32 = 5;
/// There is not enough memory for what was asked.
pub const DAVEGAN_OUT_OF_MEMORY: i32 = 6;
/// A buffer of the caller is too small; the message tells how many elements are needed.
pub const DAVEGAN_BUFFER_SIZE: i32 = 7;
/// A progress callback asked to stop.
pub const DAVEGAN_CANCELLED: i32 = 8;
/// Training, the encoder or the generator gave values that are not finite; training keeps the last good checkpoint.
pub const DAVEGAN_DIVERGED: i32 = 9;
/// For language bindings: a callback failed, for instance by a C++ exception. The library itself never returns it.
pub const DAVEGAN_CALLBACK: i32 = 254;
/// A defect in the library itself; please report it.
pub const DAVEGAN_INTERNAL: i32 = 255;

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::new(CString::default());
    static LAST_WARNING: RefCell<CString> = RefCell::new(CString::default());
}

/// `text` for C, which ends a text at the first NUL: names that come from files may hold any character.
fn for_c(text: &str) -> CString {
    CString::new(text.replace('\0', "\\0")).unwrap_or_default()
}

/// Keeps the warnings of a call for `davegan_last_warning` of this thread, in place of earlier ones.
pub(super) fn keep_warnings(warnings: &[String]) {
    let _ = LAST_WARNING.try_with(|last| last.replace(for_c(&warnings.join("\n"))));
}

/// The status of `result`; the message of a failure is kept for this thread.
pub(super) fn record(result: Result<()>) -> davegan_status_t {
    let Err(error) = result else { return DAVEGAN_OK };
    // A thread that is being torn down keeps no message; the status still tells what happened.
    let _ = LAST_ERROR.try_with(|last| last.replace(for_c(&error.to_string())));
    code(&error)
}

fn code(error: &Error) -> davegan_status_t {
    match error {
        Error::InvalidParameter(_) => DAVEGAN_INVALID_PARAMETER,
        Error::Io { .. } => DAVEGAN_IO,
        Error::Hdf5 { .. } => DAVEGAN_HDF5,
        Error::Format { .. } => DAVEGAN_FORMAT,
        Error::Device(_) => DAVEGAN_DEVICE,
        Error::OutOfMemory(_) => DAVEGAN_OUT_OF_MEMORY,
        Error::BufferSize { .. } => DAVEGAN_BUFFER_SIZE,
        Error::Cancelled(_) => DAVEGAN_CANCELLED,
        Error::Diverged(_) => DAVEGAN_DIVERGED,
        Error::Internal(_) => DAVEGAN_INTERNAL,
    }
}

/// The name of a status, for instance "DAVEGAN_IO"; "unknown status" for a number that is none.
///
/// The text is static. Never fails. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn davegan_status_name(status: davegan_status_t) -> *const c_char {
    let name = match status {
        DAVEGAN_OK => c"DAVEGAN_OK",
        DAVEGAN_INVALID_PARAMETER => c"DAVEGAN_INVALID_PARAMETER",
        DAVEGAN_IO => c"DAVEGAN_IO",
        DAVEGAN_HDF5 => c"DAVEGAN_HDF5",
        DAVEGAN_FORMAT => c"DAVEGAN_FORMAT",
        DAVEGAN_DEVICE => c"DAVEGAN_DEVICE",
        DAVEGAN_OUT_OF_MEMORY => c"DAVEGAN_OUT_OF_MEMORY",
        DAVEGAN_BUFFER_SIZE => c"DAVEGAN_BUFFER_SIZE",
        DAVEGAN_CANCELLED => c"DAVEGAN_CANCELLED",
        DAVEGAN_DIVERGED => c"DAVEGAN_DIVERGED",
        DAVEGAN_CALLBACK => c"DAVEGAN_CALLBACK",
        DAVEGAN_INTERNAL => c"DAVEGAN_INTERNAL",
        _ => c"unknown status",
    };
    name.as_ptr()
}

/// What went wrong in the last call of this thread that failed: what was wrong, with the value, and what to do.
///
/// UTF-8; empty if no call of this thread has failed. A successful call leaves the message as it is. The text belongs
/// to the library and is valid until the next failing call of the same thread, or the end of the thread. Never fails.
/// Every thread has a message of its own.
#[unsafe(no_mangle)]
pub extern "C" fn davegan_last_error() -> *const c_char {
    LAST_ERROR.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// Copies the message of `davegan_last_error` into `buffer`, which holds `capacity` bytes.
///
/// What does not fit is cut off, never within a character; with a capacity of at least 1 the copy always ends with a
/// NUL. `needed` is set to the bytes that the whole message takes, with its NUL. `buffer` may be NULL if `capacity` is
/// 0, and `needed` may be NULL.
///
/// Returns `DAVEGAN_BUFFER_SIZE` if the message was cut, and `DAVEGAN_INVALID_PARAMETER` if `buffer` is NULL but
/// `capacity` is not 0; neither changes the message. Every thread has a message of its own.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_last_error_copy(
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
) -> davegan_status_t {
    // SAFETY: as promised by the host.
    unsafe { copy(davegan_last_error(), buffer, capacity, needed) }
}

/// The warnings of the last call of this thread that read a micrograph or trained, a sentence a line.
///
/// UTF-8; empty if that call gave none. A warning says what the library decided and the host may want otherwise, such as
/// a data bar that was cut off. The text belongs to the library and is valid until the next such call of the same
/// thread, or the end of the thread. Never fails.
#[unsafe(no_mangle)]
pub extern "C" fn davegan_last_warning() -> *const c_char {
    LAST_WARNING.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

/// Copies the text of `davegan_last_warning` into `buffer`, as `davegan_last_error_copy` does its message.
///
/// Every thread has warnings of its own.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn davegan_last_warning_copy(
    buffer: *mut c_char,
    capacity: usize,
    needed: *mut usize,
) -> davegan_status_t {
    // SAFETY: as promised by the host.
    unsafe { copy(davegan_last_warning(), buffer, capacity, needed) }
}

/// Copies `text`, which ends with a NUL, into the caller's `buffer` of `capacity` bytes.
unsafe fn copy(text: *const c_char, buffer: *mut c_char, capacity: usize, needed: *mut usize) -> davegan_status_t {
    // SAFETY: the pointer was just obtained, and nothing below fails in a way that changes the text.
    let message = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let whole = message.len() + 1;
    // SAFETY: `needed` is NULL or points to a size_t of the caller.
    if let Some(needed) = unsafe { needed.as_mut() } {
        *needed = whole;
    }
    if capacity == 0 {
        return DAVEGAN_BUFFER_SIZE;
    }
    if buffer.is_null() {
        return DAVEGAN_INVALID_PARAMETER;
    }
    let kept = message.floor_char_boundary(capacity - 1);
    // SAFETY: `kept` + 1 is at most `capacity`, the size of the caller's buffer.
    unsafe {
        std::ptr::copy_nonoverlapping(message.as_ptr(), buffer.cast(), kept);
        buffer.add(kept).write(0);
    }
    if whole > capacity { DAVEGAN_BUFFER_SIZE } else { DAVEGAN_OK }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn last_error() -> String {
        // SAFETY: the pointer is valid until the next failing call of this thread.
        unsafe { CStr::from_ptr(davegan_last_error()) }.to_string_lossy().into_owned()
    }

    /// The status, the copy up to its NUL, and the bytes needed.
    fn copy(capacity: usize) -> (davegan_status_t, Vec<u8>, usize) {
        let mut buffer = vec![b'?'; capacity];
        let mut needed = 0;
        // SAFETY: the buffer holds `capacity` bytes.
        let status = unsafe { davegan_last_error_copy(buffer.as_mut_ptr().cast(), capacity, &mut needed) };
        (status, CStr::from_bytes_until_nul(&buffer).unwrap().to_bytes().to_vec(), needed)
    }

    #[test]
    fn a_nul_in_a_message_is_written_out() {
        assert_eq!(record(Err(Error::format("a.h5", "dataset 'x\0y'"))), DAVEGAN_FORMAT);
        assert_eq!(last_error(), "a.h5: dataset 'x\\0y'");
    }

    #[test]
    fn a_copy_is_cut_between_characters_and_keeps_the_message() {
        record(Err(Error::invalid("5 µm")));
        assert_eq!(copy(6), (DAVEGAN_OK, "5 µm".into(), 6));
        assert_eq!(copy(99), (DAVEGAN_OK, "5 µm".into(), 6));
        assert_eq!(copy(5), (DAVEGAN_BUFFER_SIZE, "5 µ".into(), 6));
        assert_eq!(copy(4), (DAVEGAN_BUFFER_SIZE, "5 ".into(), 6));
        assert_eq!(copy(1), (DAVEGAN_BUFFER_SIZE, "".into(), 6));
        let mut needed = 0;
        // SAFETY: NULL is allowed for both pointers, if the capacity is 0.
        unsafe {
            assert_eq!(davegan_last_error_copy(std::ptr::null_mut(), 0, &mut needed), DAVEGAN_BUFFER_SIZE);
            assert_eq!(
                davegan_last_error_copy(std::ptr::null_mut(), 9, std::ptr::null_mut()),
                DAVEGAN_INVALID_PARAMETER
            );
        }
        assert_eq!((last_error().as_str(), needed), ("5 µm", 6));
    }

    #[test]
    fn every_status_has_its_name() {
        macro_rules! check {
            ($($status:ident)*) => {$(
                // SAFETY: the names are static texts.
                assert_eq!(unsafe { CStr::from_ptr(davegan_status_name($status)) }.to_str(), Ok(stringify!($status)));
            )*};
        }
        check!(DAVEGAN_OK DAVEGAN_INVALID_PARAMETER DAVEGAN_IO DAVEGAN_HDF5 DAVEGAN_FORMAT DAVEGAN_DEVICE
            DAVEGAN_OUT_OF_MEMORY DAVEGAN_BUFFER_SIZE DAVEGAN_CANCELLED DAVEGAN_DIVERGED DAVEGAN_CALLBACK
            DAVEGAN_INTERNAL);
        // SAFETY: as above.
        assert_eq!(unsafe { CStr::from_ptr(davegan_status_name(-1)) }, c"unknown status");
    }
}
