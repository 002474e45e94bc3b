//! The parts of a container by name. A part that is missing, unknown or does not fit is an error that names it.

use std::path::Path;

use burn_tensor::{Device as BurnDevice, Tensor, TensorData};
use ndarray::{Array1, Array2, ArrayD, Ix1, Ix2, Ix4};

use super::{Attribute, Container, NamedArray};
use crate::micrograph::PhaseImages;
use crate::network::{Entry, LayerSpec, Network, ParameterLayout};
use crate::{Error, Result};

/// What is left of a container that was read from `path`: each part is taken out once.
pub(super) struct Parts<'a> {
    path: &'a Path,
    file: Container,
}

impl<'a> Parts<'a> {
    /// The parts of `file`.
    ///
    /// # Errors
    ///
    /// [`Error::Format`] if a number is NaN or infinite.
    pub fn new(path: &'a Path, file: Container) -> Result<Self> {
        let wrong = file.first_not_finite();
        let parts = Self { path, file };
        wrong.map_or(Ok(()), |(name, value)| Err(parts.wrong(&name, format!("holds {value}, no finite number"))))?;
        Ok(parts)
    }

    /// The error about the part `name`.
    pub fn wrong(&self, name: &str, what: impl std::fmt::Display) -> Error {
        Error::format(self.path, format!("{name} {what}; the file is not a whole davegan model, train it anew"))
    }

    /// Whether there is an array whose name starts with `prefix`.
    pub fn has_arrays(&self, prefix: &str) -> bool {
        self.file.arrays.keys().any(|name| name.starts_with(prefix))
    }

    /// Refuses parts that nobody has taken.
    pub fn finish(self) -> Result<()> {
        let Container { attributes, arrays } = self.file;
        let Some(name) = attributes.into_keys().chain(arrays.into_keys()).next() else { return Ok(()) };
        let reason = format!(
            "{name:?} is no part of a model that this release knows; the file was written by a newer davegan, or changed: \
             use a newer davegan, or train again"
        );
        Err(Error::format(self.path, reason))
    }

    pub fn text(&mut self, name: &str) -> Result<String> {
        match self.file.attributes.remove(name) {
            Some(Attribute::Text(text)) => Ok(text),
            _ => Err(self.wrong(name, "is missing or no text")),
        }
    }

    /// A text that may be missing.
    pub fn optional_text(&mut self, name: &str) -> Result<Option<String>> {
        self.file.attributes.contains_key(name).then(|| self.text(name)).transpose()
    }

    /// A whole number from `least` to `most`.
    pub fn count(&mut self, name: &str, least: u64, most: u64) -> Result<u64> {
        match self.file.attributes.remove(name) {
            Some(Attribute::Integer(number)) => match u64::try_from(number) {
                Ok(count) if (least..=most).contains(&count) => Ok(count),
                _ => Err(self.wrong(name, format!("is {number}, not {least} to {most}"))),
            },
            _ => Err(self.wrong(name, "is missing or no whole number")),
        }
    }

    /// Images of phases, `(n, nz, ny, nx)`.
    pub fn images(&mut self, name: &str, n_phases: usize) -> Result<PhaseImages> {
        let Some(NamedArray::U8(phases)) = self.file.arrays.remove(name) else {
            return Err(self.wrong(name, "is missing or not of bytes"));
        };
        let phases = phases.into_dimensionality::<Ix4>().map_err(|error| self.wrong(name, error))?;
        PhaseImages::new(phases, n_phases).map_err(|error| self.wrong(name, error))
    }

    /// Numbers in double precision with one axis.
    pub fn row(&mut self, name: &str) -> Result<Array1<f64>> {
        self.f64(name)?.into_dimensionality::<Ix1>().map_err(|error| self.wrong(name, error))
    }

    /// Numbers in double precision with two axes.
    pub fn table(&mut self, name: &str) -> Result<Array2<f64>> {
        self.f64(name)?.into_dimensionality::<Ix2>().map_err(|error| self.wrong(name, error))
    }

    fn f64(&mut self, name: &str) -> Result<ArrayD<f64>> {
        match self.file.arrays.remove(name) {
            Some(NamedArray::F64(array)) => Ok(array),
            _ => Err(self.wrong(name, "is missing or not in double precision")),
        }
    }

    /// A vector in single precision.
    pub fn vector(&mut self, name: &str, length: usize, device: &BurnDevice) -> Result<Tensor<1>> {
        Ok(Tensor::from_data(TensorData::new(self.f32(name, &[length])?, [length]), device))
    }

    /// A network of `layers`, its weights by layer and its moving statistics.
    pub fn network(&mut self, name: &str, layers: Vec<LayerSpec>, device: &BurnDevice) -> Result<Network> {
        let layout = ParameterLayout::new(&layers);
        let mut values = |entries: &[Entry]| -> Result<Vec<f32>> {
            let of_entry = |entry: &Entry| self.f32(&format!("{name}/{}", entry.name), &entry.shape);
            Ok(entries.iter().map(of_entry).collect::<Result<Vec<_>>>()?.concat())
        };
        let (parameters, statistics) = (values(&layout.parameters)?, values(&layout.statistics)?);
        Ok(Network::new(layers, parameters, statistics, device))
    }

    /// Numbers in single precision of this shape.
    pub fn f32(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let values = match self.file.arrays.remove(name) {
            // Arrays are read in standard layout, so this is one copy.
            Some(NamedArray::F32(array)) if array.shape() == shape => {
                array.as_slice().map_or_else(|| array.iter().copied().collect(), <[f32]>::to_vec)
            }
            _ => return Err(self.wrong(name, format!("is missing or not in single precision of shape {shape:?}"))),
        };
        let is_square = ["/moving_variance", "/adam/second"].iter().any(|end| name.ends_with(end));
        match values.iter().find(|&&value| is_square && value < 0.0) {
            Some(value) => Err(self.wrong(name, format!("holds {value:e}, which must not be negative"))),
            None => Ok(values),
        }
    }
}
