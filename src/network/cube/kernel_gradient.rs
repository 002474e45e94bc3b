//! Gradients with respect to kernels and the other parameters: long sums, in parts that many workgroups compute and one
//! kernel adds in a fixed order.

use cubecl::prelude::*;

use super::buffers::{Accelerator, Buffer};
use super::convolution::{TAPS, is_within, place_within};
use crate::network::architecture::{Axes, Geometry, KERNEL, LayerKind, LayerSpec, Padding};

/// Threads of a workgroup of [`part_kernel`].
const WORKGROUP: usize = 64;

/// Most coarse channels of a thread.
const MOST_CHANNELS: usize = 4;

/// Threads that a large device has room for.
const THREADS: usize = 1 << 16;

/// Most parts of a sum.
const MOST_PARTS: usize = 512;

/// Fewest coarse pixels of a part.
const PIXELS_OF_PART: usize = 32;

/// Sums of one workgroup of [`add_kernel`], and the threads that add each of them.
const SUMS: usize = 32;
const ADDING: usize = 8;

/// Numbers of a [`Segment`].
const NUMBERS: usize = 5;

/// Stands for the count of parts where something else writes the gradient.
const WRITTEN: u32 = u32::MAX;

/// What kind of layer a kernel is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Correlation {
    is_valid: bool,
    is_periodic: bool,
    has_depth: bool,
    /// Coarse channels of a thread.
    channels: usize,
}

#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct CorrelationSizes {
    coarse_channels: usize,
    fine_channels: usize,
    /// Of coarse images.
    depth: usize,
    height: usize,
    width: usize,
    /// Rows of one channel of all coarse images together.
    rows: usize,
    rows_of_part: usize,
    /// Where the parts begin.
    first: usize,
}

/// One more than the place in the fine image of a tap over the coarse image's place `at`, along one axis.
#[cube]
fn fine_place_beyond(at: usize, tap: usize, #[comptime] kind: Correlation) -> usize {
    if comptime!(kind.is_valid) { tap + 1 } else { 2 * at + tap }
}

#[cube]
fn fine_side(side: usize, #[comptime] kind: Correlation) -> usize {
    if comptime!(kind.is_valid) { side * KERNEL } else { side * 2 }
}

/// Sums over some rows of a coarse image times a fine one, `[parts, coarse channels, fine channels, taps]`. Each thread has
/// a tap and a fine channel, for several coarse channels.
#[cube(launch_unchecked)]
fn part_kernel(
    fine: &[f32],
    coarse: &[f32],
    parts: &mut [f32],
    sizes: CorrelationSizes,
    #[comptime] kind: Correlation,
) {
    let taps = comptime!(if kind.has_depth { TAPS * KERNEL } else { TAPS });
    let has_zeros = comptime!(!kind.is_valid && !kind.is_periodic);
    let thread = CUBE_POS_X as usize * WORKGROUP + UNIT_POS as usize;
    let tap = thread % taps;
    let fine_channel = thread / taps % sizes.fine_channels;
    let first_coarse = thread / (taps * sizes.fine_channels) * kind.channels;
    if first_coarse < sizes.coarse_channels {
        let height = fine_side(sizes.height, kind);
        let width = fine_side(sizes.width, kind);
        let mut depth = sizes.depth;
        if comptime!(kind.has_depth) {
            depth = fine_side(sizes.depth, kind);
        }
        let pixels = sizes.depth * sizes.height * sizes.width;
        let mut sums = Array::<f32>::new(kind.channels);
        #[unroll]
        for k in 0..kind.channels {
            sums[k] = 0.0;
        }
        let first_row = CUBE_POS_Y as usize * sizes.rows_of_part;
        let end = select(first_row + sizes.rows_of_part < sizes.rows, first_row + sizes.rows_of_part, sizes.rows);
        for row in first_row..end {
            let y = row % sizes.height;
            let z = row / sizes.height % sizes.depth;
            let image = row / (sizes.height * sizes.depth);
            let beyond = fine_place_beyond(y, tap / KERNEL % KERNEL, kind);
            let mut row_within = is_within(beyond, height);
            let mut fine_z = z;
            if comptime!(kind.has_depth) {
                let beyond = fine_place_beyond(z, tap / TAPS, kind);
                fine_z = place_within(beyond, depth, kind.is_periodic);
                row_within = row_within && is_within(beyond, depth);
            }
            let fine_y = place_within(beyond, height, kind.is_periodic);
            let fine_row = (((image * sizes.fine_channels + fine_channel) * depth + fine_z) * height + fine_y) * width;
            let coarse_row =
                (((image * sizes.coarse_channels + first_coarse) * sizes.depth + z) * sizes.height + y) * sizes.width;
            for x in 0..sizes.width {
                let beyond = fine_place_beyond(x, tap % KERNEL, kind);
                let mut value = fine[fine_row + place_within(beyond, width, kind.is_periodic)];
                if comptime!(has_zeros) {
                    value = select(row_within && is_within(beyond, width), value, 0.0);
                }
                #[unroll]
                for k in 0..kind.channels {
                    sums[k] += value * coarse[coarse_row + k * pixels + x];
                }
            }
        }
        let of_part = CUBE_POS_Y as usize * sizes.coarse_channels * sizes.fine_channels * taps;
        #[unroll]
        for k in 0..kind.channels {
            let of_kernel = ((first_coarse + k) * sizes.fine_channels + fine_channel) * taps + tap;
            parts[sizes.first + of_part + of_kernel] = sums[k];
        }
    }
}

/// Adds the parts of all sums.
#[cube(launch_unchecked)]
fn add_kernel(parts: &[f32], segments: &[u32], by_parameters: &mut [f32], length: usize, segment_count: usize) {
    let place = CUBE_POS_X as usize * SUMS + UNIT_POS_X as usize;
    let mut sum = 0.0f32;
    let mut at = 0usize;
    for segment in 1..segment_count {
        if place >= segments[segment * NUMBERS] as usize {
            at = segment * NUMBERS;
        }
    }
    let count = segments[at + 2];
    let is_written = place >= length || count == WRITTEN;
    if !is_written {
        let first = segments[at + 1] as usize + (place - segments[at] as usize) * segments[at + 4] as usize;
        let stride = segments[at + 3] as usize;
        for part in range_stepped(UNIT_POS_Y as usize, count as usize, ADDING) {
            sum += parts[first + part * stride];
        }
    }
    let mut shared = Shared::<[f32]>::new_slice(SUMS * ADDING);
    shared[UNIT_POS as usize] = sum;
    sync_cube();
    if UNIT_POS_Y == 0 && !is_written {
        let mut total = 0.0f32;
        #[unroll]
        for i in 0..ADDING {
            total += shared[i * SUMS + UNIT_POS_X as usize];
        }
        by_parameters[place] = total;
    }
}

/// How the gradient by a kernel is computed.
pub struct KernelGradient {
    kind: Correlation,
    sizes: CorrelationSizes,
    parts: usize,
    length: usize,
}

impl KernelGradient {
    /// For a layer with an input of these `[n, depth, height, width]`, with parts from `first` on.
    pub fn new(spec: &LayerSpec, input: [usize; 4], first: usize) -> Self {
        let [n, depth, height, width] = input;
        let sides = [depth, height, width];
        let [depth, height, width] = if spec.kind == LayerKind::Conv { spec.output_sides(sides) } else { sides };
        let shape = spec.kernel_shape();
        let (length, coarse_channels) = (shape.iter().product::<usize>(), shape[0]);
        let channels = (1..=MOST_CHANNELS).rev().find(|of| coarse_channels.is_multiple_of(*of)).expect("1 divides all");
        let rows = n * depth * height;
        let wanted = (THREADS * channels / length).min(rows * width / PIXELS_OF_PART).clamp(1, MOST_PARTS.min(rows));
        let rows_of_part = rows.div_ceil(wanted);
        let kind = Correlation {
            is_valid: spec.geometry == Geometry::Valid,
            is_periodic: spec.geometry == Geometry::Stride2(Padding::Periodic),
            has_depth: spec.axes == Axes::Three,
            channels,
        };
        let fine_channels = shape[1];
        let sizes =
            CorrelationSizes { coarse_channels, fine_channels, depth, height, width, rows, rows_of_part, first };
        Self { kind, sizes, parts: rows.div_ceil(rows_of_part), length }
    }

    /// Length of the parts.
    pub fn len(&self) -> usize {
        self.parts * self.length
    }

    /// Computes the parts from the fine and the coarse images.
    pub fn launch(&self, on: &Accelerator, fine: &Buffer, coarse: &Buffer, parts: &Buffer) {
        let CorrelationSizes { coarse_channels, fine_channels, depth, height, width, rows, rows_of_part, first } =
            self.sizes;
        let threads = self.length / self.kind.channels;
        let sizes = CorrelationSizesLaunch::new(
            coarse_channels,
            fine_channels,
            depth,
            height,
            width,
            rows,
            rows_of_part,
            first,
        );
        // SAFETY: the kernel reads images of these sizes and writes the parts at their place.
        unsafe {
            part_kernel::launch_unchecked(
                &on.client,
                CubeCount::Static(threads.div_ceil(WORKGROUP) as u32, self.parts as u32, 1),
                CubeDim::new_1d(WORKGROUP as u32),
                fine.arg(),
                coarse.arg(),
                parts.arg(),
                sizes,
                self.kind,
            );
        }
    }

    /// The segment of the parameters from `start` on that the kernel is.
    pub fn segment(&self, start: usize) -> Segment {
        Segment { start, first: self.sizes.first, count: Some(self.parts), stride: self.length, step: 1 }
    }
}

/// Some of the parameters, and where the parts of their sums are.
pub struct Segment {
    /// Where it begins among the parameters.
    pub start: usize,
    /// Where the parts of its first sum begin.
    pub first: usize,
    /// Parts of a sum; none if something else writes the gradient.
    pub count: Option<usize>,
    /// From part to part of a sum.
    pub stride: usize,
    /// From sum to sum.
    pub step: usize,
}

/// Adds the parts of the sums of all `segments`, in the order of the parameters.
pub fn add(on: &Accelerator, parts: &Buffer, segments: &[Segment], by_parameters: &Buffer) {
    let numbers = segments.iter().flat_map(|segment| {
        let Segment { start, first, count, stride, step } = *segment;
        [start as u32, first as u32, count.map_or(WRITTEN, |count| count as u32), stride as u32, step as u32]
    });
    let table = on.upload(&numbers.collect::<Vec<u32>>());
    // SAFETY: the kernel reads the parts that the table names and writes as many sums as there are parameters.
    unsafe {
        add_kernel::launch_unchecked(
            &on.client,
            CubeCount::Static(by_parameters.len().div_ceil(SUMS) as u32, 1, 1),
            CubeDim::new_2d(SUMS as u32, ADDING as u32),
            parts.arg(),
            table.arg(),
            by_parameters.arg(),
            by_parameters.len(),
            segments.len(),
        );
    }
}
