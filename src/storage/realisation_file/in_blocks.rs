//! Realisations that are added block by block, and go on after an interruption.

use hdf5::{File, Group};
use ndarray::{Array1, Axis};

use super::*;
use crate::chunks::Missing;
use crate::dataset::OpenDataset;
use crate::storage::phase_dataset::{check_chunks, set_rows, write_part};

impl RealisationFile {
    /// Begins to add realisation `index` in blocks of at most `side` voxels, `blocks` in all, or goes on with it. Returns
    /// how many of its blocks are there. Those of another realisation are forgotten.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the realisation is in the file already, and those of [`append`](Self::append). The
    /// file is closed after a failure, with the blocks that were there.
    pub(in crate::storage) fn begin(&mut self, index: u64, side: usize, blocks: u64) -> Result<u64> {
        self.check_new(index, 1)?;
        let (row, shape) = (self.n_written(), self.header.shape);
        let new =
            Unfinished { row: row as u64, index, side: side as u64, blocks: 0, voxels: vec![0; self.header.n_phases] };
        let begun = self.change(|this, file| {
            if let Some(found) = this.find_unfinished(file).filter(|found| found.is_part_of(&new, blocks)) {
                return Ok(found);
            }
            this.forget_unfinished(file)?;
            let begin = |file: &File| {
                match &this.layout {
                    Layout::VtkHdf => vtkhdf::begin_unfinished(file, row, shape)?,
                    Layout::Group(_) => {
                        set_rows(OpenDataset::open_own::<u8>(file, &this.phase_name(row))?, row, row + 1, shape)?
                    }
                }
                record::set_unfinished(&file.group(this.layout.record_group())?, &new)?;
                set_written(file, &this.layout, row, false)
            };
            let doing = format!("begin realisation {index}");
            file.transaction(&doing, |file| begin(file).explain(&this.path, &doing))?;
            Ok(new.clone())
        })?;
        let there = begun.blocks;
        self.unfinished = Some(begun);
        Ok(there)
    }

    /// Adds the next block of the realisation that was begun; its first voxel is `first`.
    ///
    /// # Errors
    ///
    /// Those of [`begin`](Self::begin).
    pub(in crate::storage) fn add_block(&mut self, first: [i64; 3], block: &PhaseImages) -> Result<()> {
        let mut unfinished =
            self.unfinished.take().ok_or_else(|| Error::Internal("no realisation was begun".into()))?;
        unfinished.blocks += 1;
        block.as_slice().iter().for_each(|&phase| unfinished.voxels[usize::from(phase)] += 1);
        let doing = format!("add block {} of realisation {}", unfinished.blocks, unfinished.index);
        self.change(|this, file| {
            let row = this.n_written();
            let add = |file: &File| {
                let part = block.phases().index_axis(Axis(0), 0);
                let phases = OpenDataset::open_own::<u8>(file, &this.phase_name(row))?;
                write_part(&phases, row, first, part)?;
                phases.close()?;
                record::set_unfinished(&file.group(this.layout.record_group())?, &unfinished)
            };
            file.transaction(&doing, |file| add(file).explain(&this.path, &doing))
        })?;
        self.unfinished = Some(unfinished);
        self.is_new = false;
        Ok(())
    }

    /// Lets the realisation count whose blocks are all there.
    ///
    /// # Errors
    ///
    /// Those of [`append`](Self::append). The blocks are still there then.
    pub(in crate::storage) fn end(&mut self) -> Result<()> {
        let unfinished = self.unfinished.as_ref().ok_or_else(|| Error::Internal("no realisation was begun".into()))?;
        let (layout, written, shape, index) =
            (self.layout.clone(), self.n_written(), self.header.shape, unfinished.index as i64);
        let voxels = shape.iter().product::<usize>() as f64;
        let fractions: Array1<f64> = unfinished.voxels.iter().map(|&count| count as f64 / voxels).collect();
        let fractions = fractions.insert_axis(Axis(0));
        self.add(index..index + 1, |file| {
            if layout == Layout::VtkHdf {
                vtkhdf::put_unfinished(file, written, shape)?;
            }
            record::put_rows(&file.group(layout.record_group())?, written, index, &fractions, &[f64::NAN])
        })?;
        self.unfinished = None;
        Ok(())
    }

    /// Lets `work` change the file. It is closed if that fails.
    fn change<T>(&mut self, work: impl FnOnce(&Self, &JournalledFile) -> Result<T>) -> Result<T> {
        hdf5::sync::sync(|| {
            let file = self.file.take().ok_or_else(|| self.closed())?;
            match work(self, &file) {
                Ok(done) => {
                    self.file = Some(file);
                    Ok(done)
                }
                Err(error) => {
                    drop(file);
                    self.after_failure();
                    Err(told_of(&self.path, error))
                }
            }
        })
    }

    /// The unfinished realisation of `file`, if its dataset is as it should be.
    fn find_unfinished(&self, file: &Group) -> Option<Unfinished> {
        let found = record::unfinished(&file.group(self.layout.record_group()).ok()?)?;
        let (row, [nz, ny, nx]) = (self.n_written(), self.header.shape);
        let phases = OpenDataset::open_own::<u8>(file, &self.phase_name(row)).ok()?;
        let is_single = self.layout == Layout::VtkHdf && row == 0;
        let expected = if is_single { vec![nz, ny, nx] } else { vec![row + 1, nz, ny, nx] };
        (phases.shape() == expected && check_chunks(&phases, row, Missing::Allowed).is_ok()).then_some(found)
    }

    /// The dataset that has the blocks of a realisation that comes after `written` others.
    fn phase_name(&self, written: usize) -> String {
        match &self.layout {
            Layout::VtkHdf => vtkhdf::unfinished(written).to_owned(),
            Layout::Group(name) => format!("{name}/{PHASE}"),
        }
    }

    /// Removes what is there of an unfinished realisation, as far as nothing else takes its place.
    pub(super) fn forget_unfinished(&self, file: &JournalledFile) -> Result<()> {
        let doing = "remove an unfinished realisation";
        let record = file.group(self.layout.record_group()).explain(&self.path, doing)?;
        if !record::has_unfinished(&record) {
            return Ok(());
        }
        file.transaction(doing, |file| remove_unfinished(file, &self.layout).explain(&self.path, doing))
    }
}

/// States that no realisation is unfinished.
pub(super) fn remove_unfinished(file: &File, layout: &Layout) -> hdf5::Result<()> {
    if *layout == Layout::VtkHdf {
        vtkhdf::remove_unfinished(file)?;
    }
    record::remove_unfinished(&file.group(layout.record_group())?)
}

#[cfg(test)]
mod tests;
