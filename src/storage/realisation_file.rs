//! A set of realisations in an HDF5 file.

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use hdf5::{File, Group};

use self::in_blocks::remove_unfinished;
use super::atomic_file::told_of;
use super::hdf5_file::Explain;
use super::header::{Header, Layout, Mode};
use super::journalled_file::JournalledFile;
use super::kind::Kind;
use super::output::Output;
use super::phase_dataset::{create_series, put_images};
use super::record::Unfinished;
use super::{record, vtkhdf};
use crate::chunks;
use crate::dataset::OpenDataset;
use crate::micrograph::PhaseImages;
use crate::{Error, Result};

/// Name of the dataset of phases in a group.
const PHASE: &str = "phase";

/// The groups of a VTKHDF file.
const VTKHDF_GROUPS: [&str; 2] = ["VTKHDF", "davegan"];

/// A set of realisations in an HDF5 file, to which more can be added.
///
/// Phases are `uint8`, x fastest. With [`Layout::VtkHdf`] they are `/VTKHDF/CellData/phase`, of shape `(nz, ny, nx)`
/// while there is one realisation and `(n, nz, ny, nx)`, a time series, from the second on; with [`Layout::Group`] they
/// are `<group>/phase`, always `(n, nz, ny, nx)`. The group `/davegan`, or the one that was named, has besides:
///
/// * datasets `index` (n), `volume_fraction` (n, number of phases) and `s2_error` (n), which ParaView shows as field data
///   of the time steps;
/// * attributes `seed`, `shape`, `n_phases`, `voxel_size`, identity and provenance of the [`Header`];
/// * attributes `n_written` and `complete`: how many realisations are wholly there, and whether the writer has
///   finished;
/// * while a large realisation is added block by block, the attribute `unfinished`: its place in the set, its index, the
///   longest side of its blocks, how many there are, and the voxels of each phase in them.
///
/// A run that is killed at any moment leaves a file that holds every earlier realisation and states no realisation that
/// it does not hold; `docs/reliability.md` says how. The next run adds to it. HDF5 1.8 and newer read it.
#[derive(Debug)]
pub struct RealisationFile {
    path: PathBuf,
    /// `None` after a failure.
    file: Option<JournalledFile>,
    layout: Layout,
    header: Header,
    /// Indices of the realisations in the file.
    indices: HashSet<i64>,
    /// The realisation that is added block by block.
    unfinished: Option<Unfinished>,
    /// Whether this call has created the file, and nothing is in it yet.
    is_new: bool,
    /// Keeps other calls out of the file until it is closed: fields are dropped in their order.
    output: Output,
}

impl RealisationFile {
    /// Opens the file at `path`, creates it or the set if there is none, and removes the set that is there if `mode`
    /// says so. Whatever else is in the file stays.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a header or group name that cannot be used; [`Error::Io`] if the file cannot be
    /// written, another call of this process writes it or another program has it open; [`Error::Format`] if it is no
    /// HDF5 file, a model file, has something else where the set should be, or has a set that differs in shape, phases,
    /// seed, voxel size or identity; [`Error::Hdf5`] for other failures inside HDF5.
    pub fn open(path: impl AsRef<Path>, layout: &Layout, header: &Header, mode: Mode) -> Result<Self> {
        let path = path.as_ref();
        header.check()?;
        layout.check()?;
        hdf5::sync::sync(|| {
            let mut output = Output::claim(path, Kind::Hdf5)?;
            let there = JournalledFile::open(&output)?;
            let is_new = there.is_none();
            let (file, indices) = match there {
                None => (create_file(&mut output, layout, header)?, HashSet::new()),
                Some(file) => match find_record(&file, layout, path)? {
                    Some(record) if mode == Mode::Append => {
                        let indices = check_set(&file, &record, layout, header, path)?;
                        (file, indices)
                    }
                    old => (create_set(&mut output, file, old, layout, header)?, HashSet::new()),
                },
            };
            let (path, layout, header) = (path.into(), layout.clone(), header.clone());
            Ok(Self { path, file: Some(file), layout, header, indices, unfinished: None, is_new, output })
        })
    }

    /// Adds `images`, which are the realisations `first_index`, `first_index + 1`, ... of the seed, with their errors
    /// of the two-point correlation `s2_errors` (Eq. 12; NaN where there is none), and flushes the file.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if shape, phases or the number of errors do not fit, or one of the realisations is
    /// in the file already;
    /// [`Error::Io`] if the disk is full, or another program has cut, removed or replaced the file; [`Error::Hdf5`] for
    /// other failures inside HDF5. The realisations that were there before still count then, and no new one does; a file
    /// that this call has created for them is removed.
    pub fn append(&mut self, first_index: u64, images: &PhaseImages, s2_errors: &[f64]) -> Result<()> {
        let new = self.check(first_index, images, s2_errors)?;
        let (layout, written, first) = (self.layout.clone(), self.n_written(), new.start);
        self.unfinished = None;
        self.add(new, |file| {
            match &layout {
                Layout::VtkHdf => vtkhdf::put(file, written, images)?,
                Layout::Group(name) => {
                    put_images(OpenDataset::open_own::<u8>(&file.group(name)?, PHASE)?, written, images)?
                }
            }
            let record = file.group(layout.record_group())?;
            record::put_rows(&record, written, first, &record::fractions(images), s2_errors)
        })
    }

    /// Number of realisations in the file.
    pub fn n_written(&self) -> usize {
        self.indices.len()
    }

    /// Marks the set as complete, closes the file and has the system write it to the disk.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Hdf5`] if the last bytes cannot be written, or an earlier failure has closed the file.
    pub fn finish(self) -> Result<()> {
        let doing = "finish the file";
        hdf5::sync::sync(|| {
            let file = self.file.as_ref().ok_or_else(|| self.closed())?;
            let complete = |file: &File| set_written(file, &self.layout, self.n_written(), true);
            file.transaction(doing, |file| complete(file).explain(&self.path, doing))?;
            file.sync().map_err(|e| Error::system(&self.path, doing, &e))
        })
        .map_err(|error| told_of(&self.path, error))
    }

    /// The range of indices of `images`, if they belong in this file.
    fn check(&self, first_index: u64, images: &PhaseImages, s2_errors: &[f64]) -> Result<Range<i64>> {
        let (shape, n_phases) = (images.shape(), images.n_phases());
        if shape != self.header.shape || n_phases != self.header.n_phases {
            return Err(Error::invalid(format!(
                "realisations of {shape:?} voxels and {n_phases} phases cannot be added to a file with {:?} voxels and {} \
                 phases; choose another path or group",
                self.header.shape, self.header.n_phases
            )));
        }
        if s2_errors.len() != images.len() {
            return Err(Error::invalid(format!(
                "{} errors for {} realisations; give one for each, NaN where there is none",
                s2_errors.len(),
                images.len()
            )));
        }
        self.check_new(first_index, images.len())
    }

    /// The range of indices of `n` realisations that are not in the file yet.
    fn check_new(&self, first_index: u64, n: usize) -> Result<Range<i64>> {
        let start = i64::try_from(first_index).ok();
        let Some((start, end)) = start.and_then(|start| Some((start, start.checked_add(n as i64)?))) else {
            return Err(Error::invalid(format!("realisation {first_index}; indices must stay below 2^63")));
        };
        if let Some(twice) = (start..end).find(|index| self.indices.contains(index)) {
            return Err(Error::invalid(format!(
                "realisation {twice} is in {} already; choose a first index beyond {}, or replace the set",
                self.path.display(),
                self.indices.iter().max().unwrap_or(&0)
            )));
        }
        Ok(start..end)
    }

    /// Adds the realisations `new`, whose rows are written by `rows`.
    fn add(&mut self, new: Range<i64>, rows: impl Fn(&File) -> hdf5::Result<()>) -> Result<()> {
        let doing = format!("add the realisations {} to {}", new.start, new.end - 1);
        hdf5::sync::sync(|| {
            let file = self.file.take().ok_or_else(|| self.closed())?;
            match self.put(file, &doing, self.n_written() + new.clone().count(), rows) {
                Ok(file) => self.file = Some(file),
                Err(error) => {
                    self.file = self.after_failure();
                    return Err(told_of(&self.path, error));
                }
            }
            Ok(())
        })?;
        self.indices.extend(new);
        self.is_new = false;
        Ok(())
    }

    /// Adds `rows`, and when they are there lets `total` realisations count.
    fn put(
        &mut self,
        file: JournalledFile,
        doing: &str,
        total: usize,
        rows: impl Fn(&File) -> hdf5::Result<()>,
    ) -> Result<JournalledFile> {
        let (layout, path) = (&self.layout, &self.path);
        if self.unfinished.is_none() {
            self.forget_unfinished(&file)?;
        }
        let rows = |file: &File| rows(file).explain(path, doing);
        let set_total =
            |file: &File| set_written(file, layout, total, false).and_then(|()| remove_unfinished(file, layout));
        let count = |file: &File| set_total(file).explain(path, doing);
        if *layout == Layout::VtkHdf && self.n_written() == 1 && total > 1 {
            // The single image gives way to a series at another place. No VTK reads what is between the two.
            return file.rewrite(&mut self.output, true, |file| rows(file).and_then(|()| count(file)));
        }
        file.transaction(doing, rows)?;
        file.transaction(doing, count)?;
        Ok(file)
    }

    /// The file to go on with. One that has come with this call and holds nothing is removed.
    fn after_failure(&self) -> Option<JournalledFile> {
        let file = self.reopen()?;
        if self.is_new {
            // Nobody else adds to the file before it is gone: it is locked.
            self.output.remove();
            return None;
        }
        Some(file)
    }

    /// The file as the last addition has left it, unless that cannot be had.
    fn reopen(&self) -> Option<JournalledFile> {
        let file = JournalledFile::open(&self.output).ok()??;
        let record = find_record(&file, &self.layout, &self.path).ok()??;
        let indices = check_set(&file, &record, &self.layout, &self.header, &self.path).ok()?;
        (indices == self.indices).then_some(file)
    }

    fn closed(&self) -> Error {
        Error::io(&self.path, "an earlier failure has closed the file; open it again to add to it")
    }
}

fn set_written(file: &File, layout: &Layout, written: usize, complete: bool) -> hdf5::Result<()> {
    if *layout == Layout::VtkHdf {
        vtkhdf::set_written(file, written)?;
    }
    record::set_written(&file.group(layout.record_group())?, written, complete)
}

/// The dataset of phases.
pub(super) fn phase_name(layout: &Layout) -> String {
    match layout {
        Layout::VtkHdf => vtkhdf::PHASE.to_owned(),
        Layout::Group(name) => format!("{name}/{PHASE}"),
    }
}

/// The record of the set that is in `file`; `None` if its place is free.
pub(super) fn find_record(file: &Group, layout: &Layout, path: &Path) -> Result<Option<Group>> {
    let name = layout.record_group();
    let group = if file.link_exists(name) { file.group(name).ok() } else { None };
    if let Some(record) = group.as_ref().filter(|group| record::is_record(group)) {
        return Ok(Some(record.clone()));
    }
    if let Some(reason) = group.as_ref().and_then(|group| record::written_by_older(group, name)) {
        return Err(Error::format(path, reason));
    }
    let advice = match layout {
        Layout::VtkHdf if file.is_empty() => return Ok(None),
        Layout::VtkHdf => "choose another path, or name a group for the realisations",
        Layout::Group(_) if !file.link_exists(name) => return Ok(None),
        Layout::Group(_) if group.is_some_and(|group| group.is_empty()) => return Ok(None),
        Layout::Group(_) => "choose another group",
    };
    Err(Error::format(path, format!("{name:?} exists but holds no realisations; {advice}")))
}

/// Creates a file with a set without realisations.
fn create_file(output: &mut Output, layout: &Layout, header: &Header) -> Result<JournalledFile> {
    let path = output.path().to_owned();
    let path = path.as_path();
    JournalledFile::create(output, |file| {
        let name = layout.record_group();
        file.create_group(name).explain(path, format!("create the group {name:?}"))?;
        fill_set(file, layout, header, path)
    })
}

/// Creates a set without realisations in `file`, in place of the one that `old` is the record of.
fn create_set(
    output: &mut Output,
    file: JournalledFile,
    old: Option<Group>,
    layout: &Layout,
    header: &Header,
) -> Result<JournalledFile> {
    let path = output.path().to_owned();
    let path = path.as_path();
    if let Some(old) = &old {
        check_members(old, layout, path)?;
    }
    let name = layout.record_group();
    if *layout == Layout::VtkHdf {
        drop(old);
        let keep =
            file.member_names().explain(path, "list the content")?.iter().any(|name| !VTKHDF_GROUPS.contains(&&**name));
        return file.rewrite(output, keep, |file| {
            vtkhdf::unlink_if_there(file, name).explain(path, "remove the realisations that are there")?;
            vtkhdf::unlink_if_there(file, vtkhdf::ROOT).explain(path, "remove the realisations that are there")?;
            file.create_group(name).explain(path, format!("create the group {name:?}"))?;
            fill_set(file, layout, header, path)
        });
    }
    file.create_groups(name)?;
    if let Some(old) = old {
        // The group itself stays: the table of the host's names is not touched.
        let doing = "remove the realisations that are there";
        file.transaction(doing, |_| empty(&old).explain(path, doing))?;
    }
    file.transaction("create the set of realisations", |file| fill_set(file, layout, header, path))?;
    Ok(file)
}

/// Makes a set without realisations of the empty group that is there for its record.
fn fill_set(file: &File, layout: &Layout, header: &Header, path: &Path) -> Result<()> {
    let name = layout.record_group();
    let group = file.group(name).explain(path, format!("open the group {name:?}"))?;
    record::create(&group, header, path)?;
    let phases = match layout {
        Layout::VtkHdf => vtkhdf::create(file, header),
        Layout::Group(_) => create_series(&group, PHASE, header.shape).and_then(OpenDataset::close),
    };
    phases.explain(path, "create the dataset of phases")
}

/// The indices of the realisations in the set with this `record`.
///
/// # Errors
///
/// [`Error::Format`] if they cannot be added to: they are of another kind, or somebody has changed the file.
fn check_set(file: &Group, record: &Group, layout: &Layout, header: &Header, path: &Path) -> Result<HashSet<i64>> {
    record::check_same(record, header, path)?;
    let indices = record::indices(record, path)?;
    if indices.is_empty() {
        return Ok(HashSet::new());
    }
    let name = phase_name(layout);
    let phases = OpenDataset::open_own::<u8>(file, &name).ok();
    let cost = phases.as_deref().map_or(Ok(()), chunks::check_description);
    cost.map_err(|reason| Error::format(path, format!("{name:?} {reason}")))?;
    let shape = phases.map(|phases| phases.shape()).unwrap_or_default();
    let rows = if shape.len() == 3 { 1 } else { shape.first().copied().unwrap_or(0) };
    if !shape.ends_with(&header.shape) || rows < indices.len() {
        let n = indices.len();
        let what = format!("{name:?} has the shape {shape:?}, its {n} realisations {:?}", header.shape);
        return Err(Error::format(path, format!("{what}; replace them, or choose another path or group")));
    }
    Ok(indices.into_iter().collect())
}

/// Refuses to remove a set into whose group somebody has put something of their own.
fn check_members(record: &Group, layout: &Layout, path: &Path) -> Result<()> {
    let members = record.member_names().explain(path, "list the realisations that are there")?;
    let is_ours = |name: &String| name == PHASE || record::COLUMNS.contains(&name.as_str());
    let Some(foreign) = members.iter().find(|name| !is_ours(name)) else { return Ok(()) };
    let name = layout.record_group();
    let reason = format!("{foreign:?} in the group {name:?} is none of davegan's; move it, or choose another group");
    Err(Error::format(path, reason))
}

/// Removes all that is in `group`.
fn empty(group: &Group) -> hdf5::Result<()> {
    group.member_names()?.iter().try_for_each(|name| group.unlink(name))?;
    group.attr_names()?.iter().try_for_each(|name| group.delete_attr(name))
}

mod in_blocks;

#[cfg(test)]
mod failure_tests;
#[cfg(test)]
pub(super) mod tests;
