//! The figures and their names.

/// A figure of realisations beside that of real windows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beside {
    /// Mean over the realisations.
    pub generated: f64,
    /// Mean over real windows.
    pub real: f64,
    /// Their difference, in standard deviations of the windows.
    pub sd: f64,
}

/// What realisations are like, for one phase. All figures are pure numbers.
///
/// A *floor* is what real windows of the micrograph score, or how far two halves of it lie apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Fidelity {
    /// The phase.
    pub phase: u8,
    /// Mean error (Eq. 12) between a realisation and the nearest training tile (paper, Table 4).
    pub e_gen: f64,
    /// The same for real windows and the tiles that they do not overlap; not a number if all windows overlap all tiles.
    pub e_gen_floor: f64,
    /// Mean error (Eq. 12) between a training tile and its reconstruction (paper, Table 4), if there are any.
    pub e_rec: Option<f64>,
    /// Share of the pixels in which they differ.
    pub e_rec_pixels: Option<f64>,
    /// Volume fraction of the realisations.
    pub vf: f64,
    /// Volume fraction of the micrograph.
    pub vf_micrograph: f64,
    /// Their difference, in standard deviations of the tiles.
    pub vf_bias_sd: f64,
    /// Standard deviation of the volume fraction over realisations, over that of real windows.
    pub vf_spread: f64,
    /// Root mean square difference of the covariance from that of the micrograph, over lags below 16 pixels.
    pub covariance: f64,
    /// Its floor.
    pub covariance_floor: f64,
    /// Root mean square difference of the lineal path from that of the micrograph, over its volume fraction.
    pub lineal: f64,
    /// Its floor.
    pub lineal_floor: f64,
    /// Difference of the interface density from that of the micrograph, in standard deviations of the tiles.
    pub interface_sd: f64,
    /// Interface density across the edges of the realisations, over that inside: 1 for periodic ones.
    pub seam_over_interior: f64,
    /// Jensen-Shannon distance of the 3 x 3 patterns from those of the micrograph, at full, half, quarter resolution.
    pub patterns: [f64; 3],
    /// Their floors.
    pub patterns_floor: [f64; 3],
    /// Connected pieces of the phase.
    pub objects: Beside,
    /// Connected pieces of the rest.
    pub holes: Beside,
    /// Share of the phase in its largest piece.
    pub largest: Beside,
    /// Effective conductivity of the inner three quarters of images where the phase conducts 100 times as well as the rest.
    pub k_eff: Beside,
    /// Probability that its distributions are one (Kolmogorov-Smirnov).
    pub k_eff_ks_p: f64,
    /// Share of the pixels of realisations at which the phase ends ([`ends`](crate::descriptor::ends), with the radius of
    /// [`ends_radius`](crate::descriptor::ends_radius)).
    pub ends: f64,
    /// The same of the micrograph.
    pub ends_real: f64,
    /// Mean over realisations of the largest likeness to a tile under periodic shifts.
    pub likeness: f64,
    /// The same for real windows and the tiles that they do not overlap.
    pub likeness_real: f64,
    /// Share of the realisations with a likeness above 0.8.
    pub copies: f64,
    /// Mean error (Eq. 12) between two realisations, over that between two real windows.
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
