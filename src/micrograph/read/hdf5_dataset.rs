//! Datasets of HDF5 files.

use std::path::Path;

use super::Contents;
use crate::chunks;
use crate::dataset::{OpenDataset, is_elsewhere, is_sound};
use crate::device::memory;
use crate::drivers::open_to_read;
use crate::error::{check_path, hdf5_words};
use crate::files::{LONGEST_NAME, hard_links, is_record};
use crate::micrograph::check_size;
use crate::micrograph::levels::{ADVICE, Level, Levels, stack};
use crate::{Error, Result};
use hdf5::types::{EnumType, FloatSize, IntSize, TypeDescriptor};
use hdf5::{Dataset, Group, H5Type, LocationToken, LocationType};
use ndarray::Array3;

/// How many datasets an error text lists.
const MAX_LISTED: usize = 16;

/// What MATLAB says about every dataset that it writes.
const MATLAB_CLASS: &str = "MATLAB_class";

/// Group of image data for ParaView.
const VTKHDF: &str = "/VTKHDF/";

/// Group with the record of realisations that are image data for ParaView.
const VTKHDF_RECORD: &str = "/davegan";

/// How the name of the dataset of realisations ends, whatever group it is in.
const PHASES: &str = "/phase";

/// The datasets that count.
pub(super) struct Shapes {
    /// A shape as `[n, nz, ny, nx]`, if it counts.
    of: fn(&[usize]) -> Option<[usize; 4]>,
    /// How they are described.
    words: &'static str,
    /// What to give instead of a file of davegan that holds none of them.
    pub instead: &'static str,
}

/// Datasets that can be a micrograph.
pub(super) const MICROGRAPHS: Shapes = Shapes {
    of: stack_shape,
    words: "(ny, nx) or (n, ny, nx)",
    instead: "give the micrograph, and the model in its own place (davegan train: --model FILE)",
};

/// Datasets that can be images or volumes.
pub(super) const IMAGES: Shapes = Shapes {
    of: images_shape,
    words: "(ny, nx), (n, ny, nx) or (n, nz, ny, nx)",
    instead: "give a file of images or volumes, and the model in its own place",
};

/// As [`IMAGES`], but three axes are those of one volume, or of one image.
pub(super) const VOLUMES: Shapes =
    Shapes { of: volumes_shape, words: "(ny, nx), (nz, ny, nx) or (n, nz, ny, nx)", instead: IMAGES.instead };

/// Reads a dataset, or the only one; also returns its name.
///
/// # Errors
///
/// Those of [`Micrograph::read`](crate::micrograph::Micrograph::read) for HDF5.
pub(super) fn read(path: &Path, name: Option<&str>, shapes: &Shapes) -> Result<(Contents, String)> {
    check_path(path)?;
    memory::require_for_hdf5()?;
    // HDF5 is not safe to use from several threads at once, so one lock is held from opening to closing.
    hdf5::sync::sync(|| {
        hdf5::silence_errors(true);
        let file = open_to_read(path).map_err(|e| Error::of_hdf5(path, "open the file", &e))?;
        let name = match name {
            Some(name) => name.to_owned(),
            None => only_dataset(path, &file, shapes)?,
        };
        if name.len() > LONGEST_NAME {
            let what = format!("the path of a dataset has {} bytes, more than {LONGEST_NAME}", name.len());
            return Err(Error::format(path, format!("{what}; copy it to a shorter one")));
        }
        let dataset = OpenDataset::open(&file, &name).map_err(|e| no_dataset(path, &file, &name, shapes, &e))?;
        Ok((values(path, &name, &dataset, shapes)?, name))
    })
}

fn values(path: &Path, name: &str, dataset: &Dataset, shapes: &Shapes) -> Result<Contents> {
    let refused = |e| Error::of_hdf5(path, &format!("read the dataset '{name}'"), &e);
    let in_dataset = |reason| Error::format(path, format!("dataset '{name}': {reason}"));
    if !is_numeric(dataset).map_err(refused)? {
        return Err(Error::format(path, format!("dataset '{name}' holds no numbers; name one that does")));
    }
    let space = dataset.shape();
    let [n, nz, ny, nx] = (shapes.of)(&space).ok_or_else(|| {
        let reason = format!("dataset '{name}' has shape {space:?}; expected {}, axes of length 1 apart", shapes.words);
        Error::format(path, reason)
    })?;
    let shape = (n.saturating_mul(nz), ny, nx);
    check_size(shape).map_err(in_dataset)?;
    check_cost(path, name, dataset)?;
    let mut contents = Contents { layers: nz, ..of_own_type(path, name, dataset, shape)?.into() };
    if dataset.attr(MATLAB_CLASS).is_ok() {
        contents.values.transpose();
        contents.image_rows = contents.values.dim().1;
        contents.warnings.push(format!(
            "dataset '{name}' was written by MATLAB, which stores columns first; it is transposed to what MATLAB shows"
        ));
    }
    Ok(contents)
}

/// Refuses a dataset that cannot be read, or not in memory of the size of its values.
fn check_cost(path: &Path, name: &str, dataset: &Dataset) -> Result<()> {
    if let Some(filter) = chunks::unread_filter(dataset) {
        return Err(Error::hdf5(
            path,
            format!(
                "dataset '{name}' is compressed with the filter {filter}, which is not part of this library; convert the \
                 file with `h5repack -f GZIP=1 OLD NEW`"
            ),
        ));
    }
    chunks::check(dataset).map_err(|reason| Error::format(path, format!("dataset '{name}' {reason}")))
}

/// The values in the type in which they are stored; of types that Rust has not, in one that holds them.
fn of_own_type(path: &Path, name: &str, dataset: &Dataset, shape: (usize, usize, usize)) -> Result<Levels> {
    use IntSize::{U1, U2, U4, U8};
    let dtype = dataset.dtype().map_err(|e| Error::of_hdf5(path, &format!("read the dataset '{name}'"), &e))?;
    let signed = |size| match size {
        U1 => read_as::<i8>(path, name, dataset, shape),
        U2 => read_as::<i16>(path, name, dataset, shape),
        U4 => read_as::<i32>(path, name, dataset, shape),
        U8 => read_as::<i64>(path, name, dataset, shape),
    };
    let unsigned = |size| match size {
        U1 => read_as::<u8>(path, name, dataset, shape),
        U2 => read_as::<u16>(path, name, dataset, shape),
        U4 => read_as::<u32>(path, name, dataset, shape),
        U8 => read_as::<u64>(path, name, dataset, shape),
    };
    match dtype.to_descriptor() {
        Ok(TypeDescriptor::Boolean) => unsigned(U1),
        Ok(TypeDescriptor::Unsigned(size) | TypeDescriptor::Enum(EnumType { size, signed: false, .. })) => {
            unsigned(size)
        }
        Ok(TypeDescriptor::Integer(size) | TypeDescriptor::Enum(EnumType { size, .. })) => signed(size),
        Ok(TypeDescriptor::Float(FloatSize::U4)) => read_as::<f32>(path, name, dataset, shape),
        Err(_) if dtype.size() < 4 => read_as::<f32>(path, name, dataset, shape),
        _ => read_as::<f64>(path, name, dataset, shape),
    }
}

fn read_as<T: H5Type + Level>(
    path: &Path,
    name: &str,
    dataset: &Dataset,
    shape: (usize, usize, usize),
) -> Result<Levels>
where
    Levels: From<Array3<T>>,
{
    let refused = |reason| Error::format(path, format!("dataset '{name}': {reason}"));
    let (what, pixels) = ("reading the dataset", shape.0 * shape.1 * shape.2);
    // HDF5 holds a compressed chunk before and after.
    let chunk: usize = dataset.chunk().filter(|_| !dataset.filters().is_empty()).unwrap_or_default().iter().product();
    let values = pixels.saturating_mul(size_of::<T>());
    memory::require(values.saturating_add((chunk * size_of::<T>() * 2).max(pixels)), what, ADVICE)?;
    // What reads allocates without asking whether it can.
    drop(memory::vector::<T>(pixels, what, ADVICE)?);
    let values = dataset.read_raw::<T>();
    let values = values.map_err(|error| Error::of_hdf5(path, &format!("read the dataset '{name}'"), &error))?;
    stack(shape, values).map_err(|refusal| refusal.into_error(refused))
}

/// The shape of a dataset that can be a micrograph. Of more than two axes, those of length 1 do not count.
fn stack_shape(shape: &[usize]) -> Option<[usize; 4]> {
    let longer: Vec<usize> = shape.iter().copied().filter(|&length| length != 1 || shape.len() == 2).collect();
    match longer[..] {
        [ny, nx] => Some([1, 1, ny, nx]),
        [n, ny, nx] => Some([n, 1, ny, nx]),
        _ => None,
    }
}

/// The shape of a dataset that can be images or volumes. A last axis of length 1 is that of components.
fn images_shape(shape: &[usize]) -> Option<[usize; 4]> {
    match *shape {
        [ny, nx] => Some([1, 1, ny, nx]),
        [ref axes @ .., 1] => images_shape(axes),
        [n, ny, nx] => Some([n, 1, ny, nx]),
        [n, nz, ny, nx] => Some([n, nz, ny, nx]),
        _ => None,
    }
}

/// The shape of a dataset that can be images or volumes, of which one has three axes.
fn volumes_shape(shape: &[usize]) -> Option<[usize; 4]> {
    match *shape {
        [nz, ny, nx] => Some([1, nz, ny, nx]),
        _ => images_shape(shape),
    }
}

/// Whether HDF5 can convert the values to floating point: integers, booleans, enumerations and floats of any size.
fn is_numeric(dataset: &Dataset) -> hdf5::Result<bool> {
    let dtype = dataset.dtype()?;
    Ok(dtype.conv_to::<f64>().is_some() && is_sound(&dtype))
}

fn only_dataset(path: &Path, file: &Group, shapes: &Shapes) -> Result<String> {
    let mut found = candidates(file, shapes).map_err(|e| Error::of_hdf5(path, "search the file for datasets", &e))?;
    if are_realisations(file, &found) {
        return Err(Error::format(path, realisations(&found, shapes)));
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::format(path, format!("holds no numeric dataset of shape {}", shapes.words))),
        _ => Err(Error::invalid(format!("{}: name one of the datasets {}", path.display(), listed(&found)))),
    }
}

/// Whether the datasets are those of realisations of davegan.
fn are_realisations(file: &Group, datasets: &[String]) -> bool {
    let is_recorded = |name: &String| {
        let parent = name.rsplit_once('/').map_or("", |(parent, _)| parent);
        let record = if name.starts_with(VTKHDF) { VTKHDF_RECORD } else { parent };
        !record.is_empty() && file.group(record).is_ok_and(|group| is_record(&group))
    };
    !datasets.is_empty() && datasets.iter().all(is_recorded)
}

/// What is wrong with a file that holds nothing but realisations, and what to do.
fn realisations(datasets: &[String], shapes: &Shapes) -> String {
    let phases: Vec<_> = datasets.iter().filter(|name| name.ends_with(PHASES)).cloned().collect();
    let named = if phases.is_empty() { String::new() } else { format!("name {} to read them, or ", listed(&phases)) };
    format!("holds realisations of davegan; {named}{}", shapes.instead)
}

fn no_dataset(path: &Path, file: &Group, name: &str, shapes: &Shapes, error: &hdf5::Error) -> Error {
    if is_elsewhere(error) {
        return Error::format(path, format!("dataset '{name}' {error}"));
    }
    let existing = match candidates(file, shapes) {
        Ok(found) if found.is_empty() => format!("the file holds none of shape {}", shapes.words),
        Ok(found) => format!("the file holds {}", listed(&found)),
        Err(_) => return Error::of_hdf5(path, &format!("open the dataset '{name}'"), error),
    };
    let words = hdf5_words(error);
    Error::hdf5(
        path,
        format!("dataset '{name}' cannot be opened: it is not there, or damaged; {existing} (HDF5 says: {words})"),
    )
}

fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(MAX_LISTED).map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    if names.len() > MAX_LISTED {
        text += &format!(" and {} more", names.len() - MAX_LISTED);
    }
    text
}

/// Groups in groups that are searched: each takes some of the caller's stack.
const DEEPEST: usize = 32;

/// Paths of all datasets that count, or if there is none, of the virtual ones.
fn candidates(file: &Group, shapes: &Shapes) -> hdf5::Result<Vec<String>> {
    let mut found = Found { seen: vec![file.loc_info()?.token], ..Found::default() };
    search(file, "", DEEPEST, shapes, &mut found)?;
    Ok(if found.datasets.is_empty() { found.elsewhere } else { found.datasets })
}

#[derive(Default)]
struct Found {
    /// What has been looked at: a file may link a group into itself.
    seen: Vec<LocationToken>,
    datasets: Vec<String>,
    /// Virtual datasets.
    elsewhere: Vec<String>,
}

/// Searches `group`, at `path`, and the groups up to `depth` below.
fn search(group: &Group, path: &str, depth: usize, shapes: &Shapes, found: &mut Found) -> hdf5::Result<()> {
    for name in hard_links(group)? {
        // A name that is no UTF-8 leads nowhere.
        let Ok(info) = group.loc_info_by_name(&name) else { continue };
        if found.seen.contains(&info.token) {
            continue;
        }
        found.seen.push(info.token);
        let member = format!("{path}/{name}");
        match info.loc_type {
            LocationType::Group if depth > 0 => {
                search(&group.group(&name)?, &member, depth - 1, shapes, found)?;
            }
            LocationType::Dataset => {
                let dataset = match OpenDataset::open(group, &name) {
                    Err(error) if is_elsewhere(&error) => {
                        found.elsewhere.push(member);
                        continue;
                    }
                    dataset => dataset?,
                };
                if is_numeric(&dataset)? && (shapes.of)(&dataset.shape()).is_some() {
                    found.datasets.push(member);
                }
            }
            _ => {}
        }
    }
    Ok(())
}
