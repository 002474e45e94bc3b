//! Thread pools.

use std::hint::black_box;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};

use super::memory;
use super::processors::default_threads;
use super::simulation;
use crate::error::counted;
use crate::{Error, Result};

/// Largest number of threads of one call.
pub const MAX_THREADS: usize = 1024;

/// Stack of a thread, with what the system needs for one.
const THREAD_BYTES: usize = (2 << 20) + (1 << 16);

/// Address space that glibc reserves when a thread first allocates something small. Another thread takes it over later. For a
/// moment it is twice as much.
const ARENA_BYTES: usize = if cfg!(target_env = "gnu") { 64 << 20 } else { 0 };

/// Threads of all pools, and the most that there have been.
static THREADS: AtomicUsize = AtomicUsize::new(0);
static MOST_THREADS: AtomicUsize = AtomicUsize::new(0);

/// A pool of threads, which have ended when it is dropped: Rayon's own pool only tells them to end.
///
/// Fields are dropped in their order.
#[derive(Debug)]
pub struct ThreadPool {
    pool: rayon::ThreadPool,
    _threads: Threads,
}

/// Threads that are waited for when dropped.
#[derive(Debug)]
struct Threads(Vec<JoinHandle<()>>);

impl Drop for Threads {
    fn drop(&mut self) {
        for thread in self.0.drain(..) {
            // Rayon has passed a panic on already.
            let _ = thread.join();
            THREADS.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl ThreadPool {
    /// Runs `work` in the pool.
    ///
    /// # Errors
    ///
    /// Those of `work`, and [`Error::OutOfMemory`] if the system refuses memory to a pass over a network.
    pub fn install<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        memory::catch_refused(|| simulation::in_pool(&self.pool, work))
    }
}

impl Deref for ThreadPool {
    type Target = rayon::ThreadPool;

    fn deref(&self) -> &rayon::ThreadPool {
        &self.pool
    }
}

/// Number of threads of a pool that is to have `threads`; 0: [`default_threads`].
///
/// # Errors
///
/// [`Error::InvalidParameter`] above [`MAX_THREADS`].
pub fn thread_count(threads: usize) -> Result<usize> {
    match threads {
        0 => Ok(default_threads()),
        1..=MAX_THREADS => Ok(threads),
        _ => Err(Error::invalid(format!("threads = {threads}; it must be 0 (one a processor) to {MAX_THREADS}"))),
    }
}

/// A pool of `threads` threads; 0: [`default_threads`].
///
/// Rayon's global pool is never started: its threads would stay in the host's process.
///
/// # Errors
///
/// Those of [`thread_count`], and [`Error::OutOfMemory`] if there is too little memory for them or
/// the system refuses them.
pub fn thread_pool(threads: usize) -> Result<ThreadPool> {
    let threads = thread_count(threads)?;
    let what = format!("starting {}", counted(threads, "thread"));
    let new = (THREADS.load(Ordering::Relaxed) + threads).saturating_sub(MOST_THREADS.load(Ordering::Relaxed));
    let reserved = if new > 0 { (new + 1) * ARENA_BYTES } else { 0 };
    memory::require_reserving(threads * THREAD_BYTES, reserved, &what, "ask for fewer threads")?;
    let mut started = Threads(Vec::new());
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .spawn_handler(|thread| {
            let name = format!("davegan-{}", thread.index());
            started.0.push(Builder::new().name(name).spawn(|| thread.run())?);
            MOST_THREADS.fetch_max(THREADS.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            Ok(())
        })
        .build()
        .map_err(|error| {
            Error::OutOfMemory(format!("cannot start {}: {error}; ask for fewer", counted(threads, "thread")))
        })?;
    // Each thread reserves its address space now, so that later estimates see it.
    pool.broadcast(|_| drop(black_box(Box::new(0))));
    Ok(ThreadPool { pool, _threads: started })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn absurd_thread_counts_are_refused() {
        assert!(matches!(thread_pool(MAX_THREADS + 1), Err(Error::InvalidParameter(_))));
        assert_eq!(thread_pool(2).unwrap().current_num_threads(), 2);
    }

    #[test]
    fn memory_that_a_thread_is_refused_is_an_error() {
        let refused = || memory::panic_refused(1 << 20, "a test", "go on");
        let result: Result<()> = thread_pool(2).unwrap().install(|| rayon::join(refused, || Ok(())).1);
        assert_eq!(result, Err(Error::OutOfMemory("a test needs 1 MiB, which the system refuses; go on".into())));
    }

    #[test]
    fn no_thread_outlives_its_pool() {
        struct CountAtEnd(Arc<AtomicUsize>);
        impl Drop for CountAtEnd {
            fn drop(&mut self) {
                std::thread::sleep(Duration::from_millis(20));
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        thread_local!(static AT_END: RefCell<Option<CountAtEnd>> = const { RefCell::new(None) });
        let ended = Arc::new(AtomicUsize::new(0));
        let pool = thread_pool(3).unwrap();
        pool.broadcast(|_| AT_END.set(Some(CountAtEnd(Arc::clone(&ended)))));
        drop(pool);
        assert_eq!(ended.load(Ordering::SeqCst), 3);
    }
}
