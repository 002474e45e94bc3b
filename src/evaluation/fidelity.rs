//! The figures and their names.

use crate::descriptor::{deviation, mean};

/// A figure of realisations compared with that of windows of the micrograph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Mean over the realisations.
    pub generated: f64,
    /// Mean over the windows.
    pub real: f64,
    /// Their difference, in standard deviations of the windows.
    pub sd: f64,
}

impl Comparison {
    /// Compares the figure of each realisation with that of each window.
    pub(super) fn new(generated: &[f64], real: &[f64]) -> Self {
        let difference = mean(generated) - mean(real);
        Self { generated: mean(generated), real: mean(real), sd: difference / deviation(real).max(1e-12) }
    }
}

/// Figures of realisations for one phase, all dimensionless.
///
/// A *floor* is the figure of windows of the micrograph, or half the difference between two halves of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fidelity {
    /// The phase.
    pub phase: u8,
    /// E_gen: mean error (Eq. 12) between a realisation and the nearest tile (paper, Table 4).
    pub e_gen: f64,
    /// E_gen of windows and the tiles that they do not overlap; not a number if there are none.
    pub e_gen_floor: f64,
    /// E_rec: mean error (Eq. 12) between a tile and its reconstruction (paper, Table 4), if any.
    pub e_rec: Option<f64>,
    /// Share of the pixels in which tiles and reconstructions differ, if there are any.
    pub e_rec_pixels: Option<f64>,
    /// Volume fraction of the realisations.
    pub vf: f64,
    /// Volume fraction of the micrograph.
    pub vf_micrograph: f64,
    /// Difference of these two, in standard deviations of the tiles.
    pub vf_bias_sd: f64,
    /// Standard deviation of the volume fraction of realisations, divided by that of windows.
    pub vf_spread: f64,
    /// RMS difference of the covariance from that of the micrograph, over lags below 16 pixels.
    pub covariance: f64,
    /// Its floor.
    pub covariance_floor: f64,
    /// RMS difference of the lineal path from that of the micrograph, divided by the volume fraction.
    pub lineal: f64,
    /// Its floor.
    pub lineal_floor: f64,
    /// Difference of the interface density, in standard deviations of the tiles.
    pub interface_sd: f64,
    /// Interface density between opposite edges, divided by that inside: 1 for periodic images.
    pub seam_over_interior: f64,
    /// Jensen-Shannon distance of the 3 x 3 patterns, at full, half and quarter resolution.
    pub patterns: [f64; 3],
    /// Their floors.
    pub patterns_floor: [f64; 3],
    /// Number of connected components of the phase.
    pub objects: Comparison,
    /// Number of connected components of the rest.
    pub holes: Comparison,
    /// Share of the phase in its largest component.
    pub largest: Comparison,
    /// Effective conductivity of inner three quarters; the phase conducts 100 times as well as the rest.
    pub k_eff: Comparison,
    /// p-value of the Kolmogorov-Smirnov test of the conductivities.
    pub k_eff_ks_p: f64,
    /// Share of end points in realisations ([`ends`](crate::descriptor::ends)).
    ///
    /// With the radius of [`ends_radius`](crate::descriptor::ends_radius).
    pub ends: f64,
    /// Share of end points in the micrograph.
    pub ends_real: f64,
    /// Mean over realisations of the largest correlation with a tile under periodic translations.
    pub likeness: f64,
    /// Likeness of windows to the tiles that they do not overlap.
    pub likeness_real: f64,
    /// Share of the realisations with a likeness above 0.8.
    pub copies: f64,
    /// Mean error (Eq. 12) between two realisations, divided by that between two windows.
    pub variety: f64,
}

impl Fidelity {
    /// Every figure with its name.
    pub fn figures(&self) -> Vec<(&'static str, f64)> {
        let mut figures = vec![("E_gen", self.e_gen), ("E_gen_floor", self.e_gen_floor)];
        figures.extend(self.e_rec.map(|value| ("E_rec", value)));
        figures.extend(self.e_rec_pixels.map(|value| ("E_rec_pixels", value)));
        figures.extend([
            ("vf", self.vf),
            ("vf_micrograph", self.vf_micrograph),
            ("vf_bias_sd", self.vf_bias_sd),
            ("vf_spread", self.vf_spread),
            ("covariance", self.covariance),
            ("covariance_floor", self.covariance_floor),
            ("lineal", self.lineal),
            ("lineal_floor", self.lineal_floor),
            ("interface_sd", self.interface_sd),
            ("seam_over_interior", self.seam_over_interior),
            ("patterns_full", self.patterns[0]),
            ("patterns_full_floor", self.patterns_floor[0]),
            ("patterns_half", self.patterns[1]),
            ("patterns_half_floor", self.patterns_floor[1]),
            ("patterns_quarter", self.patterns[2]),
            ("patterns_quarter_floor", self.patterns_floor[2]),
            ("objects", self.objects.generated),
            ("objects_real", self.objects.real),
            ("objects_sd", self.objects.sd),
            ("holes", self.holes.generated),
            ("holes_real", self.holes.real),
            ("holes_sd", self.holes.sd),
            ("largest", self.largest.generated),
            ("largest_real", self.largest.real),
            ("largest_sd", self.largest.sd),
            ("k_eff", self.k_eff.generated),
            ("k_eff_real", self.k_eff.real),
            ("k_eff_sd", self.k_eff.sd),
            ("k_eff_ks_p", self.k_eff_ks_p),
            ("ends", self.ends),
            ("ends_real", self.ends_real),
            ("likeness", self.likeness),
            ("likeness_real", self.likeness_real),
            ("copies", self.copies),
            ("variety", self.variety),
        ]);
        figures
    }
}
