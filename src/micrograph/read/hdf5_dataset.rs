//! Datasets of HDF5 files.

use std::path::Path;

use hdf5::{Dataset, Group, LinkType, LocationToken, LocationType};
use ndarray::Array3;

use crate::micrograph::{check_size, stack};
use crate::{Error, Result};

/// How many datasets an error text lists.
const MAX_LISTED: usize = 16;

/// Reads a dataset, or the only one, as `(n, ny, nx)`; also returns its name.
///
/// # Errors
///
/// Those of [`Micrograph::read`](crate::micrograph::Micrograph::read) for HDF5.
pub(super) fn read(path: &Path, name: Option<&str>) -> Result<(Array3<f64>, String)> {
    // HDF5 is not safe to use from several threads at once, so one lock is held from opening to closing.
    hdf5::sync::sync(|| {
        hdf5::silence_errors(true);
        let file = hdf5::File::open(path).map_err(|e| Error::hdf5(path, e))?;
        let name = match name {
            Some(name) => name.to_owned(),
            None => only_dataset(path, &file)?,
        };
        let dataset = file.dataset(&name).map_err(|e| no_dataset(path, &file, &name, &e))?;
        Ok((values(path, &name, &dataset)?, name))
    })
}

fn values(path: &Path, name: &str, dataset: &Dataset) -> Result<Array3<f64>> {
    let refused = |e| Error::hdf5(path, format!("dataset '{name}': {e}"));
    if !is_numeric(dataset).map_err(refused)? {
        return Err(Error::format(path, format!("dataset '{name}' holds no numbers; name one that does")));
    }
    let space = dataset.shape();
    let shape = stack_shape(&space).ok_or_else(|| {
        Error::format(
            path,
            format!("dataset '{name}' has shape {space:?}; a micrograph is (ny, nx), (n, ny, nx) or (n, 1, ny, nx)"),
        )
    })?;
    let in_dataset = |reason| Error::format(path, format!("dataset '{name}': {reason}"));
    check_size(shape).map_err(in_dataset)?;
    stack(shape, dataset.read_raw::<f64>().map_err(refused)?).map_err(in_dataset)
}

/// The shape `(n, ny, nx)` of a dataset that can be a micrograph.
fn stack_shape(shape: &[usize]) -> Option<(usize, usize, usize)> {
    match *shape {
        [ny, nx] => Some((1, ny, nx)),
        [n, ny, nx] | [n, 1, ny, nx] => Some((n, ny, nx)),
        _ => None,
    }
}

/// Whether HDF5 can convert the values to floating point: integers, booleans, enumerations and floats of any size.
fn is_numeric(dataset: &Dataset) -> hdf5::Result<bool> {
    Ok(dataset.dtype()?.conv_to::<f64>().is_some())
}

fn only_dataset(path: &Path, file: &Group) -> Result<String> {
    let mut found = candidates(file).map_err(|e| Error::hdf5(path, e))?;
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::format(path, "holds no numeric dataset of shape (ny, nx), (n, ny, nx) or (n, 1, ny, nx)")),
        _ => Err(Error::invalid(format!("{}: name one of the datasets {}", path.display(), listed(&found)))),
    }
}

fn no_dataset(path: &Path, file: &Group, name: &str, error: &hdf5::Error) -> Error {
    let existing = match candidates(file) {
        Ok(found) if found.is_empty() => "the file holds none that could be a micrograph".into(),
        Ok(found) => format!("the file holds {}", listed(&found)),
        Err(e) => format!("the file cannot be searched for others ({e})"),
    };
    Error::hdf5(path, format!("dataset '{name}' cannot be opened; {existing} ({error})"))
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

/// Paths of all datasets that could be a micrograph.
fn candidates(file: &Group) -> hdf5::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut seen = vec![file.loc_info()?.token];
    search(file, "", DEEPEST, &mut seen, &mut found)?;
    Ok(found)
}

/// Searches `group`, at `path`, and the groups up to `depth` below. A file may link a group into itself, hence `seen`.
fn search(
    group: &Group,
    path: &str,
    depth: usize,
    seen: &mut Vec<LocationToken>,
    found: &mut Vec<String>,
) -> hdf5::Result<()> {
    let members = group.iter_visit_default(Vec::new(), |_, name, link, names| {
        if link.link_type == LinkType::Hard {
            names.push(name.to_owned());
        }
        true
    })?;
    for name in members {
        // A name that is no UTF-8 leads nowhere.
        let Ok(info) = group.loc_info_by_name(&name) else { continue };
        if seen.contains(&info.token) {
            continue;
        }
        seen.push(info.token);
        let member = format!("{path}/{name}");
        match info.loc_type {
            LocationType::Group if depth > 0 => search(&group.group(&name)?, &member, depth - 1, seen, found)?,
            LocationType::Dataset => {
                let dataset = group.dataset(&name)?;
                if is_numeric(&dataset)? && stack_shape(&dataset.shape()).is_some() {
                    found.push(member);
                }
            }
            _ => {}
        }
    }
    Ok(())
}
