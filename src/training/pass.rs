//! One network on several streams of images: as one batch, or each as a batch of its own.

use burn_tensor::Tensor;

use crate::network::{Input, Network, Tape};

/// Forward pass of a network on several streams of images of one size, and its backward passes.
pub struct Pass {
    /// One tape for the joint batch, or one a stream.
    tapes: Vec<Tape>,
    /// Images of a stream.
    batch: usize,
    streams: usize,
}

impl Pass {
    /// Forward pass of `streams`, each as a batch of its own if they are `separate`; else with `noise` for all of them.
    pub fn new(network: &mut Network, streams: Vec<Tensor<5>>, noise: Vec<Tensor<5>>, separate: bool) -> Self {
        let (count, batch) = (streams.len(), streams[0].dims()[0]);
        if separate {
            let tapes = streams.into_iter().map(|stream| network.forward_train(stream)).collect();
            return Self { tapes, batch, streams: count };
        }
        let tape = network.forward_train(Input { values: Tensor::cat(streams, 0), noise });
        Self { tapes: vec![tape], batch, streams: count }
    }

    /// [`new`](Self::new) for so many streams one behind the other.
    pub fn of_joint(network: &mut Network, images: Tensor<5>, streams: usize, separate: bool) -> Self {
        let batch = images.dims()[0] / streams;
        if separate {
            return Self::new(network, images.split(batch, 0), Vec::new(), true);
        }
        Self { tapes: vec![network.forward_train(images)], batch, streams }
    }

    /// The outputs, one stream behind the other.
    pub fn output(&self) -> Tensor<5> {
        match &self.tapes[..] {
            [tape] => tape.output.clone(),
            tapes => Tensor::cat(tapes.iter().map(|tape| tape.output.clone()).collect(), 0),
        }
    }

    /// The output for one stream.
    pub fn output_of(&self, stream: usize) -> Tensor<5> {
        match &self.tapes[..] {
            [tape] => tape.output.clone().narrow(0, stream * self.batch, self.batch),
            tapes => tapes[stream].output.clone(),
        }
    }

    /// The tapes with their parts of a gradient, which is of the first streams. For the others in the batch of a tape it is
    /// zero.
    fn by_tape(&self, mut gradient: Tensor<5>) -> impl Iterator<Item = (&Tape, Tensor<5>)> {
        let [given, shape @ ..] = gradient.dims();
        let of_tape = if self.tapes.len() == 1 { self.streams * self.batch } else { self.batch };
        if self.tapes.len() == 1 && given < of_tape {
            let [channels, depth, height, width] = shape;
            let zeros = Tensor::zeros([of_tape - given, channels, depth, height, width], &gradient.device());
            gradient = Tensor::cat(vec![gradient, zeros], 0);
        }
        self.tapes.iter().zip(gradient.split(of_tape, 0))
    }

    /// Gradient by the parameters, summed over the streams.
    pub fn backward_parameters(&self, network: &Network, gradient: Tensor<5>) -> Tensor<1> {
        let parts = self.by_tape(gradient).map(|(tape, gradient)| network.backward_parameters(tape, gradient));
        parts.reduce(|sum, part| sum + part).expect("at least one stream")
    }

    /// Gradient with respect to the first `count` streams, one behind the other, from that by their outputs.
    pub fn backward_input(&self, network: &Network, gradient: Tensor<5>, count: usize) -> Tensor<5> {
        let mut parts: Vec<_> =
            self.by_tape(gradient).map(|(tape, gradient)| network.backward_input(tape, gradient)).collect();
        let joint = if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(parts, 0) };
        joint.narrow(0, 0, count * self.batch)
    }
}
