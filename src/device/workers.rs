//! Thread pools that are kept from call to call.

use std::mem::forget;
use std::ops::Deref;
use std::process;
use std::sync::Mutex;

use super::pool::{ThreadPool, thread_count, thread_pool};
use crate::Result;

/// Idle thread pools of one owner: starting and joining threads takes longer than a small piece of work.
///
/// No thread outlives its owner, and a process that was forked starts pools of its own.
#[derive(Debug, Default)]
pub struct Workers(Mutex<Vec<IdlePool>>);

/// A pool that no call uses.
#[derive(Debug)]
struct IdlePool {
    /// The process whose threads they are.
    process: u32,
    pool: Option<ThreadPool>,
}

impl Drop for IdlePool {
    fn drop(&mut self) {
        if self.process != process::id() {
            // Its threads are in the process that this one was forked from: there is nothing to wait for.
            forget(self.pool.take());
        }
    }
}

/// A thread pool that goes back to its owner when dropped.
#[derive(Debug)]
pub struct KeptPool<'a> {
    pool: Option<ThreadPool>,
    workers: &'a Workers,
}

impl Workers {
    /// A pool of `threads` threads, an idle one if there is one of this process; 0: as many as [`thread_pool`] takes.
    ///
    /// # Errors
    ///
    /// Those of [`thread_pool`].
    pub fn pool(&self, threads: usize) -> Result<KeptPool<'_>> {
        let wanted = thread_count(threads)?;
        let pool = match self.idle(wanted) {
            Some(pool) => pool,
            None => thread_pool(wanted)?,
        };
        Ok(KeptPool { pool: Some(pool), workers: self })
    }

    fn idle(&self, threads: usize) -> Option<ThreadPool> {
        // No waiting: another thread may have held the lock when this process was forked.
        let mut idle = self.0.try_lock().ok()?;
        idle.retain(|idle| idle.process == process::id());
        let fits = |idle: &IdlePool| idle.pool.as_ref().is_some_and(|pool| pool.current_num_threads() == threads);
        let place = idle.iter().position(fits)?;
        idle.swap_remove(place).pool.take()
    }

    /// Keeps `pool`, and no idle ones of another size: those would be threads that nobody asks for any more.
    fn keep(&self, pool: ThreadPool) {
        let Ok(mut idle) = self.0.try_lock() else { return };
        let threads = pool.current_num_threads();
        idle.push(IdlePool { process: process::id(), pool: Some(pool) });
        let fits = |idle: &IdlePool| idle.pool.as_ref().is_some_and(|pool| pool.current_num_threads() == threads);
        let (kept, others) = idle.drain(..).partition(fits);
        *idle = kept;
        drop(idle);
        // Joining their threads takes a moment.
        drop::<Vec<_>>(others);
    }
}

impl Clone for Workers {
    /// Pools of its own.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Deref for KeptPool<'_> {
    type Target = ThreadPool;

    fn deref(&self) -> &ThreadPool {
        self.pool.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for KeptPool<'_> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            self.workers.keep(pool);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of the threads of a pool.
    fn threads(pool: &ThreadPool) -> Vec<std::thread::ThreadId> {
        pool.broadcast(|_| std::thread::current().id())
    }

    #[test]
    fn a_pool_is_used_again_and_one_of_another_size_ends_it() {
        let workers = Workers::default();
        let first = threads(&workers.pool(2).unwrap());
        assert_eq!(threads(&workers.pool(2).unwrap()), first);
        assert_eq!(threads(&workers.pool(3).unwrap()).len(), 3);
        assert_ne!(threads(&workers.pool(2).unwrap()), first);
    }

    #[test]
    fn calls_at_once_have_pools_of_their_own() {
        let workers = Workers::default();
        let (one, other) = (workers.pool(2).unwrap(), workers.pool(2).unwrap());
        let of_both = [threads(&one), threads(&other)];
        assert_ne!(of_both[0], of_both[1]);
        drop((one, other));
        let again = [workers.pool(2).unwrap(), workers.pool(2).unwrap()].map(|pool| threads(&pool));
        assert!(again.iter().all(|threads| of_both.contains(threads)));
    }
}
