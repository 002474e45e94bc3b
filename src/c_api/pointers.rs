//! Everything that is done to a pointer of the host.
//!
//! The functions check what can be checked (NULL, sizes that overflow, text that is no UTF-8) and name the argument in
//! the message. That a pointer which is not NULL points to as much as the host says is the host's promise, stated once
//! in the header; each function is `unsafe` for this reason alone.

use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::micrograph::PhaseImages;
use crate::{Error, Result};

fn null(name: &str) -> Error {
    Error::invalid(format!("{name} is NULL"))
}

/// What `pointer` points to.
pub(super) unsafe fn reference<'a, T>(pointer: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: the host's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// A text; NULL is refused.
pub(super) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: not NULL, and ended by a NUL by the host's promise.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|_| Error::invalid(format!("{name} is not UTF-8: \"{}\"", text.to_string_lossy())))
}

/// A text or NULL.
pub(super) unsafe fn optional_text<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>> {
    // SAFETY: the host's promise.
    if pointer.is_null() { Ok(None) } else { unsafe { text(pointer, name) }.map(Some) }
}

/// The path of a file: any bytes that the operating system accepts.
pub(super) unsafe fn path<'a>(pointer: *const c_char, name: &str) -> Result<&'a Path> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: not NULL, and ended by a NUL by the host's promise.
    let bytes = unsafe { CStr::from_ptr(pointer) }.to_bytes();
    if bytes.is_empty() {
        return Err(Error::invalid(format!("{name} is empty; it must name a file")));
    }
    Ok(Path::new(OsStr::from_bytes(bytes)))
}

/// The path of a file or NULL.
pub(super) unsafe fn optional_path<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a Path>> {
    // SAFETY: the host's promise.
    if pointer.is_null() { Ok(None) } else { unsafe { path(pointer, name) }.map(Some) }
}

/// The product of `lengths`: how many elements an array of the host holds.
pub(super) fn elements(lengths: &[usize], name: &str) -> Result<usize> {
    // Rust's slices are limited to isize::MAX bytes, and no element here is larger than a double.
    const LIMIT: usize = isize::MAX as usize / size_of::<f64>();
    let product = lengths.iter().try_fold(1usize, |product, &length| product.checked_mul(length));
    product.filter(|&product| product <= LIMIT).ok_or_else(|| {
        let lengths: Vec<String> = lengths.iter().map(ToString::to_string).collect();
        Error::invalid(format!("{name}: {} elements exceed the address space; check the lengths", lengths.join(" x ")))
    })
}

/// An array that the host lends for reading, of [`elements`] many elements.
pub(super) unsafe fn slice<'a, T>(pointer: *const T, length: usize, name: &str) -> Result<&'a [T]> {
    if length == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: not NULL, `length` came out of elements(), and the host promises that many elements.
    Ok(unsafe { std::slice::from_raw_parts(pointer, length) })
}

/// Images or volumes that the host lends, `[n, nz, ny, nx]`, copied.
pub(super) unsafe fn images(phases: *const u8, shape: [usize; 4], n_phases: usize, name: &str) -> Result<PhaseImages> {
    // SAFETY: the caller's promise.
    PhaseImages::copy_of(unsafe { slice(phases, elements(&shape, name)?, name) }?, shape, n_phases)
}

/// An array of the host that a result is written to. Nothing is read from it: the host need not have set it.
#[derive(Debug)]
pub(super) struct Buffer<T> {
    pointer: *mut T,
    length: usize,
}

impl<T: Copy> Buffer<T> {
    /// The first `needed` of the `capacity` elements at `pointer`; `what` names the argument and what it is to hold.
    pub(super) unsafe fn new(pointer: *mut T, capacity: usize, needed: usize, what: &str) -> Result<Self> {
        if capacity < needed {
            return Err(Error::BufferSize { what: what.into(), given: capacity, needed });
        }
        let pointer = match needed {
            // An empty std::vector has no address.
            0 => std::ptr::NonNull::dangling().as_ptr(),
            _ if pointer.is_null() => return Err(Error::invalid(format!("the buffer for {what} is NULL"))),
            _ => pointer,
        };
        Ok(Self { pointer, length: needed })
    }

    /// [`fill`](Self::fill) from other values, one by one.
    pub(super) fn fill_each(self, values: impl ExactSizeIterator<Item = T>) {
        assert_eq!(values.len(), self.length, "a result has the size that was announced for it");
        for (index, value) in values.enumerate().take(self.length) {
            // SAFETY: new() checked the length.
            unsafe { self.pointer.add(index).write(value) };
        }
    }

    /// Fills the buffer, which has as many elements as `values` by construction of both.
    pub(super) fn fill(self, values: &[T]) {
        assert_eq!(values.len(), self.length, "a result has the size that was announced for it");
        // SAFETY: new() checked the length; the host's buffer cannot overlap memory of the library.
        unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), self.pointer, values.len()) };
    }
}

impl Buffer<u8> {
    /// Copies `values` to the place that is `offset` elements behind the first.
    pub(super) fn put(&mut self, offset: usize, values: &[u8]) {
        assert!(offset + values.len() <= self.length, "a result has the size that was announced for it");
        // SAFETY: as in fill().
        unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), self.pointer.add(offset), values.len()) };
    }

    /// The buffer as memory that the library may work in, all zero at first.
    pub(super) fn zeroed(&mut self) -> &mut [u8] {
        // SAFETY: new() checked the length, and the host lends the buffer for the time of the call.
        unsafe {
            self.pointer.write_bytes(0, self.length);
            std::slice::from_raw_parts_mut(self.pointer, self.length)
        }
    }
}

/// The place of the host for a single result, which is zero (NULL) until the call succeeds.
#[derive(Debug)]
pub(super) struct Place<T>(*mut T);

impl<T> Place<T> {
    /// Writes `empty` at `pointer`, so that the host finds it there if the call fails.
    pub(super) unsafe fn new(pointer: *mut T, empty: T, name: &str) -> Result<Self> {
        if pointer.is_null() {
            return Err(null(name));
        }
        // SAFETY: not NULL; the host promises room for one element.
        unsafe { pointer.write(empty) };
        Ok(Self(pointer))
    }

    /// Writes the result.
    pub(super) fn set(self, value: T) {
        // SAFETY: as in new().
        unsafe { self.0.write(value) };
    }
}

impl<T> Place<*mut T> {
    /// [`Place::new`] for a handle: NULL until the call succeeds.
    pub(super) unsafe fn handle(pointer: *mut *mut T, name: &str) -> Result<Self> {
        // SAFETY: the host's promise.
        unsafe { Self::new(pointer, std::ptr::null_mut(), name) }
    }

    /// Hands `value` over to the host, which gives it back to [`free`].
    pub(super) fn give(self, value: T) {
        self.set(Box::into_raw(Box::new(value)));
    }
}

/// Ends the life of a handle; NULL is fine.
pub(super) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: the host promises that the handle came from Place::give and is freed once.
        drop(unsafe { Box::from_raw(handle) });
    }
}

#[cfg(test)]
mod tests {
    use std::ptr::{null, null_mut};

    use super::*;

    #[test]
    fn a_null_pointer_is_refused_by_name() {
        // SAFETY: NULL is checked.
        let errors = unsafe {
            [
                text(null(), "dataset").err(),
                path(null(), "dataset").err(),
                reference::<u8>(null(), "dataset").err(),
                slice::<u8>(null(), 1, "dataset").err(),
                Place::<u8>::new(null_mut(), 0, "dataset").err(),
            ]
        };
        for error in errors {
            assert_eq!(error, Some(Error::invalid("dataset is NULL")));
        }
        // SAFETY: as above.
        unsafe {
            assert!(Buffer::<u8>::new(null_mut(), 1, 1, "phases").unwrap_err().to_string().contains("phases is NULL"));
            assert!(Buffer::<u8>::new(null_mut(), 0, 0, "phases").unwrap().zeroed().is_empty());
            Buffer::<f64>::new(null_mut(), 3, 0, "history").unwrap().fill(&[]);
            assert_eq!(optional_text(null(), "dataset"), Ok(None));
            assert_eq!(optional_path(null(), "path"), Ok(None));
            free::<u8>(null_mut());
        }
    }

    #[test]
    fn text_must_be_utf_8_but_a_path_need_not() {
        let name = c"a\xff.png".as_ptr();
        // SAFETY: a literal.
        unsafe {
            assert!(text(name, "dataset").unwrap_err().to_string().starts_with("dataset is not UTF-8"));
            assert_eq!(path(name, "path").unwrap().as_os_str().as_bytes(), b"a\xff.png");
            assert!(path(c"".as_ptr(), "path").unwrap_err().to_string().starts_with("path is empty"));
        }
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        assert_eq!(elements(&[2, 3, 4], "phases"), Ok(24));
        assert!(elements(&[usize::MAX, 2], "phases").unwrap_err().to_string().contains("x 2 elements"));
        assert!(elements(&[usize::MAX / 8], "phases").is_err());
    }

    #[test]
    fn a_buffer_too_small_is_refused_and_a_large_one_filled_in_part() {
        let mut values = [9u8; 4];
        let pointer = values.as_mut_ptr();
        // SAFETY: there are four elements.
        unsafe {
            assert_eq!(
                Buffer::new(pointer, 2, 3, "phases").unwrap_err(),
                Error::BufferSize { what: "phases".into(), given: 2, needed: 3 }
            );
            Buffer::new(pointer, 4, 3, "phases").unwrap().fill(&[1, 2, 3]);
        }
        assert_eq!(values, [1, 2, 3, 9]);
    }

    #[test]
    fn arrays_and_handles_go_to_the_host_and_back() {
        let mut values = [9u8; 4];
        let (pointer, mut handle) = (values.as_mut_ptr(), null_mut());
        // SAFETY: there are four elements, and the handle is freed once.
        unsafe {
            let mut buffer = Buffer::new(pointer, 4, 4, "phases").unwrap();
            buffer.zeroed()[3] = 7;
            buffer.put(1, &[1, 2]);
            assert_eq!(slice(pointer, 4, "phases"), Ok(&[0, 1, 2, 7][..]));
            Buffer::new(pointer, 4, 2, "phases").unwrap().fill_each([5, 6].into_iter());
            Place::handle(&mut handle, "model").unwrap().give("a model".to_owned());
            assert_eq!(reference(handle, "model").map(String::as_str), Ok("a model"));
            free(handle);
        }
        assert_eq!(values, [5, 6, 2, 7]);
    }

    #[test]
    fn a_result_is_zero_until_it_is_set() {
        let mut value = 7;
        // SAFETY: a place for one number.
        let place = unsafe { Place::new(&mut value, 0, "value") }.unwrap();
        assert_eq!(unsafe { (&raw const value).read() }, 0);
        place.set(5);
        assert_eq!(value, 5);
    }
}
