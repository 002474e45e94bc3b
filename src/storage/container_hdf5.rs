//! A container to and from the groups, datasets and attributes of HDF5.

use std::collections::BTreeMap;
use std::path::Path;

use hdf5::filters::Filter;
use hdf5::{Dataset, File, Group, H5Type, LinkType, LocationType};
use ndarray::ArrayD;

use super::container::{Attribute, Container, NamedArray, RESERVED, is_sha256};
use super::hdf5_file::{DEFLATE_LEVEL, Explain, chunk_shape, put_text, text_attribute};
use super::journalled_file::JournalledFile;
use super::seal::{FORMAT, FORMAT_VERSION, SEAL_BYTES, written_by_newer};
use crate::chunks::{self, MAX_COMPRESSION, stored_bytes};
use crate::dataset::{OpenDataset, is_elsewhere};
use crate::device::memory;
use crate::drivers::open_to_read;
use crate::error::FREE_MEMORY;
use crate::{Error, Result};

/// Byte arrays up to this size are not worth a chunk index.
const SMALL_BYTES: usize = 4096;

/// Groups nest this deep at most; a file with a group that contains itself has no end otherwise.
const MAX_DEPTH: usize = 16;

/// Attributes, and groups and arrays, that a file has at most: many times what a model has.
const MAX_OBJECTS: usize = 2048;

/// Writes `container` as HDF5 into the empty file at `path`.
pub(super) fn write_hdf5(container: &Container, path: &Path) -> Result<()> {
    JournalledFile::fill(path, SEAL_BYTES as u64, |file| fill(file, container, path)).map(drop)
}

fn fill(file: &File, container: &Container, path: &Path) -> Result<()> {
    write_attribute(file, RESERVED[0], &Attribute::Text(FORMAT.into()), path)?;
    write_attribute(file, RESERVED[1], &Attribute::Integer(FORMAT_VERSION), path)?;
    write_attribute(file, RESERVED[2], &Attribute::Text(container.sha256()), path)?;
    for (name, attribute) in &container.attributes {
        write_attribute(file, name, attribute, path)?;
    }
    for (name, array) in &container.arrays {
        let result = match array {
            NamedArray::F32(array) => write_array(file, name, array),
            NamedArray::F64(array) => write_array(file, name, array),
            NamedArray::U8(array) => write_array(file, name, array),
            NamedArray::I64(array) => write_array(file, name, array),
        };
        result.explain(path, format!("write the array {name:?}"))?;
    }
    Ok(())
}

fn write_attribute(file: &File, name: &str, attribute: &Attribute, path: &Path) -> Result<()> {
    match attribute {
        Attribute::Integer(value) => {
            let created = file.new_attr::<i64>().create(name).and_then(|a| a.write_scalar(value));
            created.explain(path, format!("write the attribute {name:?}"))
        }
        Attribute::Text(text) => put_text(file, name, text, path),
    }
}

fn write_array<T: H5Type + Clone>(file: &File, name: &str, array: &ArrayD<T>) -> hdf5::Result<()> {
    let array = array.as_standard_layout();
    let mut builder = file.new_dataset_builder();
    if size_of::<T>() == 1 && array.len() > SMALL_BYTES {
        builder = builder.chunk(chunk_shape(array.shape())).deflate(DEFLATE_LEVEL);
    }
    builder.with_data(array.view()).create(name).map(drop)
}

/// The container in the file at `path`, whose seal has been checked, without the arrays of the group `skipped`.
///
/// Anybody can seal a file, so what is in it is bounded and checked before it is used, and nothing leads out of it.
pub(super) fn read_hdf5(path: &Path, skipped: Option<&str>) -> Result<Container> {
    let file = open_to_read(path).explain(path, "open the model file")?;
    let mut container = Container::default();
    for name in attribute_names(&file, path)? {
        let attribute = read_attribute(&file, &name, path)?;
        container.attributes.insert(name, attribute);
    }
    let mut reader = ArrayReader { path, skipped, arrays: BTreeMap::new(), visited: 0 };
    reader.read_group(&file, "", MAX_DEPTH)?;
    container.arrays = reader.arrays;
    take_reserved(&mut container, path)?;
    Ok(container)
}

/// Takes the file's own attributes out of `container`, once they agree with it.
fn take_reserved(container: &mut Container, path: &Path) -> Result<()> {
    let [format, version, sha256] = RESERVED.map(|name| container.attributes.remove(name));
    if let Some(Attribute::Integer(version)) = version
        && version > FORMAT_VERSION
    {
        return Err(Error::format(path, written_by_newer(version)));
    }
    for (name, found, expected) in [
        (RESERVED[0], format, Attribute::Text(FORMAT.into())),
        (RESERVED[1], version, Attribute::Integer(FORMAT_VERSION)),
    ] {
        if found.as_ref() != Some(&expected) {
            let found = found.map_or_else(|| "missing".to_owned(), |found| format!("{found:?}"));
            return Err(Error::format(path, format!("{name} is {found}, not {expected:?}; train again")));
        }
    }
    // For other readers: the seal vouches for every byte, so the SHA-256 of the content is not computed once more.
    match sha256 {
        Some(Attribute::Text(digest)) if is_sha256(&digest) => Ok(()),
        _ => Err(Error::format(path, "sha256 is missing, or not 64 hexadecimal digits; train again")),
    }
}

fn attribute_names(file: &File, path: &Path) -> Result<Vec<String>> {
    let doing = "list the attributes";
    let count = file.loc_info().explain(path, doing)?.num_attrs;
    if count > MAX_OBJECTS {
        return Err(too_many("attributes", path));
    }
    let names = file.attr_names().explain(path, doing)?.into_iter();
    // The crate makes strings of names without looking whether they are UTF-8.
    names.map(|name| String::from_utf8(name.into_bytes()).map_err(|error| no_text(error.as_bytes(), path))).collect()
}

fn no_text(name: &[u8], path: &Path) -> Error {
    Error::format(path, format!("the attribute name {} is not UTF-8; train again", name.escape_ascii()))
}

fn too_many(what: &str, path: &Path) -> Error {
    Error::format(path, format!("more than {MAX_OBJECTS} {what}; no davegan model has so many, train again"))
}

fn read_attribute(file: &File, name: &str, path: &Path) -> Result<Attribute> {
    let doing = || format!("read the attribute {name:?}");
    let attribute = file.attr(name).explain(path, doing())?;
    let dtype = attribute.dtype().explain(path, doing())?;
    let value = match attribute.is_scalar() {
        true if dtype.is::<i64>() => Some(Attribute::Integer(attribute.read_scalar().explain(path, doing())?)),
        _ => text_attribute(file, name).map(Attribute::Text),
    };
    value.ok_or_else(|| {
        let expected = "a single int64 or UTF-8 text of fixed length; train again";
        Error::format(path, format!("the attribute {name:?} is of another type than expected: {expected}"))
    })
}

/// Reads the arrays of a file.
struct ArrayReader<'a> {
    path: &'a Path,
    /// The group whose arrays are left out.
    skipped: Option<&'a str>,
    arrays: BTreeMap<String, NamedArray>,
    /// Groups and arrays so far.
    visited: usize,
}

impl ArrayReader<'_> {
    /// Adds the arrays of `group` and its groups, under names that start with `prefix`.
    fn read_group(&mut self, group: &Group, prefix: &str, depth: usize) -> Result<()> {
        let path = self.path;
        if depth == 0 {
            let reason = format!("groups are nested deeper than {MAX_DEPTH} at {prefix:?}; train again");
            return Err(Error::format(path, reason));
        }
        let links = group.iter_visit_default(Vec::new(), |_, name, link, links| {
            links.push((name.to_owned(), link.link_type));
            links.len() <= MAX_OBJECTS
        });
        for (name, link_type) in links.explain(path, format!("list the group {prefix:?}"))? {
            self.visited += 1;
            if self.visited > MAX_OBJECTS {
                return Err(too_many("groups and arrays", path));
            }
            let full_name = format!("{prefix}{name}");
            // Soft and external links may lead out of the file; the library writes none.
            let found = if link_type == LinkType::Hard { group.loc_info_by_name(&name).ok() } else { None };
            if found.as_ref().is_some_and(|found| found.num_attrs > 0) {
                return Err(Error::format(
                    path,
                    format!("{full_name:?} has attributes, which it must not; train again"),
                ));
            }
            match found.map(|found| found.loc_type) {
                Some(LocationType::Group) if self.skipped == Some(&full_name) => {}
                Some(LocationType::Group) => {
                    let inner = group.group(&name).explain(path, format!("open the group {full_name:?}"))?;
                    self.read_group(&inner, &format!("{full_name}/"), depth - 1)?;
                }
                Some(LocationType::Dataset) => {
                    let dataset = OpenDataset::open(group, &name).map_err(|error| match is_elsewhere(&error) {
                        true => Error::format(path, format!("the array {full_name:?} {error}; train again")),
                        false => Error::of_hdf5(path, &format!("open the array {full_name:?}"), &error),
                    })?;
                    let array = read_array(&dataset, &full_name, path)?;
                    self.arrays.insert(full_name, array);
                }
                _ => return Err(Error::format(path, format!("{full_name:?} is neither group nor array; train again"))),
            }
        }
        Ok(())
    }
}

fn read_array(dataset: &Dataset, name: &str, path: &Path) -> Result<NamedArray> {
    let doing = format!("read the array {name:?}");
    check_storage(dataset, name, path)?;
    let dtype = dataset.dtype().explain(path, &doing)?;
    check_size(dataset, dtype.size(), name, path)?;
    let bytes = dataset.size().saturating_mul(dtype.size());
    let what = format!("the array {name:?} of {}", path.display());
    // What reads allocates without asking whether it can.
    drop(memory::vector::<u8>(bytes, &what, FREE_MEMORY)?);
    let array = if dtype.is::<f32>() {
        dataset.read_dyn().map(NamedArray::F32)
    } else if dtype.is::<f64>() {
        dataset.read_dyn().map(NamedArray::F64)
    } else if dtype.is::<u8>() {
        dataset.read_dyn().map(NamedArray::U8)
    } else if dtype.is::<i64>() {
        dataset.read_dyn().map(NamedArray::I64)
    } else {
        let expected = "float32, float64, uint8 or int64; train again";
        return Err(Error::format(path, format!("the array {name:?} is of another type than expected: {expected}")));
    };
    array.explain(path, doing)
}

/// Refuses an array that is stored as the library stores none, or is more than its bytes can give.
fn check_storage(dataset: &Dataset, name: &str, path: &Path) -> Result<()> {
    chunks::check(dataset)
        .map_err(|reason| Error::format(path, format!("the array {name:?} {reason}; train again")))?;
    let filters = dataset.dcpl().and_then(|properties| properties.get_filters());
    if !filters.is_ok_and(|filters| filters.iter().all(|filter| matches!(filter, Filter::Deflate(_)))) {
        let reason = format!("the array {name:?} is compressed in another way than by deflate; train again");
        return Err(Error::format(path, reason));
    }
    Ok(())
}

/// Refuses an array that claims more than the file can hold, before memory is taken for it.
fn check_size(dataset: &Dataset, element_bytes: usize, name: &str, path: &Path) -> Result<()> {
    let shape = dataset.shape();
    let claimed = shape.iter().try_fold(element_bytes as u64, |bytes, &side| bytes.checked_mul(side as u64));
    let stored = stored_bytes(dataset);
    let possible = if dataset.is_chunked() { stored.saturating_mul(MAX_COMPRESSION) } else { stored };
    if claimed.is_some_and(|claimed| claimed <= possible) {
        return Ok(());
    }
    let reason = format!("the array {name:?} claims the shape {shape:?}, but only {stored} bytes are stored for it");
    Err(Error::format(path, format!("{reason}; train again")))
}
