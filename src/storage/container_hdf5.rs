//! A container to and from the groups, datasets and attributes of HDF5.

use std::path::Path;

use hdf5::types::{FloatSize, IntSize, TypeDescriptor, VarLenUnicode};
use hdf5::{Dataset, File, Group, H5Type, LinkType, LocationType};
use ndarray::ArrayD;

use super::container::{Attribute, Container, NamedArray, RESERVED};
use super::hdf5_file::{DEFLATE_LEVEL, Explain, chunk_shape, file_options, hdf5_text, text_attribute};
use super::journalled_file::JournalledFile;
use super::seal::{FORMAT, FORMAT_VERSION, SEAL_BYTES};
use crate::{Error, Result};

/// Byte arrays up to this size are not worth a chunk index.
const SMALL_BYTES: usize = 4096;

/// Groups nest this deep at most; a file with a group that contains itself has no end otherwise.
const MAX_DEPTH: usize = 16;

/// Deflate cannot shrink more than 1032-fold, so an array that claims more is a lie.
const MAX_COMPRESSION: u64 = 1032;

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
    let result = match attribute {
        Attribute::Integer(value) => file.new_attr::<i64>().create(name).and_then(|a| a.write_scalar(value)),
        Attribute::Real(value) => file.new_attr::<f64>().create(name).and_then(|a| a.write_scalar(value)),
        Attribute::Text(value) => {
            let text = hdf5_text(value)?;
            file.new_attr::<VarLenUnicode>().create(name).and_then(|a| a.write_scalar(&text))
        }
    };
    result.explain(path, format!("write the attribute {name:?}"))
}

fn write_array<T: H5Type + Clone>(file: &File, name: &str, array: &ArrayD<T>) -> hdf5::Result<()> {
    let array = array.as_standard_layout();
    let mut builder = file.new_dataset_builder();
    if size_of::<T>() == 1 && array.len() > SMALL_BYTES {
        builder = builder.chunk(chunk_shape(array.shape())).deflate(DEFLATE_LEVEL);
    }
    builder.with_data(array.view()).create(name).map(drop)
}

/// The container in the file at `path`, whose seal has been checked.
pub(super) fn read_hdf5(path: &Path) -> Result<Container> {
    let file = file_options().open(path).explain(path, "open the model file")?;
    let mut container = Container::default();
    for name in file.attr_names().explain(path, "list the attributes")? {
        if !RESERVED.contains(&name.as_str()) {
            let attribute = read_attribute(&file, &name, path)?;
            container.attributes.insert(name, attribute);
        }
    }
    read_group(&file, "", MAX_DEPTH, path, &mut container)?;
    Ok(container)
}

fn read_attribute(file: &File, name: &str, path: &Path) -> Result<Attribute> {
    let doing = || format!("read the attribute {name:?}");
    let attribute = file.attr(name).explain(path, doing())?;
    let type_in_file = attribute.dtype().and_then(|dtype| dtype.to_descriptor()).explain(path, doing())?;
    let value = match type_in_file {
        TypeDescriptor::VarLenUnicode => text_attribute(file, name).map(Attribute::Text),
        TypeDescriptor::Integer(IntSize::U8) if attribute.is_scalar() => {
            Some(Attribute::Integer(attribute.read_scalar().explain(path, doing())?))
        }
        TypeDescriptor::Float(FloatSize::U8) if attribute.is_scalar() => {
            Some(Attribute::Real(attribute.read_scalar().explain(path, doing())?))
        }
        _ => None,
    };
    value.ok_or_else(|| {
        let expected = "expected a single int64, float64 or variable-length UTF-8 text; train again";
        Error::format(path, format!("the attribute {name:?} is {type_in_file}; {expected}"))
    })
}

/// Adds the arrays of `group` and its groups, under names that start with `prefix`.
fn read_group(group: &Group, prefix: &str, depth: usize, path: &Path, container: &mut Container) -> Result<()> {
    if depth == 0 {
        return Err(Error::format(
            path,
            format!("groups are nested deeper than {MAX_DEPTH} at {prefix:?}; train again"),
        ));
    }
    let links = group.iter_visit_default(Vec::new(), |_, name, link, links| {
        links.push((name.to_owned(), link.link_type));
        true
    });
    for (name, link_type) in links.explain(path, format!("list the group {prefix:?}"))? {
        let full_name = format!("{prefix}{name}");
        // A link may lead out of the file; the library writes none.
        let kind = if link_type == LinkType::Hard { group.loc_type_by_name(&name).ok() } else { None };
        match kind {
            Some(LocationType::Group) => {
                let inner = group.group(&name).explain(path, format!("open the group {full_name:?}"))?;
                read_group(&inner, &format!("{full_name}/"), depth - 1, path, container)?;
            }
            Some(LocationType::Dataset) => {
                let dataset = group.dataset(&name).explain(path, format!("open the array {full_name:?}"))?;
                let array = read_array(&dataset, &full_name, path)?;
                container.arrays.insert(full_name, array);
            }
            _ => return Err(Error::format(path, format!("{full_name:?} is neither group nor array; train again"))),
        }
    }
    Ok(())
}

fn read_array(dataset: &Dataset, name: &str, path: &Path) -> Result<NamedArray> {
    let type_in_file = dataset.dtype().and_then(|d| d.to_descriptor()).explain(path, format!("read {name:?}"))?;
    check_size(dataset, type_in_file.size(), name, path)?;
    let array = match type_in_file {
        TypeDescriptor::Float(FloatSize::U4) => dataset.read_dyn().map(NamedArray::F32),
        TypeDescriptor::Float(FloatSize::U8) => dataset.read_dyn().map(NamedArray::F64),
        TypeDescriptor::Unsigned(IntSize::U1) => dataset.read_dyn().map(NamedArray::U8),
        TypeDescriptor::Integer(IntSize::U8) => dataset.read_dyn().map(NamedArray::I64),
        _ => {
            let expected = "expected float32, float64, uint8 or int64; train again";
            return Err(Error::format(path, format!("the array {name:?} is of {type_in_file}; {expected}")));
        }
    };
    array.explain(path, format!("read the array {name:?}"))
}

/// Refuses an array that claims more than the file can hold, before memory is taken for it.
fn check_size(dataset: &Dataset, element_bytes: usize, name: &str, path: &Path) -> Result<()> {
    let shape = dataset.shape();
    let claimed = shape.iter().try_fold(element_bytes as u64, |bytes, &side| bytes.checked_mul(side as u64));
    let file_bytes = path.metadata().map_or(0, |metadata| metadata.len());
    let stored = dataset.storage_size().min(file_bytes);
    let possible = if dataset.is_chunked() { stored.saturating_mul(MAX_COMPRESSION) } else { stored };
    if claimed.is_some_and(|claimed| claimed <= possible) {
        return Ok(());
    }
    let reason = format!("the array {name:?} claims the shape {shape:?}, but only {stored} bytes are stored for it");
    Err(Error::format(path, format!("{reason}; train again")))
}
