//! How the fused kernels place images in memory.
//!
//! The batch is the innermost axis: all `n` values of one pixel are neighbours, and a row of an image is one run of
//! `width * n` numbers. A kernel of stride 2 sees even and odd places along each of its axes with separate weights. Fine
//! images are therefore kept in *planes*, one for each parity, of the coarse image's size: four with two axes, eight with
//! three. Then convolution, transposed convolution and their gradients are all plain convolutions of stride 1 with two
//! taps along each axis, over planes of one shape, and a tap is an offset.
//!
//! The axes of a plane are called outer, middle and inner: depth, height and width, or with two axes height, nothing
//! and width. The kernels process what lies behind one of the outer places, or behind two, in one run.

use std::ops::Range;

use super::rows::{HalfRow, HalfRowIndex, Runs};
use super::simd::LINE;
use crate::network::architecture::{Axes, Padding};

/// How the pixels of one channel lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// One plane, with one pixel behind the image along each axis, and before it if periodic. They hold zeros, or the
    /// opposite edge.
    Whole,
    /// Planes by the parity of the place in the image with its border of one pixel: plane `2 * py + px`, or
    /// `4 * pz + 2 * py + px`, holds pixel (2k + pz - 1, 2i + py - 1, 2j + px - 1) at (k, i, j).
    Split,
    /// Each pixel is a plane of its own.
    Points,
}

/// The images of a batch: `n` of some channels each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// How pixels lie.
    pub placement: Placement,
    /// Values of the border.
    pub border: Padding,
    /// Axes of the kernels.
    pub axes: Axes,
    /// Number of channels.
    pub channels: usize,
    /// Depth, height and width in pixels.
    pub sides: [usize; 3],
    /// Number of images.
    pub n: usize,
    /// Planes of one channel.
    pub planes: usize,
    /// Sides of the part of a plane that holds pixels: outer, middle, inner.
    pub extent: [usize; 3],
    /// Distances between neighbours along the outer, the middle and the inner axis of a plane.
    pub pitch: [usize; 3],
    /// Where the first pixel of a whole plane is.
    pub origin: usize,
    /// Places along the outer axis of a plane, with the border.
    layers: usize,
    /// Length of the gap between planes, which taps read before the first row and vectors overwrite behind the last.
    guard: usize,
    /// Distance between planes.
    pub stride: usize,
}

impl Grid {
    /// A grid for `n` images of `sides` (depth, height, width) and `channels` channels.
    pub fn new(
        placement: Placement,
        border: Padding,
        axes: Axes,
        channels: usize,
        sides: [usize; 3],
        n: usize,
    ) -> Self {
        let [depth, height, width] = sides;
        assert!(axes == Axes::Three || depth == 1, "{depth} layers for kernels of two axes");
        let ordered = if axes == Axes::Two { [height, 1, width] } else { sides };
        let has_middle = axes == Axes::Three;
        let (planes, extent) = match placement {
            Placement::Whole => (1, ordered),
            Placement::Split => {
                let [outer, middle, inner] = ordered;
                if has_middle { (8, [outer / 2, middle / 2, inner / 2]) } else { (4, [outer / 2, 1, inner / 2]) }
            }
            Placement::Points => (sides.iter().product(), [1; 3]),
        };
        // Planes of both placements have the same pitches, so that one offset is the same place in either.
        let bordered = |extent: usize| match (placement, border) {
            (Placement::Points, _) => 1,
            (_, Padding::Zeros) => extent + 1,
            (_, Padding::Periodic) => extent + 2,
        };
        let row = bordered(extent[2]) * n;
        let layer = row * if has_middle { bordered(extent[1]) } else { 1 };
        let diagonal = layer + n + if has_middle { row } else { 0 };
        let (layers, origin) = match (placement, border) {
            (Placement::Points, _) => (1, 0),
            (Placement::Whole, Padding::Periodic) => (extent[0] + 2, diagonal),
            _ => (extent[0] + 1, 0),
        };
        let guard = if placement == Placement::Points { 0 } else { diagonal.max(LINE) };
        let stride = (layers * layer + guard).next_multiple_of(LINE);
        let pitch = [layer, row, n];
        Self { placement, border, axes, channels, sides, n, planes, extent, pitch, origin, layers, guard, stride }
    }

    /// The same placement for another number of channels.
    pub fn with_channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }

    /// Pixels of an image.
    pub fn pixels(&self) -> usize {
        self.sides.iter().product()
    }

    /// Numbers of one channel.
    pub fn channel_length(&self) -> usize {
        self.planes * self.stride
    }

    /// Where the first plane begins.
    pub fn front(&self) -> usize {
        self.guard.next_multiple_of(LINE)
    }

    /// Numbers of the whole batch: with guards, and room for vectors that read beyond the end.
    pub fn length(&self) -> usize {
        self.front() + self.channels * self.channel_length() + self.guard + LINE
    }

    /// Blocks of `count` channels in a buffer of the whole batch.
    pub fn channels_mut<'a>(&self, values: &'a mut [f32], count: usize) -> std::slice::ChunksMut<'a, f32> {
        let length = self.channel_length();
        values[self.front()..][..self.channels * length].chunks_mut(count * length)
    }

    /// Blocks of `count` channels in a buffer of the whole batch, to be read.
    pub fn channels<'a>(&self, values: &'a [f32], count: usize) -> std::slice::Chunks<'a, f32> {
        let length = self.channel_length();
        values[self.front()..][..self.channels * length].chunks(count * length)
    }

    /// Length of the run from the first pixel of a layer of a plane to the last, with the border between rows.
    #[inline(always)]
    pub fn layer_run(&self) -> usize {
        (self.extent[1] - 1) * self.pitch[1] + self.extent[2] * self.n
    }

    /// Offsets of the taps along the middle and the inner axis.
    pub fn inner_taps(&self) -> Vec<usize> {
        let [_, row, pixel] = self.pitch;
        match self.axes {
            Axes::Two => vec![0, pixel],
            Axes::Three => vec![0, pixel, row, row + pixel],
        }
    }

    /// The image's side along the outermost axis.
    pub fn outer_side(&self) -> usize {
        if self.axes == Axes::Two { self.sides[1] } else { self.sides[0] }
    }

    /// The half rows of an image: the even and the odd columns of each row, unless there is but one column.
    #[inline(always)]
    pub fn half_rows(&self) -> impl Iterator<Item = HalfRowIndex> + use<> {
        self.half_rows_of(0..self.outer_side())
    }

    /// Those at some places along the outermost axis.
    #[inline(always)]
    pub fn half_rows_of(&self, places: Range<usize>) -> impl Iterator<Item = HalfRowIndex> + use<> {
        let [_, height, width] = self.sides;
        let (layers, rows) = if self.axes == Axes::Two { (0..1, places) } else { (places, 0..height) };
        let rows = layers.flat_map(move |z| rows.clone().map(move |y| [z, y]));
        rows.flat_map(move |[z, y]| (0..width.min(2)).map(move |parity| HalfRowIndex { z, y, parity }))
    }

    /// Where a half row lies in a channel.
    #[inline(always)]
    pub fn half_row(&self, HalfRowIndex { z, y, parity }: HalfRowIndex) -> HalfRow {
        let [_, height, width] = self.sides;
        let row = z * height + y;
        let [outer, middle] = if self.axes == Axes::Two { [y, 0] } else { [z, y] };
        let (start, step) = match self.placement {
            Placement::Whole => {
                (self.origin + outer * self.pitch[0] + middle * self.pitch[1] + parity * self.n, 2 * self.n)
            }
            Placement::Split => {
                let (plane, middle) = match self.axes {
                    Axes::Two => (2 * ((outer + 1) % 2), 0),
                    Axes::Three => (4 * ((outer + 1) % 2) + 2 * ((middle + 1) % 2), middle.div_ceil(2)),
                };
                let place = outer.div_ceil(2) * self.pitch[0] + middle * self.pitch[1] + parity * self.n;
                ((plane + 1 - parity) * self.stride + place, self.n)
            }
            Placement::Points => ((row * width + parity) * self.stride, 2 * self.stride),
        };
        HalfRow { start, step, pixels: (width - parity).div_ceil(2), first_pixel: row * width + parity }
    }

    /// The runs of neighbouring pixels that a channel consists of.
    #[inline(always)]
    pub fn runs(&self) -> Runs {
        Runs::of(*self, 0..self.extent[0])
    }

    /// Where the pixels of a half row begin in images `[n, channels, depth, height, width]`; they are two apart.
    #[inline(always)]
    pub fn place_in_images(&self, image: usize, channel: usize, place: &HalfRow) -> usize {
        (image * self.channels + channel) * self.pixels() + place.first_pixel
    }

    /// Fills the border of one channel of periodic images with the opposite edge.
    #[inline(always)]
    pub fn wrap(&self, channel: &mut [f32]) {
        if self.border == Padding::Zeros || self.placement == Placement::Points {
            return;
        }
        let ([layer, row, _], [outer, middle, inner]) = (self.pitch, self.extent);
        for (index, plane) in channel.chunks_exact_mut(self.stride).enumerate() {
            let [top, first_row, left] = self.first_place(index);
            for layer in plane[top * layer..(top + outer) * layer].chunks_exact_mut(layer) {
                for row in layer[first_row * row..(first_row + middle) * row].chunks_exact_mut(row) {
                    wrap_along(row, left, inner, self.n);
                }
                if self.axes == Axes::Three {
                    wrap_along(layer, first_row, middle, row);
                }
            }
            wrap_along(&mut plane[..self.layers * layer], top, outer, layer);
        }
    }

    /// Offset of the first pixel of plane `index` of a channel in this plane.
    #[inline(always)]
    pub fn first_pixel(&self, index: usize) -> usize {
        self.first_place(index).iter().zip(self.pitch).map(|(place, pitch)| place * pitch).sum()
    }

    /// Place of the first pixel of plane `index` of a channel along the outer, the middle and the inner axis; the border
    /// lies before it, or after the last one.
    #[inline(always)]
    fn first_place(&self, index: usize) -> [usize; 3] {
        match (self.placement, self.axes) {
            (Placement::Split, Axes::Two) => [1 - index / 2, 0, 1 - index % 2],
            (Placement::Split, Axes::Three) => [1 - index / 4, 1 - index / 2 % 2, 1 - index % 2],
            (_, Axes::Two) => [usize::from(self.origin > 0), 0, usize::from(self.origin > 0)],
            (_, Axes::Three) => [usize::from(self.origin > 0); 3],
        }
    }
}

/// Fills the border before place `first` and behind the last of `extent` places, `pitch` apart, with the opposite edge.
#[inline(always)]
fn wrap_along(values: &mut [f32], first: usize, extent: usize, pitch: usize) {
    let (lead, run) = (first * pitch, extent * pitch);
    values.copy_within(run..run + lead, 0);
    values.copy_within(lead..values.len() - run, lead + run);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACEMENTS: [Placement; 3] = [Placement::Whole, Placement::Split, Placement::Points];

    /// Where all values of one channel lie, ascending.
    fn places(grid: &Grid) -> Vec<usize> {
        let mut places = Vec::new();
        for half_row in grid.half_rows().map(|index| grid.half_row(index)) {
            let starts = (0..half_row.pixels).map(|pixel| half_row.start + pixel * half_row.step);
            places.extend(starts.flat_map(|start| start..start + grid.n));
        }
        places.sort_unstable();
        places
    }

    #[test]
    fn every_value_has_a_place_of_its_own() {
        for placement in PLACEMENTS {
            for border in [Padding::Zeros, Padding::Periodic] {
                for (side, n) in [(2, 1), (4, 3), (8, 4), (4, 16), (2, 21)] {
                    for (axes, sides) in [(Axes::Two, [1, side, 2 * side]), (Axes::Three, [side, 6, 2 * side])] {
                        let grid = Grid::new(placement, border, axes, 2, sides, n);
                        let mut places = places(&grid);
                        let runs: Vec<usize> = grid.runs().flatten().collect();
                        assert!(runs.iter().all(|place| places.binary_search(place).is_ok()));
                        assert_eq!(runs.len(), places.len());
                        places.dedup();
                        assert_eq!(places.len(), grid.pixels() * n);
                        assert!(*places.last().unwrap() < grid.channel_length());
                    }
                }
            }
        }
    }

    #[test]
    fn split_planes_hold_the_parities_of_the_padded_image() {
        for (axes, [depth, height, width]) in [(Axes::Two, [1, 6, 8]), (Axes::Three, [4, 6, 8])] {
            let grid = Grid::new(Placement::Split, Padding::Zeros, axes, 1, [depth, height, width], 2);
            for half_row in grid.half_rows().map(|index| grid.half_row(index)) {
                for pixel in 0..half_row.pixels {
                    let number = half_row.first_pixel + 2 * pixel;
                    let (z, y, x) = (number / (width * height), number / width % height, number % width);
                    let (places, pitches) = match axes {
                        Axes::Two => (vec![y, x], vec![grid.pitch[0], 2]),
                        Axes::Three => (vec![z, y, x], grid.pitch.to_vec()),
                    };
                    let plane = places.iter().fold(0, |plane, place| 2 * plane + (place + 1) % 2);
                    let place: usize = places.iter().zip(pitches).map(|(place, pitch)| place.div_ceil(2) * pitch).sum();
                    assert_eq!(half_row.start + pixel * half_row.step, plane * grid.stride + place);
                }
            }
        }
    }

    #[test]
    fn the_border_of_periodic_images_holds_the_opposite_edge() {
        for axes in [Axes::Two, Axes::Three] {
            let depth = if axes == Axes::Two { 1 } else { 6 };
            let grid = Grid::new(Placement::Whole, Padding::Periodic, axes, 1, [depth, 4, 2], 3);
            let mut channel = vec![0.0; grid.channel_length()];
            for (number, place) in grid.runs().flatten().enumerate() {
                channel[place] = number as f32;
            }
            grid.wrap(&mut channel);
            let [layers, rows, columns] = grid.extent;
            let at = |layer: usize, row: usize, column: usize| {
                let place = layer * grid.pitch[0] + row * grid.pitch[1] + column * grid.pitch[2];
                &channel[place..place + grid.n]
            };
            let of_middle = if axes == Axes::Two { 0..1 } else { 0..rows + 2 };
            for layer in 0..layers + 2 {
                for row in of_middle.clone() {
                    for column in 0..columns + 2 {
                        let inside = |place: usize, side: usize| (place + side - 1) % side + 1;
                        let row_inside = if axes == Axes::Two { 0 } else { inside(row, rows) };
                        let opposite = at(inside(layer, layers), row_inside, inside(column, columns));
                        assert_eq!(at(layer, row, column), opposite);
                    }
                }
            }
        }
    }
}
