//! From images, one after the other, to lanes, and back.

use pulp::Simd;

use super::{super::count::Count, complex::Complexes};

/// One bit for each lane.
const BITS: [u32; 16] = {
    let mut bits = [0; 16];
    let mut lane = 0;
    while lane < 16 {
        bits[lane] = 1 << lane;
        lane += 1;
    }
    bits
};

/// The voxels from `start` of each image, 1 where they are of `phase`, otherwise 0: the first images in the real parts,
/// the rest in the imaginary parts.
///
/// The bits are collected first, many voxels at a time, and then spread over the lanes, a voxel at a time.
#[inline(always)]
pub fn load_row<S: Simd>(
    simd: S,
    voxels: &[u8],
    image: usize,
    start: usize,
    phase: u8,
    masks: &mut [u32],
    to: &mut [Complexes<S>],
) {
    masks.fill(0);
    let parts = masks.chunks_exact_mut(to.len());
    for (masks, images) in parts.zip(voxels.chunks(S::F32_LANES * image)) {
        for (lane, image) in images.chunks_exact(image).enumerate() {
            for (mask, &voxel) in masks.iter_mut().zip(&image[start..]) {
                *mask |= u32::from(voxel == phase) << lane;
            }
        }
    }
    let (re, im) = masks.split_at(to.len());
    let bits = simd.partial_load_u32s(&BITS[..S::U32_LANES]);
    for ((to, &re), &im) in to.iter_mut().zip(re).zip(im) {
        *to = [indicator(simd, re, bits), indicator(simd, im, bits)];
    }
}

/// 1 in the lanes whose bit is set in `mask`, otherwise 0.
#[inline(always)]
fn indicator<S: Simd>(simd: S, mask: u32, bits: S::u32s) -> S::f32s {
    let is_set = simd.equal_u32s(simd.and_u32s(simd.splat_u32s(mask), bits), bits);
    simd.select_f32s(is_set, simd.splat_f32s(1.0), simd.splat_f32s(0.0))
}

/// Rounds `line` to whole numbers below 2^22 and writes them to each image's `counts` from `start`. `line` is lost.
#[inline(always)]
pub fn store_row<C: Count, S: Simd>(simd: S, line: &mut [Complexes<S>], counts: &mut [C], image: usize, start: usize) {
    // From 2^23 on, floating-point numbers are whole, so the sum is rounded, and its lower bits are the number.
    let whole = simd.splat_f32s(WHOLE);
    for value in line.iter_mut() {
        *value = [simd.add_f32s(value[0], whole), simd.add_f32s(value[1], whole)];
    }
    let nx = line.len();
    let numbers: &[f32] = pulp::bytemuck::cast_slice(line.as_flattened());
    for (index, counts) in counts.chunks_exact_mut(image).enumerate() {
        let column = numbers[index..].iter().step_by(2 * S::F32_LANES);
        for (count, number) in counts[start..start + nx].iter_mut().zip(column) {
            *count = C::new(number.to_bits() - WHOLE.to_bits());
        }
    }
}

const WHOLE: f32 = (1 << 23) as f32;
