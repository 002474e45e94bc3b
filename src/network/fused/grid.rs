//! How images lie in memory while they pass through the fused kernels.
//!
//! The images of a batch lie side by side: all `n` values of one pixel are neighbours, so that a row of an image is one
//! run of `width * n` numbers, whatever the batch. A 4x4 kernel of stride 2 sees even and odd rows and columns of the
//! fine image with separate weights. Fine images are therefore kept in four *planes*, one for each parity, of the
//! coarse image's size. Then convolution, transposed convolution and the gradient by the kernel are all plain 2x2
//! convolutions of stride 1 over planes of one shape, and a tap is an offset.

/// Alignment of planes in numbers: a cache line, and the widest vector.
pub const LINE: usize = 16;

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

    /// Where the values of a row's pixels lie in a channel.
    #[inline(always)]
    pub fn row(&self, y: usize) -> Row {
        match self.placement {
            Placement::Whole => {
                let start = y * self.pitch();
                Row { starts: [start, start + self.n], step: 2 * self.n }
            }
            Placement::Split => {
                let (py, i) = ((y + 1) % 2, y.div_ceil(2));
                let plane = |px: usize| (2 * py + px) * self.stride() + i * self.pitch();
                Row { starts: [plane(1), plane(0) + self.n], step: self.n }
            }
            Placement::Points => {
                let start = y * self.side * self.stride();
                Row { starts: [start, start + self.stride()], step: 2 * self.stride() }
            }
        }
    }

    /// The runs of one channel that hold pixels, and nothing else: `(start, length)`.
    #[inline(always)]
    pub fn runs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (extent, pitch, stride, n) = (self.extent(), self.pitch(), self.stride(), self.n);
        let split = self.placement == Placement::Split;
        (0..self.planes()).flat_map(move |plane| {
            let [top, left] = if split { first_pixel(plane) } else { [0, 0] };
            (top..top + extent).map(move |i| (plane * stride + i * pitch + left * n, extent * n))
        })
    }

    /// Writes zeros wherever one channel has no pixels.
    #[inline(always)]
    pub fn clear_borders(&self, channel: &mut [f32]) {
        let mut end = 0;
        for (start, length) in self.runs() {
            channel[end..start].fill(0.0);
            end = start + length;
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

/// Where the values of a row's pixels lie: those of the pixel in column x at `starts[x % 2] + x / 2 * step`.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Of columns 0 and 1.
    pub starts: [usize; 2],
    /// From a column to the next but one.
    pub step: usize,
}

impl Row {
    /// Where the values of column `x` begin.
    #[inline(always)]
    pub fn at(&self, x: usize) -> usize {
        self.starts[x % 2] + x / 2 * self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACEMENTS: [Placement; 3] = [Placement::Whole, Placement::Split, Placement::Points];

    #[test]
    fn rows_and_runs_name_every_pixel_once() {
        for placement in PLACEMENTS {
            for (side, n) in [(2, 1), (4, 3), (8, 4), (4, 16), (2, 21)] {
                let grid = Grid { placement, channels: 2, side, n };
                let mut by_rows = Vec::new();
                for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
                    let start = grid.row(y).at(x);
                    by_rows.extend(start..start + n);
                }
                let mut by_runs: Vec<usize> = grid.runs().flat_map(|(start, length)| start..start + length).collect();
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
        for (y, x) in (0..6).flat_map(|y| (0..6).map(move |x| (y, x))) {
            let plane = 2 * ((y + 1) % 2) + (x + 1) % 2;
            let expected = plane * grid.stride() + (y + 1) / 2 * grid.pitch() + (x + 1) / 2 * 2;
            assert_eq!(grid.row(y).at(x), expected);
        }
    }

    #[test]
    fn clearing_borders_leaves_pixels() {
        for placement in PLACEMENTS {
            let grid = Grid { placement, channels: 1, side: 4, n: 3 };
            let mut channel = vec![1.0; grid.channel_length()];
            grid.clear_borders(&mut channel);
            assert_eq!(channel.iter().sum::<f32>(), 48.0);
            assert!(grid.runs().all(|(start, length)| channel[start..start + length].iter().all(|&v| v == 1.0)));
        }
    }
}
