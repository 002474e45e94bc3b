//! Standard normal numbers: those of [`Normals`](crate::random::Normals), whose integers they share.

use cubecl::prelude::*;

use super::buffers::{Accelerator, Buffer, workgroups};
use super::sums::{WORKGROUP, first_of_workgroup};
use crate::network::normal::NormalImages;
use crate::random::BLOCK;

const HALF: usize = BLOCK / 2;

/// Rounds of ChaCha8, two at a time: one of the columns, one of the diagonals.
const DOUBLE_ROUNDS: usize = 4;

/// The constant words that each block of ChaCha begins from.
const CONSTANT: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// Angles in units of 2^-32 turns: half of a quarter of a turn, half of a turn, and the unit in radians.
const HALF_QUARTER: u32 = 1 << 29;
const HALF_TURN: u32 = 1 << 31;
const TURN: f32 = std::f32::consts::TAU / 4_294_967_296.0;

/// Marks an image or a cell of zeros.
const ZEROS: u32 = u32::MAX;

/// How the cells of images lie.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
struct CellSizes {
    blocks: usize,
    columns: usize,
    rows: usize,
    layers: usize,
    cell_channels: usize,
    cell_depth: usize,
    cell_height: usize,
    cell_width: usize,
}

/// A thread has the numbers of one block of the cipher. `images` has for each image the number of the stream and of its first
/// block there, `cells` for each cell that of its first block behind it, low words first.
#[cube(launch_unchecked)]
fn normal_kernel(key: &[u32], images: &[u32], cells: &[u32], output: &mut [f32], length: usize, sizes: CellSizes) {
    let thread = first_of_workgroup() + UNIT_POS as usize;
    let of_image = sizes.layers * sizes.rows * sizes.columns;
    if thread < length {
        let block = thread % sizes.blocks;
        let place = thread / sizes.blocks % of_image;
        let image = thread / sizes.blocks / of_image;
        let mut numbers = Array::<f32>::new(BLOCK);
        let image_high = images[4 * image + 3];
        let cell_high = cells[2 * place + 1];
        if image_high == ZEROS || cell_high == ZEROS {
            #[unroll]
            for i in 0..BLOCK {
                numbers[i] = 0.0;
            }
        } else {
            let mut low = images[4 * image + 2];
            let mut high = image_high + cell_high;
            low += cells[2 * place];
            high += u32::cast_from(low < cells[2 * place]);
            low += block as u32;
            high += u32::cast_from(low < block as u32);
            draw(key, images[4 * image], images[4 * image + 1], low, high, &mut numbers);
        }
        let x = place % sizes.columns;
        let y = place / sizes.columns % sizes.rows;
        let z = place / sizes.columns / sizes.rows;
        let of_cell = sizes.cell_channels * sizes.cell_depth * sizes.cell_height * sizes.cell_width;
        for i in 0..BLOCK {
            let number = block * BLOCK + i;
            if number < of_cell {
                let column = number % sizes.cell_width;
                let row = number / sizes.cell_width % sizes.cell_height;
                let layer = number / (sizes.cell_width * sizes.cell_height) % sizes.cell_depth;
                let channel = number / (sizes.cell_width * sizes.cell_height * sizes.cell_depth);
                let mut at = image * sizes.cell_channels + channel;
                at = (at * sizes.layers + z) * sizes.cell_depth + layer;
                at = (at * sizes.rows + y) * sizes.cell_height + row;
                at = (at * sizes.columns + x) * sizes.cell_width + column;
                output[at] = numbers[i];
            }
        }
    }
}

/// The numbers of one block of a stream.
#[cube]
fn draw(key: &[u32], stream_low: u32, stream_high: u32, low: u32, high: u32, numbers: &mut Array<f32>) {
    let mut begin = Array::<u32>::new(BLOCK);
    #[unroll]
    for i in 0..4usize {
        begin[i] = comptime!(CONSTANT[i]).runtime();
    }
    #[unroll]
    for i in 0..8usize {
        begin[4 + i] = key[i];
    }
    begin[12] = low;
    begin[13] = high;
    begin[14] = stream_low;
    begin[15] = stream_high;
    let mut words = Array::<u32>::new(BLOCK);
    #[unroll]
    for i in 0..BLOCK {
        words[i] = begin[i];
    }
    for _ in 0..DOUBLE_ROUNDS {
        #[unroll]
        for i in 0..4usize {
            quarter_round(&mut words, i, 4 + i, 8 + i, 12 + i);
        }
        #[unroll]
        for i in 0..4usize {
            quarter_round(
                &mut words,
                i,
                comptime!(4 + (i + 1) % 4),
                comptime!(8 + (i + 2) % 4),
                comptime!(12 + (i + 3) % 4),
            );
        }
    }
    #[unroll]
    for i in 0..HALF {
        let radius = radius(words[i] + begin[i]);
        cosine_and_sine(words[HALF + i] + begin[HALF + i], radius, i, numbers);
    }
}

#[cube]
fn quarter_round(
    words: &mut Array<u32>,
    #[comptime] a: usize,
    #[comptime] b: usize,
    #[comptime] c: usize,
    #[comptime] d: usize,
) {
    words[a] += words[b];
    words[d] = rotated(words[d] ^ words[a], 16u32);
    words[c] += words[d];
    words[b] = rotated(words[b] ^ words[c], 12u32);
    words[a] += words[b];
    words[d] = rotated(words[d] ^ words[a], 8u32);
    words[c] += words[d];
    words[b] = rotated(words[b] ^ words[c], 7u32);
}

#[cube]
fn rotated(word: u32, #[comptime] by: u32) -> u32 {
    (word << by) | (word >> comptime!(32 - by))
}

/// sqrt(-2 ln u), where u is a multiple of 2^-24 between 0, which is left out, and 1.
#[cube]
fn radius(word: u32) -> f32 {
    let share = f32::cast_from((word >> 8) + 1) / 16_777_216.0f32;
    let square = -2.0f32 * share.ln();
    select(square > 0.0f32, square, 0.0f32).sqrt()
}

/// Writes number `i`, `radius` times the cosine of `word` / 2^32 turns, and the one of the sine.
#[cube]
fn cosine_and_sine(word: u32, radius: f32, #[comptime] i: usize, numbers: &mut Array<f32>) {
    // The nearest quarter of a turn, and what the angle is more than that, at most an eighth of a turn.
    let quarter = (word + HALF_QUARTER) >> 30;
    let more = word - (quarter << 30);
    let is_negative = more > HALF_TURN;
    let size = f32::cast_from(select(is_negative, 0u32 - more, more)) * TURN;
    let angle = select(is_negative, -size, size);
    let square = angle * angle;
    let mut sine = square * 2.755_732e-6f32 - 1.984_127e-4f32;
    sine = sine * square + 8.333_333e-3f32;
    sine = sine * square - 1.666_667e-1f32;
    sine = sine * square * angle + angle;
    let mut cosine = square * 2.480_159e-5f32 - 1.388_889e-3f32;
    cosine = cosine * square + 4.166_667e-2f32;
    cosine = cosine * square - 0.5f32;
    cosine = cosine * square + 1.0f32;
    let is_odd = (quarter & 1) == 1;
    let first = radius * select(is_odd, sine, cosine);
    let second = radius * select(is_odd, cosine, sine);
    numbers[i] = select(((quarter + 1) & 2) == 2, -first, first);
    numbers[HALF + i] = select((quarter & 2) == 2, -second, second);
}

/// The images, `[n, channels, depth, height, width]`. All have one seed.
pub fn normal(on: &Accelerator, images: &NormalImages) -> Buffer {
    let [n, ..] = images.shape();
    let ([layers, rows, columns], [cell_channels, cell_depth, cell_height, cell_width]) =
        (images.sides, images.of_cell);
    let blocks = images.of_cell.iter().product::<usize>().div_ceil(BLOCK);
    let words = |number: u64| [number as u32, (number >> 32) as u32];
    let mut key = [0; 8];
    let mut of_images = Vec::with_capacity(4 * n);
    for normals in &images.images {
        let (stream, first) = match normals {
            Some(normals) => {
                let (of_seed, stream, first) = normals.cipher();
                key = of_seed;
                (stream, first)
            }
            None => (0, u64::MAX),
        };
        of_images.extend(words(stream).into_iter().chain(words(first)));
    }
    let of_cell = |cell: &Option<u64>| words(cell.map_or(u64::MAX, |first| first / BLOCK as u64));
    let of_cells: Vec<u32> = images.cells.iter().flat_map(of_cell).collect();
    let (length, output) = (n * images.cells.len() * blocks, on.empty(images.shape().iter().product()));
    let [key, of_images, of_cells] = [&key[..], &of_images, &of_cells].map(|words| on.upload(words));
    // SAFETY: the kernel reads four words of each image, two of each cell and eight of the key, and writes images of this shape.
    unsafe {
        normal_kernel::launch_unchecked(
            &on.client,
            workgroups(length.div_ceil(WORKGROUP), 1),
            CubeDim::new_1d(WORKGROUP as u32),
            key.arg(),
            of_images.arg(),
            of_cells.arg(),
            output.arg(),
            length,
            CellSizesLaunch::new(blocks, columns, rows, layers, cell_channels, cell_depth, cell_height, cell_width),
        );
    }
    output
}
