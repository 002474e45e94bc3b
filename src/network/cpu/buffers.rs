//! The memory that passes work in, and how it goes from one pass to the next.

use std::sync::{Arc, Mutex, PoisonError};

use aligned_vec::{ABox, AVec, ConstAlign, avec};

use super::elementwise::Moments;
use super::grid::Grid;
use super::layer::{Layer, Sums};

type Values = ABox<[f32], ConstAlign<64>>;

/// The buffers of a forward pass over a batch.
pub struct ForwardBuffers {
    /// What goes into each layer, and what comes out of the last.
    pub between: Vec<Values>,
    /// What each product gave.
    pub products: Vec<Values>,
    /// Of each channel that is normalised.
    pub moments: Vec<Vec<Moments>>,
}

impl ForwardBuffers {
    pub fn new(layers: &[Layer]) -> Self {
        let mut between: Vec<Values> = layers.iter().map(|layer| zeros(layer.input().length())).collect();
        between.extend(layers.last().map(|layer| zeros(layer.outer.length())));
        Self {
            between,
            products: layers.iter().map(|layer| zeros(layer.output().length())).collect(),
            moments: layers.iter().map(|layer| vec![Moments::default(); layer.spec.outputs]).collect(),
        }
    }
}

/// The buffers of a backward pass.
pub struct BackwardBuffers {
    /// By the output of the layer whose turn it is, and at the end by the input of the first.
    pub by_output: Values,
    /// By the product of each layer.
    pub by_products: Vec<Values>,
    /// By shift and scale, of all layers.
    pub sums: Vec<Vec<Sums>>,
}

impl BackwardBuffers {
    pub fn new(layers: &[Layer]) -> Self {
        let longest = |grid: fn(&Layer) -> Grid| layers.iter().map(|layer| grid(layer).length()).max().unwrap_or(0);
        Self {
            by_output: zeros(longest(|layer| layer.outer).max(longest(Layer::input))),
            by_products: layers.iter().map(|layer| zeros(layer.output().length())).collect(),
            sums: layers.iter().map(|layer| vec![Sums::default(); layer.spec.outputs]).collect(),
        }
    }
}

fn zeros(length: usize) -> Values {
    let zeros: AVec<f32, ConstAlign<64>> = avec![[64]| 0.0; length];
    zeros.into_boxed_slice()
}

/// Passes that may run side by side, or follow each other with other batch sizes, without new buffers.
const MOST_SPARE: usize = 8;

/// ForwardBuffers that wait for the next pass over a batch of as many images, so that a training step makes none.
pub struct BufferPool<T>(Arc<Mutex<Vec<(usize, T)>>>);

impl<T> BufferPool<T> {
    /// ForwardBuffers for `n` images, new ones if none are there.
    pub fn take(&self, n: usize, new: impl FnOnce() -> T) -> T {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that were used last: they may still be in the cache.
        let found = spare.iter().rposition(|(size, _)| *size == n).map(|index| spare.remove(index).1);
        drop(spare);
        found.unwrap_or_else(new)
    }

    /// Keeps buffers for the next pass; those that have waited longest make room.
    pub fn put(&self, n: usize, buffers: T) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() == MOST_SPARE {
            spare.remove(0);
        }
        spare.push((n, buffers));
    }
}

impl<T> Clone for BufferPool<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for BufferPool<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> std::fmt::Debug for BufferPool<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("BufferPool")
    }
}
