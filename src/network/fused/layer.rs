//! One layer for some of its channels: what one thread does between two points where all must have arrived.
//!
//! Each task works on a block of the layer's output channels from the product to the activated result, while the values
//! are still in the cache, and likewise backward, from the product with the next layer's kernel to the gradient by this
//! layer's weights.

use pulp::{Simd, WithSimd};

use super::elementwise::{Affine, Moments, activate, activate_backward, normalise, normalise_backward};
use super::grid::Grid;
use super::link::Link;
use crate::network::architecture::{Direction, LayerSpec};
use crate::network::layer::Constants;

/// A layer with the places of its values.
#[derive(Debug, Clone)]
pub struct Layer {
    pub spec: LayerSpec,
    pub link: Link,
    /// Where the next layer wants this one's output.
    pub outer: Grid,
}

/// The weights of one layer in the network's vector.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    pub kernel: &'a [f32],
    pub shift: &'a [f32],
    pub scale: Option<&'a [f32]>,
}

impl Layer {
    /// Placement of what comes in.
    pub fn input(&self) -> Grid {
        match self.spec.direction {
            Direction::Down => self.link.fine,
            Direction::Up => self.link.coarse,
        }
    }

    /// Placement of what the product gives.
    pub fn output(&self) -> Grid {
        match self.spec.direction {
            Direction::Down => self.link.coarse,
            Direction::Up => self.link.fine,
        }
    }

    /// Output channels of one task: enough rows for a tile, and enough tasks for several threads.
    pub fn block(&self) -> usize {
        block(self.spec.outputs)
    }

    /// The product for some output channels.
    #[inline(always)]
    fn convolve<S: Simd>(&self, simd: S, kernel: &[f32], first: usize, input: &[f32], to: &mut [f32]) {
        match self.spec.direction {
            Direction::Down => self.link.to_coarse(simd, kernel, first, input, to),
            Direction::Up => self.link.to_fine(simd, kernel, first, input, to),
        }
    }

    /// The gradient by some of the channels that came in, from that by all that the product gave.
    #[inline(always)]
    fn convolve_backward<S: Simd>(&self, simd: S, kernel: &[f32], first: usize, by_product: &[f32], to: &mut [f32]) {
        match self.spec.direction {
            Direction::Down => self.link.to_fine(simd, kernel, first, by_product, to),
            Direction::Up => self.link.to_coarse(simd, kernel, first, by_product, to),
        }
    }

    fn affine(&self, weights: &Weights, channel: usize, constants: &Constants) -> Affine {
        let slope = if self.spec.activated { constants.leaky_slope as f32 } else { 1.0 };
        Affine { scale: weights.scale.map_or(1.0, |scale| scale[channel]), shift: weights.shift[channel], slope }
    }
}

/// Channels of one task for a layer of `channels`.
pub fn block(channels: usize) -> usize {
    [(16, 8), (4, 4)].into_iter().find(|(divisor, _)| channels.is_multiple_of(*divisor)).map_or(1, |(_, block)| block)
}

/// Forward pass with the statistics of the batch.
pub struct Forward<'a> {
    pub layer: &'a Layer,
    pub constants: &'a Constants,
    pub weights: Weights<'a>,
    pub input: &'a [f32],
    /// Number of the first channel.
    pub first: usize,
    /// Product of these channels, normalised afterwards.
    pub values: &'a mut [f32],
    pub moments: &'a mut [Moments],
    pub output: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (layer, grid, outer) = (self.layer, self.layer.output(), self.layer.outer);
        layer.convolve(simd, self.weights.kernel, self.first, self.input, self.values);
        let values = self.values.chunks_exact_mut(grid.channel_length());
        let outputs = self.output.chunks_exact_mut(outer.channel_length());
        for ((values, output), (channel, moments)) in values.zip(outputs).zip((self.first..).zip(self.moments)) {
            if layer.spec.normalised {
                *moments = normalise(simd, &grid, values, self.constants.norm_epsilon);
            }
            let affine = layer.affine(&self.weights, channel, self.constants);
            activate(simd, &grid, values, &outer, output, affine);
        }
    }
}

/// Forward pass with an affine map in place of a normalisation, its scale part of the kernel.
pub struct ForwardFixed<'a> {
    pub layer: &'a Layer,
    pub kernel: &'a [f32],
    pub input: &'a [f32],
    /// Number of the first channel.
    pub first: usize,
    /// Shift of each channel.
    pub shift: &'a [f32],
    pub slope: f32,
    pub values: &'a mut [f32],
    pub output: &'a mut [f32],
}

impl WithSimd for ForwardFixed<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (layer, grid, outer) = (self.layer, self.layer.output(), self.layer.outer);
        layer.convolve(simd, self.kernel, self.first, self.input, self.values);
        let values = self.values.chunks_exact(grid.channel_length());
        let outputs = self.output.chunks_exact_mut(outer.channel_length());
        for ((values, output), &shift) in values.zip(outputs).zip(self.shift) {
            activate(simd, &grid, values, &outer, output, Affine { scale: 1.0, shift, slope: self.slope });
        }
    }
}

/// The product with the next layer's kernel, backward.
pub struct Next<'a> {
    pub layer: &'a Layer,
    pub kernel: &'a [f32],
    /// Gradient by what the next layer's product gave, all channels.
    pub by_product: &'a [f32],
}

/// Backward pass through one layer for a block of its channels.
pub struct Backward<'a> {
    pub layer: &'a Layer,
    pub constants: &'a Constants,
    pub weights: Weights<'a>,
    pub first: usize,
    /// None for the last layer, whose gradient is in `by_output` already.
    pub next: Option<Next<'a>>,
    /// Gradient by the layer's output, in its outer placement.
    pub by_output: &'a mut [f32],
    pub values: &'a [f32],
    pub moments: &'a [Moments],
    /// Gradient by the product.
    pub by_product: &'a mut [f32],
    /// Where to put the gradients by the weights, if they are wanted.
    pub gradients: Option<Gradients<'a>>,
}

/// Gradients by the weights of some channels.
pub struct Gradients<'a> {
    /// What came into the layer, all channels.
    pub input: &'a [f32],
    pub kernel: &'a mut [f32],
    pub shift: &'a mut [f32],
    pub scale: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (layer, grid, outer) = (self.layer, self.layer.output(), self.layer.outer);
        if let Some(next) = &self.next {
            next.layer.convolve_backward(simd, next.kernel, self.first, next.by_product, self.by_output);
        }
        let length = grid.channel_length();
        for (index, moments) in self.moments.iter().enumerate() {
            let from = &self.by_output[index * outer.channel_length()..][..outer.channel_length()];
            let values = &self.values[index * length..][..length];
            let to = &mut self.by_product[index * length..][..length];
            let affine = layer.affine(&self.weights, self.first + index, self.constants);
            let (by_shift, by_scale) = activate_backward(simd, &outer, from, &grid, to, values, affine);
            if layer.spec.normalised {
                let factor = affine.scale * moments.inverse_deviation;
                normalise_backward(simd, &grid, to, values, by_shift, by_scale, factor);
            }
            if let Some(gradients) = &mut self.gradients {
                gradients.shift[index] = by_shift as f32;
                gradients.scale[index] = by_scale as f32;
            }
        }
        if let Some(Gradients { input, kernel, .. }) = self.gradients {
            match layer.spec.direction {
                Direction::Down => layer.link.gradient_by_coarse(simd, self.by_product, input, kernel),
                Direction::Up => layer.link.gradient_by_fine(simd, self.by_product, input, kernel),
            }
        }
    }
}

/// The gradient by some channels of what came into a layer.
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
