//! How images lie in memory while they pass through the fused kernels.
//!
//! The images of a batch lie side by side: all `n` values of one pixel are neighbours, so that a row of an image is one
//! run of `width * n` numbers, whatever the batch. A 4x4 kernel of stride 2 sees even and odd rows and columns of the
//! fine image with separate weights. Fine images are therefore kept in four *planes*, one for each parity, of the
//! coarse image's size. Then convolution, transposed convolution and the gradient by the kernel are all plain 2x2
//! convolutions of stride 1 over planes of one shape, and a tap is an offset.

use crate::processor::LINE;

/// How the pixels of one channel lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// One plane, with one row and one column of zeros behind the image.
    Whole,
    /// Four planes by the parity of row and column in the image with its border of one zero: plane `2 * py + px` holds
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
    /// Number of channels.
    pub channels: usize,
    /// Height and width in pixels.
    pub side: usize,
    /// Number of images.
    pub n: usize,
}

impl Grid {
    /// Planes of one channel.
    pub fn planes(&self) -> usize {
        match self.placement {
            Placement::Whole => 1,
            Placement::Split => 4,
            Placement::Points => self.side * self.side,
        }
    }

    /// Side of the part of a plane that holds pixels.
    pub fn extent(&self) -> usize {
        match self.placement {
            Placement::Whole => self.side,
            Placement::Split => self.side / 2,
            Placement::Points => 1,
        }
    }

    /// Distance between rows of a plane.
    pub fn pitch(&self) -> usize {
        match self.placement {
            Placement::Points => self.n,
            _ => (self.extent() + 1) * self.n,
        }
    }

    /// Zeros between planes: what a tap reads beyond the first row, or a vector writes beyond the last.
    fn guard(&self) -> usize {
        match self.placement {
            Placement::Points => 0,
            _ => (self.pitch() + self.n).max(LINE),
        }
    }

    /// Distance between planes.
    pub fn stride(&self) -> usize {
        match self.placement {
            Placement::Points => self.n.next_multiple_of(LINE),
            _ => ((self.extent() + 1) * self.pitch() + self.guard()).next_multiple_of(LINE),
        }
    }

    /// Numbers of one channel.
    pub fn channel_length(&self) -> usize {
        self.planes() * self.stride()
    }

    /// Where the first plane begins.
    pub fn front(&self) -> usize {
        self.guard().next_multiple_of(LINE)
    }

    /// Numbers of the whole batch: with guards, and room for vectors that read beyond the end.
    pub fn length(&self) -> usize {
        self.front() + self.channels * self.channel_length() + self.guard() + LINE
    }

    /// Number of half rows: the even and the odd columns of each row, unless there is but one column.
    #[inline(always)]
    pub fn half_rows(&self) -> usize {
        self.side * self.side.min(2)
    }

    /// Where half row `index` lies in a channel.
    #[inline(always)]
    pub fn half_row(&self, index: usize) -> HalfRow {
        let halves = self.side.min(2);
        let (y, parity) = (index / halves, index % halves);
        let (start, step) = match self.placement {
            Placement::Whole => (y * self.pitch() + parity * self.n, 2 * self.n),
            Placement::Split => {
                let plane = 2 * ((y + 1) % 2) + (1 - parity);
                (plane * self.stride() + y.div_ceil(2) * self.pitch() + parity * self.n, self.n)
            }
            Placement::Points => ((y * self.side + parity) * self.stride(), 2 * self.stride()),
        };
        HalfRow { start, step, pixels: (self.side - parity).div_ceil(2), first_pixel: y * self.side + parity }
    }

    /// Number of runs of one channel that hold pixels, and nothing else.
    #[inline(always)]
    pub fn run_count(&self) -> usize {
        self.planes() * self.extent()
    }

    /// Length of each run.
    #[inline(always)]
    pub fn run_length(&self) -> usize {
        self.extent() * self.n
    }

    /// Where run `index` begins in a channel, ascending with the index.
    #[inline(always)]
    pub fn run_start(&self, index: usize) -> usize {
        let (plane, i) = (index / self.extent(), index % self.extent());
        let [top, left] = if self.placement == Placement::Split { first_pixel(plane) } else { [0, 0] };
        plane * self.stride() + (top + i) * self.pitch() + left * self.n
    }

    /// Writes zeros wherever one channel has no pixels.
    #[inline(always)]
    pub fn clear_borders(&self, channel: &mut [f32]) {
        let mut end = 0;
        for index in 0..self.run_count() {
            let start = self.run_start(index);
            channel[end..start].fill(0.0);
            end = start + self.run_length();
        }
        channel[end..].fill(0.0);
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

#[cfg(test)]
mod tests {
    use super::*;

    const PLACEMENTS: [Placement; 3] = [Placement::Whole, Placement::Split, Placement::Points];

    fn runs(grid: &Grid) -> impl Iterator<Item = (usize, usize)> {
        (0..grid.run_count()).map(|index| (grid.run_start(index), grid.run_length()))
    }

    #[test]
    fn rows_and_runs_name_every_pixel_once() {
        for placement in PLACEMENTS {
            for (side, n) in [(2, 1), (4, 3), (8, 4), (4, 16), (2, 21)] {
                let grid = Grid { placement, channels: 2, side, n };
                let mut by_rows = Vec::new();
                for half_row in (0..grid.half_rows()).map(|index| grid.half_row(index)) {
                    let starts = (0..half_row.pixels).map(|pixel| half_row.start + pixel * half_row.step);
                    by_rows.extend(starts.flat_map(|start| start..start + n));
                }
                let mut by_runs: Vec<usize> = runs(&grid).flat_map(|(start, length)| start..start + length).collect();
                let ascending = by_runs.is_sorted();
                by_rows.sort_unstable();
                by_runs.sort_unstable();
                assert!(ascending && by_rows == by_runs, "{grid:?}");
                by_rows.dedup();
                assert_eq!(by_rows.len(), side * side * n);
                assert!(*by_rows.last().unwrap() < grid.channel_length());
            }
        }
    }

    #[test]
    fn split_planes_hold_the_parities_of_the_padded_image() {
        let grid = Grid { placement: Placement::Split, channels: 1, side: 6, n: 2 };
        for half_row in (0..grid.half_rows()).map(|index| grid.half_row(index)) {
            for pixel in 0..half_row.pixels {
                let number = half_row.first_pixel + 2 * pixel;
                let (y, x) = (number / 6, number % 6);
                let plane = 2 * ((y + 1) % 2) + (x + 1) % 2;
                let expected = plane * grid.stride() + (y + 1) / 2 * grid.pitch() + (x + 1) / 2 * 2;
                assert_eq!(half_row.start + pixel * half_row.step, expected);
            }
        }
    }

    #[test]
    fn clearing_borders_leaves_pixels() {
        for placement in PLACEMENTS {
            let grid = Grid { placement, channels: 1, side: 4, n: 3 };
            let mut channel = vec![1.0; grid.channel_length()];
            grid.clear_borders(&mut channel);
            assert_eq!(channel.iter().sum::<f32>(), 48.0);
            assert!(runs(&grid).all(|(start, length)| channel[start..start + length].iter().all(|&v| v == 1.0)));
        }
    }
}
