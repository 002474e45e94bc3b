//! The memory that passes work in, reused from pass to pass.

use std::sync::{Arc, Mutex, PoisonError};

use aligned_vec::{ABox, AVec, ConstAlign};
use pulp::{Arch, WithSimd};

use super::elementwise::Moments;
use super::grid::Grid;
use super::layer::{Layer, Sums};
use super::taps::PackedTaps;
use crate::device::memory;

type Values = ABox<[f32], ConstAlign<64>>;

/// What the kernels need for one network beside its weights.
#[derive(Debug, Clone)]
pub struct KernelWorkspace {
    arch: Arch,
    pub forward: Arc<BufferPool<ForwardBuffers>>,
    pub backward: Arc<BufferPool<BackwardBuffers>>,
    /// Of each layer, for all output channels, if the network's weights stay as they are; none otherwise.
    pub taps: Arc<[Vec<PackedTaps>]>,
}

impl KernelWorkspace {
    /// A workspace for the SIMD instructions of `arch`.
    pub fn new(arch: Arch) -> Self {
        Self { arch, forward: BufferPool::new(), backward: BufferPool::new(), taps: Arc::default() }
    }

    /// Runs a task with these instructions.
    pub fn run(&self, task: impl WithSimd<Output = ()>) {
        self.arch.dispatch(task);
    }
}

/// Buffers of a forward pass.
#[derive(Debug, Default)]
pub struct ForwardBuffers {
    /// Input of each layer, and output of the last.
    pub between: Vec<Values>,
    /// Result of each convolution.
    pub products: Vec<Values>,
    /// Noise of each layer, of one channel; empty if it has none.
    pub noise: Vec<Values>,
    /// Of each channel of each normalised layer.
    pub moments: Vec<Vec<Moments>>,
}

impl ForwardBuffers {
    /// About the bytes of buffers for `layers`.
    pub fn bytes(layers: &[Layer]) -> usize {
        let of_layer = |layer: &Layer| layer.input().length() + layer.output().length() + layer.noise().length();
        let last = layers.last().map_or(0, |layer| layer.outer.length());
        (layers.iter().map(of_layer).sum::<usize>() + last) * size_of::<f32>()
    }

    pub fn new(layers: &[Layer]) -> Self {
        let mut between: Vec<Values> = layers.iter().map(|layer| zeros(layer.input().length())).collect();
        between.extend(layers.last().map(|layer| zeros(layer.outer.length())));
        Self {
            between,
            products: layers.iter().map(|layer| zeros(layer.output().length())).collect(),
            noise: layers
                .iter()
                .map(|layer| zeros(if layer.spec.noisy { layer.noise().length() } else { 0 }))
                .collect(),
            moments: layers.iter().map(|layer| vec![Moments::default(); layer.spec.outputs]).collect(),
        }
    }
}

/// Buffers of a backward pass, all gradients.
#[derive(Debug)]
pub struct BackwardBuffers {
    /// With respect to the output of the current layer, at the end to the input of the first.
    pub by_output: Values,
    /// With respect to the result of each convolution.
    pub by_products: Vec<Values>,
    /// With respect to shift and scale, of all layers.
    pub sums: Vec<Vec<Sums>>,
}

impl BackwardBuffers {
    /// About the bytes of buffers for `layers`.
    pub fn bytes(layers: &[Layer]) -> usize {
        let longest = layers.iter().map(|layer| layer.outer.length().max(layer.input().length())).max().unwrap_or(0);
        (layers.iter().map(|layer| layer.output().length()).sum::<usize>() + longest) * size_of::<f32>()
    }

    pub fn new(layers: &[Layer]) -> Self {
        let longest = |grid: fn(&Layer) -> Grid| layers.iter().map(|layer| grid(layer).length()).max().unwrap_or(0);
        Self {
            by_output: zeros(longest(|layer| layer.outer).max(longest(Layer::input))),
            by_products: layers.iter().map(|layer| zeros(layer.output().length())).collect(),
            sums: layers.iter().map(|layer| vec![Sums::default(); layer.spec.outputs]).collect(),
        }
    }
}

/// Zeros. A pass returns no errors, so missing memory is a panic, whose payload is the error.
fn zeros(length: usize) -> Values {
    let mut zeros: AVec<f32, ConstAlign<64>> = AVec::new(64);
    if zeros.try_reserve_exact(length).is_err() {
        memory::panic_refused(length * size_of::<f32>(), "a pass over a network", "choose a smaller batch");
    }
    zeros.resize(length, 0.0);
    zeros.into_boxed_slice()
}

/// Most unused buffers that a pool keeps.
const CAPACITY: usize = 8;

/// Batch size and sides of a network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputSize {
    pub n: usize,
    /// Depth, height and width.
    pub sides: [usize; 3],
}

impl InputSize {
    /// That of a chain of layers.
    pub fn of(layers: &[Layer]) -> Self {
        let Grid { n, sides, .. } = layers[0].input();
        Self { n, sides }
    }
}

/// Unused buffers, each with the input that it is for, so that a training step allocates none.
#[derive(Debug)]
pub struct BufferPool<T>(Mutex<Vec<(InputSize, T)>>);

impl<T> BufferPool<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Vec::new())))
    }

    /// Buffers for an input; new ones if the pool has none.
    pub fn take(&self, input: InputSize, new: impl FnOnce() -> T) -> T {
        let mut unused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The last used ones may still be in the cache.
        let found = unused.iter().rposition(|(size, _)| *size == input).map(|index| unused.remove(index).1);
        drop(unused);
        found.unwrap_or_else(new)
    }

    /// Returns buffers for an input to the pool, which drops its oldest if it is full.
    pub fn put(&self, input: InputSize, buffers: T) {
        let mut unused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if unused.len() == CAPACITY {
            unused.remove(0);
        }
        unused.push((input, buffers));
    }
}
