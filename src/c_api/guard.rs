//! The one way into the library: every exported function that can fail runs inside [`guard`].

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::float_env::HostEnvironment;
use super::pointers;
use super::status::{self, davegan_status_t};
use crate::device::memory::catch_refused;
use crate::{Error, Result};

/// Runs `body` and turns what becomes of it into a status, with the message kept for `davegan_last_error`.
///
/// A panic becomes `DAVEGAN_INTERNAL`, or the error that it is about, and prints nothing. `body` runs in the default
/// floating-point environment; that of the host is back when this returns.
pub(super) fn guard(body: impl FnOnce() -> Result<()>) -> davegan_status_t {
    guard_with_host(|_| body())
}

/// [`guard`] for functions that call back into the host: `body` is given the [`Host`] to do so.
pub(super) fn guard_with_host(body: impl FnOnce(&mut Host) -> Result<()>) -> davegan_status_t {
    install_panic_hook();
    let mut host = Host::leave();
    // The state that a panic may leave half-changed belongs to `body` alone: handles are never mutated through C.
    let result = panic::catch_unwind(AssertUnwindSafe(|| catch_refused(|| body(&mut host))));
    status::record(result.unwrap_or_else(|payload| Err(Error::Internal(panic_text(&*payload)))))
}

/// Ends the life of a handle; NULL is fine. There is nobody to tell of a failure, but the message is kept.
pub(super) unsafe fn free<T>(handle: *mut T) {
    let _ = guard(|| {
        // SAFETY: the caller's promise.
        unsafe { pointers::free(handle) };
        Ok(())
    });
}

/// What belongs to the host and waits while library code runs: its floating-point environment and its panic messages.
pub(super) struct Host {
    environment: HostEnvironment,
    was_inside: bool,
}

impl Host {
    /// Leaves the host for the library, until dropped.
    fn leave() -> Self {
        GUARDS.fetch_add(1, Ordering::Relaxed);
        Self { environment: HostEnvironment::save(), was_inside: INSIDE.replace(true) }
    }

    /// Runs a callback of the host in the host's own floating-point environment. Modes and flags that the callback
    /// changes stay changed for the host, and stay unseen by the library.
    pub(super) fn call<T>(&mut self, callback: impl FnOnce() -> T) -> T {
        self.environment.restore();
        INSIDE.set(self.was_inside);
        let answer = callback();
        self.environment = HostEnvironment::save();
        self.was_inside = INSIDE.replace(true);
        answer
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        INSIDE.set(self.was_inside);
        self.environment.restore();
        GUARDS.fetch_sub(1, Ordering::Relaxed);
    }
}

thread_local! {
    /// Whether this thread runs library code inside a guard.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Where the last panic inside a guard of this thread happened.
    static PANIC_PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Guards that are running, on all threads.
static GUARDS: AtomicUsize = AtomicUsize::new(0);

/// Keeps panics that a guard will catch off the host's standard error. The hook is put in place once and stays, since
/// exchanging hooks around each call would race with other threads; every other panic goes to the previous hook.
fn install_panic_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if INSIDE.get() {
                note_place(panic);
            } else if !is_worker_of_a_guard() && !is_worker_of_a_device() {
                previous(panic);
            }
        }));
    });
}

/// Whether this is a thread of a rayon pool while a guard runs: its panic is resumed on the thread that waits for it.
fn is_worker_of_a_guard() -> bool {
    rayon::current_thread_index().is_some() && GUARDS.load(Ordering::Relaxed) > 0
}

/// Whether this is one of the threads that Burn starts for an accelerator, and names so. They catch every panic and hand it
/// to whoever waits for the device next, who may be in a later call.
fn is_worker_of_a_device() -> bool {
    let is_device = |name: &str| name.starts_with("DSU-") || name.starts_with("DSD-");
    std::thread::current().name().is_some_and(is_device)
}

fn note_place(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    // A thread that is being torn down has no place left to note, which costs no more than the place.
    let _ = PANIC_PLACE.try_with(|noted| noted.replace(place));
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text");
    let place = PANIC_PLACE.try_with(RefCell::take).unwrap_or_default();
    let place = if place.is_empty() { place } else { format!(" at {place}") };
    format!("a defect in davegan, please report it: panic{place}: {text}")
}

#[cfg(test)]
mod tests {
    use super::super::status::tests::last_error;
    use super::super::status::{DAVEGAN_INTERNAL, DAVEGAN_INVALID_PARAMETER, DAVEGAN_OK, DAVEGAN_OUT_OF_MEMORY};
    use super::*;
    use crate::device::memory::panic_refused;

    #[test]
    fn a_panic_becomes_a_status_with_text_and_place() {
        assert_eq!(guard(|| panic!("number {}", 7)), DAVEGAN_INTERNAL);
        assert!(last_error().ends_with(": number 7"), "{}", last_error());
        assert!(last_error().contains("guard.rs:"), "{}", last_error());
        assert!(!INSIDE.get());
    }

    #[test]
    fn a_panic_in_a_worker_thread_becomes_a_status() {
        let (status, text) = (guard(|| rayon::join(|| panic!("one"), || Ok(())).1), last_error());
        assert_eq!(status, DAVEGAN_INTERNAL);
        assert!(text.ends_with(": one"), "{text}");
    }

    /// Runs this test again as a program of its own, whose standard error can be read.
    #[test]
    fn panics_that_somebody_catches_are_not_printed() {
        const INSIDE: &str = "DAVEGAN_TEST_OF_PANICS";
        if std::env::var_os(INSIDE).is_some() {
            assert_eq!(guard(|| panic!("inside")), DAVEGAN_INTERNAL);
            for name in ["DSD-3-0", "a thread of the host"] {
                let thread = std::thread::Builder::new().name(name.into());
                assert!(thread.spawn(move || panic!("panic of {name}")).unwrap().join().is_err());
            }
            return;
        }
        let name = "c_api::guard::tests::panics_that_somebody_catches_are_not_printed";
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let output = again.args(["--exact", name, "--nocapture"]).env(INSIDE, "1").output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{printed}");
        assert!(printed.contains("panic of a thread of the host"), "{printed}");
        assert!(!printed.contains("DSD-3-0") && !printed.contains("inside"), "{printed}");
    }

    #[test]
    fn a_panic_payload_that_is_no_text_is_survived() {
        assert_eq!(guard(|| panic::panic_any(3)), DAVEGAN_INTERNAL);
        assert!(last_error().ends_with(": no text"), "{}", last_error());
    }

    #[test]
    fn a_panic_about_memory_becomes_that_error() {
        let refused = || panic_refused(7, "a test", "go on");
        assert_eq!(guard(|| rayon::join(refused, || Ok(())).1), DAVEGAN_OUT_OF_MEMORY);
        assert_eq!(last_error(), "a test needs 0 MiB, which the system refuses; go on");
    }

    #[test]
    fn success_keeps_the_message_and_each_thread_has_its_own() {
        assert_eq!(guard(|| Err(Error::invalid("mine"))), DAVEGAN_INVALID_PARAMETER);
        assert_eq!(guard(|| Ok(())), DAVEGAN_OK);
        let other = std::thread::spawn(|| {
            let before = last_error();
            guard(|| Err(Error::invalid("theirs")));
            (before, last_error())
        });
        assert_eq!(other.join().unwrap(), (String::new(), "theirs".into()));
        assert_eq!(last_error(), "mine");
    }

    #[test]
    fn a_callback_runs_as_the_host_and_may_call_the_library_again() {
        let status = guard_with_host(|host| {
            let inner = host.call(|| (INSIDE.get(), guard(|| panic!("inner")), INSIDE.get()));
            assert_eq!(inner, (false, DAVEGAN_INTERNAL, false));
            assert!(INSIDE.get());
            Ok(())
        });
        assert_eq!(status, DAVEGAN_OK);
    }

    /// Traps can be set on x86-64 with the GNU C library only.
    #[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
    mod floating_point {
        use std::ffi::c_int;
        use std::hint::black_box;

        use super::*;

        const FE_INVALID: c_int = 0x01;
        const FE_DIVBYZERO: c_int = 0x04;
        const FE_INEXACT: c_int = 0x20;
        const FE_ALL_EXCEPT: c_int = 0x3d;
        const FE_UPWARD: c_int = 0x800;
        const TRAPS: c_int = FE_INVALID | FE_DIVBYZERO | FE_INEXACT;

        unsafe extern "C" {
            fn feenableexcept(exceptions: c_int) -> c_int;
            fn fegetexcept() -> c_int;
            fn fetestexcept(exceptions: c_int) -> c_int;
            fn feraiseexcept(exceptions: c_int) -> c_int;
            fn feclearexcept(exceptions: c_int) -> c_int;
            fn fegetround() -> c_int;
            fn fesetround(mode: c_int) -> c_int;
        }

        fn raise_all() -> f64 {
            black_box(0.0) / black_box(0.0) + black_box(1.0) / black_box(0.0) + black_box(1.0) / black_box(3.0)
        }

        /// Every test has a thread of its own, so what is set here does no harm elsewhere.
        #[test]
        fn traps_of_the_host_do_not_fire_inside_and_are_back_afterwards() {
            // SAFETY: these functions change the environment of this thread alone.
            unsafe {
                feclearexcept(FE_ALL_EXCEPT);
                fesetround(FE_UPWARD);
                feenableexcept(TRAPS);
            }
            let mut inside = (0, 0, 0);
            let mut in_callback = (0, 0);
            let status = guard_with_host(|host| {
                raise_all();
                let worker = std::thread::spawn(|| {
                    raise_all();
                    // SAFETY: as above.
                    unsafe { fegetexcept() }
                });
                let worker = worker.join().map_err(|_| Error::Internal("the worker died".into()))?;
                // SAFETY: as above.
                inside = unsafe { (fegetexcept(), fegetround(), worker) };
                // SAFETY: as above.
                in_callback = host.call(|| unsafe { (fegetexcept(), fegetround()) });
                raise_all();
                Ok(())
            });
            // SAFETY: as above.
            let after = unsafe { (fegetexcept(), fegetround(), fetestexcept(FE_ALL_EXCEPT)) };
            assert_eq!(status, DAVEGAN_OK);
            assert_eq!(inside, (0, 0, 0));
            assert_eq!(in_callback, (TRAPS, FE_UPWARD));
            assert_eq!(after, (TRAPS, FE_UPWARD, 0));
        }

        #[test]
        fn flags_of_the_host_are_kept_through_errors_panics_and_callbacks() {
            // SAFETY: as above.
            unsafe {
                feclearexcept(FE_ALL_EXCEPT);
                feraiseexcept(FE_INVALID);
            }
            guard(|| panic!("{}", raise_all()));
            // SAFETY: as above.
            assert_eq!(unsafe { fetestexcept(FE_ALL_EXCEPT) }, FE_INVALID);
            guard_with_host(|host| {
                // SAFETY: as above.
                host.call(|| unsafe { feraiseexcept(FE_DIVBYZERO) });
                Err(Error::invalid("wrong"))
            });
            // SAFETY: as above.
            assert_eq!(unsafe { fetestexcept(FE_ALL_EXCEPT) }, FE_INVALID | FE_DIVBYZERO);
        }
    }
}
