//! Convolution, transposed convolution and the gradient with respect to the kernel, as products of planes.

use pulp::Simd;

use super::correlation::correlate;
use super::grid::{Grid, Placement};
use super::product::{Planes, WeightRows, multiply};
use super::row_pairs::{Order, PairMultiplication, PairTaps, PlaneRegion};
use super::simd::LINE;
use crate::network::architecture::{Axes, Geometry, KERNEL, LayerSpec, Padding};

/// A convolution between a fine and a coarse image, with a kernel `[coarse channels, fine channels, ...]`.
#[derive(Debug, Clone)]
pub struct Convolution {
    pub geometry: Geometry,
    pub coarse: Grid,
    pub fine: Grid,
    /// Weights of one coarse and one fine channel.
    taps: usize,
    /// Offsets from a coarse pixel to the fine ones that it is computed from; with stride 2 to the upper one of each pair.
    fine_reads: Vec<usize>,
    /// Offsets from a fine pixel to the coarse ones that it is computed from; with stride 2 to the upper one of each pair.
    coarse_reads: Vec<usize>,
}

impl Convolution {
    /// The convolution of a layer for `n` images with the given sides of the fine image.
    pub fn new(spec: &LayerSpec, fine_sides: [usize; 3], n: usize) -> Self {
        let [coarse, fine, taps @ ..] = spec.kernel_shape();
        let (placements, border, divisors) = match (spec.geometry, spec.axes) {
            (Geometry::Stride2(border), Axes::Two) => ([Placement::Whole, Placement::Split], border, [1, 2, 2]),
            (Geometry::Stride2(border), Axes::Three) => ([Placement::Whole, Placement::Split], border, [2; 3]),
            (Geometry::Valid, _) => ([Placement::Points; 2], Padding::Zeros, taps),
        };
        let coarse_sides = std::array::from_fn(|axis| fine_sides[axis] / divisors[axis]);
        let grid = |placement, channels, sides| Grid::new(placement, border, spec.axes, channels, sides, n);
        let (coarse, fine) = (grid(placements[0], coarse, coarse_sides), grid(placements[1], fine, fine_sides));
        let of_fine = (0..fine.channels * fine.planes).map(|plane| fine.front() + plane * fine.stride);
        let of_coarse = (0..coarse.channels).map(|channel| coarse.front() + channel * coarse.stride + coarse.origin);
        let inner = coarse.inner_taps();
        let (fine_reads, coarse_reads) = match spec.geometry {
            Geometry::Stride2(_) => (
                of_fine.flat_map(|place| inner.iter().map(move |tap| place + tap)).collect(),
                of_coarse.flat_map(|place| inner.iter().map(move |tap| place - coarse.pitch[0] - tap)).collect(),
            ),
            Geometry::Valid => (of_fine.collect(), of_coarse.collect()),
        };
        Self { geometry: spec.geometry, coarse, fine, taps: taps.iter().product(), fine_reads, coarse_reads }
    }

    /// Convolution: some coarse channels, as many as `to` has, from all fine ones.
    #[inline(always)]
    pub fn to_coarse<S: Simd>(&self, simd: S, kernel: &[f32], first: usize, fine: &[f32], to: &mut [f32]) {
        let (stride, channels) = (self.coarse.stride, self.fine.channels);
        let (rows, row) = (to.len() / self.coarse.channel_length(), channels * self.taps);
        let (kernel, to) = (&kernel[first * row..][..rows * row], &mut to[self.coarse.origin..]);
        match self.geometry {
            Geometry::Stride2(_) => {
                let (inner, planes) = (self.inner_places(), self.fine.planes / 2);
                let rows: Vec<usize> = (0..rows).map(|coarse| coarse * row).collect();
                let mut terms = Vec::with_capacity(self.fine_reads.len());
                for channel in 0..channels {
                    for parity in 0..2 {
                        let first = channel * self.taps + parity * inner.len();
                        for plane in 0..planes {
                            terms.extend(inner[plane..].iter().step_by(planes).map(|place| first + place));
                        }
                    }
                }
                let taps =
                    PairTaps { kernel, rows: &rows, terms: &terms, below: 2 * inner.len(), order: Order::AsStored };
                let (reads, region) = (&self.fine_reads, PlaneRegion::of(&self.coarse, 0));
                PairMultiplication { simd, taps, from: fine, reads, region, to, to_stride: stride }.run();
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
                let row = self.fine.channels * self.taps;
                let offsets: Vec<usize> = (0..self.coarse.channels).map(|channel| channel * row).collect();
                let (start, rows) = (first * self.taps, count * self.taps);
                let weights = WeightRows { values: kernel, start, rows, stride: 1, offsets: &offsets };
                // Beyond the last image the values are zero, and so are the sums.
                multiply(simd, weights, coarse, &self.coarse_reads, self.coarse.n, to, self.fine.stride);
            }
        }
    }

    /// [`to_fine`](Self::to_fine) with stride 2.
    #[inline(always)]
    fn to_planes<S: Simd>(&self, simd: S, kernel: &[f32], first: usize, count: usize, coarse: &[f32], to: &mut [f32]) {
        let (stride, inner, planes) = (self.fine.stride, self.inner_places(), self.fine.planes / 2);
        let reads = &self.coarse_reads;
        let channels: Vec<usize> = (first..first + count).map(|fine| fine * self.taps).collect();
        // The taps of a plane along the middle and the inner axis follow those of plane 0 at one distance.
        let mut terms = Vec::with_capacity(self.coarse_reads.len());
        for coarse in 0..self.coarse.channels {
            let first = coarse * self.fine.channels * self.taps;
            terms.extend(inner.iter().step_by(planes).map(|place| first + place));
        }
        for parity in 0..2 {
            let kernel = &kernel[parity * inner.len()..];
            let taps =
                PairTaps { kernel, rows: &channels, terms: &terms, below: 2 * inner.len(), order: Order::Reversed };
            if count > 1 {
                // One plane of several channels is the rows of one tile.
                for (plane, place) in inner[..planes].iter().enumerate() {
                    let index = parity * planes + plane;
                    let region = PlaneRegion::of(&self.fine, self.fine.first_pixel(index));
                    let (taps, to) = (PairTaps { kernel: &kernel[*place..], ..taps }, &mut to[index * stride..]);
                    let to_stride = 2 * planes * stride;
                    PairMultiplication { simd, taps, from: coarse, reads, region, to, to_stride }.run();
                }
            } else {
                // The planes of one channel are the rows of one tile, with the border before or behind their pixels.
                let region = PlaneRegion::of(&self.fine, (1 - parity) * self.fine.pitch[0]);
                let border = self.fine.first_pixel(0) - self.fine.pitch[0];
                let region = PlaneRegion { length: region.length + border, ..region };
                let (kernel, to) = (&kernel[channels[0]..], &mut to[parity * planes * stride..]);
                let taps = PairTaps { kernel, rows: &inner[..planes], ..taps };
                PairMultiplication { simd, taps, from: coarse, reads, region, to, to_stride: stride }.run();
            }
        }
    }

    /// Gradient with respect to the kernel for some coarse channels and all fine ones, added to zeros.
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
        let (region, fine_channels, planes) = (PlaneRegion::of(&self.coarse, 0), self.fine.channels, self.fine.planes);
        let runs;
        let is_whole =
            region.length.is_multiple_of(LINE) && region.rows.is_multiple_of(2) && self.fine.axes == Axes::Two;
        let (coarse, coarse_region) = if is_whole {
            (Planes::of_block(&self.coarse, coarse), region)
        } else {
            let pitch = region.length.next_multiple_of(LINE);
            let padded = PlaneRegion { pitch, rows: region.rows.next_multiple_of(2), ..region };
            runs = self.runs(coarse, padded);
            let stride = padded.rows * padded.pitch;
            (Planes { values: &runs, stride, count: runs.len() / stride }, padded)
        };
        let inner = self.inner_places();
        let (half, taps) = (planes / 2, self.coarse.inner_taps());
        // Taps along the inner axis come in pairs, which share what is read.
        for (pair, taps_of_pair) in taps.chunks_exact(2).enumerate() {
            let fine_region = PlaneRegion { start: taps_of_pair[0], ..region };
            correlate(simd, coarse, fine, [coarse_region, fine_region], self.coarse.n, |c, plane, sums| {
                let kernel = &mut to[(c * fine_channels + plane / planes) * self.taps..][..self.taps];
                let (parity, plane) = (plane % planes / half, plane % half);
                for (tap, sum) in sums.into_iter().enumerate() {
                    let (outer, column) = (2 * (tap / 2) + parity, tap % 2);
                    kernel[outer * inner.len() + inner[(2 * pair + column) * half + plane]] += sum;
                }
            });
        }
    }

    /// The pixels of coarse channels as rows of `region`, with zeros for the border.
    fn runs(&self, coarse: &[f32], region: PlaneRegion) -> Vec<f32> {
        let (length, row, [layers, rows, columns]) =
            (self.coarse.channel_length(), self.coarse.pitch[1], self.coarse.extent);
        let mut runs = vec![0.0; coarse.len() / length * region.rows * region.pitch];
        let of_channels = runs.chunks_exact_mut(region.rows * region.pitch).zip(coarse.chunks_exact(length));
        for (to, channel) in of_channels {
            let of_layers =
                to.chunks_exact_mut(region.pitch).zip(channel[self.coarse.origin..].chunks(self.coarse.pitch[0]));
            for (to, layer) in of_layers.take(layers) {
                for (to, row) in to.chunks_mut(row).zip(layer.chunks(row)).take(rows) {
                    to[..columns * self.coarse.n].copy_from_slice(&row[..columns * self.coarse.n]);
                }
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

    /// Places of a kernel along its middle and inner axis, in the order tap, plane: with two axes, places 2b + px for
    /// tap b and plane px; with three, 4 (2a + py) + 2b + px for tap (a, b) and plane (py, px).
    fn inner_places(&self) -> &'static [usize] {
        match self.fine.axes {
            Axes::Two => &[0, 1, 2, 3],
            Axes::Three => &[0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15],
        }
    }
}

const _: () = assert!(KERNEL * KERNEL == LINE, "the points of a channel fill whole lines");
