//! Specific surface of volumes.

use super::check_phase;
use crate::Result;
use crate::micrograph::PhaseImages;

/// The 13 directions to neighbours of a voxel, one of each two that are opposite, `[z, y, x]`.
const DIRECTIONS: [[isize; 3]; 13] = [
    [0, 0, 1],
    [0, 1, 0],
    [1, 0, 0],
    [0, 1, 1],
    [0, 1, -1],
    [1, 0, 1],
    [1, 0, -1],
    [1, 1, 0],
    [1, -1, 0],
    [1, 1, 1],
    [1, 1, -1],
    [1, -1, 1],
    [1, -1, -1],
];

/// Share of the sphere that is nearest to a direction along one axis, two axes and three (Ohser and Mücklich 2000, Statistical
/// Analysis of Microstructures in Materials Science, section 4.2).
const WEIGHTS: [f64; 3] = [0.091_555_782_409_52, 0.073_961_255_752_16, 0.070_391_279_564_64];

/// The surface between a phase and the rest, per volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpecificSurface {
    /// By Crofton's formula with 13 weighted directions, per voxel side: about right for surfaces of any direction.
    pub crofton: f64,
    /// Faces between voxels of the phase and others, per voxel: 1.5 times too many for a sphere, right for a cube.
    pub faces: f64,
}

/// The specific surface of a phase in each volume, taken to be periodic.
///
/// Crofton's formula: twice the number of interfaces that a line crosses per length, averaged over directions.
///
/// # Errors
///
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no such phase.
pub fn specific_surface(volumes: &PhaseImages, phase: u8) -> Result<Vec<SpecificSurface>> {
    check_phase(volumes, phase)?;
    let of_volume = |index: usize| {
        let volume = volumes.image(index);
        let changes = DIRECTIONS.map(|direction| changes(volume, volumes.shape(), phase, direction));
        let crofton = DIRECTIONS.iter().zip(changes).map(|(direction, changes)| {
            let axes = direction.iter().filter(|&&step| step != 0).count();
            2.0 * WEIGHTS[axes - 1] * changes / (axes as f64).sqrt()
        });
        SpecificSurface { crofton: crofton.sum(), faces: changes[..3].iter().sum() }
    };
    Ok((0..volumes.len()).map(of_volume).collect())
}

/// Share of the voxels whose neighbour in a direction is in the phase where they are not, or the other way round.
fn changes(volume: &[u8], [nz, ny, nx]: [usize; 3], phase: u8, [dz, dy, dx]: [isize; 3]) -> f64 {
    let neighbour = |at: usize, step: isize, length: usize| (at as isize + step).rem_euclid(length as isize) as usize;
    let mut count = 0;
    for (z, y) in (0..nz).flat_map(|z| (0..ny).map(move |y| (z, y))) {
        let row = &volume[(z * ny + y) * nx..][..nx];
        let other = &volume[(neighbour(z, dz, nz) * ny + neighbour(y, dy, ny)) * nx..][..nx];
        count += (0..nx).filter(|&x| (row[x] == phase) != (other[neighbour(x, dx, nx)] == phase)).count();
    }
    count as f64 / volume.len() as f64
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use ndarray::Array4;

    use super::*;

    #[test]
    fn the_surface_of_a_sphere_is_right_to_a_few_percent() {
        for radius in [8.0, 12.5, 20.0] {
            let inside =
                |place: [usize; 3]| place.iter().map(|&at| (at as f64 - 23.6).powi(2)).sum::<f64>() <= radius * radius;
            let phases = Array4::from_shape_fn((1, 48, 48, 48), |(_, z, y, x)| u8::from(inside([z, y, x])));
            let found = specific_surface(&PhaseImages::new(phases, 2).unwrap(), 1).unwrap()[0];
            let expected = 4.0 * PI * radius * radius / 48f64.powi(3);
            assert!((found.crofton / expected - 1.0).abs() < 0.03, "{radius}: {}", found.crofton / expected);
            assert!((found.faces / expected - 1.5).abs() < 0.06, "{radius}: {}", found.faces / expected);
        }
    }

    #[test]
    fn a_layer_has_two_faces_around_the_torus_and_directions_count_alike() {
        for across in 0..3 {
            let phases = Array4::from_shape_fn((1, 6, 8, 10), |(_, z, y, x)| u8::from([z, y, x][across] < 3));
            let found = specific_surface(&PhaseImages::new(phases, 2).unwrap(), 1).unwrap()[0];
            let expected = 2.0 / [6.0, 8.0, 10.0][across];
            assert!((found.faces - expected).abs() < 1e-12);
            // The 13 directions see a plane across an axis 7 % too small.
            assert!((found.crofton / expected - 0.93).abs() < 0.02, "{}", found.crofton / expected);
        }
        assert!(specific_surface(&PhaseImages::new(Array4::zeros((1, 2, 2, 2)), 2).unwrap(), 2).is_err());
    }

    #[test]
    fn the_weights_cover_the_sphere() {
        let sum = 3.0 * WEIGHTS[0] + 6.0 * WEIGHTS[1] + 4.0 * WEIGHTS[2];
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
    }
}
