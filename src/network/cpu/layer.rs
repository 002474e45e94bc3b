//! The tasks of one layer: each is the work of one thread between two synchronisations.
//!
//! A task takes a block of output channels from the convolution to the activated result, while the values are in the cache.
//! Backward it goes from the convolution with the next layer's kernel to the gradient of shift and scale. Where there are fewer
//! such blocks than threads, the products of volumes are computed first, in bands of rows.

use std::iter;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::convolution::{Convolution, Prepared};
use super::elementwise::{
    Activated, Affine, Moments, activate, activate_backward, add_noise, moments, normalise_backward, sum_of_products,
};
use super::grid::Grid;
use super::parts::{Part, block};
use super::taps::PackedTaps;
use crate::network::architecture::{Geometry, LEAKY_SLOPE, LayerKind, LayerSpec};

/// A layer, and where its values lie.
#[derive(Debug, Clone)]
pub struct Layer {
    pub spec: LayerSpec,
    pub convolution: Convolution,
    /// Output, placed as the next layer needs it.
    pub outer: Grid,
}

/// The way through a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// From the layer's input to its output.
    Forward,
    /// Gradient with respect to the input, from that with respect to the output.
    Backward,
}

/// The weights of one layer, as slices.
#[derive(Clone, Copy)]
pub struct LayerParameters<'a> {
    pub kernel: &'a [f32],
    /// The kernel's taps for all output channels, if they are packed already; otherwise none.
    pub taps: &'a [PackedTaps],
    pub shift: &'a [f32],
    pub scale: Option<&'a [f32]>,
    pub gain: Option<&'a [f32]>,
}

impl Layer {
    /// Placement of the input.
    pub fn input(&self) -> Grid {
        match self.spec.kind {
            LayerKind::Conv => self.convolution.fine,
            LayerKind::ConvTranspose => self.convolution.coarse,
        }
    }

    /// Placement of the convolution's result.
    pub fn output(&self) -> Grid {
        match self.spec.kind {
            LayerKind::Conv => self.convolution.coarse,
            LayerKind::ConvTranspose => self.convolution.fine,
        }
    }

    /// Placement of the noise: as the convolution's result, of one channel.
    pub fn noise(&self) -> Grid {
        self.output().with_channels(1)
    }

    /// Placement of what a pass through the convolution gives.
    fn results(&self, pass: Pass) -> Grid {
        match pass {
            Pass::Forward => self.output(),
            Pass::Backward => self.input(),
        }
    }

    /// The weights of a pass for `count` of its results' channels from `first` on.
    #[inline(always)]
    fn prepared<'a, S: Simd>(&'a self, pass: Pass, kernel: &'a [f32], first: usize, count: usize) -> Prepared<'a> {
        match (self.spec.kind, pass) {
            (LayerKind::Conv, Pass::Forward) | (LayerKind::ConvTranspose, Pass::Backward) => {
                self.convolution.to_coarse::<S>(kernel, first, count)
            }
            _ => self.convolution.to_fine::<S>(kernel, first, count),
        }
    }

    /// A pass through the convolution by tasks of some channels and rows, if whole channels are too few for `threads`.
    pub fn products<'a>(
        &'a self,
        pass: Pass,
        kernel: &'a [f32],
        from: &'a [f32],
        to: &'a mut [f32],
        threads: usize,
    ) -> Option<Vec<Product<'a>>> {
        let grid = self.results(pass);
        let count = block(grid.channels);
        let blocks = grid.channels.div_ceil(count);
        let bands = self.convolution.bands_for_threads((2 * threads).div_ceil(blocks));
        if blocks >= threads || bands.len() < 2 {
            return None;
        }
        let blocks: Vec<Vec<Part>> =
            grid.channels_mut(to, count).map(|channels| Part::all(&grid, &self.convolution.rows(), channels)).collect();
        if !blocks.iter().flatten().all(Part::can_be_split) {
            return None;
        }
        let of_block = |(index, parts): (usize, Vec<Part<'a>>)| {
            let mut split: Vec<_> = parts.into_iter().map(|part| part.split(&bands).into_iter()).collect();
            let products = bands.iter().map(|_| Product {
                layer: self,
                kernel,
                pass,
                first: index * count,
                count: count.min(grid.channels - index * count),
                from,
                to: split.iter_mut().filter_map(Iterator::next).collect(),
            });
            products.collect::<Vec<_>>()
        };
        Some(blocks.into_iter().enumerate().flat_map(of_block).collect())
    }

    /// Gradient with respect to the kernel, in tasks of some coarse channels each: of the first of the parts of the sums to
    /// `first`, and of the others, one behind the other, to `others`, which are to be added to it.
    pub fn by_kernel<'a>(
        &'a self,
        input: &'a [f32],
        by_product: &'a [f32],
        first: &'a mut [f32],
        others: &'a mut Vec<f32>,
    ) -> Vec<ByKernel<'a>> {
        let (coarse, fine) = match self.spec.kind {
            LayerKind::Conv => (by_product, input),
            LayerKind::ConvTranspose => (input, by_product),
        };
        let grid = &self.convolution.coarse;
        // Each task transposes all fine channels first, so there are few tasks.
        let count = match self.spec.geometry {
            Geometry::Stride2(_) => block(grid.channels),
            Geometry::Valid => grid.channels.div_ceil(2),
        };
        let (parts, length) = (self.convolution.parts_of_sums(), first.len());
        others.resize((parts.len() - 1) * length, 0.0);
        let to = iter::once(first).chain(others.chunks_exact_mut(length));
        let tasks = parts.into_iter().zip(to).flat_map(|(rows, to)| {
            let to = to.chunks_mut(count * (length / grid.channels));
            let of_part = grid.channels(coarse, count).zip(to);
            of_part.map(move |(coarse, to)| ByKernel {
                convolution: &self.convolution,
                rows: rows.clone(),
                coarse,
                fine,
                to,
            })
        });
        tasks.collect()
    }

    /// The coarse rows in bands that a task of `count` output channels computes one after the other, while their values are in
    /// the cache. The moments of a normalised layer are those of all rows.
    fn bands(&self, count: usize) -> Vec<Range<usize>> {
        match self.spec.kind {
            _ if self.spec.normalised || self.spec.geometry == Geometry::Valid => vec![self.convolution.rows()],
            LayerKind::Conv => self.convolution.bands([count, self.spec.inputs]),
            LayerKind::ConvTranspose => self.convolution.bands([self.spec.inputs, count]),
        }
    }

    /// The places along the outermost axis of the output that belong to a band.
    fn image_rows(&self, band: &Range<usize>) -> Range<usize> {
        let scale = self.output().outer_side() / self.convolution.coarse.extent[0];
        band.start * scale..band.end * scale
    }

    fn affine(&self, weights: &LayerParameters, channel: usize, moments: &Moments) -> Affine {
        let slope = if self.spec.activated { LEAKY_SLOPE as f32 } else { 1.0 };
        let scale = weights.scale.map_or(1.0, |scale| scale[channel]);
        let (mean, factor) = match self.spec.normalised {
            true => (moments.mean, scale * moments.inverse_deviation),
            false => (0.0, scale),
        };
        Affine { mean, factor, shift: weights.shift[channel], slope }
    }
}

/// A pass through a convolution alone, for some channels of its results.
pub struct Product<'a> {
    layer: &'a Layer,
    kernel: &'a [f32],
    pass: Pass,
    first: usize,
    count: usize,
    from: &'a [f32],
    /// All rows of the results, or a band of them.
    to: Vec<Part<'a>>,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { layer, kernel, pass, first, count, from, to } = self;
        layer.prepared::<S>(pass, kernel, first, count).run(simd, from, to);
    }
}

/// Forward pass with the statistics of the batch.
pub struct Forward<'a> {
    pub layer: &'a Layer,
    pub weights: LayerParameters<'a>,
    /// `None` if the results of the convolution are already in `values`.
    pub input: Option<&'a [f32]>,
    /// Number of the first channel.
    pub first: usize,
    /// Result of the convolution for these channels.
    pub values: &'a mut [f32],
    pub moments: &'a mut [Moments],
    /// One channel of it, if there is any.
    pub noise: Option<&'a [f32]>,
    pub output: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { layer, weights, input, first, values, moments, noise, output } = self;
        let (grid, outer, count) = (layer.output(), layer.outer, moments.len());
        let mut product = None;
        if let Some(input) = input {
            let is_packed = !weights.taps.is_empty() && count == layer.spec.outputs;
            let prepared = match is_packed {
                true => layer.convolution.of_taps(layer.spec.kind, weights.taps),
                false => layer.prepared::<S>(Pass::Forward, weights.kernel, first, count),
            };
            product = Some((prepared, input));
        }
        let noise = noise.zip(weights.gain);
        for band in layer.bands(count) {
            if let Some((prepared, input)) = &product {
                prepared.run(simd, input, Part::all(&grid, &band, values));
            }
            let channels = values.chunks_exact_mut(grid.channel_length());
            let outputs = output.chunks_exact_mut(outer.channel_length());
            for (index, ((values, output), moments)) in channels.zip(outputs).zip(&mut *moments).enumerate() {
                if let Some((noise, gain)) = noise {
                    add_noise(&grid, &band, noise, gain[first + index], values);
                }
                if layer.spec.normalised {
                    *moments = self::moments(simd, &grid, values);
                }
                let affine = layer.affine(&weights, first + index, moments);
                let channel = Activated { grid: &grid, values, affine };
                activate(simd, channel, &outer, output, layer.image_rows(&band));
            }
        }
        output.chunks_exact_mut(outer.channel_length()).for_each(|output| outer.wrap(output));
    }
}

/// The next layer, from which the gradient comes.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    pub layer: &'a Layer,
    pub kernel: &'a [f32],
    /// Gradient with respect to the result of its convolution, all channels.
    pub by_product: &'a [f32],
}

impl<'a> Next<'a> {
    /// The gradient with respect to its input as in [`Layer::products`].
    pub fn products(self, to: &'a mut [f32], threads: usize) -> Option<Vec<Product<'a>>> {
        self.layer.products(Pass::Backward, self.kernel, self.by_product, to, threads)
    }

    /// The gradient with respect to some of its input's channels, from `first` on.
    #[inline(always)]
    pub fn product(self, first: usize, to: &'a mut [f32]) -> Product<'a> {
        let Self { layer, kernel, by_product } = self;
        let grid = layer.input();
        let count = to.len() / grid.channel_length();
        Product {
            layer,
            kernel,
            pass: Pass::Backward,
            first,
            count,
            from: by_product,
            to: Part::all(&grid, &layer.convolution.rows(), to),
        }
    }
}

/// Backward pass through one layer for a block of its channels.
pub struct Backward<'a> {
    pub layer: &'a Layer,
    pub weights: LayerParameters<'a>,
    pub first: usize,
    /// `None` if the gradient is already in `by_output`, as that of the last layer is.
    pub next: Option<Next<'a>>,
    /// Gradient with respect to the layer's output, in its outer placement.
    pub by_output: &'a mut [f32],
    pub values: &'a [f32],
    pub moments: &'a [Moments],
    /// One channel of it, if there is any.
    pub noise: Option<&'a [f32]>,
    /// Gradient with respect to the convolution's result.
    pub by_product: &'a mut [f32],
    /// Gradients with respect to shift, scale and gain.
    pub sums: &'a mut [Sums],
}

/// Gradients with respect to shift, scale and gain of one channel.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sums {
    pub by_shift: f32,
    pub by_scale: f32,
    pub by_gain: f32,
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (layer, grid, outer) = (self.layer, self.layer.output(), self.layer.outer);
        if let Some(next) = &self.next {
            next.product(self.first, self.by_output).with_simd(simd);
        }
        let length = grid.channel_length();
        for (index, moments) in self.moments.iter().enumerate() {
            let from = &self.by_output[index * outer.channel_length()..][..outer.channel_length()];
            let values = &self.values[index * length..][..length];
            let to = &mut self.by_product[index * length..][..length];
            let affine = layer.affine(&self.weights, self.first + index, moments);
            let activated = Activated { grid: &grid, values, affine };
            let (by_shift, by_difference) = activate_backward(simd, &outer, from, activated, to);
            let by_scale = by_difference * f64::from(moments.inverse_deviation);
            if layer.spec.normalised {
                normalise_backward(simd, activated, moments.inverse_deviation, (by_shift, by_scale), to);
            }
            let by_gain = self.noise.map_or(0.0, |noise| sum_of_products(&grid, noise, to));
            grid.wrap(to);
            self.sums[index] = Sums { by_shift: by_shift as f32, by_scale: by_scale as f32, by_gain };
        }
    }
}

/// Gradient with respect to the kernel for some coarse channels and all fine ones, added to zeros.
pub struct ByKernel<'a> {
    convolution: &'a Convolution,
    /// The rows of the coarse image that are added up.
    rows: Range<usize>,
    coarse: &'a [f32],
    fine: &'a [f32],
    to: &'a mut [f32],
}

impl WithSimd for ByKernel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.convolution.gradient(simd, &self.rows, self.coarse, self.fine, self.to);
    }
}

/// Tasks of a backward pass that may run in parallel.
pub enum Task<'a> {
    Product(Product<'a>),
    Backward(Backward<'a>),
    ByKernel(ByKernel<'a>),
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self {
            Self::Product(task) => task.with_simd(simd),
            Self::Backward(task) => task.with_simd(simd),
            Self::ByKernel(task) => task.with_simd(simd),
        }
    }
}
