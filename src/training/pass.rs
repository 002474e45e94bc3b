//! One network on several streams of images: as one batch, or each as a batch of its own.

use burn_tensor::Tensor;

use crate::network::{Input, Network, Tape};

/// Forward pass of a network on several streams of images of one size, and its backward passes.
pub struct Pass {
    /// One tape for the joint batch, or one a stream.
    tapes: Vec<Tape>,
    /// One a stream.
    pub outputs: Vec<Tensor<5>>,
}

impl Pass {
    /// Forward pass of `streams`, each as a batch of its own if they are `separate`; else with `noise` for all of them.
    pub fn new(network: &mut Network, streams: &[Tensor<5>], noise: Vec<Tensor<5>>, separate: bool) -> Self {
        if separate {
            let tapes: Vec<Tape> = streams.iter().map(|stream| network.forward_train(stream.clone())).collect();
            let outputs = tapes.iter().map(|tape| tape.output.clone()).collect();
            return Self { tapes, outputs };
        }
        let tape = network.forward_train(Input { values: Tensor::cat(streams.to_vec(), 0), noise });
        let outputs = tape.output.clone().split(streams[0].dims()[0], 0);
        Self { tapes: vec![tape], outputs }
    }

    /// Joins gradients of streams into gradients of tapes. Missing gradients are zero.
    fn by_tape(&self, mut gradients: Vec<Tensor<5>>) -> Vec<Tensor<5>> {
        if self.tapes.len() > 1 {
            return gradients;
        }
        gradients.extend(self.outputs[gradients.len()..].iter().map(Tensor::zeros_like));
        vec![Tensor::cat(gradients, 0)]
    }

    /// Gradient by the parameters, summed over the streams.
    pub fn backward_parameters(&self, network: &Network, gradients: Vec<Tensor<5>>) -> Tensor<1> {
        let by_tape = self.tapes.iter().zip(self.by_tape(gradients));
        let parts = by_tape.map(|(tape, gradient)| network.backward_parameters(tape, gradient));
        parts.reduce(|sum, part| sum + part).expect("at least one stream")
    }

    /// Gradients with respect to the streams; trailing streams may be missing.
    pub fn backward_input(&self, network: &Network, gradients: Vec<Tensor<5>>) -> Vec<Tensor<5>> {
        let batch = self.outputs[0].dims()[0];
        let by_tape = self.tapes.iter().zip(self.by_tape(gradients));
        let parts: Vec<_> = by_tape.map(|(tape, gradient)| network.backward_input(tape, gradient)).collect();
        Tensor::cat(parts, 0).split(batch, 0)
    }
}
