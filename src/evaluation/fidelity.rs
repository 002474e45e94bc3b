//! The figures and their names.

use crate::descriptor::{deviation, mean};

/// Variation, relative to the values, that is nothing but rounding.
const ROUNDING: f64 = 1e-9;

/// A figure of realisations compared with that of windows of the micrograph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Mean over the realisations.
    pub generated: f64,
    /// Mean over the windows.
    pub real: f64,
    /// Their difference, in standard deviations of the windows; 0 or infinite if the windows do not vary.
    pub sd: f64,
    /// Whether the windows vary.
    pub real_varies: bool,
}

impl Comparison {
    /// Compares the figure of each realisation with that of each window.
    pub(super) fn new(generated: &[f64], real: &[f64]) -> Self {
        Self::with(mean(generated), mean(real), real)
    }

    /// Compares the mean over the realisations with that of the material, which varies as the `samples` of it do. If these do
    /// not vary, it is they that realisations must equal.
    pub(super) fn with(generated: f64, real: f64, samples: &[f64]) -> Self {
        let (spread, size) = (deviation(samples), samples.iter().fold(0.0, |most, value| value.abs().max(most)));
        let real_varies = !is_rounding(spread, size);
        let sd =
            if real_varies { (generated - real) / spread } else { difference_of_none(generated - mean(samples), size) };
        Self { generated, real, sd, real_varies }
    }

    /// Compares how much realisations vary with how much windows do; `sd` is the ratio, 1 or infinite if windows do not
    /// vary. `size` is that of the values which vary.
    pub(super) fn of_spreads(generated: f64, real: f64, size: f64) -> Self {
        let real_varies = !is_rounding(real, size);
        let sd = if real_varies { generated / real } else { 1.0 + difference_of_none(generated, size) };
        Self { generated, real, sd, real_varies }
    }
}

/// Whether values of this `size` that differ by `variation` are equal but for rounding.
fn is_rounding(variation: f64, size: f64) -> bool {
    variation <= ROUNDING * size
}

/// A difference in standard deviations that are 0: 0 or infinite.
fn difference_of_none(difference: f64, size: f64) -> f64 {
    if is_rounding(difference.abs(), size) { 0.0 } else { f64::INFINITY.copysign(difference) }
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
    /// Gated figures in which real windows do not vary: those in standard deviations are 0 if realisations equal them, ratios
    /// 1, or else infinite.
    pub unvarying: Vec<&'static str>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_do_not_vary_are_equalled_or_not() {
        let of = |generated: &[f64], real: &[f64]| {
            let Comparison { sd, real_varies, .. } = Comparison::new(generated, real);
            (sd, real_varies)
        };
        let noise = 0.1 + 0.2;
        assert_eq!(of(&[1.0, 3.0], &[0.0, 2.0]), (1.0 / 2f64.sqrt(), true));
        assert_eq!(of(&[0.0, 0.0], &[0.0; 9]), (0.0, false));
        assert_eq!(of(&[0.0, 1.0], &[0.0; 9]), (f64::INFINITY, false));
        assert_eq!(of(&[0.3, noise], &[0.3, noise, 0.3]), (0.0, false));
        assert_eq!(of(&[0.29, 0.3], &[0.3, noise, 0.3]), (f64::NEG_INFINITY, false));
        // One window says nothing about how much windows vary.
        assert!(Comparison::new(&[1.0], &[1.0]).sd.is_nan() && Comparison::new(&[1.0], &[1.0]).real_varies);
        // The whole micrograph, 0.4, has other edges than its tiles.
        assert_eq!(Comparison::with(0.3, 0.4, &[0.3; 4]).sd, 0.0);
        let ratio = |generated, real| Comparison::of_spreads(generated, real, 0.5).sd;
        assert_eq!(
            [ratio(0.2, 0.1), ratio(0.0, 0.0), ratio(1e-12, 1e-12), ratio(0.1, 0.0)],
            [2.0, 1.0, 1.0, f64::INFINITY]
        );
    }
}
