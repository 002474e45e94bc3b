//! Whether steps share their work among threads.
//!
//! A step has some forty points where threads wait for one another. Where cores have no cache in common, or other programs
//! use them, all threads together may be slower than one alone, for seconds or minutes. Results are the same bytes.

use std::time::{Duration, Instant};

use crate::device::{on_this_thread, with_spinning_workers};

/// Steps from one comparison to the next.
const PERIOD: usize = 400;

/// Steps of a comparison on all threads, and as many behind them on one.
const COMPARED: usize = 8;

/// Steps before the first comparison: memory is warm by then.
const WARM_UP: usize = 8;

/// One thread is chosen if it takes this part of the time of all, so that chance seldom chooses it.
const CLEARLY_LESS: f64 = 0.95;

/// Compares steps on all threads with steps on one now and then, and chooses what is faster.
#[derive(Debug)]
pub struct ThreadChoice {
    /// Steps since the last comparison began.
    step: usize,
    /// How long the comparison has taken, on all threads and on one.
    taken: [Duration; 2],
    alone: bool,
}

impl ThreadChoice {
    pub fn new() -> Self {
        Self { step: PERIOD - WARM_UP, taken: [Duration::ZERO; 2], alone: false }
    }

    /// Runs one step, on the threads of the current pool or on this one.
    pub fn run<T>(&mut self, step: impl FnOnce() -> T) -> T {
        if rayon::current_num_threads() == 1 {
            return step();
        }
        let begin = Instant::now();
        let result = if self.is_alone() { on_this_thread(step) } else { with_spinning_workers(step) };
        self.note(begin.elapsed());
        result
    }

    /// Whether the next step is one thread's.
    fn is_alone(&self) -> bool {
        match self.step {
            PERIOD.. | ..COMPARED => false,
            step if step < 2 * COMPARED => true,
            _ => self.alone,
        }
    }

    /// The next step took so long.
    fn note(&mut self, taken: Duration) {
        if self.step >= PERIOD {
            (self.step, self.taken) = (0, [Duration::ZERO; 2]);
        }
        if self.step < 2 * COMPARED {
            self.taken[self.step / COMPARED] += taken;
        }
        self.step += 1;
        if self.step == 2 * COMPARED {
            let [of_all, of_one] = self.taken;
            self.alone = of_one < of_all.mul_f64(CLEARLY_LESS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps on one thread among `steps`, if steps take so many microseconds on all and on one.
    fn alone(choice: &mut ThreadChoice, steps: usize, [of_all, of_one]: [u64; 2]) -> usize {
        let mut step = || {
            let is_alone = choice.is_alone();
            choice.note(Duration::from_micros(if is_alone { of_one } else { of_all }));
            usize::from(is_alone)
        };
        (0..steps).map(|_| step()).sum()
    }

    #[test]
    fn the_faster_is_chosen_and_chosen_anew() {
        let mut choice = ThreadChoice::new();
        assert_eq!(alone(&mut choice, WARM_UP, [300, 100]), 0);
        assert_eq!(alone(&mut choice, PERIOD, [300, 100]), PERIOD - COMPARED);
        assert_eq!(alone(&mut choice, 10 * PERIOD, [60, 100]), 10 * COMPARED);
        assert_eq!(alone(&mut choice, PERIOD, [101, 100]), COMPARED);
    }

    #[test]
    fn a_single_thread_is_not_compared() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let mut choice = ThreadChoice::new();
        pool.install(|| (0..100).for_each(|_| choice.run(|| ())));
        assert_eq!(choice.step, PERIOD - WARM_UP);
    }
}
