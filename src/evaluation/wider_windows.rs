//! What wider real windows conduct.
//!
//! Conductivities are computed with periodic boundaries, so that at an edge of a window a boundary between grains meets
//! something else on the opposite side. The wider a window, the less that counts.

use super::statistics::mean;
use crate::Result;
use crate::descriptor::{Indicator, effective_conductivity};
use crate::micrograph::{PhaseImages, regular_places, windows};

/// How many times as wide as a realisation windows are at most, by powers of two.
const WIDEST: usize = 8;

/// Most windows of one side.
const MOST: usize = 16;

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
    fn windows_are_no_wider_than_the_micrograph() {
        let of_side = |side| conductivity_of_wider_windows(&tessellation(100), 0, side).unwrap();
        assert_eq!(of_side(51), []);
        assert_eq!(of_side(50)[0].0, 50 * 2);
        assert!(conductivity_of_wider_windows(&tessellation(64), 2, 32).is_err());
    }
}
