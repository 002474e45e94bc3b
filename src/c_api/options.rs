//! The rule for structs that may grow: their first field is `struct_size`, the size that the host's compiler gave them.
//!
//! A host compiled against an older header has a shorter struct, one compiled against a newer header a longer one. The
//! shortest that is accepted is that of version 1; the fields that it lacks are zero. A longer one is accepted if what
//! this library does not know is zero, which the initialiser ensures.

use std::mem::MaybeUninit;

use super::guard::guard;
use super::pointers::elements;
use super::status::davegan_status_t;
use crate::{Error, Result};

/// No version of any struct is as long: a size above this is memory that was never initialised.
const LONGEST: usize = 4096;

/// A struct under the rule.
///
/// # Safety
///
/// The type must be `#[repr(C)]`, start with a `struct_size: usize`, and hold only numbers, pointers and optional
/// functions, so that every pattern of bytes the host may have written, and zero, is a value of it. New fields come last,
/// and zero in them must mean what the versions without them did.
pub(super) unsafe trait Growing: Copy {
    /// The name of the type in C.
    const NAME: &'static str;
    /// The size of its version 1: the end of the last field that it had then. It stays when fields are added.
    const VERSION_1: usize;
}

/// Puts `$type` under the rule; its version 1 ends with the field `$last`.
///
/// Whoever writes it makes the promise of [`Growing`].
macro_rules! unsafe_growing {
    ($type:ident, $last:ident) => {
        // SAFETY: promised where the macro stands.
        unsafe impl $crate::c_api::options::Growing for $type {
            const NAME: &'static str = stringify!($type);
            const VERSION_1: usize =
                std::mem::offset_of!($type, $last) + $crate::c_api::options::size_of_field(|all: &$type| &all.$last);
        }
    };
}
pub(super) use unsafe_growing;

pub(super) const fn size_of_field<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// Checks the size that the host gives for a `T`.
fn check_size<T: Growing>(size: usize) -> Result<()> {
    // A first version that ended in padding could not be told from a second one with a field there.
    const { assert!(T::VERSION_1 <= size_of::<T>() && T::VERSION_1.is_multiple_of(align_of::<T>())) };
    if (T::VERSION_1..=LONGEST).contains(&size) {
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
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: both have these bytes, and what they make is a value of T by the trait's promise.
    Ok(Some(unsafe {
        value.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(pointer.cast(), size.min(size_of::<T>()));
        value.assume_init()
    }))
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

    /// The `count` structs of `size` bytes each at `pointer`.
    pub(super) unsafe fn array(pointer: *mut T, count: usize, size: usize, name: &str) -> Result<Vec<Self>> {
        elements(&[count, size], name)?;
        // SAFETY: the caller's promise.
        (0..count).map(|index| unsafe { Self::new(pointer.wrapping_byte_add(index * size), size, name) }).collect()
    }

    /// Writes as much of `value` as the host knows, with that size; what the library does not know stays zero.
    pub(super) fn set(self, value: T) {
        let place = self.pointer.cast::<u8>();
        // SAFETY: both have these bytes, which start with the size.
        unsafe {
            place.copy_from_nonoverlapping((&raw const value).cast(), self.size.min(size_of::<T>()));
            self.pointer.cast::<usize>().write(self.size);
        }
    }
}

/// Fills the host's `options` of `size` bytes with their defaults.
pub(super) unsafe fn initialise<T: Growing>(
    options: *mut T,
    size: usize,
    defaults: impl FnOnce() -> Result<T>,
) -> davegan_status_t {
    guard(|| {
        // SAFETY: the caller's promise.
        let place = unsafe { StructPlace::new(options, size, "options") }?;
        place.set(defaults()?);
        Ok(())
    })
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
    unsafe_growing!(Known, number);

    /// What a host with a newer header has.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Newer {
        known: Known,
        more: i64,
    }

    /// The next version of `Known`, with a field more.
    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Grown {
        struct_size: usize,
        number: i64,
        added: f64,
    }
    // SAFETY: three numbers.
    unsafe_growing!(Grown, number);

    #[test]
    fn hosts_of_version_1_keep_working_when_a_field_is_added() {
        // The host has a Known with something behind it, which is its own.
        let mut host = Newer { known: Known { struct_size: 7, number: 7 }, more: 7 };
        let pointer = (&raw mut host).cast::<Grown>();
        let size = size_of::<Known>();
        // SAFETY: the size is that of the host's struct.
        let place = unsafe { StructPlace::new(pointer, size, "options") }.unwrap();
        place.set(Grown { struct_size: 0, number: 3, added: 0.5 });
        assert_eq!((host.known, host.more), (Known { struct_size: size, number: 3 }, 7));
        // SAFETY: the struct tells its size.
        let read = unsafe { read(pointer) };
        assert_eq!(read, Ok(Some(Grown { struct_size: size, number: 3, added: 0.0 })));
        // SAFETY: the size is refused before anything is written.
        assert!(unsafe { StructPlace::new(pointer, size - 1, "options") }.is_err());
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
            assert!(error.contains(&format!("struct_size of Known is {size}")), "{error}");
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
