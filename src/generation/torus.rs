//! Sizes of images, and images that are tori of cells, made in square patches.
//!
//! A cell has 16 x 16 pixels and one latent vector of a fully convolutional model. Networks take squares, and their
//! convolutions are periodic. A small square image is one pass. Else the torus is cut into square patches with so many
//! cells around them that their inner part does not depend on the patch's edge.

use rayon::prelude::*;

use crate::model::Model;
use crate::{Error, Result};

/// Side of a cell in pixels.
pub const STRIDE: usize = 16;

/// Cells along the side of a patch, without those around it, and of the largest square that is one pass.
const PATCH: usize = 16;

/// Cells around a patch: more than its pixels or latents depend on, and an even number, so that each sum has the order
/// that it has in a torus that is one pass.
pub const HALO: usize = 4;

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
    let ([nz, ny, nx], [_, tile_ny, tile_nx], profile) = (shape, model.shape(), model.profile.name());
    let fits = |length: usize| (2 * STRIDE..=LONGEST).contains(&length) && length.is_multiple_of(STRIDE);
    let nearest = |length: usize| ((length.min(LONGEST) + STRIDE / 2) / STRIDE * STRIDE).max(2 * STRIDE);
    let right = match model.profile.is_fully_convolutional() {
        _ if shape == model.shape() => return Ok(()),
        true if nz == 1 && fits(ny) && fits(nx) => return Ok(()),
        true => format!(
            "has images of one layer, with {} to {LONGEST} pixels along y and x, multiples of {STRIDE}; the nearest is \
             1 x {} x {}",
            2 * STRIDE,
            nearest(ny),
            nearest(nx)
        ),
        false => format!(
            "has images of 1 x {tile_ny} x {tile_nx} alone; give that size, or train a model with profile field"
        ),
    };
    Err(Error::invalid(format!("images of {nz} x {ny} x {nx} voxels (z, y, x); a model of profile {profile} {right}")))
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
        (self.ny == self.nx && self.ny <= PATCH).then_some(Patch { first: [0, 0], side: self.ny, halo: 0 })
    }

    /// How many patches of `n` images are made at once on the threads of the current pool, and their side.
    pub fn at_once(self, n: usize) -> (usize, usize) {
        match self.whole() {
            Some(whole) => (n, whole.side),
            None => (rayon::current_num_threads().min(n.saturating_mul(self.patches())), PATCH + 2 * HALO),
        }
    }

    fn patches(self) -> usize {
        self.ny.div_ceil(PATCH) * self.nx.div_ceil(PATCH)
    }

    /// One of the patches that make up a torus that is not one pass.
    fn patch(self, index: usize) -> Patch {
        let along_x = self.nx.div_ceil(PATCH);
        let begin = |at: usize, length: usize| (at * PATCH + length * HALO - HALO) % length;
        let first = [begin(index / along_x, self.ny), begin(index % along_x, self.nx)];
        Patch { first, side: PATCH + 2 * HALO, halo: HALO }
    }

    /// Fills images that are not one pass, patch by patch.
    ///
    /// They have `channels`, and `scale` x `scale` values a cell; `make` gives those of one patch of one image.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub fn fill<T: Copy + Send>(
        self,
        [channels, scale]: [usize; 2],
        to: &mut [T],
        make: impl Fn(usize, Patch) -> Result<Vec<T>> + Sync,
    ) -> Result<()> {
        let (of_channel, patches) = (self.count() * scale * scale, self.patches());
        let total = to.len() / (channels * of_channel) * patches;
        // As many at once as there are threads: their memory is that of one patch each.
        for first in (0..total).step_by(rayon::current_num_threads()) {
            let part = first..(first + rayon::current_num_threads()).min(total);
            let made: Vec<Vec<T>> = part
                .clone()
                .into_par_iter()
                .map(|index| make(index / patches, self.patch(index % patches)))
                .collect::<Result<_>>()?;
            for (index, values) in part.zip(made) {
                let image = &mut to[index / patches * channels * of_channel..][..channels * of_channel];
                let of_patch = values.len() / channels;
                for (from, to) in values.chunks_exact(of_patch).zip(image.chunks_exact_mut(of_channel)) {
                    self.patch(index % patches).place(from, scale, self, to);
                }
            }
        }
        Ok(())
    }
}

impl Patch {
    /// Copies the inner part of a patch to its place, as far as it is in the torus.
    ///
    /// A cell has `scale` x `scale` values.
    pub fn place<T: Copy>(&self, values: &[T], scale: usize, cells: Cells, to: &mut [T]) {
        let (side, edge, [ny, nx]) = (self.side * scale, self.halo * scale, [cells.ny * scale, cells.nx * scale]);
        let begin = [(self.first[0] * scale + edge) % ny, (self.first[1] * scale + edge) % nx];
        let rows = (side - 2 * edge).min(ny - begin[0]);
        let columns = (side - 2 * edge).min(nx - begin[1]);
        for row in 0..rows {
            let from = (row + edge) * side + edge;
            to[(begin[0] + row) * nx + begin[1]..][..columns].copy_from_slice(&values[from..from + columns]);
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
            cells.fill([3, scale], &mut joined, |_, patch| Ok(patch.cut(&image, scale, cells))).unwrap();
            assert_eq!(joined, image);
        }
    }

    #[test]
    fn latents_are_those_of_the_cells() {
        let model = model();
        assert_eq!(latent_size(&model, [1, 64, 64]), Ok(64));
        assert_eq!(latent_size(&model, [1, 32, 1 << 20]), Ok(8 << 16));
    }

    #[test]
    fn other_shapes_are_refused_with_one_that_is_right() {
        let model = model();
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
