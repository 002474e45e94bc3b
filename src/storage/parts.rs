//! The parts of a container by name. A part that is missing or does not fit is an error that names it.

use std::path::Path;

use burn_tensor::{Device as BurnDevice, Tensor, TensorData};
use ndarray::{Array1, Array2, ArrayD, Ix1, Ix2, Ix4};

use super::{Attribute, Container, NamedArray};
use crate::micrograph::PhaseImages;
use crate::network::{Entry, LayerSpec, Network, ParameterLayout};
use crate::{Error, Result};

/// A container that was read from `path`.
pub(super) struct Parts<'a> {
    pub path: &'a Path,
    pub file: Container,
}

impl Parts<'_> {
    /// The error about the part `name`.
    pub fn wrong(&self, name: &str, what: String) -> Error {
        Error::format(self.path, format!("{name} {what}; the file is not a whole davegan model, train it anew"))
    }

    /// Whether there is such an attribute or array.
    pub fn has(&self, name: &str) -> bool {
        self.file.attributes.contains_key(name) || self.file.arrays.contains_key(name)
    }

    pub fn text(&self, name: &str) -> Result<String> {
        match self.file.attributes.get(name) {
            Some(Attribute::Text(text)) => Ok(text.clone()),
            _ => Err(self.wrong(name, "is missing or no text".into())),
        }
    }

    pub fn count(&self, name: &str) -> Result<u64> {
        match self.file.attributes.get(name) {
            Some(Attribute::Integer(number)) if *number >= 0 => Ok(*number as u64),
            _ => Err(self.wrong(name, "is missing or no count".into())),
        }
    }

    pub fn real(&self, name: &str) -> Result<f64> {
        match self.file.attributes.get(name) {
            Some(Attribute::Real(number)) => Ok(*number),
            _ => Err(self.wrong(name, "is missing or no number".into())),
        }
    }

    /// Images of phases, `(n, nz, ny, nx)`.
    pub fn images(&self, name: &str, n_phases: usize) -> Result<PhaseImages> {
        let Some(NamedArray::U8(phases)) = self.file.arrays.get(name) else {
            return Err(self.wrong(name, "is missing or not of bytes".into()));
        };
        let phases = phases.clone().into_dimensionality::<Ix4>();
        let phases = phases.map_err(|error| self.wrong(name, error.to_string()))?;
        PhaseImages::new(phases, n_phases).map_err(|error| self.wrong(name, error.to_string()))
    }

    /// Numbers in double precision with one axis.
    pub fn row(&self, name: &str) -> Result<Array1<f64>> {
        let row = self.f64(name)?.clone().into_dimensionality::<Ix1>();
        row.map_err(|error| self.wrong(name, error.to_string()))
    }

    /// Numbers in double precision with two axes.
    pub fn table(&self, name: &str) -> Result<Array2<f64>> {
        let table = self.f64(name)?.clone().into_dimensionality::<Ix2>();
        table.map_err(|error| self.wrong(name, error.to_string()))
    }

    fn f64(&self, name: &str) -> Result<&ArrayD<f64>> {
        match self.file.arrays.get(name) {
            Some(NamedArray::F64(array)) => Ok(array),
            _ => Err(self.wrong(name, "is missing or not in double precision".into())),
        }
    }

    /// A vector in single precision.
    pub fn vector(&self, name: &str, length: usize, device: &BurnDevice) -> Result<Tensor<1>> {
        Ok(Tensor::from_data(TensorData::new(self.f32(name, &[length])?, [length]), device))
    }

    /// A network of `layers`, its weights by layer and its moving statistics.
    pub fn network(&self, name: &str, layers: Vec<LayerSpec>, device: &BurnDevice) -> Result<Network> {
        let layout = ParameterLayout::new(&layers);
        let values = |entries: &[Entry]| -> Result<Vec<f32>> {
            let of_entry = |entry: &Entry| self.f32(&format!("{name}/{}", entry.name), &entry.shape);
            Ok(entries.iter().map(of_entry).collect::<Result<Vec<_>>>()?.concat())
        };
        let (parameters, statistics) = (values(&layout.parameters)?, values(&layout.statistics)?);
        Ok(Network::new(layers, parameters, statistics, device))
    }

    fn f32(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        match self.file.arrays.get(name) {
            Some(NamedArray::F32(array)) if array.shape() == shape => Ok(array.iter().copied().collect()),
            _ => Err(self.wrong(name, format!("is missing or not in single precision of shape {shape:?}"))),
        }
    }
}
