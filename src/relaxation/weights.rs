//! Log weights of patterns, and what a flip gains by them.

use super::dangling::DanglingEnds;
use super::frame::{DILATIONS, planes};
use super::window::{Lattice, PLACES, Window, judged_phases};
use crate::{Error, Result};

/// Number of patterns of 3 x 3 voxels.
pub const PATTERNS: usize = 1 << PLACES;

/// Largest log weight.
pub const LARGEST: f32 = 8.0;

/// Steps in which gains are counted, per unit of log weight: sums of whole numbers are the same in any order.
pub const UNIT: f32 = 1024.0;

/// One log weight for each pattern of 3 x 3 voxels, by plane, phase and distance between the voxels; and the phases of
/// which dangling ends are mended.
///
/// All zero and without such phases, they leave any image as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    n_phases: usize,
    volume: bool,
    values: Vec<f32>,
    dangling_ends: DanglingEnds,
}

fn planes_of(volume: bool) -> usize {
    planes(if volume { 2 } else { 1 }).len()
}

impl Weights {
    /// Weights of zero, for images or volumes of `n_phases` phases.
    pub fn zero(n_phases: usize, volume: bool) -> Self {
        let kinds = planes_of(volume) * judged_phases(n_phases).len() * DILATIONS.len();
        Self { n_phases, volume, values: vec![0.0; kinds * PATTERNS], dangling_ends: DanglingEnds::default() }
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
        Ok(Self { values, ..Self::zero(n_phases, volume) })
    }

    /// These, with the dangling ends of other phases mended: of those that the images have, and of none in volumes.
    pub fn with_dangling_ends(self, dangling_ends: DanglingEnds) -> Self {
        let phases = if self.volume { 0 } else { self.n_phases };
        let dangling_ends = dangling_ends.phases().filter(|&phase| usize::from(phase) < phases).collect();
        Self { dangling_ends, ..self }
    }

    /// The phases of which dangling ends are mended.
    pub fn dangling_ends(&self) -> DanglingEnds {
        self.dangling_ends
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

    /// Whether they leave any image as it is.
    pub fn is_zero(&self) -> bool {
        self.dangling_ends.is_empty() && !self.prefer_any()
    }

    /// Whether a pattern is preferred to another.
    pub fn prefer_any(&self) -> bool {
        self.values.iter().any(|&value| value != 0.0)
    }

    /// Adds `step` to the weights, which stay within their range.
    pub fn add(&mut self, step: impl Iterator<Item = f64>) {
        for (value, step) in self.values.iter_mut().zip(step) {
            *value = (f64::from(*value) + step).clamp(-f64::from(LARGEST), f64::from(LARGEST)) as f32;
        }
    }
}

/// What a voxel gains by getting a phase, by the place of a pattern that it is in and the pattern's number.
type Gains = [[i16; PATTERNS]; PLACES];

/// The gains of all patterns.
#[derive(Debug)]
pub struct GainTables {
    /// `(phase, plane and distance)`.
    tables: Vec<Gains>,
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

    /// What a change of a voxel to the phase `to` gains, in [`UNIT`]s.
    #[inline]
    pub fn flip_gain(&self, window: &Window, place: [usize; 3], to: u8) -> i32 {
        let of = |phase| window.layer(phase).map_or(0, |layer| self.gain(window, layer, place));
        of(to) - of(window.phase(place))
    }

    /// What a voxel gains by getting the judged phase `layer`, in [`UNIT`]s.
    #[inline]
    fn gain(&self, window: &Window, layer: usize, place: [usize; 3]) -> i32 {
        let tables = &self.tables[layer * self.lattices..][..self.lattices];
        if window.has_edges() {
            return gain_near_edges(tables, window, layer, place);
        }
        let mut sum = 0;
        for (lattices, gains) in window.lattices.chunks_exact(window.scales).zip(tables.chunks_exact(window.scales)) {
            let line = window.line(&lattices[0], layer, place);
            sum += of_nine(&gains[0], line.numbers::<0>());
            if let Some(gains) = gains.get(1) {
                sum += of_nine(gains, line.numbers::<1>());
            }
            if let Some(gains) = gains.get(2) {
                sum += of_nine(gains, line.numbers::<2>());
            }
            if let Some(gains) = gains.get(3) {
                sum += of_nine(gains, line.numbers::<3>());
            }
        }
        sum
    }
}

/// The gain by nine patterns.
#[inline(always)]
fn of_nine(gains: &Gains, [a, b, c]: [u32; 3]) -> i32 {
    let of = |place: usize, number: u32| i32::from(gains[place][number as usize % PATTERNS]);
    let first = of(0, a) + of(1, a >> 10) + of(2, a >> 20);
    let second = of(3, b) + of(4, b >> 10) + of(5, b >> 20);
    first + second + of(6, c) + of(7, c >> 10) + of(8, c >> 20)
}

/// The gain by those patterns that are all in the image.
fn gain_near_edges(tables: &[Gains], window: &Window, layer: usize, place: [usize; 3]) -> i32 {
    let of_lattice = |(lattice, gains): (&Lattice, &Gains)| {
        let line = window.line(lattice, layer, place);
        let numbers = match lattice.scale {
            0 => line.numbers::<0>(),
            1 => line.numbers::<1>(),
            2 => line.numbers::<2>(),
            _ => line.numbers::<3>(),
        };
        let number = |at: usize| (numbers[at / 3] >> (10 * (at % 3))) as usize % PATTERNS;
        window.patterns_inside(lattice, place).map(|at| i32::from(gains[at][number(at)])).sum::<i32>()
    };
    window.lattices.iter().zip(tables).map(of_lattice).sum()
}

fn gains(weights: &[f32]) -> Gains {
    let rounded: Vec<i16> = weights.iter().map(|weight| (weight * UNIT).round() as i16).collect();
    std::array::from_fn(|place| {
        // The pattern that begins `place` voxels before has the voxel at the mirrored place.
        let bit = 1 << (PLACES - 1 - place);
        std::array::from_fn(|pattern| rounded[pattern | bit] - rounded[pattern & !bit])
    })
}
