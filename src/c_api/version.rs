//! The version of the library.

use std::ffi::{CStr, c_char};

/// First number of the version that this header belongs to; the ABI may change with it.
pub const DAVEGAN_VERSION_MAJOR: i32 = 0;
/// Second number of the version that this header belongs to; before 1.0 the ABI may change with it.
pub const DAVEGAN_VERSION_MINOR: i32 = 1;
/// Third number of the version that this header belongs to.
pub const DAVEGAN_VERSION_PATCH: i32 = 0;

/// The version of the library that is loaded, "major.minor.patch": compare with the macros to find a wrong library.
///
/// The text is static. Never fails. May be called from any thread.
#[unsafe(no_mangle)]
pub extern "C" fn davegan_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("evaluated by the compiler: a crate's version holds no NUL"),
    };
    VERSION.as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_macros_are_the_version_of_the_crate() {
        let macros = format!("{DAVEGAN_VERSION_MAJOR}.{DAVEGAN_VERSION_MINOR}.{DAVEGAN_VERSION_PATCH}");
        assert_eq!(macros, env!("CARGO_PKG_VERSION"));
        // SAFETY: the text is static.
        assert_eq!(unsafe { CStr::from_ptr(davegan_version()) }.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    }
}
