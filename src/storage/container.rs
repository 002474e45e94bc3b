//! A checked file of named arrays and attributes.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::ArrayD;
use sha2::{Digest, Sha256};

use super::container_hdf5::{read_hdf5, write_hdf5};
use super::kind::Kind;
use super::output::Output;
use super::seal::{check_seal, seal};
use crate::device::memory;
use crate::{Error, Result};

/// Attributes of the file itself, which a container cannot use for its own.
pub(super) const RESERVED: [&str; 3] = ["format", "format_version", "sha256"];

/// A single value with a name.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Integer(i64),
    /// A text without NUL.
    Text(String),
}

/// An array with a name, of any shape.
#[derive(Debug, Clone, PartialEq)]
pub enum NamedArray {
    /// Real numbers in single precision.
    F32(ArrayD<f32>),
    /// Real numbers in double precision.
    F64(ArrayD<f64>),
    /// Phases and other bytes; more than 4 KiB of them are compressed.
    U8(ArrayD<u8>),
    /// Whole numbers.
    I64(ArrayD<i64>),
}

/// Named attributes and arrays, and the HDF5 file that holds them.
///
/// The file can be trusted: it is replaced in one step, equal content gives equal bytes (of one release of the
/// library), and no file that is not exactly what was written is accepted. It opens in every HDF5 tool: attributes at
/// the root, arrays as datasets, the parts of a name before a '/' as groups.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Container {
    /// Attributes by name; `format`, `format_version` and `sha256` belong to the file.
    pub attributes: BTreeMap<String, Attribute>,
    /// Arrays by name, such as `encoder/0/weight`.
    pub arrays: BTreeMap<String, NamedArray>,
}

impl Container {
    /// Writes the file at `path`, or replaces it in one step.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for a name or text that HDF5 cannot hold, [`Error::Io`] if the directory is missing
    /// or not writable, `path` is no regular file, another call of this process writes it, or the disk is full;
    /// [`Error::Format`] if something else than a container is there; [`Error::Hdf5`] for other failures inside HDF5.
    /// A file that was there before is untouched then.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        self.write_to(&mut Output::claim(path.as_ref(), Kind::Model)?)
    }

    /// [`write`](Self::write) for a file that is claimed already.
    pub(super) fn write_to(&self, output: &mut Output) -> Result<()> {
        self.check_names()?;
        memory::require_for_hdf5()?;
        output.replace(|temporary| {
            hdf5::sync::sync(|| write_hdf5(self, temporary))?;
            seal(temporary).map_err(|e| Error::system(temporary, "write the checksum", &e))
        })
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if there is no file or it cannot be read; [`Error::Format`] if it is no container, from a newer
    /// release, truncated, damaged, or holds what no container holds; [`Error::Hdf5`] for failures inside HDF5.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::read_but(path.as_ref(), None)
    }

    /// Like [`read`](Self::read), but for the arrays of `group`: reading an array takes much longer than checking its bytes.
    pub(super) fn read_without(group: &str, path: &Path) -> Result<Self> {
        Self::read_but(path, Some(group))
    }

    fn read_but(path: &Path, skipped: Option<&str>) -> Result<Self> {
        check_seal(path)?;
        memory::require_for_hdf5()?;
        hdf5::sync::sync(|| read_hdf5(path, skipped))
    }

    /// SHA-256 of the content as 64 hexadecimal digits: the identity of a model.
    ///
    /// Names, types, shapes and values in the order of the names, whatever the file format makes of them.
    pub fn sha256(&self) -> String {
        let mut digest = Sha256::new();
        for (name, attribute) in &self.attributes {
            let (kind, value) = match attribute {
                Attribute::Integer(value) => ("integer", value.to_le_bytes().to_vec()),
                Attribute::Text(value) => ("text", value.as_bytes().to_vec()),
            };
            add_fields(&mut digest, &[name.as_bytes(), kind.as_bytes(), &value]);
        }
        for (name, array) in &self.arrays {
            let (kind, values) = match array {
                NamedArray::F32(a) => ("f32", bytes(a.iter().map(|v| v.to_le_bytes()), a.len())),
                NamedArray::F64(a) => ("f64", bytes(a.iter().map(|v| v.to_le_bytes()), a.len())),
                NamedArray::U8(a) => ("u8", bytes(a.iter().map(|&v| [v]), a.len())),
                NamedArray::I64(a) => ("i64", bytes(a.iter().map(|v| v.to_le_bytes()), a.len())),
            };
            let shape: Vec<u8> = array.shape().iter().flat_map(|&side| (side as u64).to_le_bytes()).collect();
            add_fields(&mut digest, &[name.as_bytes(), kind.as_bytes(), &shape, &values]);
        }
        format!("{:x}", digest.finalize())
    }

    /// The first array with a number that is NaN or infinite, and the number.
    pub(super) fn first_not_finite(&self) -> Option<(String, f64)> {
        self.arrays.iter().find_map(|(name, array)| {
            let value = match array {
                NamedArray::F32(array) => find_not_finite(array, |value| value.is_finite()).map(f64::from),
                NamedArray::F64(array) => find_not_finite(array, |value| value.is_finite()),
                NamedArray::U8(_) | NamedArray::I64(_) => None,
            };
            Some((name.clone(), value?))
        })
    }

    fn check_names(&self) -> Result<()> {
        for name in self.attributes.keys() {
            if RESERVED.contains(&name.as_str()) {
                return Err(Error::invalid(format!("the attribute name {name:?} is the file's own; choose another")));
            }
        }
        for name in self.attributes.keys().chain(self.arrays.keys()) {
            if name.contains('\0') || name.split('/').any(|part| part.is_empty() || part == ".") {
                return Err(Error::invalid(format!("the name {name:?} has an empty part, a '.' or a NUL")));
            }
        }
        Ok(())
    }
}

/// The first number that is not finite. Nearly always there is none, which vectors tell faster than a search.
fn find_not_finite<T: Copy>(array: &ArrayD<T>, is_finite: impl Fn(T) -> bool) -> Option<T> {
    let all_are = array.as_slice().is_some_and(|all| all.iter().fold(true, |so_far, &value| so_far & is_finite(value)));
    if all_are { None } else { array.iter().copied().find(|&value| !is_finite(value)) }
}

impl NamedArray {
    /// Length of each axis.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::F32(array) => array.shape(),
            Self::F64(array) => array.shape(),
            Self::U8(array) => array.shape(),
            Self::I64(array) => array.shape(),
        }
    }
}

/// Whether `text` is a SHA-256 as this library writes it.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// The bytes of `count` values one after the other. A loop: flattening an iterator takes ten times as long.
fn bytes<const N: usize>(values: impl Iterator<Item = [u8; N]>, count: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count * N);
    for value in values {
        bytes.extend_from_slice(&value);
    }
    bytes
}

/// The length goes before each field, so that no two contents give the same sequence of bytes.
fn add_fields(digest: &mut Sha256, fields: &[&[u8]]) {
    for field in fields {
        digest.update((field.len() as u64).to_le_bytes());
        digest.update(field);
    }
}

#[cfg(test)]
mod tests;
