//! Random numbers as a promise: every draw follows from a seed, a purpose and a counter, never from what ran before.

mod normal;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use normal::{BLOCK, Normals};

/// What random numbers are for; each purpose has streams of its own.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// Weights to start from; the counter is the network.
    Weights = 1,
    /// The order of the training tiles; the counter is the pass.
    Order = 2,
    /// All draws of one training step; the counter is the step.
    Step = 3,
    /// The latent vector of one realisation; the counter is its index.
    Realisation = 4,
    /// Where the real windows lie that an evaluation compares with.
    FloorWindows = 5,
    /// What the statistics of an averaged generator are measured on; the counter is the step.
    Statistics = 7,
    /// Which flips a relaxation accepts; the counter is the index of the image.
    Relaxation = 8,
    /// What the volume fractions of a generator of volumes are measured on; the counter is the step.
    Fractions = 9,
    /// What the frequencies of phases by position are measured on; the counter is the step.
    PositionBiases = 10,
    /// The volume fractions of a realisation, if they are to vary; the counter is its index.
    GivenFractions = 11,
}

/// Largest counter: beyond it streams of different purposes would meet.
pub const MAX_COUNTER: u64 = (1 << 56) - 1;

/// The generator for `purpose` and `counter` (at most [`MAX_COUNTER`]) under `seed`: a counter-based cipher (ChaCha8),
/// so that neighbouring seeds and counters are independent.
pub fn generator(seed: u64, purpose: Purpose, counter: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream(purpose, counter));
    rng
}

fn stream(purpose: Purpose, counter: u64) -> u64 {
    (purpose as u64) << 56 | (counter & MAX_COUNTER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn seeds_purposes_and_counters_are_told_apart() {
        let first = |seed, purpose, counter| generator(seed, purpose, counter).random::<u64>();
        let draws = [
            first(1, Purpose::Step, 0),
            first(2, Purpose::Step, 0),
            first(1, Purpose::Order, 0),
            first(1, Purpose::Step, 1),
        ];
        for (i, a) in draws.iter().enumerate() {
            assert!(draws[i + 1..].iter().all(|b| a != b));
        }
        assert_eq!(draws[0], first(1, Purpose::Step, 0));
    }
}
