//! Standard normal numbers at any place of a stream, so that threads and devices draw what they need without the rest.

use pulp::Arch;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Purpose, stream};

/// Numbers that are drawn together: those of one block of ChaCha8.
pub const BLOCK: usize = 16;

const HALF: usize = BLOCK / 2;

/// Blocks that the cipher works on before they become numbers.
const BLOCKS: usize = 16;

/// Where numbers begin in a stream: far behind what a generator of the same stream draws.
const BEGIN: u64 = 1 << 40;

/// The standard normal numbers of a stream, from one of them on. Each depends on the stream and on its place alone.
///
/// A block of the cipher has 16 words of 32 bits. The first eight are the radii of the Box-Muller transform, the others its
/// angles; its cosines are the first eight numbers, its sines the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normals {
    seed: u64,
    stream: u64,
    first: u64,
}

impl Normals {
    /// Those for `purpose` and `counter` under `seed`, as for [`generator`](super::generator).
    pub fn new(seed: u64, purpose: Purpose, counter: u64) -> Self {
        Self { seed, stream: stream(purpose, counter), first: BEGIN }
    }

    /// Those from number `count` on, a multiple of [`BLOCK`].
    pub fn skip(self, count: u64) -> Self {
        debug_assert!(count.is_multiple_of(BLOCK as u64), "{count}");
        Self { first: self.first + count, ..self }
    }

    /// The next `count` numbers; those of the next call are others.
    pub fn take(&mut self, count: usize) -> Self {
        let taken = *self;
        *self = self.skip(count.next_multiple_of(BLOCK) as u64);
        taken
    }

    /// Key of the cipher, number of the stream, and the block in it with which the numbers begin.
    #[cfg(feature = "cube")]
    pub fn cipher(&self) -> ([u32; 8], u64, u64) {
        let key = ChaCha8Rng::seed_from_u64(self.seed).get_seed();
        let words = std::array::from_fn(|i| u32::from_le_bytes(std::array::from_fn(|byte| key[4 * i + byte])));
        (words, self.stream, self.first / BLOCK as u64)
    }

    /// Fills `to` with the first numbers.
    pub fn fill(&self, to: &mut [f32]) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(self.stream);
        rng.set_word_pos(u128::from(self.first));
        let arch = Arch::new();
        let mut bytes = [0; 4 * BLOCK * BLOCKS];
        for part in to.chunks_mut(BLOCK * BLOCKS) {
            let bytes = &mut bytes[..4 * part.len().next_multiple_of(BLOCK)];
            rng.fill_bytes(bytes);
            arch.dispatch(|| transform(bytes, part));
        }
    }
}

/// The numbers of whole blocks of words. The last block may have more of them than are wanted.
#[inline(always)]
fn transform(words: &[u8], to: &mut [f32]) {
    for (words, to) in words.chunks_exact(4 * BLOCK).zip(to.chunks_mut(BLOCK)) {
        let mut numbers = [0.0; BLOCK];
        let word = |i: usize| u32::from_le_bytes([words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]]);
        for i in 0..HALF {
            let (radius, [cosine, sine]) = (radius(word(i)), cosine_and_sine(word(HALF + i)));
            numbers[i] = radius * cosine;
            numbers[HALF + i] = radius * sine;
        }
        to.copy_from_slice(&numbers[..to.len()]);
    }
}

/// sqrt(-2 ln u), where u is a multiple of 2^-24 between 0, which is left out, and 1.
#[inline(always)]
fn radius(word: u32) -> f32 {
    /// Bits of the root of 1/2: the mantissa is divided there, so that its logarithm is small.
    const ROOT: i32 = 0x3f35_04f3;
    let bits = (((word >> 8) as i32 + 1) as f32).to_bits() as i32;
    let exponent = (bits - ROOT) >> 23;
    let mantissa = f32::from_bits((bits - (exponent << 23)) as u32);
    // 2 artanh(s) with s = (m - 1) / (m + 1), which is at most 0.172.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = 2.0 + square * (2.0 / 3.0 + square * (2.0 / 5.0 + square * (2.0 / 7.0 + square * (2.0 / 9.0))));
    let logarithm = s * series + (exponent - 24) as f32 * std::f32::consts::LN_2;
    (-2.0 * logarithm).max(0.0).sqrt()
}

/// Cosine and sine of `word` / 2^32 turns.
#[inline(always)]
fn cosine_and_sine(word: u32) -> [f32; 2] {
    const TURN: f32 = std::f32::consts::TAU / 4_294_967_296.0;
    // The nearest quarter of a turn, and what the angle is more than that, at most an eighth of a turn.
    let quarter = word.wrapping_add(1 << 29) >> 30;
    let angle = word.wrapping_sub(quarter << 30) as i32 as f32 * TURN;
    let square = angle * angle;
    let sine =
        angle * (1.0 + square * (-1.0 / 6.0 + square * (1.0 / 120.0 + square * (-1.0 / 5040.0 + square / 362_880.0))));
    let cosine = 1.0 + square * (-0.5 + square * (1.0 / 24.0 + square * (-1.0 / 720.0 + square / 40_320.0)));
    let [first, second] = if quarter & 1 == 0 { [cosine, sine] } else { [sine, cosine] };
    let with_sign = |value: f32, is_negative: u32| f32::from_bits(value.to_bits() ^ (is_negative << 31));
    [with_sign(first, (quarter + 1) >> 1 & 1), with_sign(second, quarter >> 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    const STREAM: (u64, Purpose, u64) = (3, Purpose::Step, 7);

    fn normals() -> Normals {
        let (seed, purpose, counter) = STREAM;
        Normals::new(seed, purpose, counter)
    }

    fn drawn(normals: Normals, count: usize) -> Vec<f32> {
        let mut numbers = vec![0.0; count];
        normals.fill(&mut numbers);
        numbers
    }

    #[test]
    fn numbers_are_those_of_the_definition() {
        let (seed, purpose, counter) = STREAM;
        let mut rng = super::super::generator(seed, purpose, counter);
        rng.set_word_pos(u128::from(BEGIN));
        for block in drawn(normals(), 4096).chunks_exact(BLOCK) {
            let words: [u32; BLOCK] = std::array::from_fn(|_| rng.random());
            for i in 0..HALF {
                let share = (f64::from(words[i] >> 8) + 1.0) / f64::from(1 << 24);
                let turns = f64::from(words[HALF + i]) / 4_294_967_296.0;
                let (radius, angle) = ((-2.0 * share.ln()).sqrt(), std::f64::consts::TAU * turns);
                assert!((f64::from(block[i]) - radius * angle.cos()).abs() < 2e-6, "{} {share} {turns}", block[i]);
                assert!((f64::from(block[HALF + i]) - radius * angle.sin()).abs() < 2e-6, "{share} {turns}");
            }
        }
    }

    #[test]
    fn words_at_the_ends_give_finite_numbers() {
        assert!((radius(0) - 5.768_1).abs() < 1e-4, "{}", radius(0));
        assert_eq!(radius(u32::MAX), 0.0);
        for word in [0, 1 << 29, (1 << 29) - 1, 1 << 30, 1 << 31, 3 << 30, u32::MAX] {
            let angle = std::f64::consts::TAU * f64::from(word) / 4_294_967_296.0;
            let [cosine, sine] = cosine_and_sine(word).map(f64::from);
            assert!(
                (cosine - angle.cos()).abs() < 1e-6 && (sine - angle.sin()).abs() < 1e-6,
                "{word}: {cosine} {sine}"
            );
        }
    }

    #[test]
    fn each_number_depends_on_its_place_alone() {
        let all = drawn(normals(), 1000);
        for (first, count) in [(0, 5), (16, 300), (512, 488)] {
            assert_eq!(drawn(normals().skip(first), count), all[first as usize..][..count]);
        }
        let mut next = normals();
        assert_eq!(drawn(next.take(17), 17), all[..17]);
        assert_eq!(drawn(next.take(3), 3), all[32..35]);
        assert_ne!(drawn(Normals::new(3, Purpose::Step, 8), 1000), all);
    }

    #[test]
    fn numbers_are_standard_normal() {
        let numbers = drawn(normals(), 1 << 20);
        let moment = |power| numbers.iter().map(|&x| f64::from(x).powi(power)).sum::<f64>() / numbers.len() as f64;
        // Standard errors of the moments are 0.001, 0.0014, 0.004 and 0.01.
        for (power, expected, allowed) in [(1, 0.0, 0.005), (2, 1.0, 0.007), (3, 0.0, 0.02), (4, 3.0, 0.05)] {
            assert!((moment(power) - expected).abs() < allowed, "moment {power}: {}", moment(power));
        }
        let pairs = numbers.iter().zip(&numbers[HALF..]).map(|(&a, &b)| f64::from(a * b)).sum::<f64>();
        assert!((pairs / numbers.len() as f64).abs() < 0.005);
    }
}
