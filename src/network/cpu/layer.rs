//! The tasks of one layer: each is the work of one thread between two synchronisations.
//!
//! A task takes a block of output channels from the convolution to the activated result, while the values are in the cache.
//! Backward it goes from the convolution with the next layer's kernel to the gradient of shift and scale.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::convolution::{Convolution, Prepared};
use super::elementwise::{
    Activated, Affine, Moments, activate, activate_backward, add_noise, moments, normalise_backward, sum_of_products,
};
use super::grid::Grid;
use crate::network::architecture::{Geometry, LEAKY_SLOPE, LayerKind, LayerSpec};

/// A layer, and where its values lie.
#[derive(Debug, Clone)]
pub struct Layer {
    pub spec: LayerSpec,
    pub convolution: Convolution,
    /// Output, placed as the next layer needs it.
    pub outer: Grid,
}

/// The weights of one layer, as slices.
#[derive(Clone, Copy)]
pub struct LayerParameters<'a> {
    pub kernel: &'a [f32],
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

    /// Output channels of one task: they fill the tile of a product, and leave tasks for several threads.
    pub fn block(&self) -> usize {
        block(self.spec.outputs)
    }

    /// Convolution, with `count` output channels from `first` on.
    #[inline(always)]
    fn convolution<'a, S: Simd>(&'a self, kernel: &'a [f32], first: usize, count: usize) -> Prepared<'a> {
        match self.spec.kind {
            LayerKind::Conv => self.convolution.to_coarse::<S>(kernel, first, count),
            LayerKind::ConvTranspose => self.convolution.to_fine::<S>(kernel, first, count),
        }
    }

    /// Gradient with respect to some input channels, from that with respect to the convolution's result.
    #[inline(always)]
    fn convolve_backward<S: Simd>(&self, simd: S, kernel: &[f32], first: usize, by_product: &[f32], to: &mut [f32]) {
        let count = to.len() / self.input().channel_length();
        let prepared = match self.spec.kind {
            LayerKind::Conv => self.convolution.to_fine::<S>(kernel, first, count),
            LayerKind::ConvTranspose => self.convolution.to_coarse::<S>(kernel, first, count),
        };
        prepared.run(simd, &self.convolution.rows(), by_product, to);
    }

    /// Gradient with respect to the kernel, in tasks of some coarse channels each.
    pub fn by_kernel<'a>(
        &'a self,
        input: &'a [f32],
        by_product: &'a [f32],
        to: &'a mut [f32],
    ) -> impl ExactSizeIterator<Item = ByKernel<'a>> {
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
        let to = to.chunks_mut(count * (to.len() / grid.channels));
        grid.channels(coarse, count).zip(to).map(move |(coarse, to)| ByKernel {
            convolution: &self.convolution,
            coarse,
            fine,
            to,
        })
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

/// Channels of one task of a layer of `channels`.
pub fn block(channels: usize) -> usize {
    [(12, 6), (16, 8), (4, 4), (6, 3)]
        .into_iter()
        .find(|(divisor, _)| channels.is_multiple_of(*divisor))
        .map_or(1, |(_, block)| block)
}

/// Forward pass with the statistics of the batch.
pub struct Forward<'a> {
    pub layer: &'a Layer,
    pub weights: LayerParameters<'a>,
    pub input: &'a [f32],
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
        let prepared = layer.convolution::<S>(weights.kernel, first, count);
        let noise = noise.zip(weights.gain);
        for band in layer.bands(count) {
            prepared.run(simd, &band, input, values);
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

/// Backward pass through one layer for a block of its channels.
pub struct Backward<'a> {
    pub layer: &'a Layer,
    pub weights: LayerParameters<'a>,
    pub first: usize,
    /// `None` for the last layer, whose gradient is already in `by_output`.
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
            next.layer.convolve_backward(simd, next.kernel, self.first, next.by_product, self.by_output);
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
    coarse: &'a [f32],
    fine: &'a [f32],
    to: &'a mut [f32],
}

impl WithSimd for ByKernel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.convolution.gradient(simd, self.coarse, self.fine, self.to);
    }
}

/// Tasks of a backward pass that may run in parallel.
pub enum Task<'a> {
    Backward(Backward<'a>),
    ByKernel(ByKernel<'a>),
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self {
            Self::Backward(task) => task.with_simd(simd),
            Self::ByKernel(task) => task.with_simd(simd),
        }
    }
}

/// Gradient with respect to some input channels of a layer.
pub struct BackwardInput<'a> {
    pub next: Next<'a>,
    pub first: usize,
    pub by_input: &'a mut [f32],
}

impl WithSimd for BackwardInput<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Next { layer, kernel, by_product } = self.next;
        layer.convolve_backward(simd, kernel, self.first, by_product, self.by_input);
    }
}
