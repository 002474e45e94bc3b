//! The voxels of a tile and around it.

use super::frame::{Frame, Tile};

/// The phases of `tile` and what lies around it, `size` voxels along each axis; outside an image that is no torus, those
/// of its edge.
pub fn padded(frame: &Frame, image: &[u8], tile: &Tile, size: [usize; 3]) -> Vec<u8> {
    let [_, ny, nx] = frame.region.size;
    let halo = frame.halo();
    let place = |axis: usize, index: usize| {
        let (length, at) = (frame.shape[axis] as isize, (tile.begin[axis] + index) as isize - halo[axis] as isize);
        let at = if frame.periodic { at.rem_euclid(length) } else { at.clamp(0, length - 1) };
        frame.place(axis, at as usize)
    };
    let columns: Vec<usize> = (0..size[2]).map(|x| place(2, x)).collect();
    let runs: Vec<&[usize]> = columns.chunk_by(|column, next| column + 1 == *next).collect();
    let mut phases = Vec::with_capacity(size.iter().product());
    for z in (0..size[0]).map(|z| place(0, z)) {
        for y in (0..size[1]).map(|y| place(1, y)) {
            let row = &image[(z * ny + y) * nx..][..nx];
            runs.iter().for_each(|run| phases.extend_from_slice(&row[run[0]..][..run.len()]));
        }
    }
    phases
}
