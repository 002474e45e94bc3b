//! How often each pattern occurs in images.

use super::frame::{DILATIONS, Frame};
use super::weights::PATTERNS;
use super::window::{Window, judged_phases};
use crate::Result;
use crate::micrograph::{Directions, PhaseImages};

/// The share of each pattern, as [`Weights`](super::Weights) are ordered. The shares of a plane, phase and distance sum
/// to 1, or are all 0 if the distance does not fit.
#[derive(Debug, Clone, PartialEq)]
pub struct PatternShares(Vec<f64>);

/// Added to shares before their ratio is taken: patterns rarer than this count as equally rare.
const RARE: f64 = 1e-5;

impl PatternShares {
    /// Counts patterns in all `images`.
    pub fn of(images: &PhaseImages, periodic: bool) -> Result<Self> {
        let frame = Frame::new(images.shape(), periodic)?;
        let layers = judged_phases(images.n_phases()).len();
        let mut counts = vec![0u64; frame.planes().len() * layers * DILATIONS.len() * PATTERNS];
        for image in (0..images.len()).map(|index| images.image(index)) {
            for tile in frame.tiles().iter().flatten() {
                let window = Window::new(&frame, image, tile, images.n_phases());
                for layer in 0..layers {
                    for (number, lattice) in window.lattices.iter().enumerate() {
                        let kind = (number / frame.scales * layers + layer) * DILATIONS.len() + number % frame.scales;
                        let counts = &mut counts[kind * PATTERNS..][..PATTERNS];
                        window.for_each_pattern(lattice, layer, |number| counts[number] += 1);
                    }
                }
            }
        }
        let shares = counts.chunks_exact(PATTERNS).flat_map(|counts| {
            let total = counts.iter().sum::<u64>().max(1) as f64;
            counts.iter().map(move |&count| count as f64 / total)
        });
        Ok(Self(shares.collect()))
    }

    /// Counts patterns in the micrographs of a material: for images those of the first, for volumes those of the planes across
    /// each axis.
    pub fn of_material(micrographs: &Directions, planes: usize) -> Result<Self> {
        let of_each = micrographs.iter().take(planes).map(|images| Self::of(images, false));
        let of_each = of_each.collect::<Result<Vec<_>>>()?;
        let of_plane = |plane| of_each[micrographs.number_across(plane)].0.iter().copied();
        Ok(Self((0..planes).flat_map(of_plane).collect()))
    }

    /// The shares of each plane.
    pub fn by_plane(&self, planes: usize) -> Vec<Self> {
        self.0.chunks_exact(self.0.len() / planes).map(|plane| Self(plane.to_vec())).collect()
    }

    /// The logarithm of the ratio of each share to that in `other`; 0 for distances that do not fit into both.
    pub fn log_ratios(&self, other: &Self) -> impl Iterator<Item = f64> {
        let histograms = self.0.chunks_exact(PATTERNS).zip(other.0.chunks_exact(PATTERNS));
        histograms.flat_map(|(these, those)| {
            let fits = [these, those].iter().all(|shares| shares.iter().any(|&share| share > 0.0));
            let ratio = move |(a, b): (&f64, &f64)| if fits { ((a + RARE) / (b + RARE)).ln() } else { 0.0 };
            these.iter().zip(those).map(ratio)
        })
    }

    /// The logarithm of the ratio of each share to that of a rare pattern, less a half of the largest there can be.
    pub fn log_ratios_to_rare(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|share| (share / RARE + 1.0).ln() + RARE.ln() / 2.0)
    }

    /// The sum of the Jensen-Shannon divergences of all histograms, in nats.
    pub fn divergence(&self, other: &Self) -> f64 {
        let part = |a: f64, b: f64| if a > 0.0 { a * (2.0 * a / (a + b)).ln() / 2.0 } else { 0.0 };
        self.0.iter().zip(&other.0).map(|(&a, &b)| part(a, b) + part(b, a)).sum()
    }
}
