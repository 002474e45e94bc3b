//! Where the results of a product go, and how several threads share them.

use std::ops::Range;

use ndarray::{ArrayViewMut2, ArrayViewMut3, Axis, ShapeBuilder};

use super::grid::{Grid, Placement};
use super::simd::LINE;
use super::taps::{Operands, PlaneRegion};

/// Results of a product that lie alike: a row of places for each row of taps.
pub struct Part<'a> {
    /// What is computed of each row.
    region: PlaneRegion,
    /// The place where `places` begin, from which `region` does not count.
    begin: usize,
    places: ArrayViewMut2<'a, f32>,
}

impl<'a> Part<'a> {
    /// The results for some channels of a grid, whose buffer is `channels`: a band of the rows of the coarse image, or all.
    pub fn all(grid: &Grid, band: &Range<usize>, channels: &'a mut [f32]) -> Vec<Self> {
        let (stride, planes) = (grid.stride, channels.len() / grid.stride);
        let part = |region: PlaneRegion, places| Self { region: region.band(band), begin: 0, places };
        if grid.placement != Placement::Split {
            let places = rows_mut(&mut channels[grid.origin..], planes, stride);
            return vec![part(PlaneRegion::of(grid, 0), places)];
        }
        if planes == grid.planes {
            // The planes of one channel are the rows of one tile, with the border before or behind their pixels.
            let border = grid.first_pixel(0) - grid.pitch[0];
            let region = |start| PlaneRegion { length: grid.layer_run() + border, ..PlaneRegion::of(grid, start) };
            let (upper, lower) = channels.split_at_mut(planes / 2 * stride);
            let places = [upper, lower].map(|half| rows_mut(half, planes / 2, stride));
            return places.into_iter().zip([grid.pitch[0], 0]).map(|(places, at)| part(region(at), places)).collect();
        }
        // One plane of several channels is the rows of one tile.
        let shape = (planes / grid.planes, grid.planes, stride);
        let mut left = ArrayViewMut3::from_shape(shape, channels).expect("a block is whole channels");
        let mut parts = Vec::with_capacity(grid.planes);
        for plane in 0..grid.planes {
            let (now, later) = left.split_at(Axis(1), 1);
            parts.push(part(PlaneRegion::of(grid, grid.first_pixel(plane)), now.remove_axis(Axis(1))));
            left = later;
        }
        parts
    }

    /// Whether the rows of pixels may be computed side by side: no vector reaches into the next row.
    pub fn can_be_split(&self) -> bool {
        self.region.length.next_multiple_of(LINE) <= self.region.pitch
    }

    /// Its rows of pixels, which are all, in bands that follow one another.
    pub fn split(self, bands: &[Range<usize>]) -> Vec<Self> {
        let Self { region, mut begin, places: mut left } = self;
        let mut parts = Vec::with_capacity(bands.len());
        for (number, band) in bands.iter().enumerate() {
            let is_last = number + 1 == bands.len();
            let end = if is_last { begin + left.ncols() } else { region.start + band.end * region.pitch };
            let (places, later) = left.split_at(Axis(1), end - begin);
            parts.push(Self { region: region.band(band), begin, places });
            (begin, left) = (end, later);
        }
        parts
    }

    /// What a product with stride 2 takes.
    #[inline(always)]
    pub fn operands<'b>(&'b mut self, from: &'b [f32], reads: &'b [usize]) -> Operands<'b> {
        let region = PlaneRegion { start: self.region.start - self.begin, ..self.region };
        Operands { from: &from[self.begin..], reads, region, to: self.places.view_mut() }
    }

    /// All places.
    #[inline(always)]
    pub fn places(&mut self) -> ArrayViewMut2<'_, f32> {
        self.places.view_mut()
    }
}

/// Channels of one task of a layer of `channels`, for so many threads. Half a tile multiplies less for what it loads, and is for
/// threads that would have nothing to do.
pub fn block_for(channels: usize, threads: usize) -> usize {
    let tile = block(channels);
    if tile >= 6 && channels / tile < threads { tile / 2 } else { tile }
}

/// Channels of a layer of `channels` that fill the tile of a product, and leave tasks for several threads.
pub fn block(channels: usize) -> usize {
    [(12, 6), (16, 8), (4, 4), (6, 3)]
        .into_iter()
        .find(|(divisor, _)| channels.is_multiple_of(*divisor))
        .map_or(1, |(_, block)| block)
}

/// Rows that begin `stride` apart; the last of them may be shorter, and so are then the others.
pub fn rows_mut(values: &mut [f32], rows: usize, stride: usize) -> ArrayViewMut2<'_, f32> {
    let columns = (values.len() - (rows - 1) * stride).min(stride);
    ArrayViewMut2::from_shape((rows, columns).strides((stride, 1)), values).expect("rows do not overlap")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::architecture::{Axes, Padding};

    /// How often each place of some channels is computed, in bands if there are any.
    fn times(grid: &Grid, channels: usize, bands: &[Range<usize>]) -> Vec<f32> {
        let mut times = vec![0.0; channels * grid.channel_length()];
        let from = vec![0.0; times.len()];
        for part in Part::all(grid, &(0..grid.extent[0]), &mut times) {
            let parts = if bands.is_empty() { vec![part] } else { part.split(bands) };
            for mut part in parts {
                let Operands { region, mut to, .. } = part.operands(&from, &[]);
                for start in (0..region.rows).map(|row| region.start + row * region.pitch) {
                    to.slice_axis_mut(Axis(1), (start..start + region.length).into())
                        .map_inplace(|times| *times += 1.0);
                }
            }
        }
        times
    }

    #[test]
    fn bands_are_all_places_and_none_twice() {
        for (axes, sides) in [(Axes::Two, [1, 12, 8]), (Axes::Three, [12, 8, 16])] {
            for (placement, border) in [
                (Placement::Whole, Padding::Periodic),
                (Placement::Whole, Padding::Zeros),
                (Placement::Split, Padding::Periodic),
                (Placement::Split, Padding::Zeros),
            ] {
                let grid = Grid::new(placement, border, axes, 3, sides, 2);
                for channels in [1, 3] {
                    let whole = times(&grid, channels, &[]);
                    let rows = grid.extent[0];
                    assert!(whole.iter().all(|&times| times <= 1.0));
                    for channel in whole.chunks_exact(grid.channel_length()) {
                        assert!(grid.runs().flatten().all(|place| channel[place] == 1.0), "{grid:?}");
                    }
                    assert_eq!(times(&grid, channels, &[0..2, 2..rows]), whole, "{grid:?}");
                    assert_eq!(times(&grid, channels, &[0..2, 2..4, 4..rows]), whole, "{grid:?}");
                }
            }
        }
    }
}
