//! What gives a realisation its volume fractions.

use super::shift::ShiftAmount;
use crate::micrograph::MAX_PHASES;
use crate::relaxation::Round;
use crate::{Error, Result};

/// What gives a realisation its volume fractions. Found once by [`threshold`](super::threshold), it serves for all its blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    pub(super) seed: u64,
    pub(super) index: u64,
    pub(super) shape: [usize; 3],
    pub(super) fractions: Vec<f64>,
    /// Digest of the slopes of the model's volume fractions.
    pub(super) model: u64,
    pub(super) shift: ShiftAmount,
    pub(super) rounds: Vec<Round>,
}

impl Threshold {
    /// Most numbers that [`to_words`](Self::to_words) gives for what [`threshold`](super::threshold) has found.
    pub const MOST_WORDS: usize = 256;

    /// Checks that it belongs to a realisation.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] saying what it belongs to.
    pub(super) fn check(&self, seed: u64, index: u64, shape: [usize; 3], fractions: &[f64]) -> Result<()> {
        if (self.seed, self.index, self.shape, self.fractions.as_slice()) == (seed, index, shape, fractions) {
            return Ok(());
        }
        let in_words = |seed, index, [nz, ny, nx]: [usize; 3], fractions: &[f64]| {
            format!(
                "realisation {index} of seed {seed}, {nz} x {ny} x {nx} voxels (z, y, x), volume fractions {fractions:?}"
            )
        };
        Err(Error::invalid(format!(
            "the threshold belongs to {}, but what is asked for is {}; find the threshold of that",
            in_words(self.seed, self.index, self.shape, &self.fractions),
            in_words(seed, index, shape, fractions)
        )))
    }

    /// The threshold as whole numbers, from which [`from_words`](Self::from_words) makes it again.
    pub fn to_words(&self) -> Vec<i64> {
        let [nz, ny, nx] = self.shape.map(|length| length as i64);
        let mut words =
            vec![self.fractions.len() as i64, self.seed as i64, self.index as i64, nz, ny, nx, self.model as i64];
        words.extend(
            self.fractions
                .iter()
                .chain(&self.shift.along_slopes)
                .chain(&self.shift.logits)
                .map(|value| value.to_bits() as i64),
        );
        words.push(self.rounds.len() as i64);
        for Round { surplus, wanted, anywhere, last } in &self.rounds {
            words.push(i64::from_le_bytes([*surplus, *wanted, (*anywhere).into(), 0, 0, 0, 0, 0]));
            words.extend(last);
        }
        words
    }

    /// The threshold that has given these numbers; what follows them is not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if they are not those of a threshold.
    pub fn from_words(words: &[i64]) -> Result<Self> {
        let read = || {
            let mut words = words.iter().copied();
            let n_phases =
                usize::try_from(words.next()?).ok().filter(|n_phases| (2..=MAX_PHASES).contains(n_phases))?;
            let [seed, index, nz, ny, nx, model]: [i64; 6] = taken(&mut words, 6)?.try_into().ok()?;
            let finite = |words: Vec<i64>| {
                let values: Vec<f64> = words.into_iter().map(|word| f64::from_bits(word as u64)).collect();
                Some(values).filter(|values| values.iter().all(|value| value.is_finite()))
            };
            let mut of_phases = || finite(taken(&mut words, n_phases)?);
            let (fractions, along_slopes, logits) = (of_phases()?, of_phases()?, of_phases()?);
            let round = |words: &mut _| {
                let [surplus, wanted, anywhere, ..] = taken(words, 1)?[0].to_le_bytes();
                Some(Round { surplus, wanted, anywhere: anywhere != 0, last: taken(words, n_phases)? })
            };
            let rounds = (0..words.next()?).map(|_| round(&mut words)).collect::<Option<_>>()?;
            let (seed, index, model) = (seed as u64, index as u64, model as u64);
            Some(Self {
                seed,
                index,
                shape: [nz, ny, nx].map(|length| length as usize),
                fractions,
                model,
                shift: ShiftAmount { along_slopes, logits },
                rounds,
            })
        };
        read().ok_or_else(|| Error::invalid("the threshold is none that was found; find it first"))
    }

    /// Whether this is `other`, or `other` with more rounds.
    pub(super) fn goes_on_from(&self, other: &Self) -> bool {
        let rounds = self.rounds.get(..other.rounds.len()).map(<[Round]>::to_vec);
        rounds.is_some_and(|rounds| Self { rounds, ..self.clone() } == *other)
    }
}

/// The next `count` words, if there are as many.
fn taken(words: &mut impl Iterator<Item = i64>, count: usize) -> Option<Vec<i64>> {
    let taken: Vec<i64> = words.take(count).collect();
    (taken.len() == count).then_some(taken)
}
