//! Image data in the VTKHDF format, version 2.0: what ParaView and VTK open by themselves.
//!
//! Source: VTK file formats, "VTKHDF File Format", ImageData and Temporal Data. Phases are cell data. The layout
//! depends on the number of realisations alone: one is plain image data `(nz, ny, nx)`, several are a time series
//! `(n, nz, ny, nx)` with a `Steps` group. VTK up to 9.7 reads no time series of one step. Versions below 9.3, and with them
//! ParaView below 5.12, show no cell data of an image.

use hdf5::types::FixedAscii;
use hdf5::{Dataset, File};
use ndarray::Array1;

use super::header::Header;
use super::phase_dataset::{create_series, create_single, put_images};
use super::record::{create_column, put_column};
use crate::micrograph::PhaseImages;

/// The group that VTK's reader looks for.
pub(super) const ROOT: &str = "/VTKHDF";

/// The dataset with the phases of a VTKHDF file.
pub const PHASE: &str = "/VTKHDF/CellData/phase";

const STEPS: &str = "/VTKHDF/Steps";
const N_STEPS: &str = "NSteps";
const TIMES: &str = "Values";
const OFFSETS: &str = "CellDataOffsets/phase";

/// Where a series is begun while a single realisation is still in its place.
const NEW_SERIES: &str = "/davegan/phase";

/// Creates the image data without a realisation.
pub(super) fn create(file: &File, header: &Header) -> hdf5::Result<()> {
    let [nz, ny, nx] = header.shape.map(|side| side as i64);
    let root = file.create_group(ROOT)?;
    root.new_attr_builder().with_data(&[2_i64, 0]).create("Version")?;
    root.new_attr::<FixedAscii<9>>().create("Type")?.write_scalar(&ascii::<9>("ImageData")?)?;
    root.new_attr_builder().with_data(&[0, nx, 0, ny, 0, nz]).create("WholeExtent")?;
    let [z, y, x] = header.first_voxel.map(|first| first as f64 * header.voxel_size);
    root.new_attr_builder().with_data(&[x, y, z]).create("Origin")?;
    root.new_attr_builder().with_data(&[header.voxel_size; 3]).create("Spacing")?;
    root.new_attr_builder().with_data(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]).create("Direction")?;
    let cells = root.create_group("CellData")?;
    cells.new_attr::<FixedAscii<5>>().create("Scalars")?.write_scalar(&ascii::<5>("phase")?)
}

/// Makes ParaView colour by `phases` at once: VTK takes the active scalars from this attribute from 9.7 on. It ignores the
/// attribute `Scalars` of `CellData`.
fn mark_as_scalars(phases: &Dataset) -> hdf5::Result<()> {
    phases.new_attr::<FixedAscii<7>>().create("Attribute")?.write_scalar(&ascii::<7>("Scalars")?)
}

fn ascii<const N: usize>(text: &str) -> hdf5::Result<FixedAscii<N>> {
    FixedAscii::from_ascii(text).map_err(|error| error.to_string().into())
}

/// Adds `images` after the `written` realisations that are there. They count from [`set_written`] on.
pub(super) fn put(file: &File, written: usize, images: &PhaseImages) -> hdf5::Result<()> {
    if written == 0 {
        // Left by an addition that failed on the way.
        unlink_if_there(file, PHASE)?;
        unlink_if_there(file, STEPS)?;
    }
    let total = written + images.len();
    if total == 1 {
        let single = create_single(file, PHASE, images.shape())?;
        mark_as_scalars(&single)?;
        return single.write_raw(images.as_slice());
    }
    if written <= 1 {
        begin_series(file, written, images.shape())?;
    }
    put_images(&file.dataset(PHASE)?, written, images)?;
    let steps = file.group(STEPS)?;
    put_column(&steps, TIMES, written, &(written..total).map(|step| step as f64).collect())?;
    put_column(&steps, OFFSETS, written, &(written..total).map(|step| step as i64).collect())
}

/// States that the time series, if there is one, has `written` steps.
pub(super) fn set_written(file: &File, written: usize) -> hdf5::Result<()> {
    if written < 2 {
        return Ok(());
    }
    file.group(STEPS)?.attr(N_STEPS)?.write_scalar(&(written as i64))
}

/// Begins a time series, with the single realisation that is there as its first.
fn begin_series(file: &File, written: usize, shape: [usize; 3]) -> hdf5::Result<()> {
    unlink_if_there(file, NEW_SERIES)?;
    unlink_if_there(file, STEPS)?;
    let series = create_series(file, NEW_SERIES, shape)?;
    mark_as_scalars(&series)?;
    if written == 1 {
        series.resize((1, shape[0], shape[1], shape[2]))?;
        series.write_raw(&file.dataset(PHASE)?.read_raw::<u8>()?)?;
        file.unlink(PHASE)?;
    }
    file.relink(NEW_SERIES, PHASE)?;
    let steps = file.create_group(STEPS)?;
    create_column::<f64>(&steps, TIMES)?;
    create_column::<i64>(&steps, OFFSETS)?;
    put_column(&steps, TIMES, 0, &Array1::range(0.0, written as f64, 1.0))?;
    put_column(&steps, OFFSETS, 0, &(0..written as i64).collect())?;
    steps.new_attr::<i64>().create(N_STEPS)?.write_scalar(&(written as i64))
}

/// Removes `name` from `file`, if it is there.
pub(super) fn unlink_if_there(file: &File, name: &str) -> hdf5::Result<()> {
    if file.link_exists(name) { file.unlink(name) } else { Ok(()) }
}
