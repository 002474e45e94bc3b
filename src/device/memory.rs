//! How much memory may still be taken.
//!
//! An allocation that succeeds is no proof: Linux grants more than there is and ends the process later. And a small
//! allocation of Rust that fails ends it at once. So work whose size comes from outside first [asks](require) for what
//! it needs, and takes what is large with [`vector`] or [`zeros`], which fail with an error.

use std::fs::read_to_string;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use crate::error::FREE_MEMORY;
use crate::{Error, Result};

/// Room for all that nobody asks for, where allocations fail at a limit.
const RESERVE: u64 = 12 << 20;

/// What is granted unseen where the system would not refuse it: looking takes longer than a short call.
const UNSEEN: u64 = 64 << 20;

const MIB: f64 = (1u64 << 20) as f64;

/// Returns an error if `what` surely finds too little memory for the about `bytes` that it needs.
///
/// # Errors
///
/// [`Error::OutOfMemory`] with the need, what is left, the limit and `advice`, which is a half-sentence.
pub fn require(bytes: usize, what: &str, advice: &str) -> Result<()> {
    require_reserving(bytes, 0, what, advice)
}

/// Like [`require`], for work that also reserves `reserved` bytes of address space without using them.
///
/// # Errors
///
/// Those of [`require`].
pub fn require_reserving(bytes: usize, reserved: usize, what: &str, advice: &str) -> Result<()> {
    let (need, reserved) = (bytes as u64, reserved as u64);
    let refusing = refused_by(refusing_limits(), need, reserved);
    let exceeded = refusing.or_else(|| {
        let limits = if need < UNSEEN { Vec::new() } else { ending_limits(Path::new("/")) };
        limits.into_iter().find(|limit| limit.left < need).map(|limit| (limit, need))
    });
    match exceeded {
        None => Ok(()),
        Some((Limit { left, of }, need)) => Err(Error::OutOfMemory(format!(
            "{what} needs about {}, and {} are left {of}; {advice}",
            amount(need.max(1 << 20)),
            amount(left)
        ))),
    }
}

/// The first of the limits of address space and data that leaves too little, and how much it would have to leave.
fn refused_by([address_space, data]: [Option<Limit>; 2], need: u64, reserved: u64) -> Option<(Limit, u64)> {
    // Gaps between allocations count where address space is limited.
    let with_gaps = need.saturating_add(need / 8).saturating_add(RESERVE);
    [(address_space, with_gaps.saturating_add(reserved)), (data, with_gaps)]
        .into_iter()
        .find_map(|(limit, need)| Some((limit?, need)).filter(|(limit, need)| limit.left < *need))
}

/// Refuses work with a file if there is too little memory for HDF5's own structures, chunks and filters. HDF5 survives
/// most allocations that fail, but not all.
///
/// # Errors
///
/// [`Error::OutOfMemory`] with the estimate.
pub fn require_for_hdf5() -> Result<()> {
    require(6 << 20, "working with an HDF5 file", FREE_MEMORY)
}

/// An empty vector with room for `length` elements.
///
/// # Errors
///
/// Those of [`require`], also if the system refuses the memory.
pub fn vector<T>(length: usize, what: &str, advice: &str) -> Result<Vec<T>> {
    let bytes = length.saturating_mul(size_of::<T>());
    require(bytes, what, advice)?;
    let mut vector = Vec::new();
    vector.try_reserve_exact(length).map_err(|_| refused(bytes, what, advice))?;
    Ok(vector)
}

/// A vector of `length` zeros.
///
/// # Errors
///
/// Those of [`vector`].
pub fn zeros<T: Clone + Default>(length: usize, what: &str, advice: &str) -> Result<Vec<T>> {
    let mut zeros = vector(length, what, advice)?;
    zeros.resize(length, T::default());
    Ok(zeros)
}

/// Adds `more` zeros to `values`.
///
/// # Errors
///
/// Those of [`vector`].
pub fn extend<T: Clone + Default>(values: &mut Vec<T>, more: usize, what: &str, advice: &str) -> Result<()> {
    let bytes = more.saturating_mul(size_of::<T>());
    require(bytes, what, advice)?;
    values.try_reserve_exact(more).map_err(|_| refused(bytes, what, advice))?;
    values.resize(values.len() + more, T::default());
    Ok(())
}

/// The error of an allocation that the system refused.
pub fn refused(bytes: usize, what: &str, advice: &str) -> Error {
    Error::OutOfMemory(format!("{what} needs {}, which the system refuses; {advice}", amount(bytes as u64)))
}

/// Panics with the error of an allocation that the system refused, where no error can be returned. Prints nothing:
/// [`catch_refused`] turns it back into an error.
pub fn panic_refused(bytes: usize, what: &str, advice: &str) -> ! {
    resume_unwind(Box::new(refused(bytes, what, advice)))
}

/// Runs `work` and returns its result, or the error that it has panicked with.
///
/// # Errors
///
/// Those of `work`, and that of [`panic_refused`].
pub fn catch_refused<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // What `work` has left half-changed is not used after an error.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| match payload.downcast() {
        Ok(error) => Err(*error),
        Err(other) => resume_unwind(other),
    })
}

/// Bytes in words.
fn amount(bytes: u64) -> String {
    let mib = bytes as f64 / MIB;
    if mib < 1024.0 { format!("{mib:.0} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

/// A limit, and what it leaves.
#[derive(Debug, PartialEq, Eq)]
struct Limit {
    /// Bytes.
    left: u64,
    /// Whose they are, completes "are left".
    of: &'static str,
}

/// Limits at which the system refuses memory.
fn refusing_limits() -> [Option<Limit>; 2] {
    // Pages in /proc/self/statm: all that is mapped, and data with stack.
    let limits = [
        (libc::RLIMIT_AS, 0, "under the limit of address space (ulimit -v)"),
        (libc::RLIMIT_DATA, 5, "under the limit of data (ulimit -d)"),
    ];
    limits.map(|(resource, field, of)| {
        let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: writes the limit; without one, or if it fails, infinity stays.
        unsafe { libc::getrlimit(resource, &mut limit) };
        if limit.rlim_cur == libc::RLIM_INFINITY {
            return None;
        }
        let pages: u64 = read_to_string("/proc/self/statm").ok()?.split(' ').nth(field)?.trim().parse().ok()?;
        // SAFETY: sysconf reads a number of the system.
        let page = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
        Some(Limit { left: limit.rlim_cur.saturating_sub(pages * page), of })
    })
}

/// Limits at which the system ends a process: of the machine, and of the control groups of this process. Files under
/// `root` tell of them; swap and the cache of files are left too.
fn ending_limits(root: &Path) -> Vec<Limit> {
    let machine = read_to_string(root.join("proc/meminfo")).unwrap_or_default();
    let kibibytes = |name| number_after(&machine, name).map(|kib| kib << 10);
    let swap = kibibytes("SwapFree:").unwrap_or(0);
    let groups = read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let of_groups = groups.lines().flat_map(|line| groups_of(root, line)).filter_map(|group| group.left());
    let of_groups = of_groups
        .map(|left| Limit { left: left + swap, of: "under the memory limit of the container or control group" });
    let of_machine = kibibytes("MemAvailable:").map(|left| Limit { left: left + swap, of: "on this machine" });
    of_groups.chain(of_machine).collect()
}

/// A control group of either version, with the names of its files.
struct Group {
    folder: PathBuf,
    limit: &'static str,
    usage: &'static str,
    /// Entries of `memory.stat` that the system gives back under pressure.
    cache: [&'static str; 2],
}

/// The control groups, from the innermost to the outermost, that a `line` of /proc/self/cgroup names.
///
/// In a container the path may be that of the host, which is not there; the container's own group is then the
/// outermost.
fn groups_of(root: &Path, line: &str) -> Vec<Group> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { return Vec::new() };
    let version_2 = controllers.is_empty();
    if !version_2 && !controllers.split(',').any(|controller| controller == "memory") {
        return Vec::new();
    }
    let (mount, limit, usage, cache) = if version_2 {
        ("sys/fs/cgroup", "memory.max", "memory.current", ["inactive_file ", "active_file "])
    } else {
        let cache = ["total_inactive_file ", "total_active_file "];
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", cache)
    };
    let folder = |path: &Path| root.join(mount).join(path.strip_prefix("/").unwrap_or(path));
    Path::new(path).ancestors().map(|path| Group { folder: folder(path), limit, usage, cache }).collect()
}

impl Group {
    /// Bytes that its limit leaves; `None` without a limit.
    fn left(&self) -> Option<u64> {
        let text = |file| read_to_string(self.folder.join(file)).ok();
        let limit: u64 = text(self.limit)?.trim().parse().ok()?;
        let usage: u64 = text(self.usage)?.trim().parse().ok()?;
        let statistics = text("memory.stat").unwrap_or_default();
        let cache: u64 = self.cache.iter().filter_map(|name| number_after(&statistics, name)).sum();
        Some(limit.saturating_sub(usage.saturating_sub(cache)))
    }
}

/// The number in the line of `text` that starts with `name`.
fn number_after(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};

    use super::*;

    fn system(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("davegan-memory-{}-{name}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, text).unwrap();
        }
        root
    }

    const MACHINE: (&str, &str) = ("proc/meminfo", "MemFree: 1 kB\nMemAvailable:   3000 kB\nSwapFree:  1000 kB\n");

    fn left(root: &Path) -> Vec<u64> {
        ending_limits(root).iter().map(|limit| limit.left >> 10).collect()
    }

    #[test]
    fn machine_and_groups_of_both_versions_are_read() {
        assert_eq!(left(&system("machine", &[MACHINE, ("proc/self/cgroup", "0::/\n")])), [4000]);
        let version_2 = system(
            "two",
            &[
                MACHINE,
                ("proc/self/cgroup", "0::/a/b\n"),
                ("sys/fs/cgroup/a/b/memory.max", "max\n"),
                ("sys/fs/cgroup/a/b/memory.current", "1024\n"),
                ("sys/fs/cgroup/a/memory.max", "2048000\n"),
                ("sys/fs/cgroup/a/memory.current", "1024000\n"),
                ("sys/fs/cgroup/a/memory.stat", "anon 9\ninactive_file 102400\nactive_file 102400\n"),
            ],
        );
        assert_eq!(left(&version_2), [1000 + 200 + 1000, 4000]);
        let version_1 = system(
            "one",
            &[
                MACHINE,
                ("proc/self/cgroup", "9:cpu:/x\n4:memory,hugetlb:/of/the/host\n"),
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2048000\n"),
                ("sys/fs/cgroup/memory/memory.usage_in_bytes", "4096000\n"),
            ],
        );
        assert_eq!(left(&version_1), [1000, 4000]);
    }

    #[test]
    fn a_system_that_tells_nothing_refuses_nothing() {
        assert!(left(Path::new("/nowhere")).is_empty());
    }

    #[test]
    fn a_limit_that_refuses_leaves_less_than_is_said_to_be_needed() {
        for left in [0, 50 << 20, 133 << 20, 145 << 20, u64::MAX] {
            let limit = || Some(Limit { left, of: "" });
            for need in [0, 2 << 20, 100 << 20, u64::MAX] {
                for reserved in [0, 128 << 20] {
                    for limits in [[limit(), None], [None, limit()], [limit(), limit()]] {
                        let refused = refused_by(limits, need, reserved);
                        assert!(refused.is_none_or(|(limit, need)| limit.left < need), "{left} {need} {reserved}");
                    }
                }
            }
        }
        assert!(refused_by([Some(Limit { left: 133 << 20, of: "" }), None], 2 << 20, 128 << 20).is_some());
        assert!(refused_by([None, None], u64::MAX, 0).is_none());
    }

    #[test]
    fn what_surely_does_not_fit_is_refused_with_the_figures() {
        let error = require(1 << 50, "a test", "choose less").unwrap_err().to_string();
        assert!(
            error.starts_with("a test needs about 1048576.0 GiB, and ") && error.ends_with("; choose less"),
            "{error}"
        );
        require(UNSEEN as usize, "a test", "").unwrap();
        assert!(vector::<u64>(usize::MAX, "a test", "").is_err());
        assert_eq!(zeros::<u8>(3, "a test", "").unwrap(), [0; 3]);
    }
}
