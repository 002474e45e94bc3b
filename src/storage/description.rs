//! What a file is: a model or realisations, and what is to be said about them.

use std::path::Path;

use hdf5::{Group, LocationToken, LocationType};

use super::fidelity_group::is_fidelity;
use super::hdf5_file::Explain;
use super::header::Layout;
use super::journalled_file::no_hdf5_file;
use super::kind::Kind;
use super::model_file::model_digest;
use super::reader::read_described;
use super::record::{self, RealisationSet};
use super::seal::FORMAT_VERSION;
use crate::device::memory;
use crate::drivers::open_to_read;
use crate::error::check_path;
use crate::files::{hard_links, open_regular};
use crate::model::Model;
use crate::{Error, Result};

/// Groups in groups that are searched for realisations.
const DEEPEST: usize = 16;

/// What a file is.
#[derive(Debug)]
pub enum Description {
    /// A model.
    Model(Box<ModelDescription>),
    /// One or more sets of realisations.
    Realisations(Vec<RealisationsDescription>),
}

/// A model file.
#[derive(Debug)]
pub struct ModelDescription {
    /// The model.
    pub model: Model,
    /// Version of the file's format.
    pub format_version: i64,
    /// Whether training can go on from the file.
    pub can_resume: bool,
    /// SHA-256 over the model's content; realisations name it as `model_sha256`.
    pub sha256: String,
}

/// A set of realisations in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct RealisationsDescription {
    /// Where they are.
    pub layout: Layout,
    /// What they have in common, and which there are.
    pub set: RealisationSet,
    /// Blocks that are there of a realisation that is not whole.
    pub unfinished_blocks: Option<u64>,
    /// Mean volume fraction of each phase; empty without realisations.
    pub volume_fractions: Vec<f64>,
    /// What else is known, by name: the model, the micrograph, how they were made.
    pub texts: Vec<(String, String)>,
}

/// Says what the file at `path` is.
///
/// # Errors
///
/// [`Error::Io`] if the file cannot be read or another program has it open for writing; [`Error::Format`] if it is neither
/// a model nor holds realisations, or is damaged; [`Error::Hdf5`] for other failures inside HDF5.
pub fn describe(path: &Path) -> Result<Description> {
    let mut file = open_regular(path, "read the file")?;
    let kind = Kind::of(&mut file).map_err(|e| Error::system(path, "read the file", &e))?;
    let what = match kind {
        Some(Kind::Model) => return describe_model(path),
        Some(Kind::Hdf5) => return describe_realisations(path),
        Some(Kind::Report) => "is a report of davegan",
        Some(Kind::Picture) => "is a picture of davegan",
        Some(Kind::Export(_)) => "is an export of davegan for another program",
        None => "was not written by davegan",
    };
    Err(Error::format(path, format!("{what}; give a model file or a file of realisations")))
}

fn describe_model(path: &Path) -> Result<Description> {
    let (model, can_resume) = read_described(path)?;
    let sha256 = model_digest(&model)?;
    Ok(Description::Model(Box::new(ModelDescription { model, format_version: FORMAT_VERSION, can_resume, sha256 })))
}

fn describe_realisations(path: &Path) -> Result<Description> {
    check_path(path)?;
    memory::require_for_hdf5()?;
    hdf5::sync::sync(|| {
        let file = open_to_read(path).explain(path, "open the file").map_err(no_hdf5_file)?;
        let mut search = Search { seen: Vec::new(), found: Vec::new(), older: None, has_figures: false };
        search.group(&file, "", DEEPEST).explain(path, "search the file for realisations")?;
        if search.found.is_empty() {
            let what = if search.has_figures { "holds figures of davegan evaluate" } else { "is no model" };
            let nothing = format!("{what} and holds no realisations; give a file of davegan generate, relax or train");
            return Err(Error::format(path, search.older.unwrap_or(nothing)));
        }
        let sets = search.found.iter().map(|(name, group)| describe_set(name, group, path));
        Ok(Description::Realisations(sets.collect::<Result<_>>()?))
    })
}

fn describe_set(name: &str, group: &Group, path: &Path) -> Result<RealisationsDescription> {
    let set = record::set_of(group, path)?;
    let is_vtkhdf = name == Layout::VtkHdf.record_group();
    Ok(RealisationsDescription {
        layout: if is_vtkhdf { Layout::VtkHdf } else { Layout::Group(name.to_owned()) },
        unfinished_blocks: record::unfinished(group).map(|unfinished| unfinished.blocks),
        volume_fractions: record::mean_fractions(group, set.indices.len(), path)?,
        texts: record::texts(group),
        set,
    })
}

/// Looks for records of realisations.
struct Search {
    /// Groups that have been looked into: a file may link a group into itself.
    seen: Vec<LocationToken>,
    found: Vec<(String, Group)>,
    /// What is wrong with a record of an older version.
    older: Option<String>,
    has_figures: bool,
}

impl Search {
    /// Searches `group`, called `name`, and the groups up to `depth` below.
    fn group(&mut self, group: &Group, name: &str, depth: usize) -> hdf5::Result<()> {
        if record::is_record(group) {
            self.found.push((name.to_owned(), group.clone()));
            return Ok(());
        }
        self.has_figures |= is_fidelity(group);
        self.older = self.older.take().or_else(|| record::written_by_older(group, name));
        for member in hard_links(group)? {
            // A name that is no UTF-8 leads nowhere.
            let Ok(info) = group.loc_info_by_name(&member) else { continue };
            if depth == 0 || info.loc_type != LocationType::Group || self.seen.contains(&info.token) {
                continue;
            }
            self.seen.push(info.token);
            self.group(&group.group(&member)?, &format!("{name}/{member}"), depth - 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;
    use crate::micrograph::PhaseImages;
    use crate::storage::realisation_file::tests::header;
    use crate::storage::testing::TestDirectory;
    use crate::storage::{Header, Mode, RealisationFile, VOXEL_UNIT};

    #[test]
    fn sets_of_realisations_are_found_wherever_they_are() {
        let directory = TestDirectory::new("describe");
        let path = directory.path("a.h5");
        let (first_voxel, whole_shape) = ([0, -1, 3], [1, 32, 64]);
        let header = Header { first_voxel, whole_shape, n_phases: 2, ..header([1, 2, 4]) };
        let images = PhaseImages::new(Array4::from_shape_fn((2, 1, 2, 4), |(n, ..)| n as u8), 2).unwrap();
        let layouts = [Layout::VtkHdf, Layout::Group("/host/rve".into())];
        for layout in &layouts {
            let mut file = RealisationFile::open(&path, layout, &header, Mode::Append).unwrap();
            file.append(7, &images, &[f64::NAN; 2]).unwrap();
            if *layout == Layout::VtkHdf {
                file.finish().unwrap();
            }
        }
        // A group that contains itself.
        let file = hdf5::File::open_rw(&path).unwrap();
        file.link_hard("/host", "/host/again").unwrap();
        file.close().unwrap();
        let Description::Realisations(mut sets) = describe(&path).unwrap() else { panic!("realisations") };
        sets.sort_by_key(|set| set.layout != Layout::VtkHdf);
        assert_eq!(sets.len(), 2);
        for (RealisationsDescription { layout: found, set, volume_fractions, texts, .. }, layout) in
            sets.iter().zip(layouts)
        {
            assert_eq!((found, set.complete, set.is_periodic), (&layout, layout == Layout::VtkHdf, false));
            assert_eq!((set.shape, set.first_voxel, set.whole_shape), ([1, 2, 4], [0, -1, 3], [1, 32, 64]));
            assert_eq!((set.seed, &set.indices[..], &volume_fractions[..]), (u64::MAX - 1, &[7, 8][..], &[0.5; 2][..]));
            assert_eq!(set.voxel_size.to_string(), "0.25 um");
            let known = [("device", "cpu"), ("model_sha256", "0a1b"), (VOXEL_UNIT, "\u{b5}m")];
            assert_eq!(*texts, known.map(|(name, text)| (name.into(), text.into())));
        }
    }

    #[test]
    fn other_files_are_refused_and_said_what_they_are() {
        let directory = TestDirectory::new("describe-other");
        let refused = |name: &str| describe(&directory.path(name)).unwrap_err();
        std::fs::write(directory.path("report"), "<!DOCTYPE html>davegan report").unwrap();
        std::fs::write(directory.path("text"), "a text").unwrap();
        hdf5::File::create(directory.path("empty.h5")).unwrap().close().unwrap();
        for (name, words) in
            [("report", "is a report"), ("text", "not written by davegan"), ("empty.h5", "holds no realisations")]
        {
            let error = refused(name);
            assert!(matches!(&error, Error::Format { reason, .. } if reason.contains(words)), "{error}");
        }
        assert!(matches!(refused("missing"), Error::Io { .. }));
    }
}
