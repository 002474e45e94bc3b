//! Thread pools.

use crate::{Error, Result};

/// Largest number of threads of one call.
pub const MAX_THREADS: usize = 1024;

/// A pool of `threads` threads (0: one per core), which end when the pool is dropped.
///
/// Rayon's global pool is never started: its threads would stay in the host's process.
///
/// # Errors
///
/// [`Error::InvalidParameter`] above [`MAX_THREADS`], [`Error::OutOfMemory`] if the system refuses the threads.
pub fn thread_pool(threads: usize) -> Result<rayon::ThreadPool> {
    if threads > MAX_THREADS {
        return Err(Error::invalid(format!("threads = {threads}; it must be 0 (one a core) to {MAX_THREADS}")));
    }
    // Rayon itself would read an environment variable.
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS),
        _ => threads,
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("davegan-{index}"))
        .build()
        .map_err(|error| Error::OutOfMemory(format!("cannot start {threads} threads: {error}; ask for fewer")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_thread_counts_are_refused() {
        assert!(matches!(thread_pool(MAX_THREADS + 1), Err(Error::InvalidParameter(_))));
        assert_eq!(thread_pool(2).unwrap().current_num_threads(), 2);
    }
}
