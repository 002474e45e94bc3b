//! The floating-point environment: rounding mode, traps, exception flags, flushing of denormals.
//!
//! Fortran hosts run with `-ffpe-trap=invalid,zero,overflow` or flush denormals. Library code must neither die of the
//! first nor give other bytes because of the second, so it runs in the environment that every C program starts with.
//! Threads inherit the environment of the thread that starts them, hence worker threads started inside have it too.

use std::ffi::c_int;
use std::mem::MaybeUninit;

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
compile_error!("the layout of the floating-point environment is known to davegan for Linux and macOS only");

/// The C library's `fenv_t`: opaque, and larger than that of any system (32 bytes on x86-64, 16 or fewer elsewhere).
#[repr(C, align(16))]
struct Fenv([u8; 128]);

unsafe extern "C" {
    fn fegetenv(environment: *mut Fenv) -> c_int;
    fn fesetenv(environment: *const Fenv) -> c_int;
    #[cfg(target_os = "macos")]
    static _FE_DFL_ENV: Fenv;
}

/// C's `FE_DFL_ENV`, a macro in `fenv.h`: in glibc and musl the address -1, on macOS a variable.
fn default_environment() -> *const Fenv {
    #[cfg(target_os = "macos")]
    return &raw const _FE_DFL_ENV;
    #[cfg(not(target_os = "macos"))]
    std::ptr::without_provenance(usize::MAX)
}

/// The environment of the host, kept while library code runs.
pub(super) struct HostEnvironment(MaybeUninit<Fenv>);

impl HostEnvironment {
    /// Saves the environment of this thread and installs the default one.
    pub(super) fn save() -> Self {
        let mut environment = MaybeUninit::uninit();
        // SAFETY: the buffer is large enough for any fenv_t, and FE_DFL_ENV is a valid argument by the C standard.
        unsafe {
            fegetenv(environment.as_mut_ptr());
            fesetenv(default_environment());
        }
        Self(environment)
    }

    /// Installs the saved environment again: modes, traps and flags as they were. Raises nothing, whatever exceptions
    /// library code has met.
    pub(super) fn restore(&self) {
        // SAFETY: save() has filled the buffer.
        unsafe {
            fesetenv(self.0.as_ptr());
        }
    }
}
