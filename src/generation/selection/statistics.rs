//! What is looked at of each phase in an image, and what it should be on average.

use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

use crate::descriptor::{
    Indicator, clusters, deviation, ends, ends_radius, interface_density, mean, periodic_ends, s2_at, seam_density,
};
use crate::micrograph::{PhaseImages, regular_places, windows};
use crate::{Error, Result};

/// Figures of a phase in an image: volume fraction, interface density, pieces of the phase, pieces of the rest, share of the
/// largest piece, S2 at a quarter of the side, how much more interface there is across the edges, and ends.
pub const FIGURES: usize = 8;

/// The first of them, whose spread counts as well.
const SPREAD: usize = 5;

/// Counted by pixels or pairs of them, so that a micrograph has them itself.
const BY_PIXELS: [usize; 4] = [0, INTERFACES, 5, ENDS];
const INTERFACES: usize = 1;

/// Pieces are counted within an image: without this one, candidates would be taken whose edges meet few interfaces, for then
/// they have fewer pieces.
const ACROSS: usize = 6;

/// What breaks off leaves pieces and holes as many as they are.
const ENDS: usize = 7;

/// Differences of the figures that do not matter.
const LEAST_DEVIATIONS: [f64; FIGURES] = [0.01, 0.01, 1.0, 1.0, 0.01, 0.01, 0.01, 0.002];

/// Statistics of a phase in an image: how far each figure is off where it should be on average, and of the first ones the square.
pub const STATISTICS: usize = FIGURES + SPREAD;

/// Windows along each axis of a micrograph whose figures are the aim.
const PLACES: usize = 32;

/// The figures of each phase in each of `images`, which may be larger than realisations of `side` x `side` pixels. Of images that
/// are `periodic` ends are told across their edges, too.
pub fn figures(images: &PhaseImages, phases: &[u8], side: usize, periodic: bool) -> Result<Array2<f64>> {
    let ends = if periodic { periodic_ends } else { ends };
    let of_phase = |image: &PhaseImages, phase: u8| -> Result<[f64; FIGURES]> {
        let indicator = Indicator::new(image, phase)?;
        let interfaces = interface_density(&indicator)[0];
        let pieces = clusters(&indicator)[0];
        Ok([
            indicator.volume_fraction(),
            interfaces,
            pieces.objects as f64,
            pieces.holes as f64,
            pieces.largest,
            s2_at(&indicator, side / 4)[0],
            seam_density(&indicator) - interfaces,
            ends(&indicator, ends_radius(side))[0],
        ])
    };
    let of_image = |index: usize| -> Result<Vec<f64>> {
        let image = images.range(index, 1);
        let of_phases: Vec<_> = phases.iter().map(|&phase| of_phase(&image, phase)).collect::<Result<_>>()?;
        Ok(of_phases.concat())
    };
    let found: Vec<Vec<f64>> = (0..images.len()).into_par_iter().map(of_image).collect::<Result<_>>()?;
    Array2::from_shape_vec((images.len(), phases.len() * FIGURES), found.concat())
        .map_err(|error| Error::Internal(format!("figures of a wrong number: {error}")))
}

/// The statistics of each phase: what its `figures` are off the `centres`, a row a phase.
pub fn statistics(figures: ArrayView2<f64>, centres: ArrayView2<f64>) -> Array2<f64> {
    Array2::from_shape_fn((figures.nrows(), centres.nrows() * STATISTICS), |(image, column)| {
        let (phase, statistic) = (column / STATISTICS, column % STATISTICS);
        let figure = statistic % FIGURES;
        let off = figures[[image, phase * FIGURES + figure]] - centres[[phase, figure]];
        if statistic < FIGURES { off } else { off * off }
    })
}

/// What figures and statistics should be on average, a row a phase.
pub struct Aim {
    /// The figures.
    pub centres: Array2<f64>,
    /// The statistics: none off, and as spread as those of windows.
    pub means: Array2<f64>,
    /// By how much statistics differ between windows.
    pub units: Array2<f64>,
}

impl Aim {
    /// From windows all over the micrograph, `side` pixels wide.
    ///
    /// What lies along the edges is in fewer windows: what is counted by pixels is the micrograph's own. And windows are no
    /// tori: there should be as many interfaces across the edges as inside.
    pub fn new(micrograph: &PhaseImages, phases: &[u8], side: usize) -> Result<Self> {
        let places = regular_places(micrograph, PLACES, side);
        let of_windows = figures(&windows(micrograph, &places, side)?, phases, side, false)?;
        let of_micrograph = figures(micrograph, phases, side, false)?;
        let column =
            |images: &Array2<f64>, phase: usize, figure: usize| images.column(phase * FIGURES + figure).to_vec();
        let centres = Array2::from_shape_fn((phases.len(), FIGURES), |(phase, figure)| match figure {
            ACROSS => 0.0,
            _ if BY_PIXELS.contains(&figure) => mean(&column(&of_micrograph, phase, figure)),
            _ => mean(&column(&of_windows, phase, figure)),
        });
        let shape = (phases.len(), STATISTICS);
        let spread = |phase: usize, figure: usize| deviation(&column(&of_windows, phase, figure));
        let means = Array2::from_shape_fn(shape, |(phase, statistic)| {
            if statistic < FIGURES { 0.0 } else { spread(phase, statistic - FIGURES).powi(2) }
        });
        let units = Array2::from_shape_fn(shape, |(phase, statistic)| {
            let figure = if statistic == ACROSS { INTERFACES } else { statistic % FIGURES };
            // Windows may all be alike: less than that is no matter then.
            let unit = spread(phase, figure).max(LEAST_DEVIATIONS[figure]);
            if statistic < FIGURES { unit } else { unit * unit }
        });
        Ok(Self { centres, means, units })
    }

    /// How far `statistics` are off, in units; of realisations that are not periodic, what is across the edges does not matter.
    pub fn off(&self, statistics: Array2<f64>, periodic: bool) -> Array2<f64> {
        let mut off = statistics;
        for mut row in off.outer_iter_mut() {
            for (value, (mean, unit)) in row.iter_mut().zip(self.means.iter().zip(&self.units)) {
                *value = (*value - mean) / unit;
            }
        }
        if !periodic {
            off.slice_mut(s![.., ACROSS..;STATISTICS]).fill(0.0);
        }
        off
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Axis;

    use super::*;
    use crate::micrograph::{GaussianField, Sample};

    #[test]
    fn windows_are_off_by_nothing_but_what_lies_along_the_edges() {
        let micrograph = Sample::GaussianField(GaussianField { ny: 128, nx: 128, ..Default::default() });
        let micrograph = micrograph.make(1, 1).unwrap().images;
        let phases = [0, 1];
        let aim = Aim::new(&micrograph, &phases, 32).unwrap();
        let images = windows(&micrograph, &regular_places(&micrograph, PLACES, 32), 32).unwrap();
        let found = figures(&images, &phases, 32, false).unwrap();
        for periodic in [true, false] {
            let off = aim.off(statistics(found.view(), aim.centres.view()), periodic).mean_axis(Axis(0)).unwrap();
            for (index, off) in off.iter().enumerate() {
                let holds = match index % STATISTICS {
                    // A window's opposite edges do not fit together.
                    ACROSS if periodic => *off > 5.0,
                    ACROSS => *off == 0.0,
                    statistic if BY_PIXELS.contains(&(statistic % FIGURES)) => off.abs() < 0.5,
                    // A mean of squares is a variance but for one window of 1024.
                    _ => off.abs() < 2e-3,
                };
                assert!(holds, "statistic {index}: {off}");
            }
        }
    }

    #[test]
    fn figures_are_those_of_each_phase_and_image() {
        // A corner of phase 1, and a bar of phase 2 across the image.
        let images = [[1, 0, 0, 0], [0; 4], [2; 4], [0; 4], [1; 4], [1; 4], [1; 4], [1; 4]].concat();
        let images = ndarray::Array4::from_shape_vec((2, 1, 4, 4), images).unwrap();
        let found = figures(&PhaseImages::new(images, 3).unwrap(), &[1, 2], 4, false).unwrap();
        // Side by side one of twelve pairs differs, and across the edges two of eight, in either direction one of four.
        // Too small for ends.
        let corner = [1.0 / 16.0, 2.0 / 12.0, 1.0, 1.0, 1.0, 0.0, 2.0 / 4.0 - 2.0 / 12.0, 0.0];
        // One pixel apart 3 of 12 pairs along the bar.
        let bar = [4.0 / 16.0, 8.0 / 12.0, 1.0, 2.0, 1.0, 3.0 / 12.0 / 4.0, -8.0 / 12.0, 0.0];
        for (found, expected) in found.row(0).iter().zip(corner.iter().chain(&bar)) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(found.row(1).slice(s![..FIGURES]).to_vec(), [1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(found.row(1).slice(s![FIGURES..]).to_vec(), [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        let statistics = statistics(found.view(), Array2::from_elem((2, FIGURES), 0.5).view());
        assert_eq!(statistics[[1, 0]], 0.5);
        assert_eq!(statistics[[1, FIGURES + 1]], 0.25);
        assert_eq!(statistics.ncols(), 2 * STATISTICS);
    }
}
