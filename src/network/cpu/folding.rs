//! Normalisations folded into the kernels and shifts of their layers, for passes with the moving statistics.

use pulp::{Simd, WithSimd};

use super::convolution::{Convolution, Prepared};
use super::slices::CpuSlice;
use super::taps::PackedTaps;
use crate::network::architecture::{Axes, KERNEL, LayerKind, LayerSpec, NORM_EPSILON};
use crate::network::chain::Network;
use crate::network::parameters::{LayerEntries, ParameterLayout};

/// A network without normalisations that does to images what `network` does with its moving statistics.
pub fn folded(network: &Network) -> Network {
    let layers: Vec<LayerSpec> = network.layers.iter().map(|&spec| LayerSpec { normalised: false, ..spec }).collect();
    let layout = ParameterLayout::new(&layers);
    let (from, statistics) = (CpuSlice::of(&network.parameters), CpuSlice::of(&network.statistics));
    let mut parameters = vec![0.0; layout.parameter_count()];
    for ((spec, old), new) in layers.iter().zip(&network.layout.layers).zip(&layout.layers) {
        let gains = old.gain.iter().zip(&new.gain);
        for (old, new) in [(&old.kernel, &new.kernel), (&old.shift, &new.shift)].into_iter().chain(gains) {
            parameters[new.clone()].copy_from_slice(&from.as_slice()[old.clone()]);
        }
        let (Some(scale), Some((mean, variance))) = (&old.scale, &old.moving) else { continue };
        let [mean, variance] = [mean, variance].map(|range| &statistics.as_slice()[range.clone()]);
        let deviations = variance.iter().map(|&v| (f64::from(v) + NORM_EPSILON).sqrt());
        let factors = from.as_slice()[scale.clone()].iter().zip(deviations);
        let factors: Vec<f32> = factors.map(|(&scale, deviation)| (f64::from(scale) / deviation) as f32).collect();
        for (shift, (mean, factor)) in parameters[new.shift.clone()].iter_mut().zip(mean.iter().zip(&factors)) {
            *shift -= mean * factor;
        }
        scale_kernel(spec, &mut parameters[new.kernel.clone()], &factors);
        if let Some(gain) = &new.gain {
            parameters[gain.clone()].iter_mut().zip(&factors).for_each(|(gain, factor)| *gain *= factor);
        }
    }
    let folded = Network::new(layers, parameters, Vec::new(), &network.parameters.device());
    Network { workspace: network.workspace.clone(), ..folded }
}

/// [`folded`] for many passes with the same weights: their taps are packed once.
///
/// Not for spectral normalisation, which gives other weights in each pass.
pub fn packed(network: &Network) -> Network {
    let mut network = folded(network);
    let parameters = CpuSlice::of(&network.parameters);
    let of_layer = |(spec, entries): (&LayerSpec, &LayerEntries)| {
        let (kernel, mut taps) = (&parameters.as_slice()[entries.kernel.clone()], Vec::new());
        network.workspace.run(Pack { spec, kernel, taps: &mut taps });
        taps
    };
    network.workspace.taps = network.layers.iter().zip(&network.layout.layers).map(of_layer).collect();
    network
}

/// Packs the taps of a layer's forward pass, for all output channels; there are none without padding.
struct Pack<'a> {
    spec: &'a LayerSpec,
    kernel: &'a [f32],
    taps: &'a mut Vec<PackedTaps>,
}

impl WithSimd for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { spec, kernel, taps } = self;
        // Taps do not depend on the size of images.
        let depth = if spec.axes == Axes::Two { 1 } else { KERNEL };
        let convolution = Convolution::new(spec, [depth, KERNEL, KERNEL], 1);
        let prepared = match spec.kind {
            LayerKind::Conv => convolution.to_coarse::<S>(kernel, 0, spec.outputs),
            LayerKind::ConvTranspose => convolution.to_fine::<S>(kernel, 0, spec.outputs),
        };
        if let Prepared::Pairs { taps: packed, .. } = prepared {
            *taps = packed.into_owned();
        }
    }
}

/// Multiplies the weights of each output channel by its factor.
fn scale_kernel(spec: &LayerSpec, kernel: &mut [f32], factors: &[f32]) {
    let [_, fine, taps @ ..] = spec.kernel_shape();
    for (index, weights) in kernel.chunks_exact_mut(taps.iter().product()).enumerate() {
        let [coarse, fine] = [index / fine, index % fine];
        let factor = factors[if spec.kind == LayerKind::Conv { coarse } else { fine }];
        weights.iter_mut().for_each(|weight| *weight *= factor);
    }
}
