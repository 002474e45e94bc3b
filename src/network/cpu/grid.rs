//! How the fused kernels place images in memory.
//!
//! The batch is the innermost axis: all `n` values of one pixel are neighbours, and a row of an image is one run of
//! `width * n` numbers. A 4x4 kernel of stride 2 sees even and odd rows and columns of the
//! fine image with separate weights. Fine images are therefore kept in four *planes*, one for each parity, of the
//! coarse image's size. Then convolution, transposed convolution and their gradients are all plain 2x2
//! convolutions of stride 1 over planes of one shape, and a tap is an offset.

use std::ops::Range;

use super::simd::LINE;
use crate::network::architecture::Padding;

/// How the pixels of one channel lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// One plane, with one row and one column behind the image, and before it if periodic. They hold zeros, or the opposite
    /// edge.
    Whole,
    /// Four planes by the parity of row and column in the image with its border of one pixel: plane `2 * py + px` holds
    /// pixel (2i + py - 1, 2j + px - 1) at (i, j).
    Split,
    /// Each pixel is a plane of its own.
    Points,
}

/// The images of a batch: `n` of `side` x `side` pixels and `channels` channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// How pixels lie.
    pub placement: Placement,
    /// Values of the border.
    pub border: Padding,
    /// Number of channels.
    pub channels: usize,
    /// Height and width in pixels.
    pub side: usize,
    /// Number of images.
    pub n: usize,
    /// Planes of one channel.
    pub planes: usize,
    /// Side of the part of a plane that holds pixels.
    pub extent: usize,
    /// Distance between rows of a plane.
    pub pitch: usize,
    /// Where the first pixel of a whole plane is.
    pub origin: usize,
    /// Rows of a plane, with the border.
    rows: usize,
    /// Length of the gap between planes, which taps read before the first row and vectors overwrite behind the last.
    guard: usize,
    /// Distance between planes.
    pub stride: usize,
}

impl Grid {
    /// A grid for `n` images of `side` x `side` pixels and `channels` channels.
    pub fn new(placement: Placement, border: Padding, channels: usize, side: usize, n: usize) -> Self {
        let (planes, extent) = match placement {
            Placement::Whole => (1, side),
            Placement::Split => (4, side / 2),
            Placement::Points => (side * side, 1),
        };
        let (columns, rows, lead) = match (placement, border) {
            (Placement::Points, _) => (1, 1, 0),
            (_, Padding::Zeros) => (extent + 1, extent + 1, 0),
            (Placement::Split, Padding::Periodic) => (extent + 2, extent + 1, 0),
            (Placement::Whole, Padding::Periodic) => (extent + 2, extent + 2, 1),
        };
        let pitch = columns * n;
        let guard = if placement == Placement::Points { 0 } else { (pitch + n).max(LINE) };
        let stride = (rows * pitch + guard).next_multiple_of(LINE);
        let origin = lead * (pitch + n);
        Self { placement, border, channels, side, n, planes, extent, pitch, origin, rows, guard, stride }
    }

    /// The same placement for another number of channels.
    pub fn with_channels(self, channels: usize) -> Self {
        Self { channels, ..self }
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

    /// Number of half rows: the even and the odd columns of each row, unless there is but one column.
    #[inline(always)]
    pub fn half_rows(&self) -> usize {
        if self.side == 1 { 1 } else { 2 * self.side }
    }

    /// Where half row `index` lies in a channel.
    #[inline(always)]
    pub fn half_row(&self, index: usize) -> HalfRow {
        let (y, parity) = (index / 2, index % 2);
        let (start, step) = match self.placement {
            Placement::Whole => (self.origin + y * self.pitch + parity * self.n, 2 * self.n),
            Placement::Split => {
                let plane = 2 * ((y + 1) % 2) + (1 - parity);
                (plane * self.stride + y.div_ceil(2) * self.pitch + parity * self.n, self.n)
            }
            Placement::Points => ((y * self.side + parity) * self.stride, 2 * self.stride),
        };
        HalfRow { start, step, pixels: (self.side - parity).div_ceil(2), first_pixel: y * self.side + parity }
    }

    /// The runs of neighbouring pixels that a channel consists of.
    #[inline(always)]
    pub fn runs(&self) -> impl Iterator<Item = Range<usize>> {
        let (grid, length) = (*self, self.extent * self.n);
        (0..self.planes * self.extent).map(move |run| {
            let (plane, row) = (run / grid.extent, run % grid.extent);
            let [top, left] = grid.first_pixel(plane);
            let start = plane * grid.stride + (top + row) * grid.pitch + left * grid.n;
            start..start + length
        })
    }

    /// Where the pixels of a half row begin in images `[n, channels, height, width]`; they are two apart.
    #[inline(always)]
    pub fn pixels(&self, image: usize, channel: usize, place: &HalfRow) -> usize {
        (image * self.channels + channel) * self.side * self.side + place.first_pixel
    }

    /// Fills the border of one channel of periodic images with the opposite edge.
    #[inline(always)]
    pub fn wrap(&self, channel: &mut [f32]) {
        if self.border == Padding::Zeros || self.placement == Placement::Points {
            return;
        }
        let (pitch, extent, run) = (self.pitch, self.extent, self.extent * self.n);
        for (index, plane) in channel.chunks_exact_mut(self.stride).enumerate() {
            let [top, left] = self.first_pixel(index);
            let left = left * self.n;
            for row in plane[top * pitch..(top + extent) * pitch].chunks_exact_mut(pitch) {
                row.copy_within(run..run + left, 0);
                row.copy_within(left..pitch - run, left + run);
            }
            for row in (0..top).chain(top + extent..self.rows) {
                let from = if row < top { row + extent } else { row - extent };
                plane.copy_within(from * pitch..(from + 1) * pitch, row * pitch);
            }
        }
    }

    /// Row and column of the first pixel of plane `index` of a channel.
    #[inline(always)]
    fn first_pixel(&self, index: usize) -> [usize; 2] {
        match self.placement {
            Placement::Split => first_pixel(index),
            _ => [usize::from(self.origin > 0); 2],
        }
    }
}

/// Row and column of the first pixel in plane `2 * py + px` of a split image; the border lies before it, or after the
/// last one.
#[inline(always)]
pub fn first_pixel(plane: usize) -> [usize; 2] {
    [1 - plane / 2, 1 - plane % 2]
}

/// Every other pixel of a row: those of which all placements keep the values at equal distances.
#[derive(Debug, Clone, Copy)]
pub struct HalfRow {
    /// Where the values of its first pixel begin.
    pub start: usize,
    /// From one of its pixels to the next.
    pub step: usize,
    /// How many it has.
    pub pixels: usize,
    /// Number of its first pixel in the image, row by row.
    pub first_pixel: usize,
}

impl HalfRow {
    /// Where the value of one pixel of an image lies.
    #[inline(always)]
    pub fn place(&self, pixel: usize, image: usize) -> usize {
        self.start + pixel * self.step + image
    }

    /// Where `G` neighbouring images, from `image` on, of as many pixels as fill a line, from `pixel` on, lie.
    #[inline(always)]
    fn line<const G: usize>(&self, pixel: usize, image: usize) -> Range<usize> {
        let first = self.place(pixel, image);
        first..first + (LINE / G - 1) * self.step + G
    }

    /// `G` neighbouring images, from `image` on, of as many pixels as fill a line, from `pixel` on.
    #[inline(always)]
    pub fn load<const G: usize>(&self, channel: &[f32], pixel: usize, image: usize) -> [f32; LINE] {
        let values = &channel[self.line::<G>(pixel, image)];
        let mut line = [0.0; LINE];
        for (index, group) in line.as_chunks_mut::<G>().0.iter_mut().enumerate() {
            // SAFETY: `values` ends behind the last of the `LINE / G` groups.
            *group = unsafe { values.as_ptr().add(index * self.step).cast::<[f32; G]>().read() };
        }
        line
    }

    /// Writes what [`load`](Self::load) reads.
    #[inline(always)]
    pub fn store<const G: usize>(&self, channel: &mut [f32], pixel: usize, image: usize, line: &[f32; LINE]) {
        let values = &mut channel[self.line::<G>(pixel, image)];
        for (index, group) in line.as_chunks::<G>().0.iter().enumerate() {
            // SAFETY: `values` ends behind the last of the `LINE / G` groups.
            unsafe { values.as_mut_ptr().add(index * self.step).cast::<[f32; G]>().write(*group) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACEMENTS: [Placement; 3] = [Placement::Whole, Placement::Split, Placement::Points];

    /// Where all values of one channel lie, ascending.
    fn places(grid: &Grid) -> Vec<usize> {
        let mut places = Vec::new();
        for half_row in (0..grid.half_rows()).map(|index| grid.half_row(index)) {
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
                    let grid = Grid::new(placement, border, 2, side, n);
                    let mut places = places(&grid);
                    places.dedup();
                    assert_eq!(places.len(), side * side * n);
                    assert!(*places.last().unwrap() < grid.channel_length());
                }
            }
        }
    }

    #[test]
    fn split_planes_hold_the_parities_of_the_padded_image() {
        let grid = Grid::new(Placement::Split, Padding::Zeros, 1, 6, 2);
        for half_row in (0..grid.half_rows()).map(|index| grid.half_row(index)) {
            for pixel in 0..half_row.pixels {
                let number = half_row.first_pixel + 2 * pixel;
                let (y, x) = (number / 6, number % 6);
                let plane = 2 * ((y + 1) % 2) + (x + 1) % 2;
                let expected = plane * grid.stride + y.div_ceil(2) * grid.pitch + x.div_ceil(2) * 2;
                assert_eq!(half_row.start + pixel * half_row.step, expected);
            }
        }
    }
}
