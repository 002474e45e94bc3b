//! Updates of parameters: Adam and moving averages.

use cubecl::prelude::*;

use super::buffers::{Accelerator, Buffer, workgroups};
use super::sums::{WORKGROUP, first_of_workgroup};
use crate::network::kernels::{AdamStep, BETA2, EPSILON};

#[derive(CubeType, CubeLaunch)]
struct AdamScalars {
    beta1: f32,
    beta2: f32,
    /// 1 - beta1 and 1 - beta2, which the host computes in double precision.
    rest1: f32,
    rest2: f32,
    rate: f32,
    correction: f32,
    epsilon: f32,
}

#[cube(launch_unchecked)]
fn adam_kernel(
    values: &[f32],
    first: &[f32],
    second: &[f32],
    gradient: &[f32],
    new_values: &mut [f32],
    new_first: &mut [f32],
    new_second: &mut [f32],
    length: usize,
    step: AdamScalars,
) {
    let i = first_of_workgroup() + UNIT_POS as usize;
    if i < length {
        let g = gradient[i];
        let m = first[i] * step.beta1 + g * step.rest1;
        let v = second[i] * step.beta2 + g * g * step.rest2;
        new_first[i] = m;
        new_second[i] = v;
        new_values[i] = values[i] - m / ((v / step.correction).sqrt() + step.epsilon) * step.rate;
    }
}

/// One update of Adam: the new parameters and moments.
pub fn adam(
    on: &Accelerator,
    values: &Buffer,
    moments: [&Buffer; 2],
    gradient: &Buffer,
    step: &AdamStep,
) -> [Buffer; 3] {
    let length = values.len();
    let new = [(); 3].map(|()| on.empty(length));
    let [new_values, new_first, new_second] = new.each_ref().map(Buffer::arg);
    let scalars = AdamScalarsLaunch::new(
        step.beta1 as f32,
        BETA2 as f32,
        (1.0 - step.beta1) as f32,
        (1.0 - BETA2) as f32,
        step.rate as f32,
        step.correction as f32,
        EPSILON as f32,
    );
    // SAFETY: the kernel reads and writes below `length` only.
    unsafe {
        adam_kernel::launch_unchecked(
            &on.client,
            workgroups(length.div_ceil(WORKGROUP), 1),
            CubeDim::new_1d(WORKGROUP as u32),
            values.arg(),
            moments[0].arg(),
            moments[1].arg(),
            gradient.arg(),
            new_values,
            new_first,
            new_second,
            length,
            scalars,
        );
    }
    new
}

#[cube(launch_unchecked)]
fn move_kernel(old: &[f32], new: &[f32], output: &mut [f32], length: usize, decay: f32, rest: f32) {
    let i = first_of_workgroup() + UNIT_POS as usize;
    if i < length {
        output[i] = old[i] * decay + new[i] * rest;
    }
}

/// Moves `old` towards `new`: `decay` is the share of the old values that stays.
pub fn move_towards(on: &Accelerator, old: &Buffer, new: &Buffer, decay: f64) -> Buffer {
    let output = on.empty(old.len());
    // SAFETY: the kernel reads and writes below the length only.
    unsafe {
        move_kernel::launch_unchecked(
            &on.client,
            workgroups(old.len().div_ceil(WORKGROUP), 1),
            CubeDim::new_1d(WORKGROUP as u32),
            old.arg(),
            new.arg(),
            output.arg(),
            old.len(),
            decay as f32,
            (1.0 - decay) as f32,
        );
    }
    output
}
