//! Effective conductivity of periodic two-phase images and volumes.

use rayon::prelude::*;
use rustfft::num_complex::Complex;

use super::check_phase;
use super::indicator::Indicator;
use super::transform::{Transform, Workspace};
use crate::Result;
use crate::device::memory;
use crate::micrograph::PhaseImages;

/// Conductivity of the phase; that of the rest is 1.
pub const CONTRAST: f64 = 100.0;

/// Residual, relative to the first one, at which the solver stops.
const TOLERANCE: f64 = 1e-6;

/// Maximum number of iterations of the solver.
const MOST_STEPS: usize = 1000;

/// Effective conductivity of each image, taken to be periodic: the mean of those along x and y.
///
/// The phase has conductivity [`CONTRAST`], the rest 1; the result lies between their harmonic and arithmetic mean.
/// Conjugate gradients solve the Fourier-Galerkin equations (Vondrejc, Zeman, Marek 2014) to a relative residual of
/// 1e-6, in parallel on the current rayon pool.
pub fn effective_conductivity(images: &Indicator) -> Vec<f64> {
    let [ny, nx] = images.shape();
    let solver = Solver::new([1, ny, nx]);
    let images: Vec<&[bool]> = images.images().collect();
    let of_image = |workspaces: &mut Vec<Workspace>, image: &[bool]| {
        [0, 1].map(|direction| solver.solve(image, direction, workspaces)).iter().sum::<f64>() / 2.0
    };
    images.into_par_iter().map_init(|| solver.workspaces(), of_image).collect()
}

/// Effective conductivities of volumes, taken to be periodic: along x, y and z of each, as [`effective_conductivity`].
///
/// Takes about 150 bytes a voxel on each thread of the current pool.
///
/// # Errors
///
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no such phase,
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory) if there is too little memory.
pub fn volume_conductivity(volumes: &PhaseImages, phase: u8) -> Result<Vec<[f64; 3]>> {
    check_phase(volumes, phase)?;
    let at_once = rayon::current_num_threads().min(3 * volumes.len());
    let bytes = at_once.saturating_mul(volumes.voxels()).saturating_mul(BYTES_PER_VOXEL);
    memory::require(bytes, "computing conductivities", "give smaller volumes, or use fewer threads")?;
    let solver = Solver::new(volumes.shape());
    let work: Vec<(usize, usize)> =
        (0..volumes.len()).flat_map(|n| [0, 1, 2].map(|direction| (n, direction))).collect();
    let found: Vec<f64> = work
        .into_par_iter()
        .map_init(
            || solver.workspaces(),
            |workspaces, (n, direction)| {
                let inside: Vec<bool> = volumes.image(n).iter().map(|&found| found == phase).collect();
                solver.solve(&inside, direction, workspaces)
            },
        )
        .collect();
    Ok(found.as_chunks().0.to_vec())
}

/// Bytes for each voxel of a volume: three fields of three components, spectra and wave vectors.
const BYTES_PER_VOXEL: usize = 150;

/// A vector field: x components, y components and, in volumes, z components.
type Field = Vec<Vec<f64>>;

/// Solves for gradients of periodic potentials.
struct Solver {
    transform: Transform,
    /// Components of the unit wave vectors of the half spectrum; zero for the mean and at the Nyquist frequency.
    directions: Vec<Vec<f64>>,
}

impl Solver {
    /// For images of `[nz, ny, nx]`.
    fn new([nz, ny, nx]: [usize; 3]) -> Self {
        let transform = Transform::new([nz, ny, nx]);
        let half = transform.half_length();
        let mut directions = vec![vec![0.0; nz * ny * half]; if nz == 1 { 2 } else { 3 }];
        for index in 1..nz * ny * half {
            let [to_x, to_y, to_z] = [index % half, index / half % ny, index / half / ny];
            let frequency = |k: usize, n: usize| if 2 * k < n { k as f64 } else { k as f64 - n as f64 };
            let wave = [to_x as f64, frequency(to_y, ny), frequency(to_z, nz)];
            if 2 * to_x != nx && 2 * to_y != ny && 2 * to_z != nz {
                let length = wave.iter().map(|k| k * k).sum::<f64>().sqrt();
                for (direction, k) in directions.iter_mut().zip(wave) {
                    direction[index] = k / length;
                }
            }
        }
        Self { transform, directions }
    }

    /// One for each component.
    fn workspaces(&self) -> Vec<Workspace> {
        self.directions.iter().map(|_| self.transform.workspace()).collect()
    }

    /// The projection of `k` times `field` onto gradients.
    fn apply(&self, k: &[f64], field: &Field, workspaces: &mut [Workspace]) -> Field {
        for (workspace, component) in workspaces.iter_mut().zip(field) {
            for ((to, k), value) in workspace.field.iter_mut().zip(k).zip(component) {
                *to = k * value;
            }
            self.transform.forward(workspace);
        }
        for index in 0..workspaces[0].spectrum.len() {
            let unit = || self.directions.iter().map(|direction| direction[index]);
            let along: Complex<f64> = workspaces.iter().zip(unit()).map(|(of, unit)| of.spectrum[index] * unit).sum();
            workspaces.iter_mut().zip(unit()).for_each(|(of, unit)| of.spectrum[index] = along * unit);
        }
        let voxels = k.len() as f64;
        let components = workspaces.iter_mut().map(|workspace| {
            self.transform.inverse(workspace);
            workspace.field.iter().map(|value| value / voxels).collect()
        });
        components.collect()
    }

    /// Mean flux along `direction`, 0 to 2 for x, y and z, under a mean gradient of 1 along it.
    fn solve(&self, inside: &[bool], direction: usize, workspaces: &mut [Workspace]) -> f64 {
        let k: Vec<f64> = inside.iter().map(|&inside| if inside { CONTRAST } else { 1.0 }).collect();
        let mut gradient = vec![vec![0.0; k.len()]; self.directions.len()];
        gradient[direction].fill(1.0);
        // Conjugate gradients for the fluctuation: every residual is a gradient field.
        let mut residual = self.apply(&k, &gradient, workspaces);
        residual.iter_mut().flatten().for_each(|value| *value = -*value);
        let mut search = residual.clone();
        let mut squared = dot(&residual, &residual);
        let first = squared;
        for _ in 0..MOST_STEPS {
            if squared <= TOLERANCE * TOLERANCE * first {
                break;
            }
            let image = self.apply(&k, &search, workspaces);
            let step = squared / dot(&search, &image);
            add(&mut gradient, step, &search);
            add(&mut residual, -step, &image);
            let now = dot(&residual, &residual);
            let ratio = now / squared;
            for (search, residual) in search.iter_mut().flatten().zip(residual.iter().flatten()) {
                *search = residual + ratio * *search;
            }
            squared = now;
        }
        k.iter().zip(&gradient[direction]).map(|(k, value)| k * value).sum::<f64>() / k.len() as f64
    }
}

fn dot(a: &Field, b: &Field) -> f64 {
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| a * b).sum()
}

fn add(to: &mut Field, factor: f64, field: &Field) {
    to.iter_mut().flatten().zip(field.iter().flatten()).for_each(|(to, value)| *to += factor * value);
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;
    use crate::descriptor::direct::random_images;
    use crate::descriptor::indicator::drawn;

    #[test]
    fn layers_conduct_as_their_means() {
        let (parallel, series) = ((2.0 * CONTRAST + 3.0) / 5.0, 5.0 / (2.0 / CONTRAST + 3.0));
        let found = effective_conductivity(&drawn(&[&["##..."; 5]]))[0];
        assert!((found / ((parallel + series) / 2.0) - 1.0).abs() < 1e-9, "{found}");
    }

    #[test]
    fn one_phase_alone_conducts_as_itself() {
        assert_eq!(effective_conductivity(&drawn(&[&["###", "###"], &["...", "..."]])), [CONTRAST, 1.0]);
    }

    #[test]
    fn turning_an_image_changes_nothing_and_bounds_hold() {
        let images = Indicator::new(&random_images(2, 3, [1, 15, 15], 2), 1).unwrap();
        let turned = images.map([15, 15], |image, [y, x]| image[x * 15 + y]);
        for ((found, turned), v) in effective_conductivity(&images)
            .into_iter()
            .zip(effective_conductivity(&turned))
            .zip(images.volume_fractions())
        {
            assert!((found / turned - 1.0).abs() < 1e-9);
            let (harmonic, arithmetic) = (1.0 / (v / CONTRAST + 1.0 - v), v * CONTRAST + 1.0 - v);
            assert!(harmonic < found && found < arithmetic, "{harmonic} {found} {arithmetic}");
        }
    }

    #[test]
    fn layers_of_a_volume_conduct_as_their_means_in_each_direction() {
        let (parallel, series) = ((2.0 * CONTRAST + 3.0) / 5.0, 5.0 / (2.0 / CONTRAST + 3.0));
        for across in 0..3 {
            let layers = |place: [usize; 3]| u8::from(place[2 - across] < 2);
            let phases = Array4::from_shape_fn((1, 5, 5, 5), |(_, z, y, x)| layers([z, y, x]));
            let found = volume_conductivity(&PhaseImages::new(phases, 2).unwrap(), 1).unwrap()[0];
            for (direction, found) in found.into_iter().enumerate() {
                let expected = if direction == across { series } else { parallel };
                assert!((found / expected - 1.0).abs() < 1e-9, "{across} {direction}: {found}");
            }
        }
    }

    #[test]
    fn a_column_conducts_as_its_cross_section() {
        let image = random_images(4, 1, [1, 9, 11], 2);
        let column = Array4::from_shape_fn((1, 4, 9, 11), |(_, _, y, x)| image.phases()[[0, 0, y, x]]);
        let [x, y, _] = volume_conductivity(&PhaseImages::new(column, 2).unwrap(), 1).unwrap()[0];
        let of_image = effective_conductivity(&Indicator::new(&image, 1).unwrap())[0];
        assert!(((x + y) / 2.0 / of_image - 1.0).abs() < 1e-5, "{x} {y} {of_image}");
    }

    #[test]
    fn a_missing_phase_is_refused() {
        assert!(volume_conductivity(&random_images(4, 1, [3, 3, 3], 2), 2).is_err());
    }
}
