//! Work of some ten microseconds on several threads.
//!
//! Rayon's own parallel loops let a thread that waits give its core away or sleep. That costs more than the parts of a
//! training step take, and far more where other programs want the core. Here it looks for other parts first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use burn::tensor::Tensor;

use super::Numbers;

/// How long a thread without work stays awake. Longer waits mean that another program has the core.
const PATIENCE: Duration = Duration::from_micros(500);

/// A training step has work for so many threads most of the time.
const ATTENTIVE_THREADS: usize = 4;

/// Does `work` on the current thread pool, whose other threads look for parts of it until it is done.
pub fn attentively<T>(work: impl FnOnce() -> T) -> T {
    let done = Arc::new(AtomicBool::new(false));
    let caller = rayon::current_thread_index();
    // Not a scope: nobody has to wait for a thread that has lost its core while it was looking.
    for _ in 1..rayon::current_num_threads().min(ATTENTIVE_THREADS) {
        let done = Arc::clone(&done);
        rayon::spawn(move || help_until(|| done.load(Ordering::Acquire) || rayon::current_thread_index() == caller));
    }
    let _guard = SetOnDrop(done);
    work()
}

/// Does `work` with each item, on all threads of the current pool.
pub fn for_each<T: Send>(items: impl ExactSizeIterator<Item = T>, work: impl Fn(T) + Sync) {
    if alone() || items.len() < 2 {
        return items.for_each(work);
    }
    let left = AtomicUsize::new(items.len());
    let (left, work) = (&left, &work);
    rayon::in_place_scope(|scope| {
        for item in items {
            scope.spawn(move |_| {
                let _guard = CountDownOnDrop(left);
                work(item);
            });
        }
        help_until(|| left.load(Ordering::Acquire) == 0);
    });
}

/// Does two things that need nothing of each other: side by side if the work on `tensor` is done by this thread pool,
/// else in order.
pub fn both<const D: usize, A: Send, B: Send>(
    tensor: &Tensor<D>,
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    if alone() || Numbers::of(tensor).is_none() {
        return (a(), b());
    }
    let (mut of_b, left) = (None, AtomicUsize::new(1));
    let of_a = rayon::in_place_scope(|scope| {
        scope.spawn(|_| {
            let _guard = CountDownOnDrop(&left);
            of_b = Some(b());
        });
        let of_a = a();
        help_until(|| left.load(Ordering::Acquire) == 0);
        of_a
    });
    (of_a, of_b.expect("the scope ends when both are done, and passes panics on"))
}

/// Whether there is no other thread. Outside of a pool of ours Rayon would start one for the whole process.
fn alone() -> bool {
    rayon::current_thread_index().is_none() || rayon::current_num_threads() == 1
}

/// Takes parts of the pool's work until `done`, or until there have been none for a while.
fn help_until(done: impl Fn() -> bool) {
    let mut idle_since = Instant::now();
    while !done() {
        if rayon::yield_now() == Some(rayon::Yield::Executed) {
            idle_since = Instant::now();
        } else if idle_since.elapsed() > PATIENCE {
            return;
        }
        std::hint::spin_loop();
    }
}

/// Ends the looking even if the work panics.
struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Counts a part as done even if it panics.
struct CountDownOnDrop<'a>(&'a AtomicUsize);

impl Drop for CountDownOnDrop<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::processor;

    fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
    }

    fn here() -> Tensor<1> {
        processor::tensor(vec![0.0], [1])
    }

    #[test]
    fn every_item_is_taken_once_whatever_the_threads() {
        for threads in [1, 2, 5] {
            let mut numbers = vec![0u64; 1000];
            on_threads(threads, || attentively(|| for_each(numbers.iter_mut().enumerate(), |(i, to)| *to += i as u64)));
            assert!(numbers.iter().enumerate().all(|(i, &number)| number == i as u64));
        }
    }

    #[test]
    fn work_may_have_parts_of_its_own() {
        let sum = AtomicUsize::new(0);
        let add = || {
            for_each(1..101, |number| {
                sum.fetch_add(number, Ordering::Relaxed);
            });
        };
        let (a, b) = on_threads(3, || attentively(|| both(&here(), || for_each(0..10, |_| add()), || (add(), 7).1)));
        assert_eq!((a, b, sum.into_inner()), ((), 7, 11 * 5050));
    }

    #[test]
    fn panics_reach_the_caller() {
        let panics = |work: &(dyn Fn() + Sync)| on_threads(2, || catch_unwind(AssertUnwindSafe(work)).is_err());
        assert!(panics(&|| for_each(0..10, |number| assert_ne!(number, 7))));
        assert!(panics(&|| assert_eq!(both(&here(), || 1, || [1][here().dims()[0]]), (1, 1))));
        assert!(panics(&|| assert_eq!(both(&here(), || [1][here().dims()[0]], || 1), (1, 1))));
    }
}
