//! Convolution, transposed convolution and the gradient with respect to the kernel, as products of planes.

use pulp::Simd;

use super::correlation::correlate;
use super::grid::{Grid, Placement, first_pixel};
use super::product::{Planes, WeightRows, multiply};
use super::row_pairs::{GROUP, Order, PlaneRegion, multiply_pairs, pair_taps};
use super::simd::LINE;
use crate::network::architecture::Geometry;
use crate::network::architecture::{KERNEL, Padding};

const TAPS: usize = KERNEL * KERNEL;

/// A convolution between a fine and a coarse image, with a kernel `[coarse channels, fine channels, 4, 4]`.
#[derive(Debug, Clone)]
pub struct Convolution {
    pub geometry: Geometry,
    pub coarse: Grid,
    pub fine: Grid,
    /// Offsets from a coarse pixel to the fine ones that it is computed from; with stride 2 to the upper one of each pair.
    fine_reads: Vec<usize>,
    /// Offsets from a fine pixel to the coarse ones that it is computed from; with stride 2 to the upper one of each pair.
    coarse_reads: Vec<usize>,
}

impl Convolution {
    /// The convolution between `[coarse, fine]` channels for `n` images whose fine side is `fine_side`.
    pub fn new(geometry: Geometry, [coarse, fine]: [usize; 2], fine_side: usize, n: usize) -> Self {
        let (placements, border, coarse_side) = match geometry {
            Geometry::Stride2(border) => ([Placement::Whole, Placement::Split], border, fine_side / 2),
            Geometry::Valid => ([Placement::Points; 2], Padding::Zeros, 1),
        };
        let grid = |placement, channels, side| Grid::new(placement, border, channels, side, n);
        let (coarse, fine) = (grid(placements[0], coarse, coarse_side), grid(placements[1], fine, fine_side));
        let of_fine = (0..fine.channels * fine.planes).map(|plane| fine.front() + plane * fine.stride);
        let of_coarse = (0..coarse.channels).map(|channel| coarse.front() + channel * coarse.stride + coarse.origin);
        let (fine_reads, coarse_reads) = match geometry {
            Geometry::Stride2(_) => (
                of_fine.flat_map(|place| [place, place + n]).collect(),
                of_coarse.flat_map(|place| [0, n].map(|x| place - coarse.pitch - x)).collect(),
            ),
            Geometry::Valid => (of_fine.collect(), of_coarse.collect()),
        };
        Self { geometry, coarse, fine, fine_reads, coarse_reads }
    }

    /// Convolution: some coarse channels, as many as `to` has, from all fine ones.
    #[inline(always)]
    pub fn to_coarse<S: Simd>(&self, simd: S, kernel: &[f32], first: usize, fine: &[f32], to: &mut [f32]) {
        let (stride, channels) = (self.coarse.stride, self.fine.channels);
        let (rows, row) = (to.len() / self.coarse.channel_length(), channels * TAPS);
        let (kernel, to) = (&kernel[first * row..][..rows * row], &mut to[self.coarse.origin..]);
        match self.geometry {
            Geometry::Stride2(_) => {
                let mut pairs = Vec::with_capacity(rows * 2 * channels);
                for kernels in kernel.as_chunks().0.chunks_exact(channels) {
                    for py in 0..2 {
                        pairs.extend(kernels.iter().map(|kernel| pair_taps(kernel, py, Order::AsStored)));
                    }
                }
                let group = |channel: usize, py: usize| (py * channels + channel) * GROUP;
                let planes = (0..channels).flat_map(|channel| [0, 1].map(|py| group(channel, py)));
                // px, then the column: weight 2 * column + px of four.
                let offsets: Vec<usize> = planes.flat_map(|group| [0, 2, 1, 3].map(|x| group + x)).collect();
                let (values, stride_of_rows) = (pairs.as_flattened(), 2 * channels * GROUP);
                let weights = WeightRows { values, start: 0, rows, stride: stride_of_rows, offsets: &offsets };
                multiply_pairs(simd, weights, fine, &self.fine_reads, self.coarse_region(), to, stride);
            }
            Geometry::Valid => {
                let offsets: Vec<usize> = (0..row).collect();
                let weights = WeightRows { values: kernel, start: 0, rows, stride: row, offsets: &offsets };
                multiply(simd, weights, fine, &self.fine_reads, self.coarse.n, to, stride);
            }
        }
    }

    /// Transposed convolution: some fine channels, as many as `to` has, from all coarse ones.
    #[inline(always)]
    pub fn to_fine<S: Simd>(&self, simd: S, kernel: &[f32], first: usize, coarse: &[f32], to: &mut [f32]) {
        let count = to.len() / self.fine.channel_length();
        match self.geometry {
            Geometry::Stride2(_) => self.to_planes(simd, kernel, first, count, coarse, to),
            Geometry::Valid => {
                let row = self.fine.channels * TAPS;
                let offsets: Vec<usize> = (0..self.coarse.channels).map(|channel| channel * row).collect();
                let (start, rows) = (first * TAPS, count * TAPS);
                let weights = WeightRows { values: kernel, start, rows, stride: 1, offsets: &offsets };
                // Beyond the last image the values are zero, and so are the sums.
                multiply(simd, weights, coarse, &self.coarse_reads, self.coarse.n, to, self.fine.stride);
            }
        }
    }

    /// [`to_fine`](Self::to_fine) with stride 2.
    #[inline(always)]
    fn to_planes<S: Simd>(&self, simd: S, kernel: &[f32], first: usize, count: usize, coarse: &[f32], to: &mut [f32]) {
        let (stride, pitch, extent, n) = (self.fine.stride, self.fine.pitch, self.fine.extent, self.fine.n);
        let (kernels, _) = kernel.as_chunks();
        let mut pairs = Vec::with_capacity(self.coarse.channels * count);
        let groups = (0..self.coarse.channels).map(|channel| channel * count * GROUP);
        let offsets: Vec<usize> = groups.flat_map(|group| [group, group + 2]).collect();
        for py in 0..2 {
            pairs.clear();
            for kernels in kernels.chunks_exact(self.fine.channels) {
                let kernels = &kernels[first..first + count];
                pairs.extend(kernels.iter().map(|kernel| pair_taps(kernel, py, Order::Reversed)));
            }
            let values = pairs.as_flattened();
            if count.is_multiple_of(4) {
                // One plane of several channels is the rows of one tile.
                for px in 0..2 {
                    let plane = 2 * py + px;
                    let [top, left] = first_pixel(plane);
                    let region = PlaneRegion { start: top * pitch + left * n, rows: extent, length: extent * n, pitch };
                    let weights = WeightRows { values, start: px, rows: count, stride: GROUP, offsets: &offsets };
                    let to = &mut to[plane * stride..];
                    multiply_pairs(simd, weights, coarse, &self.coarse_reads, region, to, 4 * stride);
                }
            } else {
                // Few channels: two planes of each are the rows of one tile, with the border.
                let region = PlaneRegion { start: (1 - py) * pitch, rows: extent, length: pitch, pitch };
                for (channel, to) in to.chunks_exact_mut(4 * stride).enumerate() {
                    let start = channel * GROUP;
                    let weights = WeightRows { values, start, rows: 2, stride: 1, offsets: &offsets };
                    let to = &mut to[2 * py * stride..];
                    multiply_pairs(simd, weights, coarse, &self.coarse_reads, region, to, stride);
                }
            }
        }
    }

    /// Gradient with respect to the kernel for some coarse channels and all fine ones, added to `[coarse, fine, 4, 4]` zeros.
    #[inline(always)]
    pub fn gradient<S: Simd>(&self, simd: S, coarse: &[f32], fine: &[f32], to: &mut [f32]) {
        let fine = Planes::of_batch(&self.fine, fine);
        match self.geometry {
            Geometry::Stride2(_) => self.sum_over_positions(simd, coarse, fine, to),
            Geometry::Valid => self.sum_over_images(simd, Planes::of_block(&self.coarse, coarse), fine, to),
        }
    }

    /// [`gradient`](Self::gradient) with stride 2: sums of many terms.
    #[inline(always)]
    fn sum_over_positions<S: Simd>(&self, simd: S, coarse: &[f32], fine: Planes, to: &mut [f32]) {
        let (region, fine_channels) = (self.coarse_region(), fine.count / 4);
        let runs;
        let (coarse, coarse_region) = if region.length.is_multiple_of(LINE) {
            (Planes::of_block(&self.coarse, coarse), region)
        } else {
            let padded = PlaneRegion { start: 0, pitch: region.length.next_multiple_of(LINE), ..region };
            runs = self.runs(coarse, padded.pitch);
            let stride = padded.rows * padded.pitch;
            (Planes { values: &runs, stride, count: runs.len() / stride }, padded)
        };
        correlate(simd, coarse, fine, [coarse_region, region], self.coarse.n, |c, plane, sums| {
            let kernel = &mut to[(c * fine_channels + plane / 4) * TAPS..][..TAPS];
            for (tap, sum) in sums.into_iter().enumerate() {
                kernel[OF_PLANE[plane % 4] + OF_TAP[tap]] += sum;
            }
        });
    }

    /// The pixels of coarse channels without their border, each row padded with zeros to `pitch` numbers.
    fn runs(&self, coarse: &[f32], pitch: usize) -> Vec<f32> {
        let (channels, region) = (coarse.chunks_exact(self.coarse.channel_length()), self.coarse_region());
        let mut runs = Vec::with_capacity(channels.len() * region.rows * pitch);
        for channel in channels {
            for row in channel[self.coarse.origin..].chunks(region.pitch).take(region.rows) {
                runs.extend_from_slice(&row[..region.length]);
                runs.resize(runs.len() + pitch - region.length, 0.0);
            }
        }
        runs
    }

    /// [`gradient`](Self::gradient) of a valid convolution: few terms, so that SIMD vectors hold results.
    #[inline(always)]
    fn sum_over_images<S: Simd>(&self, simd: S, coarse: Planes, fine: Planes, to: &mut [f32]) {
        let (n, points) = (self.coarse.n, fine.count);
        let mut by_image = vec![0.0; n * points];
        // Line by line: rows of neighbouring points are pages apart, too far for the L1 cache.
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
            WeightRows { values: coarse.values, start: 0, rows: coarse.count, stride: coarse.stride, offsets: &images };
        let reads: Vec<usize> = (0..n).map(|image| image * points).collect();
        multiply(simd, weights, &by_image, &reads, points, to, points);
    }

    fn coarse_region(&self) -> PlaneRegion {
        let extent = self.coarse.extent;
        PlaneRegion { start: 0, rows: extent, length: extent * self.coarse.n, pitch: self.coarse.pitch }
    }
}

/// Of the sixteen weights of a kernel, (2a + py, 2b + px) is tap (a, b) of plane (py, px): its number is the sum of
/// `OF_TAP[2a + b]` and `OF_PLANE[2py + px]`.
const OF_TAP: [usize; 4] = [0, 2, 2 * KERNEL, 2 * KERNEL + 2];
const OF_PLANE: [usize; 4] = [0, 1, KERNEL, KERNEL + 1];

const _: () = assert!(TAPS == LINE, "the points of a channel fill whole lines");
