//! Planes of volumes.

use crate::network::planes::PlaneNumbers;

/// Where a plane lies in the volumes: its first voxel, and the distances between its rows and its columns.
#[derive(Debug, Clone, Copy)]
struct Place {
    first: usize,
    pitch: [usize; 2],
}

/// See [`Kernels::planes`](crate::network::kernels::Kernels::planes).
pub fn planes(volumes: &[f32], shape: [usize; 3], numbers: &PlaneNumbers) -> Vec<f32> {
    let [.., side] = shape;
    let mut planes = Vec::with_capacity(numbers.iter().flatten().count() * volumes.len() / side);
    for Place { first, pitch: [down, right] } in places(shape, numbers) {
        for row in 0..side {
            planes.extend((0..side).map(|column| volumes[first + row * down + column * right]));
        }
    }
    planes
}

/// See [`Kernels::planes_backward`](crate::network::kernels::Kernels::planes_backward).
pub fn planes_backward(gradient: &[f32], shape: [usize; 3], numbers: &PlaneNumbers) -> Vec<f32> {
    let [n, channels, side] = shape;
    let mut volumes = vec![0.0; n * channels * side.pow(3)];
    for (Place { first, pitch: [down, right] }, plane) in places(shape, numbers).zip(gradient.chunks_exact(side * side))
    {
        for (row, values) in plane.chunks_exact(side).enumerate() {
            for (column, value) in values.iter().enumerate() {
                volumes[first + row * down + column * right] += value;
            }
        }
    }
    volumes
}

/// The planes of all channels, in their order. The shape: volumes, channels, voxels along each axis.
fn places([n, channels, side]: [usize; 3], numbers: &PlaneNumbers) -> impl Iterator<Item = Place> {
    let axes = [(side * side, [side, 1]), (side, [side * side, 1]), (1, [side * side, side])];
    numbers.iter().zip(axes).flat_map(move |(numbers, (across, pitch))| {
        (0..n).flat_map(move |volume| {
            numbers.iter().flat_map(move |number| {
                let first = move |channel| (volume * channels + channel) * side.pow(3) + number * across;
                (0..channels).map(move |channel| Place { first: first(channel), pitch })
            })
        })
    })
}
