//! Log weights of patterns, and what a flip gains by them.

use super::frame::{DILATIONS, planes};
use super::window::{PLACES, Window, judged_phases};
use crate::{Error, Result};

/// Number of patterns of 3 x 3 voxels.
pub const PATTERNS: usize = 1 << PLACES;

/// Largest log weight.
pub const LARGEST: f32 = 8.0;

/// Steps in which gains are counted, per unit of log weight: sums of whole numbers are the same in any order.
pub const UNIT: f32 = 1024.0;

/// One log weight for each pattern of 3 x 3 voxels, by plane, phase and distance between the voxels.
///
/// All zero, they leave any image as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    n_phases: usize,
    volume: bool,
    values: Vec<f32>,
}

fn planes_of(volume: bool) -> usize {
    planes(if volume { 2 } else { 1 }).len()
}

impl Weights {
    /// Weights of zero, for images or volumes of `n_phases` phases.
    pub fn zero(n_phases: usize, volume: bool) -> Self {
        let kinds = planes_of(volume) * judged_phases(n_phases).len() * DILATIONS.len();
        Self { n_phases, volume, values: vec![0.0; kinds * PATTERNS] }
    }

    /// Weights as [`values`](Self::values) gave them.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if there are not as many as `n_phases` and `volume` say, or one is not in -8 to 8.
    pub fn new(n_phases: usize, volume: bool, values: Vec<f32>) -> Result<Self> {
        let needed = Self::zero(n_phases, volume).values.len();
        if values.len() != needed {
            return Err(Error::invalid(format!("{} weights of patterns given; {needed} are needed", values.len())));
        }
        if let Some(wrong) = values.iter().find(|value| !(-LARGEST..=LARGEST).contains(*value)) {
            return Err(Error::invalid(format!(
                "a weight of a pattern is {wrong}; it must be -{LARGEST} to {LARGEST}"
            )));
        }
        Ok(Self { n_phases, volume, values })
    }

    /// Number of phases of the images that they are for.
    pub fn n_phases(&self) -> usize {
        self.n_phases
    }

    /// Whether they are for volumes.
    pub fn volume(&self) -> bool {
        self.volume
    }

    /// All weights, `(plane, phase, distance, pattern)`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Number of planes that have weights of their own.
    pub fn planes(&self) -> usize {
        planes_of(self.volume)
    }

    /// Whether all are zero.
    pub fn is_zero(&self) -> bool {
        self.values.iter().all(|&value| value == 0.0)
    }

    /// Adds `step` to the weights, which stay within their range.
    pub fn add(&mut self, step: impl Iterator<Item = f64>) {
        for (value, step) in self.values.iter_mut().zip(step) {
            *value = (f64::from(*value) + step).clamp(-f64::from(LARGEST), f64::from(LARGEST)) as f32;
        }
    }
}

/// What changing one voxel of a pattern gains, by the voxel's place in the pattern and the pattern's number. Numbers of
/// patterns outside the image gain nothing.
type Gains = [[i16; 2 * PATTERNS]; PLACES];

/// The gains of all patterns.
pub struct GainTables {
    /// `(phase, plane and distance)`.
    tables: Vec<Box<Gains>>,
    lattices: usize,
}

impl GainTables {
    /// The tables of images whose first `scales` distances count.
    pub fn new(weights: &Weights, scales: usize) -> Self {
        let (layers, planes) = (judged_phases(weights.n_phases).len(), weights.planes());
        let mut tables = Vec::new();
        for layer in 0..layers {
            for plane in 0..planes {
                for scale in 0..scales {
                    let kind = (plane * layers + layer) * DILATIONS.len() + scale;
                    tables.push(gains(&weights.values[kind * PATTERNS..][..PATTERNS]));
                }
            }
        }
        Self { tables, lattices: planes * scales }
    }

    /// What a change of `voxel` to the phase `to` gains, in [`UNIT`]s.
    pub fn flip_gain(&self, window: &Window, voxel: usize, to: u8) -> i32 {
        let layers = [window.layer(window.phase(voxel)), window.layer(to)];
        layers.into_iter().flatten().map(|layer| self.gain(window, layer, voxel)).sum()
    }

    /// What a change of `voxel` to or from the judged phase `layer` gains, in [`UNIT`]s.
    fn gain(&self, window: &Window, layer: usize, voxel: usize) -> i32 {
        let tables = &self.tables[layer * self.lattices..];
        let mut sum = 0;
        for ((lattice, numbers), table) in window.lattices.iter().zip(window.numbers(layer)).zip(tables) {
            for (gains, number) in table.iter().zip(lattice.numbers_with(numbers, voxel)) {
                sum += i32::from(gains[number % (2 * PATTERNS)]);
            }
        }
        sum
    }
}

fn gains(weights: &[f32]) -> Box<Gains> {
    let mut gains = Box::new([[0; 2 * PATTERNS]; PLACES]);
    let rounded = |pattern: usize| (weights[pattern] * UNIT).round() as i16;
    for (place, gains) in gains.iter_mut().enumerate() {
        // The pattern that begins `place` voxels before has the voxel at the mirrored place.
        let bit = 1 << (PLACES - 1 - place);
        for (pattern, gain) in gains[..PATTERNS].iter_mut().enumerate() {
            *gain = rounded(pattern ^ bit) - rounded(pattern);
        }
    }
    gains
}
