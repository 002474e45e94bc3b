//! Convolution and transposed convolution by gathering: each thread sums all that one pixel of the output gets.
//!
//! Threads with neighbouring numbers have neighbouring pixels, and each has several output channels, so that it reads a
//! value of the input once for all of them. Borders are built in by index.

use cubecl::prelude::*;

use crate::network::architecture::{Axes, Geometry, KERNEL, LayerKind, LayerSpec, Padding};

/// Taps of a kernel of two axes, or of one layer of a kernel of three.
pub const TAPS: usize = KERNEL * KERNEL;

/// Most output channels of a thread.
const MOST_CHANNELS: usize = 4;

/// Outputs below which each thread has one channel, so that there are more threads.
const FEW_OUTPUTS: usize = 1 << 16;

/// What kind of convolution a kernel is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gather {
    /// From the coarse image to the fine one: a transposed convolution.
    pub is_transposed: bool,
    /// The fine image has the size of the kernel, and there is no border.
    pub is_valid: bool,
    /// Values beyond the edge are those at the opposite edge.
    pub is_periodic: bool,
    /// The kernel has three axes.
    pub has_depth: bool,
    /// Output channels of a thread.
    pub channels: usize,
}

/// Sizes of images, and where the kernel is.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub struct Sizes {
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Pixels of one channel of the output, of all images together.
    pub positions: usize,
    /// Depth of the output.
    pub depth: usize,
    /// Height of the output.
    pub height: usize,
    /// Width of the output.
    pub width: usize,
    /// Where the kernel begins among the parameters.
    pub kernel: usize,
}

impl Gather {
    /// The convolution of a layer, to an output of so many pixels.
    pub fn forward(spec: &LayerSpec, positions: usize) -> Self {
        Self::new(spec, spec.kind == LayerKind::ConvTranspose, spec.outputs, positions)
    }

    /// The gradient with respect to the layer's input, of so many pixels.
    pub fn backward(spec: &LayerSpec, positions: usize) -> Self {
        Self::new(spec, spec.kind == LayerKind::Conv, spec.inputs, positions)
    }

    fn new(spec: &LayerSpec, is_transposed: bool, outputs: usize, positions: usize) -> Self {
        let most = if outputs * positions < FEW_OUTPUTS { 1 } else { MOST_CHANNELS };
        let channels = (1..=most).rev().find(|channels| outputs.is_multiple_of(*channels)).expect("1 divides all");
        Self {
            is_transposed,
            is_valid: spec.geometry == Geometry::Valid,
            is_periodic: spec.geometry == Geometry::Stride2(Padding::Periodic),
            has_depth: spec.axes == Axes::Three,
            channels,
        }
    }

    /// Taps that reach one pixel of the output, along each axis.
    fn taps(self) -> usize {
        match (self.is_transposed, self.is_valid) {
            (false, _) => KERNEL,
            (true, false) => KERNEL / 2,
            (true, true) => 1,
        }
    }
}

/// One more than the place in the input, along one axis, of the value that tap number `tap` brings to the output at `at`.
#[cube]
fn place_beyond(at: usize, tap: usize, #[comptime] kind: Gather) -> usize {
    if comptime!(kind.is_valid) {
        tap + 1
    } else if comptime!(kind.is_transposed) {
        at / 2 + 1 + at % 2 - tap
    } else {
        2 * at + tap
    }
}

/// Where in the kernel that tap is, along one axis.
#[cube]
fn tap_of_kernel(at: usize, tap: usize, #[comptime] kind: Gather) -> usize {
    if comptime!(kind.is_valid && kind.is_transposed) {
        at
    } else if comptime!(kind.is_transposed) {
        1 - at % 2 + 2 * tap
    } else {
        tap
    }
}

/// The place for one more than it, moved into an image of `side` pixels.
#[cube]
pub fn place_within(beyond: usize, side: usize, #[comptime] is_periodic: bool) -> usize {
    if comptime!(is_periodic) {
        select(beyond == 0, side - 1, select(beyond > side, 0, beyond - 1))
    } else {
        select(beyond == 0, 0, select(beyond > side, 0, beyond - 1))
    }
}

/// Whether a place is within an image of `side` pixels, for one more than it.
#[cube]
pub fn is_within(beyond: usize, side: usize) -> bool {
    beyond > 0 && beyond <= side
}

/// Side of the input for that of the output.
#[cube]
fn side_of_input(side: usize, #[comptime] kind: Gather) -> usize {
    if comptime!(kind.is_valid && kind.is_transposed) {
        side / KERNEL
    } else if comptime!(kind.is_valid) {
        side * KERNEL
    } else if comptime!(kind.is_transposed) {
        side / 2
    } else {
        side * 2
    }
}

/// Writes to `sums` the convolution at one position of the output, for output channels from `first` on.
#[cube]
pub fn convolve(
    input: &[f32],
    parameters: &[f32],
    sums: &mut Array<f32>,
    position: usize,
    first: usize,
    sizes: &Sizes,
    #[comptime] kind: Gather,
) {
    let taps = comptime!(kind.taps());
    let layers = comptime!(if kind.has_depth { kind.taps() } else { 1 });
    let taps_in_all = comptime!(if kind.has_depth { TAPS * KERNEL } else { TAPS });
    let has_zeros = comptime!(!kind.is_valid && !kind.is_periodic);

    let x = position % sizes.width;
    let y = position / sizes.width % sizes.height;
    let z = position / (sizes.width * sizes.height) % sizes.depth;
    let image = position / (sizes.width * sizes.height * sizes.depth);
    let width = side_of_input(sizes.width, kind);
    let height = side_of_input(sizes.height, kind);
    let mut depth = sizes.depth;
    if comptime!(kind.has_depth) {
        depth = side_of_input(sizes.depth, kind);
    }
    let pixels = depth * height * width;

    let mut rows = Array::<usize>::new(taps);
    let mut columns = Array::<usize>::new(taps);
    let mut row_taps = Array::<usize>::new(taps);
    let mut column_taps = Array::<usize>::new(taps);
    let mut rows_within = Array::<bool>::new(taps);
    let mut columns_within = Array::<bool>::new(taps);
    #[unroll]
    for tap in 0..taps {
        let row = place_beyond(y, tap, kind);
        let column = place_beyond(x, tap, kind);
        rows[tap] = place_within(row, height, kind.is_periodic) * width;
        columns[tap] = place_within(column, width, kind.is_periodic);
        rows_within[tap] = is_within(row, height);
        columns_within[tap] = is_within(column, width);
        row_taps[tap] = tap_of_kernel(y, tap, kind) * KERNEL;
        column_taps[tap] = tap_of_kernel(x, tap, kind);
    }

    // A kernel is `[coarse channels, fine channels, depth, 4, 4]`.
    let mut by_input = sizes.outputs * taps_in_all;
    let mut by_output = taps_in_all.runtime();
    if comptime!(!kind.is_transposed) {
        by_input = taps_in_all.runtime();
        by_output = sizes.inputs * taps_in_all;
    }

    #[unroll]
    for k in 0..kind.channels {
        sums[k] = 0.0;
    }
    for channel in 0..sizes.inputs {
        let of_channel = (image * sizes.inputs + channel) * pixels;
        let of_kernel = sizes.kernel + channel * by_input + first * by_output;
        for layer in 0..layers {
            let mut from = of_channel + z * height * width;
            let mut weights = of_kernel;
            let mut layer_within = true.runtime();
            if comptime!(kind.has_depth) {
                let beyond = place_beyond(z, layer, kind);
                from = of_channel + place_within(beyond, depth, kind.is_periodic) * height * width;
                weights = of_kernel + tap_of_kernel(z, layer, kind) * TAPS;
                layer_within = is_within(beyond, depth);
            }
            #[unroll]
            for row in 0..taps {
                #[unroll]
                for column in 0..taps {
                    let mut value = input[from + rows[row] + columns[column]];
                    if comptime!(has_zeros) {
                        value = select(layer_within && rows_within[row] && columns_within[column], value, 0.0);
                    }
                    let weight = weights + row_taps[row] + column_taps[column];
                    #[unroll]
                    for k in 0..kind.channels {
                        sums[k] += value * parameters[weight + k * by_output];
                    }
                }
            }
        }
    }
}
