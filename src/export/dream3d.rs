//! DREAM.3D files of version 7.0, which DREAM.3D 6, simplnx (DREAM3D-NX) and DAMASK read.
//!
//! The readers want text attributes of fixed length, `int32` numbers, and a last axis for the components of each array.
//! `TupleDimensions` has x first, the array itself z. Phase and feature 0 are reserved for voxels that belong to none.

use std::path::Path;

use hdf5::types::{FixedAscii, VarLenAscii};
use hdf5::{Dataset, File, Group, H5Type, Location};
use ndarray::{Axis, arr0, s};

use super::{Spacing, single};
use crate::Result;
use crate::generation::parts;
use crate::micrograph::PhaseImages;
use crate::storage::{DEFLATE_LEVEL, Export, chunk_shape, replace_hdf5};

/// `AttributeMatrixType` of the groups of arrays.
const CELL: u32 = 3;
const CELL_FEATURE: u32 = 7;
const CELL_ENSEMBLE: u32 = 11;

/// `CrystalStructures` of what has none that is known.
const UNKNOWN_CRYSTAL: u32 = 999;

/// A pipeline without filters, which simplnx asks for.
const PIPELINE: &str = r#"{"PipelineBuilder":{"Name":"davegan","Number_Filters":0,"Version":6}}"#;

/// Writes `image` as a DREAM.3D file of version 7.0 with an image geometry.
///
/// `/DataContainers/ImageDataContainer` has the cell data `FeatureIds` and `Phases`, both the phase number plus 1; Euler
/// angles, all 0, of the cells and of the features, which are the phases; and the ensemble data `PhaseName` (`Phase 0`,
/// `Phase 1`, ...) and `CrystalStructures` (unknown). The origin is 0, and the unit is an attribute of the geometry.
///
/// # Errors
///
/// [`crate::Error::InvalidParameter`] if there are several images or `path` is not UTF-8; [`crate::Error::Io`] if the
/// file cannot be written; [`crate::Error::Format`] if something else than a DREAM.3D file of this library is there;
/// [`crate::Error::Hdf5`] for other failures inside HDF5.
pub fn write_dream3d(image: &PhaseImages, spacing: &Spacing, path: &Path) -> Result<()> {
    single(image)?;
    replace_hdf5(path, Export::Dream3d, |file| fill(file, image, spacing))
}

fn fill(file: &File, image: &PhaseImages, spacing: &Spacing) -> hdf5::Result<()> {
    put_text::<4>(file, "FileVersion", "7.0")?;
    let pipeline = file.create_group("Pipeline")?;
    let text = ascii::<{ PIPELINE.len() + 1 }>(PIPELINE)?;
    pipeline.new_dataset_builder().with_data(&arr0(text)).create("Pipeline")?;
    file.create_group("DataContainerBundles")?;
    let container = file.create_group("DataContainers/ImageDataContainer")?;
    put_geometry(&container, image.shape(), spacing)?;
    put_cells(&container, image)?;
    put_features(&container, image.n_phases())?;
    put_ensembles(&container, image.n_phases())
}

fn put_geometry(container: &Group, [nz, ny, nx]: [usize; 3], spacing: &Spacing) -> hdf5::Result<()> {
    let geometry = container.create_group("_SIMPL_GEOMETRY")?;
    put_text::<14>(&geometry, "GeometryName", "ImageGeometry")?;
    put_text::<14>(&geometry, "GeometryTypeName", "ImageGeometry")?;
    for (name, number) in [("GeometryType", 0), ("SpatialDimensionality", 3), ("UnitDimensionality", 3)] {
        geometry.new_attr::<u32>().create(name)?.write_scalar(&number)?;
    }
    let unit = spacing.unit().symbol();
    if !unit.is_empty() {
        put_text::<3>(&geometry, "voxel_unit", unit)?;
    }
    geometry.new_dataset_builder().with_data(&[nx as i64, ny as i64, nz as i64]).create("DIMENSIONS")?;
    geometry.new_dataset_builder().with_data(&[0_f32; 3]).create("ORIGIN")?;
    geometry.new_dataset_builder().with_data(&spacing.sides().map(|side| side as f32)).create("SPACING")?;
    Ok(())
}

fn put_cells(container: &Group, image: &PhaseImages) -> hdf5::Result<()> {
    let [nz, ny, nx] = image.shape();
    let cells = Matrix::create(container, "CellData", CELL, &[nz, ny, nx])?;
    let [features, phases] = [cells.array::<i32>("FeatureIds", 1)?, cells.array::<i32>("Phases", 1)?];
    let chunk = chunk_shape(&image.shape());
    for part in parts(image.shape(), [chunk[0], chunk[1], chunk[2]]) {
        let [z, y, x] = std::array::from_fn(|axis| {
            let first = part.first[axis] as usize;
            first..first + part.size[axis]
        });
        let numbers = image.phases().slice(s![0, z.clone(), y.clone(), x.clone()]).mapv(|phase| i32::from(phase) + 1);
        let numbers = numbers.insert_axis(Axis(3));
        for array in [&features, &phases] {
            array.write_slice(&numbers, s![z.clone(), y.clone(), x.clone(), ..])?;
        }
    }
    // Never written, they are 0.
    cells.array::<f32>("EulerAngles", 3).map(drop)
}

/// The features, which are the phases.
fn put_features(container: &Group, n_phases: usize) -> hdf5::Result<()> {
    let features = Matrix::create(container, "CellFeatureData", CELL_FEATURE, &[n_phases + 1])?;
    let phases: Vec<i32> = (0..=n_phases as i32).collect();
    features.array::<i32>("Phases", 1)?.write_raw(&phases)?;
    features.array::<f32>("EulerAngles", 3).map(drop)
}

fn put_ensembles(container: &Group, n_phases: usize) -> hdf5::Result<()> {
    let ensembles = Matrix::create(container, "CellEnsembleData", CELL_ENSEMBLE, &[n_phases + 1])?;
    ensembles.array::<u32>("CrystalStructures", 1)?.write_raw(&vec![UNKNOWN_CRYSTAL; n_phases + 1])?;
    let names = (0..n_phases).map(|phase| format!("Phase {phase}"));
    let names = ["Unknown Phase Type".to_owned()].into_iter().chain(names);
    let names = names.map(|name| VarLenAscii::from_ascii(&name).map_err(|error| error.to_string().into()));
    let names = names.collect::<hdf5::Result<Vec<_>>>()?;
    let dataset = ensembles.group.new_dataset::<VarLenAscii>().shape(names.len()).create("PhaseName")?;
    dataset.write_raw(&names)?;
    ensembles.describe::<VarLenAscii>(&dataset, 1)
}

/// A group of arrays with an element for each cell, feature or phase.
struct Matrix {
    group: Group,
    shape: Vec<usize>,
}

impl Matrix {
    fn create(container: &Group, name: &str, of: u32, shape: &[usize]) -> hdf5::Result<Self> {
        let group = container.create_group(name)?;
        group.new_attr::<u32>().create("AttributeMatrixType")?.write_scalar(&of)?;
        let matrix = Self { group, shape: shape.to_vec() };
        matrix.put_dimensions(&matrix.group)?;
        Ok(matrix)
    }

    /// Creates an array with some `components` an element.
    fn array<T: Element>(&self, name: &str, components: usize) -> hdf5::Result<Dataset> {
        let shape = [&self.shape[..], &[components]].concat();
        let builder = self.group.new_dataset::<T>().chunk(chunk_shape(&shape)).deflate(DEFLATE_LEVEL);
        let array = builder.shape(shape).create(name)?;
        self.describe::<T>(&array, components)?;
        Ok(array)
    }

    fn describe<T: Element>(&self, array: &Dataset, components: usize) -> hdf5::Result<()> {
        T::put_type(array)?;
        array.new_attr::<i32>().create("DataArrayVersion")?.write_scalar(&2)?;
        array.new_attr_builder().with_data(&[components as u64]).create("ComponentDimensions")?;
        self.put_dimensions(array)
    }

    /// States the shape, x first.
    fn put_dimensions(&self, of: &Location) -> hdf5::Result<()> {
        let reversed: Vec<u64> = self.shape.iter().rev().map(|&side| side as u64).collect();
        of.new_attr_builder().with_data(&reversed).create("TupleDimensions").map(drop)
    }
}

/// A type of an array's elements.
trait Element: H5Type {
    /// Gives the array the attribute that says what DREAM.3D calls it.
    fn put_type(array: &Dataset) -> hdf5::Result<()>;
}

macro_rules! elements {
    ($($type:ty: $name:literal),*) => {
        $(impl Element for $type {
            fn put_type(array: &Dataset) -> hdf5::Result<()> {
                put_text::<{ $name.len() + 1 }>(array, "ObjectType", $name)
            }
        })*
    };
}

elements!(i32: "DataArray<int32_t>", u32: "DataArray<uint32_t>", f32: "DataArray<float>", VarLenAscii: "StringDataArray");

/// Gives `of` a text attribute of `N` bytes, the last of which ends the text.
fn put_text<const N: usize>(of: &Location, name: &str, text: &str) -> hdf5::Result<()> {
    of.new_attr::<FixedAscii<N>>().create(name)?.write_scalar(&ascii::<N>(text)?)
}

fn ascii<const N: usize>(text: &str) -> hdf5::Result<FixedAscii<N>> {
    FixedAscii::from_ascii(text).map_err(|error| error.to_string().into())
}
