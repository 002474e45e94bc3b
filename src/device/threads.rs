//! Short tasks, of some ten microseconds each, on several threads.
//!
//! A thread that waits in one of Rayon's own parallel loops yields its core or sleeps, and waking takes longer than a task.
//! Here a waiting thread spins and looks for other tasks.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use burn_tensor::Device;

use super::simulation;

/// How long a thread without tasks spins.
const PATIENCE: Duration = Duration::from_micros(500);

/// Most threads that spin: a training step seldom has tasks for more.
const SPINNING_THREADS: usize = 4;

/// Runs `work` on the current thread; the other threads of its pool spin for tasks of it meanwhile.
pub fn with_spinning_workers<T>(work: impl FnOnce() -> T) -> T {
    let done = Arc::new(AtomicBool::new(false));
    let caller = rayon::current_thread_index();
    // No scope: that would wait for spinning threads that have lost their core.
    for _ in 1..rayon::current_num_threads().min(SPINNING_THREADS) {
        let done = Arc::clone(&done);
        rayon::spawn(move || help_until(|| done.load(Ordering::Acquire) || rayon::current_thread_index() == caller));
    }
    let _guard = SetOnDrop(done);
    work()
}

/// Calls `work` with each item, on all threads of the current pool.
pub fn for_each<T: Send>(items: impl ExactSizeIterator<Item = T>, work: impl Fn(T) + Sync) {
    if let Some(threads) = simulation::threads() {
        let work = &work;
        return simulation::side_by_side(threads, items.map(|item| move || work(item)));
    }
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

/// Runs two independent computations on tensors of `device`: in parallel on the CPU, else one after the other.
pub fn join<A: Send, B: Send>(device: &Device, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    if let Some(threads) = simulation::threads() {
        let (mut of_a, mut of_b) = (None, None);
        let tasks: [Box<dyn FnOnce()>; 2] = [Box::new(|| of_a = Some(a())), Box::new(|| of_b = Some(b()))];
        simulation::side_by_side(threads, tasks.into_iter());
        return of_a.zip(of_b).expect("both have run");
    }
    if alone() || *device != Device::flex() {
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

thread_local! {
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, on whose tasks no other thread works.
pub fn on_this_thread<T>(work: impl FnOnce() -> T) -> T {
    let _guard = RestoreOnDrop(ALONE.replace(true));
    work()
}

/// Whether no other thread is to work on tasks, or there is none. Outside a pool Rayon would start its global one.
fn alone() -> bool {
    ALONE.get() || rayon::current_thread_index().is_none() || rayon::current_num_threads() == 1
}

/// Threads that work on tasks.
pub fn threads() -> usize {
    simulation::threads().unwrap_or_else(|| if alone() { 1 } else { rayon::current_num_threads() })
}

/// Runs tasks of the pool until `done`, or until there has been none for [`PATIENCE`].
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

/// Lets other threads work on tasks again even if the work panics.
struct RestoreOnDrop(bool);

impl Drop for RestoreOnDrop {
    fn drop(&mut self) {
        ALONE.set(self.0);
    }
}

/// Ends the spinning even if the work panics.
struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Counts a task as done even if it panics.
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

    fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
    }

    #[test]
    fn every_item_is_taken_once_whatever_the_threads() {
        for threads in [1, 2, 5] {
            let mut numbers = vec![0u64; 1000];
            on_threads(threads, || {
                with_spinning_workers(|| for_each(numbers.iter_mut().enumerate(), |(i, to)| *to += i as u64))
            });
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
        let (a, b) = on_threads(3, || {
            with_spinning_workers(|| join(&Device::flex(), || for_each(0..10, |_| add()), || (add(), 7).1))
        });
        assert_eq!((a, b, sum.into_inner()), ((), 7, 11 * 5050));
    }

    #[test]
    fn on_this_thread_no_other_one_works() {
        on_threads(3, || {
            let here = std::thread::current().id();
            let is_here = |_| assert_eq!(std::thread::current().id(), here);
            on_this_thread(|| join(&Device::flex(), || for_each(0..100, is_here), || is_here(0)));
            assert!(!alone());
        });
    }

    #[test]
    fn panics_reach_the_caller() {
        let panics = |work: &(dyn Fn() + Sync)| on_threads(2, || catch_unwind(AssertUnwindSafe(work)).is_err());
        assert!(panics(&|| for_each(0..10, |number| assert_ne!(number, 7))));
        let fails = |number: usize| assert_ne!(number, 1);
        assert!(panics(&|| _ = join(&Device::flex(), || fails(0), || fails(1))));
        assert!(panics(&|| _ = join(&Device::flex(), || fails(1), || fails(0))));
    }
}
