//! The processor: its name and instruction set, and how many threads a call has that leaves their number to the library.

use std::env;
use std::sync::OnceLock;
use std::thread::available_parallelism;

use pulp::Arch;

use super::pool::MAX_THREADS;
use crate::{Error, Result};

/// Model name of the CPU, or its architecture if the system does not tell.
pub fn name() -> String {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim());
    model.filter(|name| !name.is_empty()).unwrap_or(std::env::consts::ARCH).to_owned()
}

/// Memory of the machine in bytes.
pub fn memory() -> Option<u64> {
    // SAFETY: sysconf reads a number of the system, and returns -1 if there is none.
    let [pages, page] = [libc::_SC_PHYS_PAGES, libc::_SC_PAGESIZE].map(|name| unsafe { libc::sysconf(name) });
    Some(u64::try_from(pages).ok()? * u64::try_from(page).ok()?)
}

/// Variable of the environment that keeps AVX-512 out of use, so that all nodes of a cluster give the same results, and both
/// widths can be measured on one processor.
const INSTRUCTION_LIMIT: &str = "DAVEGAN_MAX_CPU_ISA";

/// The widest SIMD instructions that the processor has and the environment allows. The environment is read once.
pub fn instructions() -> Arch {
    static CHOSEN: OnceLock<Arch> = OnceLock::new();
    *CHOSEN.get_or_init(|| if only_avx2() == Ok(true) { at_most_avx2() } else { Arch::new() })
}

/// Refuses a limit that is not known.
pub fn check_limit() -> Result<()> {
    only_avx2().map(drop)
}

fn only_avx2() -> Result<bool> {
    is_only_avx2(&env::var_os(INSTRUCTION_LIMIT).unwrap_or_default().to_string_lossy())
}

fn is_only_avx2(limit: &str) -> Result<bool> {
    match limit.to_ascii_uppercase().as_str() {
        "" => Ok(false),
        "AVX2" => Ok(true),
        _ => Err(Error::invalid(format!(
            "the variable {INSTRUCTION_LIMIT} of the environment is {limit}; set it to AVX2, or leave it out to use all that the processor has"
        ))),
    }
}

#[cfg(target_arch = "x86_64")]
fn at_most_avx2() -> Arch {
    pulp::x86::V3::try_new().map_or(Arch::Scalar, Arch::V3)
}

#[cfg(not(target_arch = "x86_64"))]
fn at_most_avx2() -> Arch {
    Arch::new()
}

/// Variables of the environment that limit the threads of a process.
const THREAD_LIMITS: [&str; 2] = ["OMP_NUM_THREADS", "RAYON_NUM_THREADS"];

/// The threads of a call with `threads = 0`: the number of processors that the calling thread may run on, by its affinity and
/// the quota of its control group; fewer if `OMP_NUM_THREADS` or `RAYON_NUM_THREADS` says so.
pub fn default_threads() -> usize {
    let processors = available_parallelism().map_or(1, usize::from);
    THREAD_LIMITS.iter().filter_map(|name| limit(&env::var(name).ok()?)).fold(processors, usize::min).min(MAX_THREADS)
}

/// The instruction set of the kernels on this processor: `AVX-512`, `AVX2`, `NEON` or `none`. Results are the same bytes only
/// for the same one.
pub fn instruction_set() -> &'static str {
    match instructions() {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Arch::V4(_) => "AVX-512",
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Arch::V3(_) => "AVX2",
        #[cfg(target_arch = "aarch64")]
        Arch::Neon(_) => "NEON",
        _ => "none",
    }
}

/// The first number of a list such as `4,2`, which counts nested levels; none if it is no positive whole number.
fn limit(text: &str) -> Option<usize> {
    text.split(',').next()?.trim().parse().ok().filter(|&limit| limit > 0)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::pool::thread_pool;
    use super::*;

    #[test]
    fn a_limit_is_avx2_or_none() {
        assert_eq!(["", "avx2", "AVX2"].map(is_only_avx2), [Ok(false), Ok(true), Ok(true)]);
        for wrong in ["avx", "AVX512", "1"] {
            let text = is_only_avx2(wrong).unwrap_err().to_string();
            assert!(text.contains(wrong) && text.contains("AVX2"), "{text}");
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn avx2_is_not_avx_512() {
        assert!(!matches!(at_most_avx2(), Arch::V4(_)));
    }

    #[test]
    fn a_limit_is_the_first_number_of_a_list() {
        for (text, expected) in
            [("3", Some(3)), (" 12 , 2", Some(12)), ("0", None), ("-1", None), ("", None), ("all", None)]
        {
            assert_eq!(limit(text), expected, "{text:?}");
        }
    }

    /// Runs this test again as programs of their own, each in an environment of its own.
    #[test]
    fn the_environment_limits_the_threads() {
        const EXPECTED: &str = "DAVEGAN_TEST_OF_THREADS";
        let threads = thread_pool(0).unwrap().current_num_threads();
        if let Ok(expected) = env::var(EXPECTED) {
            assert_eq!(threads.to_string(), expected);
            return assert_eq!(thread_pool(5).unwrap().current_num_threads(), 5);
        }
        let processors = available_parallelism().unwrap().get();
        let at_most = |limit: usize| limit.min(processors).to_string();
        for (name, value, expected) in [
            ("OMP_NUM_THREADS", "1", at_most(1)),
            ("OMP_NUM_THREADS", "1,7", at_most(1)),
            ("OMP_NUM_THREADS", "2", at_most(2)),
            ("OMP_NUM_THREADS", "none", processors.to_string()),
            ("RAYON_NUM_THREADS", "1", at_most(1)),
            ("RAYON_NUM_THREADS", "0", processors.to_string()),
        ] {
            let mut again = Command::new(env::current_exe().unwrap());
            again.args(["--exact", "device::processors::tests::the_environment_limits_the_threads"]);
            THREAD_LIMITS.iter().for_each(|name| _ = again.env_remove(name));
            let output = again.env(name, value).env(EXPECTED, &expected).output().unwrap();
            assert!(output.status.success(), "{name}={value}: {}", String::from_utf8_lossy(&output.stdout));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_that_is_bound_to_one_processor_has_one_thread() {
        let bound = || {
            // SAFETY: binds this thread, which ends here, to the processor that it runs on.
            unsafe {
                let mut one: libc::cpu_set_t = std::mem::zeroed();
                libc::CPU_SET(libc::sched_getcpu() as usize, &mut one);
                assert_eq!(libc::sched_setaffinity(0, size_of_val(&one), &one), 0);
            }
            thread_pool(0).unwrap().current_num_threads()
        };
        assert_eq!(std::thread::spawn(bound).join().unwrap(), 1);
    }
}
