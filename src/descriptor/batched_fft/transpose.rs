//! Copies images into SIMD lanes and back.

use pulp::Simd;

use super::{super::count::Count, complex::Complexes};

/// One bit for each image of a group.
const BITS: [u32; 32] = {
    let mut bits = [0; 32];
    let mut image = 0;
    while image < bits.len() {
        bits[image] = 1 << image;
        image += 1;
    }
    bits
};

/// For each voxel, a number whose bit i is set if image i of up to 32 in `voxels` has `phase` there.
///
/// Eight images at a time give one byte, so that a vector holds more voxels.
#[inline(always)]
pub fn collect_bits(voxels: &[u8], phase: u8, bytes: &mut [u8], bits: &mut [u32]) {
    bits.fill(0);
    for (eight, images) in voxels.chunks(8 * bits.len()).enumerate() {
        bytes.fill(0);
        for (bit, image) in images.chunks_exact(bytes.len()).enumerate() {
            for (byte, &voxel) in bytes.iter_mut().zip(image) {
                *byte |= u8::from(voxel == phase) << bit;
            }
        }
        for (bits, &byte) in bits.iter_mut().zip(&*bytes) {
            *bits |= u32::from(byte) << (8 * eight);
        }
    }
}

/// The voxels of a row as 0 or 1: first images in the real, the others in the imaginary parts.
#[inline(always)]
pub fn load_row<S: Simd>(simd: S, row: &[u32], to: &mut [Complexes<S>]) {
    let [re, im] = [0, 1].map(|part| simd.partial_load_u32s(&BITS[part * S::U32_LANES..][..S::U32_LANES]));
    for (to, &bits) in to.iter_mut().zip(row) {
        *to = [indicator(simd, bits, re), indicator(simd, bits, im)];
    }
}

/// 1 in the lanes whose bit is set in `mask`, 0 in the others.
#[inline(always)]
fn indicator<S: Simd>(simd: S, mask: u32, bits: S::u32s) -> S::f32s {
    let is_set = simd.equal_u32s(simd.and_u32s(simd.splat_u32s(mask), bits), bits);
    simd.select_f32s(is_set, simd.splat_f32s(1.0), simd.splat_f32s(0.0))
}

/// Rounds `line` to integers below 2^22 and writes them to the `counts` of each image, from `start`.
///
/// Overwrites `line`.
#[inline(always)]
pub fn store_row<C: Count, S: Simd>(simd: S, line: &mut [Complexes<S>], counts: &mut [C], image: usize, start: usize) {
    // Single-precision numbers from 2^23 on are integers: the sum is rounded, and its lower bits are the number.
    let whole = simd.splat_f32s(WHOLE);
    for value in line.iter_mut() {
        *value = [simd.add_f32s(value[0], whole), simd.add_f32s(value[1], whole)];
    }
    let (blocks, rest) = line.as_chunks::<BLOCK>();
    for (block, start) in blocks.iter().zip((start..).step_by(BLOCK)) {
        let numbers: &[f32] = pulp::bytemuck::cast_slice(block.as_flattened());
        for (index, counts) in counts[start..].chunks_mut(image).enumerate() {
            let counts = counts.first_chunk_mut::<BLOCK>().expect("a row holds the block");
            for (x, count) in counts.iter_mut().enumerate() {
                *count = C::new(numbers[x * 2 * S::F32_LANES + index].to_bits() - WHOLE.to_bits());
            }
        }
    }
    for (value, start) in rest.iter().zip(start + blocks.len() * BLOCK..) {
        let numbers: &[f32] = pulp::bytemuck::cast_slice(value);
        for (count, number) in counts[start..].iter_mut().step_by(image).zip(numbers) {
            *count = C::new(number.to_bits() - WHOLE.to_bits());
        }
    }
}

/// Numbers of an image written at a time.
///
/// For a small constant the compiler emits loads, for whole rows gathers, which are slower.
const BLOCK: usize = 8;

const WHOLE: f32 = (1 << 23) as f32;
