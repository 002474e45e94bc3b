//! What ties a coarse image to a fine one: convolution down, transposed convolution up, the gradient by the kernel.

use std::ops::Range;

use pulp::Simd;

use super::grid::{Grid, LINE, Placement, first_pixel};
use super::product::{Planes, Region, Weights, correlate, multiply};
use crate::network::Geometry;
use crate::network::convolution::KERNEL;

const TAPS: usize = KERNEL * KERNEL;

/// A kernel's two ends. The kernel is `[coarse channels, fine channels, 4, 4]`.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    pub geometry: Geometry,
    pub coarse: Grid,
    pub fine: Grid,
}

/// The weights for some channels, in the order the products read them.
pub struct Packed {
    /// One part, or one a plane of the fine channels.
    parts: Vec<Weights>,
}

impl Link {
    /// The link between `channels` = [coarse, fine] for `n` images whose fine side is `fine_side`.
    pub fn new(geometry: Geometry, [coarse, fine]: [usize; 2], fine_side: usize, n: usize) -> Self {
        let (placements, coarse_side) = match geometry {
            Geometry::Halving => ([Placement::Whole, Placement::Split], fine_side / 2),
            Geometry::Collapsing => ([Placement::Points; 2], 1),
        };
        let grid = |placement, channels, side| Grid { placement, channels, side, n };
        Self { geometry, coarse: grid(placements[0], coarse, coarse_side), fine: grid(placements[1], fine, fine_side) }
    }

    /// Weights for [`to_coarse`](Self::to_coarse), those of each coarse channel times its factor.
    #[inline(always)]
    pub fn pack_to_coarse(&self, kernel: &[f32], channels: Range<usize>, factors: &[f32]) -> Packed {
        let row = self.fine.channels * TAPS;
        let starts: Vec<usize> = channels.map(|channel| channel * row).collect();
        let mut offsets = Vec::with_capacity(row);
        match self.geometry {
            Geometry::Halving => {
                for source in 0..self.fine.channels * 4 {
                    let start = source / 4 * TAPS + OF_PLANE[source % 4];
                    offsets.extend_from_slice(&OF_TAP.map(|tap| start + tap));
                }
            }
            Geometry::Collapsing => offsets.extend(0..row),
        }
        Packed { parts: vec![Weights::pack(kernel, &starts, &offsets, factors)] }
    }

    /// Convolution: the coarse channels that `packed` is for, from all fine ones.
    #[inline(always)]
    pub fn to_coarse<S: Simd>(&self, simd: S, packed: &Packed, fine: &[f32], to: &mut [f32]) {
        let (region, stride) = (self.coarse_region(), self.coarse.stride());
        let from = planes(&self.fine, fine);
        let weights = &packed.parts[0];
        match self.geometry {
            Geometry::Halving => multiply(simd, weights, from, self.coarse_taps(), region, to, stride),
            Geometry::Collapsing => multiply(simd, weights, from, [0], region, to, stride),
        }
        if !region.is_whole_lines() {
            clear_borders(&self.coarse, to);
        }
    }

    /// Weights for [`to_fine`](Self::to_fine), those of each fine channel times its factor.
    #[inline(always)]
    pub fn pack_to_fine(&self, kernel: &[f32], channels: Range<usize>, factors: &[f32]) -> Packed {
        let row = self.fine.channels * TAPS;
        let sources = 0..self.coarse.channels;
        if self.geometry == Geometry::Collapsing {
            let starts: Vec<usize> = (channels.start * TAPS..channels.end * TAPS).collect();
            let offsets: Vec<usize> = sources.map(|source| source * row).collect();
            let factors: Vec<f32> = factors.iter().flat_map(|&factor| [factor; TAPS]).collect();
            return Packed { parts: vec![Weights::pack(kernel, &starts, &offsets, &factors)] };
        }
        let mut offsets = Vec::with_capacity(4 * sources.len());
        for source in sources {
            offsets.extend_from_slice(&OF_TAP.map(|tap| source * row + tap));
        }
        let mut parts = Vec::with_capacity(4 * channels.len());
        if self.plane_by_plane(channels.len()) {
            for plane in OF_PLANE {
                let starts: Vec<usize> = channels.clone().map(|channel| channel * TAPS + plane).collect();
                parts.push(Weights::pack(kernel, &starts, &offsets, factors));
            }
        } else {
            for (channel, &factor) in channels.zip(factors) {
                let starts = OF_PLANE.map(|plane| channel * TAPS + plane);
                parts.push(Weights::pack(kernel, &starts, &offsets, &[factor; 4]));
            }
        }
        Packed { parts }
    }

    /// Transposed convolution: the fine channels that `packed` is for, from all coarse ones.
    #[inline(always)]
    pub fn to_fine<S: Simd>(&self, simd: S, packed: &Packed, coarse: &[f32], to: &mut [f32]) {
        let stride = self.fine.stride();
        let from = planes(&self.coarse, coarse);
        let count = to.len() / self.fine.channel_length();
        if self.geometry == Geometry::Collapsing {
            let region = self.coarse_region();
            multiply(simd, &packed.parts[0], from, [0], region, to, stride);
            if !region.is_whole_lines() {
                clear_borders(&self.fine, to);
            }
            return;
        }
        let taps = self.coarse_taps().map(|tap| -tap);
        let (extent, pitch, n) = (self.fine.extent(), self.fine.pitch(), self.fine.n);
        if self.plane_by_plane(count) {
            let mut whole_lines = true;
            for (plane, weights) in packed.parts.iter().enumerate() {
                let [top, left] = first_pixel(plane);
                let region = Region { start: top * pitch + left * n, rows: extent, length: extent * n, pitch };
                whole_lines &= region.is_whole_lines();
                multiply(simd, weights, from, taps, region, &mut to[plane * stride..], 4 * stride);
            }
            if whole_lines {
                return;
            }
        } else {
            // Few channels: the four planes of each are the rows of one tile, with the border, which is then cleared.
            let region = Region { start: 0, rows: extent + 1, length: pitch, pitch };
            for (weights, to) in packed.parts.iter().zip(to.chunks_exact_mut(4 * stride)) {
                multiply(simd, weights, from, taps, region, to, stride);
            }
        }
        clear_borders(&self.fine, to);
    }

    /// Gradient by the kernel for some coarse channels and all fine ones: `[coarse, fine, 4, 4]`.
    #[inline(always)]
    pub fn gradient_by_coarse<S: Simd>(&self, simd: S, coarse: &[f32], fine: &[f32], to: &mut [f32]) {
        let stride = self.coarse.stride();
        let rows = coarse.len() / stride;
        let coarse = Planes { values: coarse, first: 0, stride };
        match self.geometry {
            Geometry::Halving => {
                self.correlate(simd, coarse, rows, planes(&self.fine, fine), self.fine.channels, to);
            }
            Geometry::Collapsing => {
                self.outer(simd, coarse, rows, planes(&self.fine, fine), self.fine.channels * TAPS, to);
            }
        }
    }

    /// Gradient by the kernel for some fine channels and all coarse ones: `[coarse, fine, 4, 4]`.
    #[inline(always)]
    pub fn gradient_by_fine<S: Simd>(&self, simd: S, fine: &[f32], coarse: &[f32], to: &mut [f32]) {
        let count = fine.len() / self.fine.channel_length();
        let fine = Planes { values: fine, first: 0, stride: self.fine.stride() };
        let coarse = planes(&self.coarse, coarse);
        match self.geometry {
            Geometry::Halving => self.correlate(simd, coarse, self.coarse.channels, fine, count, to),
            Geometry::Collapsing => self.outer(simd, coarse, self.coarse.channels, fine, count * TAPS, to),
        }
    }

    /// Sums over the positions of all images: many terms, few results.
    #[inline(always)]
    fn correlate<S: Simd>(
        &self,
        simd: S,
        coarse: Planes,
        coarse_channels: usize,
        fine: Planes,
        fine_channels: usize,
        to: &mut [f32],
    ) {
        let (taps, region) = (self.coarse_taps(), self.coarse_region());
        correlate(simd, coarse, coarse_channels, fine, fine_channels * 4, taps, region, |c, plane, sums| {
            let kernel = &mut to[(c * fine_channels + plane / 4) * TAPS..][..TAPS];
            for (tap, sum) in sums.into_iter().enumerate() {
                kernel[OF_PLANE[plane % 4] + OF_TAP[tap]] = sum;
            }
        });
    }

    /// Sums over the images alone: few terms, many results, so that the results are what fills vectors.
    #[inline(always)]
    fn outer<S: Simd>(&self, simd: S, coarse: Planes, rows: usize, fine: Planes, points: usize, to: &mut [f32]) {
        let n = self.coarse.n;
        let mut by_image = vec![0.0; n * points];
        for point in 0..points {
            let values = &fine.values[fine.first + point * fine.stride..][..n];
            for (image, &value) in values.iter().enumerate() {
                by_image[image * points + point] = value;
            }
        }
        let starts: Vec<usize> = (0..rows).map(|row| coarse.first + row * coarse.stride).collect();
        let images: Vec<usize> = (0..n).collect();
        let weights = Weights::pack(coarse.values, &starts, &images, &vec![1.0; rows]);
        let from = Planes { values: &by_image, first: 0, stride: points };
        let region = Region { start: 0, rows: 1, length: points, pitch: points };
        multiply(simd, &weights, from, [0], region, to, points);
    }

    /// Offsets in the fine planes of taps (0, 0), (0, 1), (1, 0), (1, 1), seen from a coarse pixel.
    fn coarse_taps(&self) -> [isize; 4] {
        let (pitch, n) = (self.coarse.pitch() as isize, self.coarse.n as isize);
        [0, n, pitch, pitch + n]
    }

    fn coarse_region(&self) -> Region {
        let extent = self.coarse.extent();
        Region { start: 0, rows: extent, length: extent * self.coarse.n, pitch: self.coarse.pitch() }
    }

    /// Whether one plane of several fine channels is a tile's rows, rather than the four planes of one channel.
    fn plane_by_plane(&self, channels: usize) -> bool {
        channels.is_multiple_of(4)
    }
}

/// Of the sixteen weights of a kernel, (2a + py, 2b + px) is tap (a, b) of plane (py, px): its number is the sum of
/// `OF_TAP[2a + b]` and `OF_PLANE[2py + px]`.
const OF_TAP: [usize; 4] = [0, 2, 2 * KERNEL, 2 * KERNEL + 2];
const OF_PLANE: [usize; 4] = [0, 1, KERNEL, KERNEL + 1];

fn planes<'a>(grid: &Grid, values: &'a [f32]) -> Planes<'a> {
    Planes { values, first: grid.front(), stride: grid.stride() }
}

#[inline(always)]
fn clear_borders(grid: &Grid, channels: &mut [f32]) {
    for channel in channels.chunks_exact_mut(grid.channel_length()) {
        grid.clear_borders(channel);
    }
}

const _: () = assert!(TAPS == LINE, "the points of a collapsed channel fill whole lines");
