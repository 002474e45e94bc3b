//! Images to their places and back.

use super::grid::Grid;

/// Images that are copied together.
const TOGETHER: usize = 4;

/// Copies one channel of images `[n, channels, depth, height, width]` to its place, and fills its border.
pub fn import(images: &[f32], channel: usize, grid: &Grid, to: &mut [f32]) {
    let whole = grid.n - grid.n % TOGETHER;
    for place in grid.half_rows().map(|index| grid.half_row(index)) {
        for first in (0..whole).step_by(TOGETHER) {
            let rows: [&[f32]; TOGETHER] = std::array::from_fn(|i| {
                &images[grid.place_in_images(first + i, channel, &place)..][..2 * place.pixels - 1]
            });
            for pixel in 0..place.pixels {
                let values = rows.map(|row| row[2 * pixel]);
                to[place.start + pixel * place.step + first..][..TOGETHER].copy_from_slice(&values);
            }
        }
        for image in whole..grid.n {
            let row = &images[grid.place_in_images(image, channel, &place)..][..2 * place.pixels - 1];
            for (pixel, &value) in row.iter().step_by(2).enumerate() {
                to[place.start + pixel * place.step + image] = value;
            }
        }
    }
    grid.wrap(to);
}

/// Copies one channel from its place to images `[n, channels, depth, height, width]`.
pub fn export(grid: &Grid, from: &[f32], channel: usize, images: &mut [f32]) {
    let whole = grid.n - grid.n % TOGETHER;
    for place in grid.half_rows().map(|index| grid.half_row(index)) {
        for first in (0..whole).step_by(TOGETHER) {
            let starts: [usize; TOGETHER] = std::array::from_fn(|i| grid.place_in_images(first + i, channel, &place));
            for pixel in 0..place.pixels {
                let values = &from[place.start + pixel * place.step + first..][..TOGETHER];
                for (start, value) in starts.iter().zip(values) {
                    images[start + 2 * pixel] = *value;
                }
            }
        }
        for image in whole..grid.n {
            let row = &mut images[grid.place_in_images(image, channel, &place)..][..2 * place.pixels - 1];
            for (pixel, value) in row.iter_mut().step_by(2).enumerate() {
                *value = from[place.start + pixel * place.step + image];
            }
        }
    }
}
