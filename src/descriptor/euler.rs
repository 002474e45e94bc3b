//! Euler characteristic of volumes.

use super::check_phase;
use crate::Result;
use crate::micrograph::PhaseImages;

/// The Euler characteristic of a phase: components less tunnels plus cavities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EulerCharacteristic {
    /// Voxels are connected through faces (6 neighbours). The rest then has 26.
    pub faces: i64,
    /// Voxels are connected through faces, edges and corners (26 neighbours). The rest then has 6.
    pub corners: i64,
}

/// The Euler characteristic of a phase in each volume, taken to be periodic, or surrounded by the rest.
///
/// Counted from cells: corners less edges plus faces less voxels of the closed voxels for 26 neighbours, and the same of the
/// lattice of voxel centres, whose edges, squares and cubes lie wholly in the phase, for 6.
///
/// # Errors
///
/// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if there is no such phase.
pub fn euler_characteristic(volumes: &PhaseImages, phase: u8, periodic: bool) -> Result<Vec<EulerCharacteristic>> {
    check_phase(volumes, phase)?;
    let shape = volumes.shape();
    // Places at which eight voxels meet: without periodicity one more along each axis.
    let [nz, ny, nx] = shape.map(|length| length + usize::from(!periodic));
    let of_volume = |index: usize| {
        let volume = volumes.image(index);
        let mut sums = EulerCharacteristic { faces: 0, corners: 0 };
        for place in (0..nz * ny * nx).map(|corner| [corner / nx / ny, corner / nx % ny, corner % nx]) {
            let is_inside = |number| index_at(place, number, shape, periodic).is_some_and(|at| volume[at] == phase);
            let eight: [bool; 8] = std::array::from_fn(is_inside);
            for (cell, sign) in CELLS {
                let mut of_cell = (0..8).filter(|voxel| voxel & !cell == 0).map(|voxel| eight[voxel]);
                // The cell touches the closed phase, or lies wholly among its centres.
                sums.corners += sign * i64::from(of_cell.clone().any(|inside| inside));
                sums.faces += sign * i64::from(of_cell.all(|inside| inside));
            }
        }
        // Cells of dimension k of the closed voxels are met by 2^(3-k) voxels, those of the lattice have 2^k corners: the
        // signs are opposite.
        EulerCharacteristic { faces: sums.faces, corners: -sums.corners }
    };
    Ok((0..volumes.len()).map(of_volume).collect())
}

/// The cells at a corner that lead to larger coordinates, as the axes that two voxels of it may differ in, and the sign of
/// their number.
const CELLS: [(usize, i64); 8] = [(0, 1), (1, -1), (2, -1), (4, -1), (3, 1), (5, 1), (6, 1), (7, -1)];

/// Where a voxel of the eight that meet at a place lies, if it is in the volume: bit 0 of its `number` is x, bit 1 y, bit 2 z.
fn index_at(place: [usize; 3], number: usize, shape: [usize; 3], periodic: bool) -> Option<usize> {
    let mut index = 0;
    for (axis, (place, length)) in place.into_iter().zip(shape).enumerate() {
        let at = place + (number >> (2 - axis) & 1);
        let at = if periodic { at % length } else { at.checked_sub(1).filter(|&at| at < length)? };
        index = index * length + at;
    }
    Some(index)
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    fn of(shape: [usize; 3], periodic: bool, inside: impl Fn([usize; 3]) -> bool) -> [i64; 2] {
        let [nz, ny, nx] = shape;
        let phases = Array4::from_shape_fn((1, nz, ny, nx), |(_, z, y, x)| u8::from(inside([z, y, x])));
        let found = euler_characteristic(&PhaseImages::new(phases, 2).unwrap(), 1, periodic).unwrap()[0];
        [found.faces, found.corners]
    }

    #[test]
    fn bodies_whose_value_is_known() {
        let ball = |centre: f64, radius: f64| {
            move |place: [usize; 3]| {
                place.iter().map(|&at| (at as f64 - centre).powi(2)).sum::<f64>() <= radius * radius
            }
        };
        for periodic in [false, true] {
            assert_eq!(of([20; 3], periodic, ball(9.5, 6.0)), [1, 1]);
            // A hollow ball: one component and one cavity.
            assert_eq!(of([20; 3], periodic, |p| ball(9.5, 8.0)(p) && !ball(9.5, 4.0)(p)), [2, 2]);
            // A ring: one component and one tunnel.
            let ring = |[z, y, x]: [usize; 3]| z == 4 && (2..7).contains(&y) && (2..7).contains(&x) && (y, x) != (4, 4);
            assert_eq!(of([9; 3], periodic, ring), [0, 0]);
            // Two voxels that share an edge, and two that share a corner.
            assert_eq!(of([6; 3], periodic, |p| p == [2, 2, 2] || p == [2, 3, 3]), [2, 1]);
            assert_eq!(of([6; 3], periodic, |p| p == [2, 2, 2] || p == [3, 3, 3]), [2, 1]);
        }
    }

    #[test]
    fn edges_of_the_volume_count_as_asked() {
        // All of it: a cube, or a torus.
        assert_eq!(of([4, 5, 6], false, |_| true), [1, 1]);
        assert_eq!(of([4, 5, 6], true, |_| true), [0, 0]);
        // A column along x: one body, or one ring around the torus.
        let column = |[z, y, _]: [usize; 3]| z == 2 && y == 2;
        assert_eq!((of([5; 3], false, column), of([5; 3], true, column)), ([1, 1], [0, 0]));
        // A column at the edge is one body on the torus.
        assert_eq!(of([5; 3], true, |[z, y, x]| (z == 0 || z == 4) && y == 0 && x == 2), [1, 1]);
        assert_eq!(of([5; 3], false, |[z, y, x]| (z == 0 || z == 4) && y == 0 && x == 2), [2, 2]);
    }
}
