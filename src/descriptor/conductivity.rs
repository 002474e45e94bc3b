//! Effective conductivity of a periodic two-phase image.

use rayon::prelude::*;
use rustfft::num_complex::Complex;

use super::indicator::Indicator;
use super::transform::{Transform, Workspace};

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
    let projection = Projection::new(images.shape());
    let images: Vec<&[bool]> = images.images().collect();
    let of_image = |workspaces: &mut [Workspace; 2], image: &[bool]| {
        let conductivity: Vec<f64> = image.iter().map(|&inside| if inside { CONTRAST } else { 1.0 }).collect();
        let along = |direction| projection.solve(&conductivity, direction, workspaces);
        [0, 1].map(along).iter().sum::<f64>() / 2.0
    };
    images
        .into_par_iter()
        .map_init(
            || [projection.transform.workspace(), projection.transform.workspace()],
            |workspaces, image| of_image(workspaces, image),
        )
        .collect()
}

/// A vector field: x components, y components.
type Field = [Vec<f64>; 2];

/// Projection of vector fields onto gradients of periodic potentials.
struct Projection {
    transform: Transform,
    /// Unit wave vectors of the half spectrum, x and y; zero for the mean and at the Nyquist frequency.
    directions: [Vec<f64>; 2],
}

impl Projection {
    fn new([ny, nx]: [usize; 2]) -> Self {
        let transform = Transform::new([1, ny, nx]);
        let half = transform.half_length();
        let mut directions = [vec![0.0; ny * half], vec![0.0; ny * half]];
        for (index, [to_x, to_y]) in (0..ny * half).map(|i| (i, [i % half, i / half])) {
            let frequency = |k: usize, n: usize| if 2 * k < n { k as f64 } else { k as f64 - n as f64 };
            let (x, y) = (to_x as f64, frequency(to_y, ny));
            if (2 * to_x != nx) && (2 * to_y != ny) && index > 0 {
                directions[0][index] = x / x.hypot(y);
                directions[1][index] = y / x.hypot(y);
            }
        }
        Self { transform, directions }
    }

    /// The projection of `k` times `field` onto gradients.
    fn apply(&self, k: &[f64], field: &Field, [wx, wy]: &mut [Workspace; 2]) -> Field {
        for (workspace, component) in [&mut *wx, &mut *wy].into_iter().zip(field) {
            for ((to, k), value) in workspace.field.iter_mut().zip(k).zip(component) {
                *to = k * value;
            }
            self.transform.forward(workspace);
        }
        let waves = wx.spectrum.iter_mut().zip(&mut wy.spectrum);
        for ((x, y), (dx, dy)) in waves.zip(self.directions[0].iter().zip(&self.directions[1])) {
            let along: Complex<f64> = *x * *dx + *y * *dy;
            (*x, *y) = (along * *dx, along * *dy);
        }
        let pixels = k.len() as f64;
        [wx, wy].map(|workspace| {
            self.transform.inverse(workspace);
            workspace.field.iter().map(|value| value / pixels).collect()
        })
    }

    /// Mean flux along `direction` under a mean gradient of 1 along it.
    fn solve(&self, k: &[f64], direction: usize, workspaces: &mut [Workspace; 2]) -> f64 {
        let zero = || [vec![0.0; k.len()], vec![0.0; k.len()]];
        let mut gradient = zero();
        gradient[direction].fill(1.0);
        // Conjugate gradients for the fluctuation: every residual is a gradient field.
        let mut residual = self.apply(k, &gradient, workspaces);
        residual.iter_mut().flatten().for_each(|value| *value = -*value);
        let mut search = residual.clone();
        let mut squared = dot(&residual, &residual);
        let first = squared;
        for _ in 0..MOST_STEPS {
            if squared <= TOLERANCE * TOLERANCE * first {
                break;
            }
            let image = self.apply(k, &search, workspaces);
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
}
