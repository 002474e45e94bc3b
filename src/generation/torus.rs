//! Sizes of images, and images that are tori of cells, made in square patches.
//!
//! A cell has 16 x 16 pixels and one latent vector of a fully convolutional model. Networks take squares, and their
//! convolutions are periodic. A small square image is one pass. Else the torus is cut into square patches with so many
//! cells around them that their inner part does not depend on the patch's edge.

use rayon::prelude::*;

use crate::micrograph::Block;
use crate::model::Model;
use crate::{Error, Result};

/// Side of a cell in pixels.
pub const STRIDE: usize = 16;

/// Most cells along the side of a square that is one pass.
const ONE_PASS: usize = 24;

/// Most cells along the side of a patch, without those around it.
const PATCH: usize = 56;

/// Cells around a patch: as many as its pixels or latents depend on, and an even number, so that each sum has the order
/// that it has in a torus that is one pass. The kernels ask for even sides too.
const HALO: usize = 4;

/// Longest side of an image in pixels.
const LONGEST: usize = 1 << 20;

/// Latents of an image of `shape`, `[nz, ny, nx]` in voxels.
///
/// A fully convolutional model has a latent vector for each 16 x 16 pixels, and images of any multiple of 16 pixels,
/// from 32 on, along y and x. Other models have images of the size of a training tile.
///
/// # Errors
///
/// [`Error::InvalidParameter`] with the nearest right size, if the model has no images of that shape.
pub fn latent_size(model: &Model, shape: [usize; 3]) -> Result<usize> {
    check_shape(model, shape)?;
    let of_tile = Cells::of(model.shape()).count();
    Ok(if shape == model.shape() { model.latent_size } else { model.latent_size / of_tile * Cells::of(shape).count() })
}

/// Checks that `shape`, `[nz, ny, nx]`, is one that the model has images of.
///
/// # Errors
///
/// Those of [`latent_size`].
pub fn check_shape(model: &Model, shape: [usize; 3]) -> Result<()> {
    if check_cropped_shape(model, shape).is_ok() && shape == torus_of(model, shape) {
        return Ok(());
    }
    let [_, ny, nx] = shape;
    let nearest = |length: usize| ((length.min(LONGEST) + STRIDE / 2) / STRIDE * STRIDE).max(2 * STRIDE);
    Err(wrong_shape(model, shape, || {
        format!(
            "has images of one layer, with {} to {LONGEST} pixels along y and x, multiples of {STRIDE}; the nearest is \
             1 x {} x {}",
            2 * STRIDE,
            nearest(ny),
            nearest(nx)
        )
    }))
}

/// Checks that realisations of `shape`, `[nz, ny, nx]`, are [tori](torus_of) of the model, or parts of them.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if they are not.
pub fn check_cropped_shape(model: &Model, shape: [usize; 3]) -> Result<()> {
    let [nz, ny, nx] = shape;
    let fits = |length: usize| (2 * STRIDE..=LONGEST).contains(&length);
    if shape == model.shape() || (model.profile.is_fully_convolutional() && nz == 1 && fits(ny) && fits(nx)) {
        return Ok(());
    }
    Err(wrong_shape(model, shape, || {
        format!("has images of one layer, with {} to {LONGEST} pixels along y and x", 2 * STRIDE)
    }))
}

fn wrong_shape(model: &Model, [nz, ny, nx]: [usize; 3], right: impl FnOnce() -> String) -> Error {
    let ([_, tile_ny, tile_nx], profile) = (model.shape(), model.profile.name());
    let right = if model.profile.is_fully_convolutional() {
        right()
    } else {
        format!("has images of 1 x {tile_ny} x {tile_nx} alone; give that size, or train a model with profile standard")
    };
    Error::invalid(format!("images of {nz} x {ny} x {nx} voxels (z, y, x); a model of profile {profile} {right}"))
}

/// The smallest torus of the model that is at least as large as `shape`, which is right.
pub fn torus_of(model: &Model, shape: [usize; 3]) -> [usize; 3] {
    let [nz, ny, nx] = shape;
    if shape == model.shape() { shape } else { [nz, ny.next_multiple_of(STRIDE), nx.next_multiple_of(STRIDE)] }
}

/// The cells of a torus.
#[derive(Debug, Clone, Copy)]
pub struct Cells {
    pub ny: usize,
    pub nx: usize,
}

/// A square of cells, which may go beyond the end of the torus and wraps around it.
#[derive(Debug, Clone, Copy)]
pub struct Patch {
    /// First row and column of cells, the halo included; counted around the torus.
    pub first: [usize; 2],
    /// Cells along each side.
    pub side: usize,
    /// Cells at each edge that are made only for their neighbours.
    pub halo: usize,
    /// Row and column of the part that is made at which the patch begins, the halo not included, in values. The first
    /// patches begin less than a cell before 0.
    place: [isize; 2],
}

/// A part of a torus, a rectangle of values that may begin anywhere and wrap around, but is no larger than the torus.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Values along the side of a cell.
    scale: usize,
    /// First row and column of values.
    begin: [usize; 2],
    /// Rows and columns.
    size: [usize; 2],
}

impl Part {
    /// All of the torus, with `scale` x `scale` values a cell.
    pub fn whole(cells: Cells, scale: usize) -> Self {
        Self { scale, begin: [0, 0], size: [cells.ny * scale, cells.nx * scale] }
    }

    /// The pixels of a block of an image of `shape`.
    pub fn of_block(shape: [usize; 3], block: &Block) -> Self {
        let [_, y, x] = block.begin(shape);
        Self { scale: STRIDE, begin: [y, x], size: [block.size[1], block.size[2]] }
    }

    /// Cells along each axis that it has values of.
    fn cells(&self) -> [usize; 2] {
        std::array::from_fn(|axis| (self.begin[axis] % self.scale + self.size[axis]).div_ceil(self.scale))
    }
}

impl Cells {
    /// Those of an image of `[nz, ny, nx]` pixels.
    pub fn of([_, ny, nx]: [usize; 3]) -> Self {
        Self { ny: ny / STRIDE, nx: nx / STRIDE }
    }

    pub fn count(self) -> usize {
        self.ny * self.nx
    }

    /// The whole torus as a patch, if it is one pass.
    pub fn whole(self) -> Option<Patch> {
        let is_one_pass = self.ny == self.nx && self.ny <= ONE_PASS && self.ny.is_multiple_of(2);
        is_one_pass.then_some(Patch { first: [0, 0], side: self.ny, halo: 0, place: [0, 0] })
    }

    /// How many patches of `part` of `n` images are made at once on the threads of the current pool, and their side.
    pub fn at_once(self, part: &Part, n: usize) -> (usize, usize) {
        if let Some(whole) = self.whole() {
            return (n, whole.side);
        }
        let patches = self.patches(part);
        (rayon::current_num_threads().min(n.saturating_mul(patches.len())), patches[0].side)
    }

    /// The patches that cover `part`, of the side with which they have the fewest cells in all.
    pub fn patches(self, part: &Part) -> Vec<Patch> {
        let [rows, columns] = part.cells();
        let work = |inner: &usize| rows.div_ceil(*inner) * columns.div_ceil(*inner) * (inner + 2 * HALO).pow(2);
        let inner = (2..=PATCH).step_by(2).min_by_key(work).unwrap_or(PATCH);
        let along = |axis: usize, cells: usize, length: usize| {
            let (first, before) = (part.begin[axis] / part.scale, (part.begin[axis] % part.scale) as isize);
            (0..cells).step_by(inner).map(move |at| {
                let begin = (first + at + length * HALO - HALO) % length;
                (begin, (at * part.scale) as isize - before)
            })
        };
        let side = inner + 2 * HALO;
        let patch = |(y, row), (x, column)| Patch { first: [y, x], side, halo: HALO, place: [row, column] };
        along(0, rows, self.ny).flat_map(|y| along(1, columns, self.nx).map(move |x| patch(y, x))).collect()
    }

    /// Fills `part` of images that are not one pass, patch by patch.
    ///
    /// They have `channels`; `make` gives the values of one patch of one image.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub fn fill<T: Copy + Send>(
        self,
        part: &Part,
        channels: usize,
        to: &mut [T],
        make: impl Fn(usize, Patch) -> Result<Vec<T>> + Sync,
    ) -> Result<()> {
        let (of_channel, patches) = (part.size[0] * part.size[1], self.patches(part));
        let images = to.len() / (channels * of_channel);
        let work: Vec<(usize, Patch)> =
            (0..images).flat_map(|image| patches.iter().map(move |patch| (image, *patch))).collect();
        // As many at once as there are threads: their memory is that of one patch each.
        for work in work.chunks(rayon::current_num_threads()) {
            let made: Vec<Vec<T>> = work.par_iter().map(|&(image, patch)| make(image, patch)).collect::<Result<_>>()?;
            for ((image, patch), values) in work.iter().zip(made) {
                let image = &mut to[image * channels * of_channel..][..channels * of_channel];
                let of_patch = values.len() / channels;
                for (from, to) in values.chunks_exact(of_patch).zip(image.chunks_exact_mut(of_channel)) {
                    patch.place(from, part, to);
                }
            }
        }
        Ok(())
    }
}

impl Patch {
    /// Copies the inner values of a patch to their place in `part`, as far as they are in it.
    pub fn place<T: Copy>(&self, values: &[T], part: &Part, to: &mut [T]) {
        let (width, edge, [ny, nx]) = (self.side * part.scale, self.halo * part.scale, part.size);
        // Along an axis: the first value in the part, that in the patch, and how many there are.
        let along = |axis: usize, length: usize| {
            let before = self.place[axis].min(0).unsigned_abs();
            let at = self.place[axis].max(0).unsigned_abs();
            (at, edge + before, (width - 2 * edge - before).min(length - at))
        };
        let ((y, from_row, rows), (x, from_column, columns)) = (along(0, ny), along(1, nx));
        for row in 0..rows {
            let from = &values[(from_row + row) * width + from_column..][..columns];
            to[(y + row) * nx + x..][..columns].copy_from_slice(from);
        }
    }

    /// Cuts the patch out of the channels of a torus with `scale` x `scale` values a cell.
    pub fn cut<T: Copy>(&self, image: &[T], scale: usize, cells: Cells) -> Vec<T> {
        let ([ny, nx], side) = ([cells.ny * scale, cells.nx * scale], self.side * scale);
        let [top, left] = self.first.map(|first| first * scale);
        let rows = image
            .chunks_exact(ny * nx)
            .flat_map(|of_channel| (top..top + side).map(move |row| &of_channel[row % ny * nx..][..nx]));
        rows.flat_map(|row| (left..left + side).map(move |column| row[column % nx])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::field::tests::model;
    use super::*;

    #[test]
    fn patches_are_the_parts_of_a_torus() {
        for (ny, nx) in [(2, 3), (5, 20), (33, 17)] {
            let (cells, scale) = (Cells { ny, nx }, 2);
            let image: Vec<usize> = (0..3 * cells.count() * scale * scale).collect();
            let mut joined = vec![usize::MAX; image.len()];
            cells
                .fill(&Part::whole(cells, scale), 3, &mut joined, |_, patch| Ok(patch.cut(&image, scale, cells)))
                .unwrap();
            assert_eq!(joined, image);
        }
    }

    #[test]
    fn latents_are_those_of_the_cells() {
        let model = model(2);
        assert_eq!(latent_size(&model, [1, 64, 64]), Ok(64));
        assert_eq!(latent_size(&model, [1, 32, 1 << 20]), Ok(8 << 16));
    }

    #[test]
    fn other_shapes_are_refused_with_one_that_is_right() {
        let model = model(2);
        for (shape, parts) in [
            ([1, 100, 64], ["1 x 100 x 64", "1 x 96 x 64"]),
            ([1, 64, 16], ["1 x 64 x 16", "1 x 64 x 32"]),
            ([2, 64, 64], ["2 x 64 x 64", "one layer"]),
            ([1, 0, 64], ["1 x 0 x 64", "1 x 32 x 64"]),
            ([1, 64, usize::MAX], ["18446744073709551615", "1 x 64 x 1048576"]),
        ] {
            let error = latent_size(&model, shape).unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }
}
