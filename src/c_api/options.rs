//! The rule for structs that may grow: their first field is `struct_size`, the size that the host's compiler gave them.
//!
//! A host compiled against an older header has a shorter struct, one compiled against a newer header a longer one. The
//! shortest that is accepted is that of version 1. A longer one is accepted if what this library does not know is zero,
//! which the initialiser has seen to.

use crate::{Error, Result};

/// No version of any struct is as long: a size above this is memory that was never initialised.
const LONGEST: usize = 4096;

/// A struct under the rule.
///
/// # Safety
///
/// The type must be `#[repr(C)]`, start with a `struct_size: usize`, and hold only numbers, pointers and optional
/// functions, so that every pattern of bytes the host may have written is a value of it. All versions are at version 1
/// so far: the first that grows needs the size of its version 1 here.
pub(super) unsafe trait Growing: Copy {
    /// The name of the type in C.
    const NAME: &'static str;
}

/// Checks the size that the host gives for a `T`.
fn check_size<T: Growing>(size: usize) -> Result<()> {
    if (size_of::<T>()..=LONGEST).contains(&size) {
        return Ok(());
    }
    let (name, known) = (T::NAME, size_of::<T>());
    Err(Error::invalid(format!("the size of {name} is given as {size} bytes, but it has {known}; pass sizeof({name})")))
}

/// The struct that the host filled, or None for NULL.
pub(super) unsafe fn read<T: Growing>(pointer: *const T) -> Result<Option<T>> {
    if pointer.is_null() {
        return Ok(None);
    }
    let name = T::NAME;
    // SAFETY: the host promises an initialised struct, and every version of it starts with its size.
    let size = unsafe { pointer.cast::<usize>().read() };
    check_size::<T>(size).map_err(|_| {
        Error::invalid(format!("struct_size of {name} is {size}; fill the struct with its initialiser first"))
    })?;
    let unknown = size_of::<T>()..size;
    // SAFETY: the struct has `size` bytes.
    if unknown.into_iter().any(|byte| unsafe { pointer.cast::<u8>().add(byte).read() } != 0) {
        return Err(Error::invalid(format!(
            "{name} has {size} bytes and sets options that davegan {} does not know; it knows the first {} bytes",
            env!("CARGO_PKG_VERSION"),
            size_of::<T>()
        )));
    }
    // SAFETY: the struct has at least the bytes of a T, all of which are values of it by the trait's promise.
    Ok(Some(unsafe { pointer.read() }))
}

/// The struct of the host for a result or for options, all zero until it is set.
#[derive(Debug)]
pub(super) struct StructPlace<T> {
    pointer: *mut T,
    size: usize,
}

impl<T: Growing> StructPlace<T> {
    /// Zeroes the `size` bytes at `pointer`.
    pub(super) unsafe fn new(pointer: *mut T, size: usize, name: &str) -> Result<Self> {
        if pointer.is_null() {
            return Err(Error::invalid(format!("{name} is NULL")));
        }
        check_size::<T>(size)?;
        // SAFETY: not NULL, and `size` bytes long by the host's promise.
        unsafe { pointer.cast::<u8>().write_bytes(0, size) };
        Ok(Self { pointer, size })
    }

    /// Writes `value` with the size that the host knows; what the library does not know stays zero.
    pub(super) fn set(self, value: T) {
        // SAFETY: new() checked that there is room for a T, which starts with its size.
        unsafe {
            self.pointer.write(value);
            self.pointer.cast::<usize>().write(self.size);
        }
    }
}

/// A switch: 0 or 1.
pub(super) fn switch(value: i32, name: &str) -> Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::invalid(format!("{name} is {value}; it must be 0 or 1"))),
    }
}

/// A number that counts something, as the type that the library counts with.
pub(super) fn count<T: TryFrom<i64>>(value: impl Into<i64>, name: &str) -> Result<T> {
    let value = value.into();
    T::try_from(value).map_err(|_| Error::invalid(format!("{name} is {value}; it must not be negative")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Known {
        struct_size: usize,
        number: i64,
    }
    // SAFETY: two numbers.
    unsafe impl Growing for Known {
        const NAME: &'static str = "known_t";
    }

    /// What a host with a newer header has.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Newer {
        known: Known,
        more: i64,
    }

    const UNSET: Newer = Newer { known: Known { struct_size: 7, number: 7 }, more: 7 };

    fn place(newer: &mut Newer, size: usize) -> Result<StructPlace<Known>> {
        // SAFETY: the sizes below are at most that of `newer`, or refused.
        unsafe { StructPlace::new((&raw mut *newer).cast(), size, "options") }
    }

    #[test]
    fn the_initialiser_zeroes_what_it_does_not_know() {
        let mut newer = UNSET;
        place(&mut newer, size_of::<Newer>()).unwrap().set(Known { struct_size: 0, number: 3 });
        assert_eq!((newer.known, newer.more), (Known { struct_size: 24, number: 3 }, 0));
        let mut same = UNSET;
        place(&mut same, size_of::<Known>()).unwrap().set(Known { struct_size: 0, number: 3 });
        assert_eq!((same.known, same.more), (Known { struct_size: 16, number: 3 }, 7));
    }

    #[test]
    fn sizes_below_version_1_and_absurd_ones_are_refused() {
        for size in [0, 8, 15, LONGEST + 1, usize::MAX] {
            let mut newer = UNSET;
            let error = place(&mut newer, size).unwrap_err().to_string();
            assert!(error.contains(&format!("given as {size} bytes, but it has 16")), "{error}");
            assert_eq!(newer.known, UNSET.known);
            let given = Known { struct_size: size, number: 1 };
            // SAFETY: the size is refused before anything behind the struct is read.
            let error = unsafe { read(&raw const given) }.unwrap_err().to_string();
            assert!(error.contains(&format!("struct_size of known_t is {size}")), "{error}");
        }
        // SAFETY: NULL is checked.
        assert!(unsafe { StructPlace::<Known>::new(std::ptr::null_mut(), 16, "options") }.is_err());
    }

    #[test]
    fn unknown_options_must_be_zero() {
        let known = Known { struct_size: 24, number: 3 };
        let read_newer = |more| {
            let newer = Newer { known, more };
            // SAFETY: `newer` has the 24 bytes it tells.
            unsafe { read((&raw const newer).cast::<Known>()) }
        };
        assert_eq!(read_newer(0), Ok(Some(known)));
        assert!(read_newer(1 << 40).unwrap_err().to_string().contains("does not know"));
        // SAFETY: NULL is checked.
        assert_eq!(unsafe { read::<Known>(std::ptr::null()) }, Ok(None));
    }

    #[test]
    fn switches_and_counts_are_validated() {
        assert_eq!((switch(0, "resume"), switch(1, "resume")), (Ok(false), Ok(true)));
        assert!(switch(2, "resume").unwrap_err().to_string().contains("resume is 2"));
        assert_eq!(count::<usize>(3, "steps"), Ok(3));
        assert!(count::<u64>(-1i64, "steps").unwrap_err().to_string().contains("steps is -1"));
    }
}
