//! What ties a coarse image to a fine one: convolution down, transposed convolution up, the gradient by the kernel.

use pulp::Simd;

use super::grid::{Grid, Placement, first_pixel};
use super::product::{Planes, Region, Weights, correlate, multiply};
use crate::network::Geometry;
use crate::network::convolution::{Border, KERNEL};
use crate::processor::LINE;

const TAPS: usize = KERNEL * KERNEL;

/// A kernel's two ends. The kernel is `[coarse channels, fine channels, 4, 4]`.
#[derive(Debug, Clone)]
pub struct Link {
    pub geometry: Geometry,
    pub coarse: Grid,
    pub fine: Grid,
    /// What one coarse channel is made of: where its weights lie, and the fine pixels they are multiplied with.
    of_fine: Terms,
    /// What one plane of a fine channel is made of.
    of_coarse: Terms,
}

/// The terms of a sum: offsets of weights and of values.
#[derive(Debug, Clone)]
struct Terms {
    weights: Vec<usize>,
    values: Vec<usize>,
}

impl Link {
    /// The link between `channels` = [coarse, fine] for `n` images whose fine side is `fine_side`.
    pub fn new(geometry: Geometry, [coarse, fine]: [usize; 2], fine_side: usize, n: usize) -> Self {
        let (placements, border, coarse_side) = match geometry {
            Geometry::Halving(border) => ([Placement::Whole, Placement::Split], border, fine_side / 2),
            Geometry::Collapsing => ([Placement::Points; 2], Border::Zero, 1),
        };
        let grid = |placement, channels, side| Grid::new(placement, border, channels, side, n);
        let (coarse, fine) = (grid(placements[0], coarse, coarse_side), grid(placements[1], fine, fine_side));
        let of_fine = Terms::of_fine(geometry, &fine);
        let of_coarse = Terms::of_coarse(geometry, &coarse, fine.channels);
        Self { geometry, coarse, fine, of_fine, of_coarse }
    }

    /// Convolution: some coarse channels, as many as `to` has, from all fine ones.
    #[inline(always)]
    pub fn to_coarse<S: Simd>(&self, simd: S, kernel: &[f32], first: usize, fine: &[f32], to: &mut [f32]) {
        let (region, stride) = (self.coarse_region(), self.coarse.stride);
        let rows = to.len() / self.coarse.channel_length();
        let row = self.fine.channels * TAPS;
        let offsets = &self.of_fine.weights[..];
        let weights = Weights { values: kernel, start: first * row, rows, stride: row, offsets };
        multiply(simd, weights, fine, &self.of_fine.values, region, &mut to[self.coarse.origin..], stride);
    }

    /// Transposed convolution: some fine channels, as many as `to` has, from all coarse ones.
    #[inline(always)]
    pub fn to_fine<S: Simd>(&self, simd: S, kernel: &[f32], first: usize, coarse: &[f32], to: &mut [f32]) {
        let count = to.len() / self.fine.channel_length();
        match self.geometry {
            Geometry::Halving(_) => self.to_planes(simd, kernel, first, count, coarse, to),
            Geometry::Collapsing => {
                let offsets = &self.of_coarse.weights[..];
                let weights = Weights { values: kernel, start: first * TAPS, rows: count * TAPS, stride: 1, offsets };
                let reads = &self.of_coarse.values;
                // Beyond the last image the values are zero, and so are the sums.
                multiply(simd, weights, coarse, reads, self.coarse_region(), to, self.fine.stride);
            }
        }
    }

    /// [`to_fine`](Self::to_fine) for halving.
    #[inline(always)]
    fn to_planes<S: Simd>(&self, simd: S, kernel: &[f32], first: usize, count: usize, coarse: &[f32], to: &mut [f32]) {
        let (stride, pitch, extent, n) = (self.fine.stride, self.fine.pitch, self.fine.extent, self.fine.n);
        let Terms { weights: offsets, values: reads } = &self.of_coarse;
        if !count.is_multiple_of(4) {
            // Few channels: the four planes of each are the rows of one tile, with the border.
            let region = Region { start: 0, rows: extent + 1, length: pitch, pitch };
            let in_order: Vec<usize> = (0..offsets.len()).collect();
            for (channel, to) in (first..).zip(to.chunks_exact_mut(4 * stride)) {
                let of_plane = |plane| offsets.iter().map(move |offset| kernel[channel * TAPS + plane + offset]);
                let packed: Vec<f32> = OF_PLANE.into_iter().flat_map(of_plane).collect();
                let weights = Weights { values: &packed, start: 0, rows: 4, stride: offsets.len(), offsets: &in_order };
                multiply(simd, weights, coarse, reads, region, to, stride);
            }
            return;
        }
        // One plane of several channels is the rows of one tile.
        for plane in 0..4 {
            let [top, left] = first_pixel(plane);
            let region = Region { start: top * pitch + left * n, rows: extent, length: extent * n, pitch };
            let start = first * TAPS + OF_PLANE[plane];
            let weights = Weights { values: kernel, start, rows: count, stride: TAPS, offsets };
            multiply(simd, weights, coarse, reads, region, &mut to[plane * stride..], 4 * stride);
        }
    }

    /// Gradient by the kernel for some coarse channels and all fine ones, to zeros: `[coarse, fine, 4, 4]`.
    #[inline(always)]
    pub fn gradient<S: Simd>(&self, simd: S, coarse: &[f32], fine: &[f32], to: &mut [f32]) {
        let fine = Planes::of_batch(&self.fine, fine);
        match self.geometry {
            Geometry::Halving(Border::Periodic) if !self.coarse_region().is_whole_lines() => {
                // The sums then go over the border too, where the opposite edge would count a second time.
                let mut coarse = coarse.to_vec();
                clear_borders(&self.coarse, &mut coarse);
                self.sum_over_positions(simd, Planes::of_block(&self.coarse, &coarse), fine, to);
            }
            Geometry::Halving(_) => self.sum_over_positions(simd, Planes::of_block(&self.coarse, coarse), fine, to),
            Geometry::Collapsing => self.sum_over_images(simd, Planes::of_block(&self.coarse, coarse), fine, to),
        }
    }

    /// Many terms, few results.
    #[inline(always)]
    fn sum_over_positions<S: Simd>(&self, simd: S, coarse: Planes, fine: Planes, to: &mut [f32]) {
        let (taps, region, fine_channels) = (taps(&self.coarse), self.coarse_region(), fine.count / 4);
        correlate(simd, coarse, fine, taps, region, |c, plane, sums| {
            let kernel = &mut to[(c * fine_channels + plane / 4) * TAPS..][..TAPS];
            for (tap, sum) in sums.into_iter().enumerate() {
                kernel[OF_PLANE[plane % 4] + OF_TAP[tap]] += sum;
            }
        });
    }

    /// Few terms, many results, so that the results are what fills vectors.
    #[inline(always)]
    fn sum_over_images<S: Simd>(&self, simd: S, coarse: Planes, fine: Planes, to: &mut [f32]) {
        let (n, points) = (self.coarse.n, fine.count);
        let mut by_image = vec![0.0; n * points];
        // Line by line: from point to point the rows are whole pages apart, which is more than the first cache can hold.
        for first in (0..points).step_by(LINE) {
            for (image, row) in by_image.chunks_exact_mut(points).enumerate() {
                for (to, plane) in
                    row[first..][..LINE].iter_mut().zip(fine.values[first * fine.stride..].chunks(fine.stride))
                {
                    *to = plane[image];
                }
            }
        }
        let images: Vec<usize> = (0..n).collect();
        let weights =
            Weights { values: coarse.values, start: 0, rows: coarse.count, stride: coarse.stride, offsets: &images };
        let reads: Vec<usize> = (0..n).map(|image| image * points).collect();
        let region = Region { start: 0, rows: 1, length: points, pitch: points };
        multiply(simd, weights, &by_image, &reads, region, to, points);
    }

    fn coarse_region(&self) -> Region {
        let extent = self.coarse.extent;
        Region { start: 0, rows: extent, length: extent * self.coarse.n, pitch: self.coarse.pitch }
    }
}

impl Terms {
    /// Fine planes and taps, from the place of a coarse pixel in its plane.
    fn of_fine(geometry: Geometry, fine: &Grid) -> Self {
        let plane = |index: usize| fine.front() + index * fine.stride;
        match geometry {
            Geometry::Halving(_) => {
                let planes = 0..4 * fine.channels;
                let weights = |p: usize| OF_TAP.map(|tap| p / 4 * TAPS + OF_PLANE[p % 4] + tap);
                let values = |p: usize| taps(fine).map(|tap| plane(p) + tap);
                Self { weights: planes.clone().flat_map(weights).collect(), values: planes.flat_map(values).collect() }
            }
            Geometry::Collapsing => {
                let points = 0..fine.channels * TAPS;
                Self { weights: points.clone().collect(), values: points.map(plane).collect() }
            }
        }
    }

    /// Coarse channels and taps, from the place of a fine pixel in its plane.
    fn of_coarse(geometry: Geometry, coarse: &Grid, fine_channels: usize) -> Self {
        let channels = 0..coarse.channels;
        let plane = |index: usize| coarse.front() + index * coarse.stride + coarse.origin;
        let row = fine_channels * TAPS;
        match geometry {
            Geometry::Halving(_) => {
                let weights = |channel: usize| OF_TAP.map(|tap| channel * row + tap);
                let values = |channel: usize| taps(coarse).map(|tap| plane(channel) - tap);
                Self {
                    weights: channels.clone().flat_map(weights).collect(),
                    values: channels.flat_map(values).collect(),
                }
            }
            Geometry::Collapsing => Self {
                weights: channels.clone().map(|channel| channel * row).collect(),
                values: channels.map(plane).collect(),
            },
        }
    }
}

/// How far taps (0, 0), (0, 1), (1, 0), (1, 1) reach in the planes of a halving link.
fn taps(grid: &Grid) -> [usize; 4] {
    [0, grid.n, grid.pitch, grid.pitch + grid.n]
}

/// Of the sixteen weights of a kernel, (2a + py, 2b + px) is tap (a, b) of plane (py, px): its number is the sum of
/// `OF_TAP[2a + b]` and `OF_PLANE[2py + px]`.
const OF_TAP: [usize; 4] = [0, 2, 2 * KERNEL, 2 * KERNEL + 2];
const OF_PLANE: [usize; 4] = [0, 1, KERNEL, KERNEL + 1];

#[inline(always)]
fn clear_borders(grid: &Grid, channels: &mut [f32]) {
    for channel in channels.chunks_exact_mut(grid.channel_length()) {
        grid.clear_borders(channel);
    }
}

const _: () = assert!(TAPS == LINE, "the points of a collapsed channel fill whole lines");
