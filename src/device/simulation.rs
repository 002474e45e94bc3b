//! How long work would take on more processors than there are.
//!
//! All tasks run on one thread, one after the other, and are timed. Then they are dealt out: each to the thread that is free
//! first. What threads cost one another, in caches, in memory and by waking, is not in it.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Work on one thread, and on several.
#[derive(Debug, Clone, Copy, Default)]
pub struct Simulated {
    /// Time of all tasks.
    pub on_one: Duration,
    /// Time until the last task is done.
    pub on_all: Duration,
}

thread_local! {
    /// The threads that this thread wants to be simulated where it waits for a pool, and the sum of what was.
    static WANTED: Cell<Option<(usize, Simulated)>> = const { Cell::new(None) };
    /// In a pool: the threads that are simulated, what the current task has done until then, and then.
    static OPEN: Cell<Option<(usize, Simulated, Instant)>> = const { Cell::new(None) };
}

/// Simulates the work that `call` does in thread pools, which are to have one thread.
pub fn simulate<T>(threads: usize, call: impl FnOnce() -> T) -> (T, Simulated) {
    WANTED.set(Some((threads, Simulated::default())));
    let result = call();
    (result, WANTED.take().map_or_else(Simulated::default, |(_, sum)| sum))
}

/// Has a pool do some work, which is simulated if the current thread wants it.
pub(super) fn in_pool<T: Send, W: FnOnce() -> T + Send>(pool: &rayon::ThreadPool, work: W) -> T {
    let Some((threads, mut sum)) = WANTED.get() else { return pool.install(work) };
    let (result, taken) = pool.install(|| timed(threads, work));
    sum.on_one += taken.on_one;
    sum.on_all += taken.on_all;
    WANTED.set(Some((threads, sum)));
    result
}

/// The threads that are simulated for the current task.
pub(super) fn threads() -> Option<usize> {
    OPEN.get().map(|(threads, ..)| threads)
}

/// Runs tasks that could run side by side, on so many threads.
pub(super) fn side_by_side(threads: usize, tasks: impl Iterator<Item = impl FnOnce()>) {
    let mut busy = vec![Duration::ZERO; threads];
    let mut on_one = Duration::ZERO;
    let before = OPEN.get().map(|(_, done, since)| done.and(since.elapsed()));
    for task in tasks {
        let ((), taken) = timed(threads, task);
        if let Some(first_free) = busy.iter_mut().min() {
            *first_free += taken.on_all;
        }
        on_one += taken.on_one;
    }
    // Tasks that are dealt out themselves share the threads with the others.
    let on_all = busy.into_iter().fold(on_one / threads as u32, Duration::max);
    let done = before.map(|done| Simulated { on_one: done.on_one + on_one, on_all: done.on_all + on_all });
    OPEN.set(done.map(|done| (threads, done, Instant::now())));
}

fn timed<T>(threads: usize, work: impl FnOnce() -> T) -> (T, Simulated) {
    let outer = OPEN.replace(Some((threads, Simulated::default(), Instant::now())));
    let result = work();
    let (_, done, since) = OPEN.replace(outer).expect("each task closes what it opens");
    (result, done.and(since.elapsed()))
}

impl Simulated {
    /// Some time outside of tasks more.
    fn and(self, alone: Duration) -> Self {
        Self { on_one: self.on_one + alone, on_all: self.on_all + alone }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;
    use crate::device::{for_each, join, thread_pool};

    #[test]
    fn tasks_are_dealt_out_and_what_lies_between_is_not() {
        let wait = |milliseconds| sleep(Duration::from_millis(milliseconds));
        let (result, simulated) = simulate(4, || {
            thread_pool(1).unwrap().install(|| {
                wait(30);
                for_each([20, 20, 20, 20, 20].into_iter(), wait);
                let six = || for_each([10; 6].into_iter(), wait);
                Ok(join(&burn_tensor::Device::flex(), six, six))
            })
        });
        result.unwrap();
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        // 30 + 5 * 20 + 12 * 10 on one; on four, 30 + 2 * 20 + 12 * 10 / 4.
        let (one, all) = (milliseconds(simulated.on_one), milliseconds(simulated.on_all));
        assert!(one >= 250.0, "{one}");
        assert!(all >= 100.0 && all < 0.6 * one, "{all} of {one}");
    }
}
