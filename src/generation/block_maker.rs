//! Realisations of fully convolutional models, made part by part.

use super::GenerationOptions;
use super::blocks::{block_within, parts, place};
use super::field::Field;
use super::given_fractions::GivenFractions;
use super::shift::Shift;
use super::threshold::Threshold;
use crate::Result;
use crate::micrograph::Block;
use crate::model::Model;
use crate::progress::Tell;

/// Makes realisations, or a block of each, on the threads of the current pool.
pub struct BlockMaker<'a> {
    model: &'a Model,
    options: &'a GenerationOptions,
    /// The torus that realisations are, or are cut from.
    shape: [usize; 3],
    /// What is made of it.
    wanted: Block,
    /// If volume fractions are given.
    given: Option<GivenFractions<'a>>,
}

/// A realisation that is made part by part.
pub struct Parts<'m, 'a> {
    shape: [usize; 3],
    wanted: Block,
    source: Source<'m, 'a>,
}

enum Source<'m, 'a> {
    AsItComes(Box<Field<'a>>),
    OfFractions(&'m mut GivenFractions<'a>, Threshold),
}

impl<'a> BlockMaker<'a> {
    /// What `options` ask for of realisations of a fully convolutional model.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) if the model does not make realisations of that shape.
    pub fn new(model: &'a Model, options: &'a GenerationOptions) -> Result<Self> {
        let (shape, block) = options.torus_and_block(model)?;
        let given = options.volume_fractions.as_ref().map(|_| GivenFractions::new(model, shape)).transpose()?;
        Ok(Self { model, options, shape, wanted: block.unwrap_or(Block::whole(shape)), given })
    }

    /// Begins realisation `index`: if it is to have given volume fractions, finds its threshold, and tells so on the way.
    ///
    /// # Errors
    ///
    /// Those of [`threshold`](super::threshold()), and of `tell`.
    pub fn begin(&mut self, index: u64, tell: Tell) -> Result<Parts<'_, 'a>> {
        let (shape, wanted, seed) = (self.shape, self.wanted, self.options.seed);
        let source = match (&mut self.given, &self.options.volume_fractions) {
            (Some(given), Some(fractions)) => {
                let find =
                    || given.threshold(seed, index, &self.options.fractions_of(self.model, index, fractions), tell);
                let found = self.options.threshold.clone().map_or_else(find, Ok)?;
                Source::OfFractions(given, found)
            }
            _ => Source::AsItComes(Box::new(Field::new(self.model, Shift::none(self.model), seed, index, shape)?)),
        };
        Ok(Parts { shape, wanted, source })
    }
}

impl Parts<'_, '_> {
    /// The voxels of a part of what is wanted, x fastest. Parts that follow one another along z share the work that both
    /// need.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`](crate::Error::InvalidParameter) for the threshold of another model,
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) if there is too little memory.
    pub fn part(&mut self, part: &Block) -> Result<Vec<u8>> {
        let block = block_within(self.shape, &self.wanted, part);
        match &mut self.source {
            Source::AsItComes(field) => field.block(&block),
            Source::OfFractions(given, threshold) => given.block(threshold, &block),
        }
    }

    /// All that is wanted, x fastest, made in parts of at most `sides` voxels.
    ///
    /// # Errors
    ///
    /// Those of [`part`](Self::part).
    pub fn fill(&mut self, sides: [usize; 3], to: &mut [u8]) -> Result<()> {
        let size = self.wanted.size;
        parts(size, sides).try_for_each(|part| {
            place(&self.part(&part)?, &part, size, to);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::blocks::block_sides;
    use super::super::field::tests::{model, relaxing, volume_model};
    use super::*;

    #[test]
    fn large_realisations_have_the_same_bytes_in_parts() {
        let image = (relaxing(model(2)), [1, 64, 656], [1, 300, 300], [[0, -7, 650], [1, 30, 700]]);
        let volume = (relaxing(volume_model()), [320, 32, 32], [32, 32, 32], [[-9, 3, 0], [90, 20, 32]]);
        for (model, shape, sides, [first, size]) in [image, volume] {
            let block = Block { first, size: size.map(|side| side as usize) };
            for block in [Block::whole(shape), block] {
                let options =
                    GenerationOptions { shape: Some(shape), block: Some(block), ..GenerationOptions::default() };
                let make = |sides: [usize; 3]| {
                    let mut made = vec![9; block.voxels()];
                    BlockMaker::new(&model, &options)
                        .unwrap()
                        .begin(5, &|| Ok(()))
                        .unwrap()
                        .fill(sides, &mut made)
                        .unwrap();
                    made
                };
                assert!(make(block_sides(shape)) == make(sides), "{block:?}");
            }
        }
    }
}
