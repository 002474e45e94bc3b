//! What the edges of windows do to a conductivity.
//!
//! Conductivities are computed with periodic boundaries, so that at an edge of a window a boundary between grains meets
//! something else on the opposite side. On a periodic realisation it goes on. Windows cut out of realisations have edges
//! like any others; and the wider a real window, the less its edges count.

use super::fidelity::Beside;
use super::protocol::{beside, check};
use crate::Result;
use crate::descriptor::{Indicator, effective_conductivity, mean};
use crate::micrograph::{PhaseImages, regular_places, windows};

/// How many times as wide as a realisation windows are at most, by powers of two.
const WIDEST: usize = 8;

/// Most windows of one side.
const MOST: usize = 16;

/// Effective conductivity of `phase` where edges are alike: in windows three quarters as wide as a realisation, one cut
/// out of each real window at `windows_at`, beside as many cut out of realisations. Takes what
/// [`evaluate`](super::evaluate) takes. The smaller windows vary more, so that a difference is fewer of their deviations.
///
/// # Errors
///
/// Those of [`evaluate`](super::evaluate).
pub fn conductivity_with_edges_alike(
    micrograph: &PhaseImages,
    realisations: &PhaseImages,
    phase: u8,
    windows_at: &[(usize, usize, usize)],
) -> Result<Beside> {
    let side = side_with_edges_alike(check(micrograph, realisations, phase)?);
    let conductivity = |images: &PhaseImages, places: &[(usize, usize, usize)]| {
        Ok(effective_conductivity(&Indicator::new(&windows(images, places, side)?, phase)?))
    };
    let corners: Vec<_> = (0..realisations.len().min(windows_at.len())).map(|image| (image, 0, 0)).collect();
    Ok(beside(&conductivity(realisations, &corners)?, &conductivity(micrograph, windows_at)?))
}

/// The side in pixels of the windows of [`conductivity_with_edges_alike`], for realisations of `side` pixels.
pub(crate) fn side_with_edges_alike(side: usize) -> usize {
    side * 3 / 4
}

/// Effective conductivity of `phase` in windows of `micrograph` that are two, four and eight times as wide as `side`
/// pixels, as far as they fit: their side in pixels, and the mean over at most sixteen of them. Wider ones are fewer.
///
/// Beside that of periodic realisations of `side` x `side` pixels: these have no edges at which the phase ends.
///
/// # Errors
///
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no such phase or the micrograph is
/// three-dimensional.
pub fn conductivity_of_wider_windows(micrograph: &PhaseImages, phase: u8, side: usize) -> Result<Vec<(usize, f64)>> {
    let [_, ny, nx] = micrograph.shape();
    let times = [2, 4, WIDEST].into_iter().filter(|times| times * side <= ny.min(nx));
    let conductivity = |times: usize| {
        let places = regular_places(micrograph, WIDEST / times, times * side);
        let places: Vec<_> = places.iter().step_by(places.len().div_ceil(MOST)).copied().collect();
        let windows = windows(micrograph, &places, times * side)?;
        Ok((times * side, mean(&effective_conductivity(&Indicator::new(&windows, phase)?))))
    };
    times.map(conductivity).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{evaluate, floor_windows};
    use super::*;
    use crate::micrograph::{GrainBoundaries, Sample};

    fn tessellation(side: usize) -> PhaseImages {
        let boundaries = GrainBoundaries { ny: side, nx: side, ..GrainBoundaries::default() };
        Sample::GrainBoundaries(boundaries).make(1, 1).unwrap().images
    }

    #[test]
    fn the_wider_a_window_the_better_its_grain_boundaries_conduct() {
        let micrograph = tessellation(256);
        let found = conductivity_of_wider_windows(&micrograph, micrograph.minority_phase(), 32).unwrap();
        let [(64, narrow), (128, wider), (256, whole)] = found[..] else { panic!("{found:?}") };
        assert!(narrow < wider && wider < whole, "{found:?}");
    }

    #[test]
    fn periodic_grain_boundaries_conduct_as_real_ones_where_their_edges_are_alike() {
        let micrograph = tessellation(256);
        let boundaries = GrainBoundaries { ny: 64, nx: 64, ..GrainBoundaries::default() };
        let tori = Sample::GrainBoundaries(boundaries).make(2, 64).unwrap().images;
        let (phase, places) = (micrograph.minority_phase(), floor_windows(&micrograph, 64, 3).unwrap());
        let periodic = evaluate(&micrograph, &tori, None, phase, &places).unwrap().k_eff;
        let alike = conductivity_with_edges_alike(&micrograph, &tori, phase, &places).unwrap();
        assert!(periodic.sd > 1.5 && alike.sd.abs() < 0.4, "{periodic:?}, {alike:?}");
    }

    #[test]
    fn windows_are_no_wider_than_the_micrograph() {
        let of_side = |side| conductivity_of_wider_windows(&tessellation(100), 0, side).unwrap();
        assert_eq!(of_side(51), []);
        assert_eq!(of_side(50)[0].0, 50 * 2);
        assert!(conductivity_of_wider_windows(&tessellation(64), 2, 32).is_err());
    }
}
