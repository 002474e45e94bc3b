//! The computation of each figure.

use rand::Rng;

use super::fidelity::{Comparison, Fidelity};
use super::statistics::{distance, kolmogorov_smirnov};
use crate::descriptor::{
    Clusters, Indicator, PairCounts, clusters, covariance, deviation, effective_conductivity, ends, ends_radius,
    generation_error, interface_density, jensen_shannon, likeness, lineal_path, mean, pattern_histograms,
    reconstruction_error, seam_density,
};
use crate::device::memory;
use crate::micrograph::{PhaseImages, tiles, windows};
use crate::random::{self, Purpose};
use crate::{Error, Result};

/// Lags of the ensemble descriptors, in pixels.
const RANGE: usize = 16;

/// Number of windows of the micrograph that realisations are compared with.
const WINDOWS: usize = 256;

/// Number of realisations and windows for components, conductivity, likeness and variety.
const COSTLY: usize = 96;

/// Minimum number of realisations.
pub(super) const FEWEST: usize = 32;

/// Likeness above which a realisation is a copy.
const COPY: f64 = 0.8;

/// Number of parts of [`evaluate`].
pub(crate) const PARTS: u64 = 7;

/// Draws the positions of 256 windows of the micrograph: `(image, y, x)` of each first pixel.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if the micrograph is smaller than two windows of `side` x `side` pixels along an axis.
pub fn floor_windows(micrograph: &PhaseImages, side: usize, seed: u64) -> Result<Vec<(usize, usize, usize)>> {
    let [_, ny, nx] = micrograph.shape();
    if side == 0 || ny.min(nx) < 2 * side {
        return Err(Error::invalid(format!(
            "the micrograph has {ny} x {nx} pixels; evaluating realisations of {side} x {side} needs at least {0} x {0}",
            2 * side
        )));
    }
    let mut rng = random::generator(seed, Purpose::FloorWindows, 0);
    let mut draw = || {
        let image = rng.random_range(0..micrograph.len());
        (image, rng.random_range(0..=ny - side), rng.random_range(0..=nx - side))
    };
    Ok((0..WINDOWS).map(|_| draw()).collect())
}

/// Computes the figures of one phase of `realisations`, compared with the micrograph.
///
/// `reconstructions` are those of its tiles in row-major order, if there are any. `windows_at` are [positions of
/// windows](floor_windows). Images are two-dimensional, realisations square; 32 or more are needed, 256 for a verdict.
/// The micrograph may be several images of one size. Runs in parallel on the current rayon pool. `done` is called after each
/// of seven parts and ends the work by an error.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if images do not fit together, are too few or too small, or the phase is nowhere or
/// everywhere in the micrograph; [`Error::OutOfMemory`] if there is too little memory; and those of `done`.
pub fn evaluate(
    micrograph: &PhaseImages,
    realisations: &PhaseImages,
    reconstructions: Option<&PhaseImages>,
    phase: u8,
    windows_at: &[(usize, usize, usize)],
    done: &dyn Fn() -> Result<()>,
) -> Result<Fidelity> {
    let side = check(micrograph, realisations, phase)?;
    require_memory(micrograph, realisations, windows_at.len())?;
    let (tiles, windows) = (tiles(micrograph, side)?, windows(micrograph, windows_at, side)?);
    let of = |images: &PhaseImages| Indicator::new(images, phase);
    let sets = Sets {
        micrograph: of(micrograph)?,
        tiles: of(&tiles)?,
        windows: of(&windows)?,
        realisations: of(realisations)?,
        overlaps: overlaps(micrograph, windows_at, side),
    };
    let errors = |a: &PhaseImages, b: &PhaseImages| pair_errors(a, b, phase);
    let rec = reconstructions.map(|images| reconstruction_error(&tiles, images, phase)).transpose()?;
    let pixels = reconstructions.map(|images| of(images).map(|images| sets.tiles.differing(&images))).transpose()?;
    let count = realisations.len().min(COSTLY);
    if windows_at.len() < count {
        return Err(Error::invalid(format!("{} real windows; give {count} or more", windows_at.len())));
    }
    let pairs = |images: &PhaseImages| -> Result<f64> {
        let halves = errors(&images.range(0, count / 2), &images.range(count / 2, count - count / 2))?;
        Ok(mean(&halves.concat()))
    };
    let e_gen = generation_error(realisations, &tiles, phase)?.mean;
    let e_gen_floor = sets.apart(&errors(&windows, &tiles)?, smallest);
    done()?;
    // Errors of Eq. 12 are of the size of S2, which is at most 1.
    let variety = Comparison::of_spreads(pairs(realisations)?, pairs(&windows)?, 1.0);
    done()?;

    let (generated, real) = (sets.realisations.first(count), sets.windows.first(count));
    let (pieces, real_pieces) = (clusters(&generated), clusters(&real));
    let piece = |of: &dyn Fn(&Clusters) -> f64| {
        Comparison::new(&pieces.iter().map(of).collect::<Vec<_>>(), &real_pieces.iter().map(of).collect::<Vec<_>>())
    };
    done()?;
    let k_eff = inner_conductivity(&generated);
    done()?;
    let k_eff_real = inner_conductivity(&real);
    done()?;
    let likest: Vec<f64> = likeness(&generated, &sets.tiles).iter().map(|row| largest(row)).collect();
    let likeness_real = sets.apart(&likeness(&real, &sets.tiles), largest);
    done()?;

    let (v, v_micrograph) = (sets.realisations.volume_fraction(), sets.micrograph.volume_fraction());
    let vf_bias = Comparison::with(v, v_micrograph, &sets.tiles.volume_fractions());
    let spread = |images: &Indicator| deviation(&images.volume_fractions());
    let vf_spread = Comparison::of_spreads(spread(&sets.realisations), spread(&sets.windows), v_micrograph);
    let interfaces = interface_density(&sets.realisations);
    let of_micrograph = mean(&interface_density(&sets.micrograph));
    let interface = Comparison::with(mean(&interfaces), of_micrograph, &interface_density(&sets.tiles));
    let [objects, holes, largest_piece] =
        [piece(&|pieces| pieces.objects as f64), piece(&|pieces| pieces.holes as f64), piece(&|pieces| pieces.largest)];
    let k_eff_ks_p = kolmogorov_smirnov(&k_eff, &k_eff_real);
    let k_eff = Comparison::new(&k_eff, &k_eff_real);
    let relative = [
        ("vf_bias_sd", vf_bias),
        ("vf_spread", vf_spread),
        ("interface_sd", interface),
        ("objects_sd", objects),
        ("holes_sd", holes),
        ("largest_sd", largest_piece),
        ("k_eff_sd", k_eff),
        ("variety", variety),
    ];
    let covariance = |images: &Indicator| covariance(images, RANGE);
    let lineal_path = |images: &Indicator| lineal_path(images, (2 * RANGE).min(side - 1));
    let fidelity = Fidelity {
        phase,
        e_gen,
        e_gen_floor,
        e_rec: rec.map(|errors| errors.mean),
        e_rec_pixels: pixels,
        vf: v,
        vf_micrograph: v_micrograph,
        vf_bias_sd: vf_bias.sd,
        vf_spread: vf_spread.sd,
        covariance: distance(&covariance(&sets.realisations), &covariance(&sets.micrograph)),
        covariance_floor: sets.half(|a, b| [distance(&covariance(a), &covariance(b))])[0],
        lineal: distance(&lineal_path(&sets.realisations), &lineal_path(&sets.micrograph)) / v_micrograph,
        lineal_floor: sets.half(|a, b| [distance(&lineal_path(a), &lineal_path(b))])[0] / v_micrograph,
        interface_sd: interface.sd,
        seam_over_interior: seam_density(&sets.realisations) / mean(&interfaces).max(1e-12),
        patterns: pattern_distances(&sets.realisations, &sets.micrograph),
        patterns_floor: sets.half(pattern_distances),
        objects,
        holes,
        largest: largest_piece,
        k_eff,
        k_eff_ks_p,
        ends: mean(&ends(&sets.realisations, ends_radius(side))),
        ends_real: mean(&ends(&sets.micrograph, ends_radius(side))),
        likeness: mean(&likest),
        likeness_real,
        copies: likest.iter().filter(|&&likeness| likeness > COPY).count() as f64 / likest.len() as f64,
        variety: variety.sd,
        unvarying: relative.into_iter().filter(|(_, of)| !of.real_varies).map(|(name, _)| name).collect(),
    };
    done()?;
    Ok(fidelity)
}

/// The phase in all images that are compared.
struct Sets {
    micrograph: Indicator,
    tiles: Indicator,
    windows: Indicator,
    realisations: Indicator,
    /// Whether each window overlaps each tile.
    overlaps: Vec<Vec<bool>>,
}

impl Sets {
    /// Half the difference between two halves of the micrograph, for the way to cut it that gives more.
    ///
    /// The standard error of the whole is half the standard deviation of the difference of its halves.
    fn half<const N: usize>(&self, distances: impl Fn(&Indicator, &Indicator) -> [f64; N]) -> [f64; N] {
        let [ny, nx] = self.micrograph.shape();
        let of_rows = [0..ny / 2, ny / 2..ny].map(|rows| self.micrograph.part(rows, 0..nx));
        let of_columns = [0..nx / 2, nx / 2..nx].map(|columns| self.micrograph.part(0..ny, columns));
        let [rows, columns] = [of_rows, of_columns].map(|[a, b]| distances(&a, &b));
        std::array::from_fn(|i| rows[i].max(columns[i]) / 2.0)
    }

    /// Mean over windows of `of_row`, applied to the figures of the tiles that a window does not overlap.
    ///
    /// Windows that overlap all tiles are left out; not a number if all do.
    fn apart(&self, figures: &[Vec<f64>], of_row: impl Fn(&[f64]) -> f64) -> f64 {
        let rows = figures.iter().zip(&self.overlaps).map(|(row, overlaps)| -> Vec<f64> {
            row.iter().zip(overlaps).filter(|(_, overlaps)| !**overlaps).map(|(figure, _)| *figure).collect()
        });
        mean(&rows.filter(|row| !row.is_empty()).map(|row| of_row(&row)).collect::<Vec<_>>())
    }
}

/// Checks the realisations and that the micrograph has the phase; returns the side of the realisations.
fn check(micrograph: &PhaseImages, realisations: &PhaseImages, phase: u8) -> Result<usize> {
    let [nz, ny, nx] = realisations.shape();
    if nz != 1 || ny != nx {
        return Err(Error::invalid(format!(
            "realisations of {nz} x {ny} x {nx} voxels (z, y, x); give square images, or volumes whose planes across the axis are square"
        )));
    }
    if ny < 2 * RANGE {
        return Err(Error::invalid(format!(
            "realisations of {ny} x {nx} pixels; the descriptors need at least {0} x {0}",
            2 * RANGE
        )));
    }
    if realisations.len() < FEWEST {
        return Err(Error::invalid(format!(
            "{} realisations; give at least {FEWEST}, and 256 for a verdict",
            realisations.len()
        )));
    }
    let v = Indicator::new(micrograph, phase)?.volume_fraction();
    if v == 0.0 || v == 1.0 {
        let place = if v == 0.0 { "nowhere" } else { "everywhere" };
        return Err(Error::invalid(format!("phase {phase} is {place} in the micrograph; judge another phase")));
    }
    Ok(ny)
}

/// Refuses images for which there is surely too little memory.
fn require_memory(micrograph: &PhaseImages, realisations: &PhaseImages, windows: usize) -> Result<()> {
    let (all, one) = (micrograph.voxels() * micrograph.len(), micrograph.voxels());
    // The tiles, and which pixels of micrograph and tiles are of the phase; then the spectra of the tiles, or the
    // transforms of a whole image.
    let of_micrograph = all.saturating_mul(3).saturating_add(all.saturating_mul(9).max(one.saturating_mul(28)));
    let of_realisations = realisations.voxels() * (realisations.len() + 3 * windows);
    let advice = "give a smaller micrograph or fewer realisations";
    memory::require(of_micrograph.saturating_add(of_realisations), "comparing realisations with the micrograph", advice)
}

/// Whether each window overlaps each tile.
fn overlaps(micrograph: &PhaseImages, windows_at: &[(usize, usize, usize)], side: usize) -> Vec<Vec<bool>> {
    let [_, ny, nx] = micrograph.shape();
    let overlap = |a: usize, b: usize| a.abs_diff(b) < side;
    let of_window = |&(image, y, x): &(usize, usize, usize)| {
        let mut row = Vec::new();
        for other in 0..micrograph.len() {
            for tile_y in (0..=ny - side).step_by(side) {
                for tile_x in (0..=nx - side).step_by(side) {
                    row.push(image == other && overlap(y, tile_y) && overlap(x, tile_x));
                }
            }
        }
        row
    };
    windows_at.iter().map(of_window).collect()
}

/// Errors (Eq. 12) of all pairs, rows for `a`.
fn pair_errors(a: &PhaseImages, b: &PhaseImages, phase: u8) -> Result<Vec<Vec<f64>>> {
    let (of_a, of_b) = (PairCounts::new(a, phase)?, PairCounts::new(b, phase)?);
    (0..a.len()).map(|i| (0..b.len()).map(|j| of_a.error(i, &of_b, j)).collect()).collect()
}

fn pattern_distances(a: &Indicator, b: &Indicator) -> [f64; 3] {
    let (a, b) = (pattern_histograms(a), pattern_histograms(b));
    std::array::from_fn(|scale| jensen_shannon(&a[scale], &b[scale]))
}

/// Effective conductivity of pixels n / 8 to n - n / 8 along each axis.
///
/// The solver takes images to be periodic. Realisations are, and conduct better than windows, whose opposite edges do
/// not fit together. Those of inner parts fit together in neither.
fn inner_conductivity(images: &Indicator) -> Vec<f64> {
    let [ny, nx] = images.shape().map(|n| n / 8..n - n / 8);
    effective_conductivity(&images.part(ny, nx))
}

fn smallest(row: &[f64]) -> f64 {
    row.iter().copied().fold(f64::INFINITY, f64::min)
}

fn largest(row: &[f64]) -> f64 {
    row.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::micrograph::{GaussianField, GrainBoundaries, Sample};

    fn grain_boundaries(side: usize, seed: u64, count: usize) -> PhaseImages {
        let boundaries = GrainBoundaries { ny: side, nx: side, ..GrainBoundaries::default() };
        Sample::GrainBoundaries(boundaries).make(seed, count).unwrap().images
    }

    #[test]
    fn periodic_images_of_a_network_conduct_as_its_windows_do() {
        let (micrograph, periodic) = (grain_boundaries(256, 1, 1), grain_boundaries(64, 2, 64));
        let windows_at = floor_windows(&micrograph, 64, 3).unwrap();
        let found =
            evaluate(&micrograph, &periodic, None, micrograph.minority_phase(), &windows_at, &|| Ok(())).unwrap();
        assert!(found.k_eff.sd.abs() < 0.4, "{:?}", found.k_eff);
        assert!(found.gates().iter().any(|gate| gate.figure == "k_eff_sd" && gate.holds));
    }

    #[test]
    fn where_real_windows_do_not_vary_realisations_equal_them_or_not() {
        // Stripes of one pixel: every window has as much of the phase, and as much interface.
        let stripes = |count, side, spoiled: bool| {
            let phases = ndarray::Array4::from_shape_fn((count, 1, side, side), |(n, _, y, x)| {
                u8::from((y % 2 == 0) != (spoiled && [n, y, x] == [0, 10, 10]))
            });
            PhaseImages::new(phases, 2).unwrap()
        };
        let micrograph = stripes(1, 128, false);
        let windows_at = floor_windows(&micrograph, 32, 3).unwrap();
        let judged =
            |spoiled| evaluate(&micrograph, &stripes(32, 32, spoiled), None, 1, &windows_at, &|| Ok(())).unwrap();
        let (equal, differs) = (judged(false), judged(true));
        for name in ["vf_bias_sd", "vf_spread", "objects_sd", "largest_sd"] {
            let of = |fidelity: &Fidelity| fidelity.gates().into_iter().find(|gate| gate.figure == name).unwrap();
            assert_eq!((of(&equal).holds, of(&equal).unvarying()), (true, Some("equal")), "{name}");
            assert_eq!((of(&differs).holds, of(&differs).unvarying()), (false, Some("differs")), "{name}");
        }
        assert_eq!((equal.vf_bias_sd, differs.vf_bias_sd), (0.0, f64::NEG_INFINITY));
        assert!(
            differs.table().contains("differs  SHORT  within 0.35; real windows do not vary"),
            "{}",
            differs.table()
        );
        assert!(equal.table().contains("equal  holds  within 0.35; real windows do not vary"), "{}", equal.table());
    }

    #[test]
    fn conductivity_does_not_depend_on_the_outer_eighths() {
        for side in [40, 49, 64] {
            let field = GaussianField { ny: side, nx: side, ..GaussianField::default() };
            let images = Indicator::new(&Sample::GaussianField(field).make(4, 3).unwrap().images, 1).unwrap();
            let inside = |i: usize| (side / 8..side - side / 8).contains(&i);
            let emptied = images.map([side; 2], |image, [y, x]| inside(y) && inside(x) && image[y * side + x]);
            assert_ne!(images, emptied);
            assert_eq!(inner_conductivity(&images), inner_conductivity(&emptied));
            let changed = images.map([side; 2], |image, [y, x]| image[y * side + x] != (y == side / 8 && inside(x)));
            assert_ne!(inner_conductivity(&images), inner_conductivity(&changed));
        }
    }
}
