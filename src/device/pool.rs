//! How many threads work on the processor.

use crate::{Error, Result};

/// Most threads that one call may ask for.
pub const MAX_THREADS: usize = 1024;

/// A pool of `threads` threads (0: one a core) that lives as long as the value.
///
/// The library never starts the global pool, so that nothing of it stays behind in the host.
///
/// # Errors
///
/// [`Error::InvalidParameter`] above [`MAX_THREADS`], [`Error::OutOfMemory`] if the system refuses the threads.
pub fn thread_pool(threads: usize) -> Result<rayon::ThreadPool> {
    if threads > MAX_THREADS {
        return Err(Error::invalid(format!("threads = {threads}; it must be 0 (one a core) to {MAX_THREADS}")));
    }
    // Not left to rayon, which would look into an environment variable.
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
