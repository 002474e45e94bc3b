//! Convolution, transposed convolution and the gradient with respect to the kernel, as products of planes.

use std::borrow::Cow;
use std::ops::Range;

use pulp::Simd;

use super::correlation::correlate;
use super::grid::{Grid, Placement};
use super::parts::{Part, rows_mut};
use super::product::{Planes, WeightRows, multiply};
use super::simd::LINE;
use super::taps::{Multiplication, Order, PackedTaps, PairTaps, PlaneRegion};
use crate::network::architecture::{Axes, Geometry, KERNEL, LayerKind, LayerSpec, Padding};

/// Numbers that are read and written for a band of rows: half of an L2 cache of 1 MiB.
const BAND: usize = 1 << 17;

/// Places of the coarse image that a thread computes at least: fewer would not be worth a task.
const SMALLEST_SHARE: usize = 1 << 11;

/// Parts of the sums over the places of an image with three axes, if it is not small.
const PARTS_OF_SUMS: usize = 8;

/// A convolution, or a transposed one, that gives some channels: their weights, and where it reads.
pub enum Prepared<'a> {
    /// With stride 2; taps for each part of the results.
    Pairs { taps: Cow<'a, [PackedTaps]>, reads: &'a [usize] },
    /// Without padding.
    Valid { weights: WeightRows<'a>, reads: &'a [usize], length: usize },
}

impl Prepared<'_> {
    /// Computes the parts of the results for these channels.
    #[inline(always)]
    pub fn run<S: Simd>(&self, simd: S, from: &[f32], mut to: Vec<Part>) {
        match *self {
            Prepared::Pairs { ref taps, reads } => {
                for (taps, part) in taps.iter().zip(&mut to) {
                    Multiplication { simd, taps, operands: part.operands(from, reads) }.run();
                }
            }
            Prepared::Valid { weights, reads, length } => {
                for part in &mut to {
                    multiply(simd, weights, from, reads, length, part.places());
                }
            }
        }
    }
}

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

    /// The convolution that gives `count` coarse channels, from `first` on, of all fine ones.
    #[inline(always)]
    pub fn to_coarse<'a, S: Simd>(&'a self, kernel: &'a [f32], first: usize, count: usize) -> Prepared<'a> {
        let (channels, reads) = (self.fine.channels, &self.fine_reads[..]);
        let row = channels * self.taps;
        let kernel = &kernel[first * row..][..count * row];
        if self.geometry == Geometry::Valid {
            let weights = WeightRows { values: kernel, rows: count, stride: row, terms: row, step: 1 };
            return Prepared::Valid { weights, reads, length: self.coarse.n };
        }
        let (inner, planes) = (self.inner_places(), self.fine.planes / 2);
        let rows: Vec<usize> = (0..count).map(|coarse| coarse * row).collect();
        let mut terms = Vec::with_capacity(reads.len());
        for channel in 0..channels {
            for parity in 0..2 {
                let first = channel * self.taps + parity * inner.len();
                for plane in 0..planes {
                    terms.extend(inner[plane..].iter().step_by(planes).map(|place| first + place));
                }
            }
        }
        let taps = PairTaps { kernel, rows: &rows, terms: &terms, below: 2 * inner.len(), order: Order::AsStored };
        Prepared::Pairs { taps: vec![taps.packed::<S>()].into(), reads }
    }

    /// The transposed convolution that gives `count` fine channels, from `first` on, of all coarse ones.
    #[inline(always)]
    pub fn to_fine<'a, S: Simd>(&'a self, kernel: &'a [f32], first: usize, count: usize) -> Prepared<'a> {
        let reads = &self.coarse_reads[..];
        if self.geometry == Geometry::Valid {
            let (values, step) = (&kernel[first * self.taps..], self.fine.channels * self.taps);
            let weights = WeightRows { values, rows: count * self.taps, stride: 1, terms: self.coarse.channels, step };
            // Beyond the last image the values are zero, and so are the sums.
            return Prepared::Valid { weights, reads, length: self.coarse.n };
        }
        let (inner, planes) = (self.inner_places(), self.fine.planes / 2);
        let channels: Vec<usize> = (first..first + count).map(|fine| fine * self.taps).collect();
        // The taps of a plane along the middle and the inner axis follow those of plane 0 at one distance.
        let mut terms = Vec::with_capacity(reads.len());
        for coarse in 0..self.coarse.channels {
            let first = coarse * self.fine.channels * self.taps;
            terms.extend(inner.iter().step_by(planes).map(|place| first + place));
        }
        let mut packed = Vec::with_capacity(2 * planes);
        for parity in 0..2 {
            let kernel = &kernel[parity * inner.len()..];
            let taps =
                PairTaps { kernel, rows: &channels, terms: &terms, below: 2 * inner.len(), order: Order::Reversed };
            // The parts of the results are the planes of several channels, or the halves of those of one.
            if count > 1 {
                for place in &inner[..planes] {
                    packed.push(PairTaps { kernel: &kernel[*place..], ..taps }.packed::<S>());
                }
            } else {
                packed.push(PairTaps { kernel: &kernel[channels[0]..], rows: &inner[..planes], ..taps }.packed::<S>());
            }
        }
        Prepared::Pairs { taps: packed.into(), reads }
    }

    /// The convolution or transposed convolution that gives all channels, by taps that were packed before.
    pub fn of_taps<'a>(&'a self, kind: LayerKind, taps: &'a [PackedTaps]) -> Prepared<'a> {
        let reads = match kind {
            LayerKind::Conv => &self.fine_reads,
            LayerKind::ConvTranspose => &self.coarse_reads,
        };
        Prepared::Pairs { taps: taps.into(), reads }
    }

    /// All rows of the coarse image.
    pub fn rows(&self) -> Range<usize> {
        0..self.coarse.extent[0]
    }

    /// The rows of the coarse image in bands: what is read for a band, and the results, of so many coarse and fine channels,
    /// stay in the L2 cache.
    pub fn bands(&self, [coarse, fine]: [usize; 2]) -> Vec<Range<usize>> {
        cut(self.rows().len(), BAND / ((coarse + fine * self.fine.planes) * self.coarse.pitch[0]))
    }

    /// The rows of the coarse image in about so many bands for several threads; one if the image is small.
    pub fn bands_for_threads(&self, count: usize) -> Vec<Range<usize>> {
        let rows = self.rows().len();
        let smallest = SMALLEST_SHARE.div_ceil(self.coarse.pitch[0]);
        cut(rows, if self.coarse.axes == Axes::Two { rows } else { rows.div_ceil(count).max(smallest) })
    }

    /// The rows of the coarse image in parts of the sums for the gradient with respect to the kernel. They are the same for
    /// any number of threads, since the last digits of the sums depend on them.
    pub fn parts_of_sums(&self) -> Vec<Range<usize>> {
        self.bands_for_threads(PARTS_OF_SUMS)
    }

    /// Gradient with respect to the kernel for some coarse channels and all fine ones, added to zeros: the part of some rows.
    #[inline(always)]
    pub fn gradient<S: Simd>(&self, simd: S, rows: &Range<usize>, coarse: &[f32], fine: &[f32], to: &mut [f32]) {
        let fine = Planes::of_batch(&self.fine, fine);
        match self.geometry {
            Geometry::Stride2(_) => self.sum_over_positions(simd, rows, coarse, fine, to),
            Geometry::Valid => self.sum_over_images(simd, Planes::of_block(&self.coarse, coarse), fine, to),
        }
    }

    /// [`gradient`](Self::gradient) with stride 2: sums of many terms.
    #[inline(always)]
    fn sum_over_positions<S: Simd>(&self, simd: S, rows: &Range<usize>, coarse: &[f32], fine: Planes, to: &mut [f32]) {
        let region = PlaneRegion::of(&self.coarse, 0).band(rows);
        let (fine_channels, planes) = (self.fine.channels, self.fine.planes);
        let runs;
        let is_whole =
            region.length.is_multiple_of(LINE) && region.rows.is_multiple_of(2) && self.fine.axes == Axes::Two;
        let (coarse, coarse_region) = if is_whole {
            (Planes::of_block(&self.coarse, coarse), region)
        } else {
            let pitch = region.length.next_multiple_of(LINE);
            let padded = PlaneRegion { start: 0, pitch, rows: region.rows.next_multiple_of(2), ..region };
            runs = self.runs(coarse, rows, padded);
            let stride = padded.rows * padded.pitch;
            (Planes { values: &runs, stride, count: runs.len() / stride }, padded)
        };
        let inner = self.inner_places();
        let (half, taps) = (planes / 2, self.coarse.inner_taps());
        // Taps along the inner axis come in pairs, which share what is read.
        for (pair, taps_of_pair) in taps.chunks_exact(2).enumerate() {
            let fine_region = PlaneRegion { start: region.start + taps_of_pair[0], ..region };
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

    /// The pixels of some rows of coarse channels as rows of `region`, with zeros for the border.
    fn runs(&self, coarse: &[f32], outer: &Range<usize>, region: PlaneRegion) -> Vec<f32> {
        let (length, row, [_, rows, columns]) =
            (self.coarse.channel_length(), self.coarse.pitch[1], self.coarse.extent);
        let first = self.coarse.origin + outer.start * self.coarse.pitch[0];
        let mut runs = vec![0.0; coarse.len() / length * region.rows * region.pitch];
        let of_channels = runs.chunks_exact_mut(region.rows * region.pitch).zip(coarse.chunks_exact(length));
        for (to, channel) in of_channels {
            let of_layers = to.chunks_exact_mut(region.pitch).zip(channel[first..].chunks(self.coarse.pitch[0]));
            for (to, layer) in of_layers.take(outer.len()) {
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
        let weights =
            WeightRows { values: coarse.values, rows: coarse.count, stride: coarse.stride, terms: n, step: 1 };
        let reads: Vec<usize> = (0..n).map(|image| image * points).collect();
        multiply(simd, weights, &by_image, &reads, points, rows_mut(to, coarse.count, points));
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

/// `rows` rows in bands of about `band` ones, pairs of rows, as they are computed in pairs.
fn cut(rows: usize, band: usize) -> Vec<Range<usize>> {
    let band = band.max(2) / 2 * 2;
    let (mut bands, mut start) = (Vec::new(), 0);
    while start < rows {
        let end = if rows - start < band + 2 { rows } else { start + band };
        bands.push(start..end);
        start = end;
    }
    bands
}

const _: () = assert!(KERNEL * KERNEL == LINE, "the points of a channel fill whole lines");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_pairs_of_rows_and_leave_none_alone() {
        for side in [4, 6, 18, 50, 254, 1022] {
            let halving = LayerSpec::linear(LayerKind::Conv, Geometry::Stride2(Padding::Periodic), 64, 32);
            let convolution = Convolution::new(&halving, [1, side, 64], 1);
            for channels in [[1, 1], [32, 64], [512, 512]] {
                let bands = convolution.bands(channels);
                assert!(bands.iter().all(|band| band.start % 2 == 0 && band.len() > 1), "{bands:?}");
                assert_eq!(bands.into_iter().flatten().collect::<Vec<_>>(), Vec::from_iter(convolution.rows()));
            }
        }
    }
}
