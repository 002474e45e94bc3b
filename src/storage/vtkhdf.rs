//! Image data in the VTKHDF format, version 2.0: what ParaView and VTK open by themselves.
//!
//! Source: VTK file formats, "VTKHDF File Format", ImageData and Temporal Data. Phases are cell data. The layout
//! depends on the number of realisations alone: one is plain image data `(nz, ny, nx)`, several are a time series
//! `(n, nz, ny, nx)` with a `Steps` group. VTK up to 9.7 reads no time series of one step. Versions below 9.3, and with them
//! ParaView below 5.12, show no cell data of an image. Of a time series whose field data have no offsets VTK reads nothing.

use hdf5::types::FixedAscii;
use hdf5::{Dataset, File};

use super::header::{Header, Layout};
use super::phase_dataset::{copy_single, create_series, create_single, put_images, set_rows};
use super::record::{COLUMNS, create_column, put_column};
use crate::dataset::{OpenDataset, own_attribute};
use crate::micrograph::PhaseImages;

/// The group that VTK's reader looks for.
pub(super) const ROOT: &str = "/VTKHDF";

/// The dataset with the phases of a VTKHDF file.
pub const PHASE: &str = "/VTKHDF/CellData/phase";

const STEPS: &str = "/VTKHDF/Steps";
const N_STEPS: &str = "NSteps";
const TIMES: &str = "Values";
const OFFSETS: &str = "CellDataOffsets/phase";

/// The figures of realisations, which VTK calls field data: other names of the columns of the record.
const FIGURES: &str = "/VTKHDF/FieldData";
const FIGURE_OFFSETS: &str = "FieldDataOffsets";

/// Where phases are that take their place in the image data later.
const NEW_PHASE: &str = "/davegan/phase";

/// Creates the image data without a realisation, beside the record.
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
    cells.new_attr::<FixedAscii<5>>().create("Scalars")?.write_scalar(&ascii::<5>("phase")?)?;
    file.create_group(FIGURES)?;
    let record = Layout::VtkHdf.record_group().to_owned();
    COLUMNS.iter().try_for_each(|name| file.link_hard(&format!("{record}/{name}"), &format!("{FIGURES}/{name}")))
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
        let single = create_marked_single(file, PHASE, images.shape())?;
        single.write_raw(images.as_slice())?;
        return single.close();
    }
    if written <= 1 {
        create_new_series(file, written, images.shape())?;
        put_new_series(file, written, images.shape())?;
    }
    put_images(OpenDataset::open_own::<u8>(file, PHASE)?, written, images)?;
    put_steps(file, written, total)
}

/// The dataset with the blocks of the realisation that comes after `written` others.
pub(super) fn unfinished(written: usize) -> &'static str {
    if written < 2 { NEW_PHASE } else { PHASE }
}

/// Makes room for blocks of a realisation of `shape` after the `written` that are there.
pub(super) fn begin_unfinished(file: &File, written: usize, shape: [usize; 3]) -> hdf5::Result<()> {
    match written {
        0 => create_marked_single(file, NEW_PHASE, shape)?.close(),
        1 => create_new_series(file, 2, shape),
        _ => set_rows(OpenDataset::open_own::<u8>(file, PHASE)?, written, written + 1, shape),
    }
}

/// Adds the realisation of `shape` whose blocks are all there. It counts from [`set_written`] on.
pub(super) fn put_unfinished(file: &File, written: usize, shape: [usize; 3]) -> hdf5::Result<()> {
    if written == 0 {
        unlink_if_there(file, PHASE)?;
        unlink_if_there(file, STEPS)?;
        // It has two names until it counts: so it is found again after a kill.
        return file.link_hard(NEW_PHASE, PHASE);
    }
    if written == 1 {
        put_new_series(file, written, shape)?;
    }
    put_steps(file, written, written + 1)
}

/// Forgets blocks of a realisation that is not whole.
pub(super) fn remove_unfinished(file: &File) -> hdf5::Result<()> {
    unlink_if_there(file, NEW_PHASE)
}

/// States that the time series, if there is one, has `written` steps.
pub(super) fn set_written(file: &File, written: usize) -> hdf5::Result<()> {
    if written < 2 {
        return Ok(());
    }
    own_attribute::<i64>(&file.group(STEPS)?, N_STEPS)?.write_scalar(&(written as i64))
}

/// Creates a single image in a new dataset `name`.
fn create_marked_single(file: &File, name: &str, shape: [usize; 3]) -> hdf5::Result<OpenDataset> {
    let single = create_single(file, name, shape)?;
    mark_as_scalars(&single)?;
    Ok(single)
}

/// Creates a series with room for `rows` images of `shape` that takes its place later.
fn create_new_series(file: &File, rows: usize, shape: [usize; 3]) -> hdf5::Result<()> {
    unlink_if_there(file, NEW_PHASE)?;
    let series = create_series(file, NEW_PHASE, shape)?;
    mark_as_scalars(&series)?;
    set_rows(series, rows, rows, shape)
}

/// Puts the new series in its place and begins the time steps. The single realisation that is there becomes its first.
fn put_new_series(file: &File, written: usize, shape: [usize; 3]) -> hdf5::Result<()> {
    unlink_if_there(file, STEPS)?;
    if written == 1 {
        let single = OpenDataset::open_own::<u8>(file, PHASE)?;
        copy_single(&single, OpenDataset::open_own::<u8>(file, NEW_PHASE)?, shape)?;
        single.close()?;
        file.unlink(PHASE)?;
    }
    file.relink(NEW_PHASE, PHASE)?;
    let steps = file.create_group(STEPS)?;
    create_column::<f64>(&steps, TIMES)?;
    create_column::<i64>(&steps, OFFSETS)?;
    if file.link_exists(FIGURES) {
        let offsets = steps.create_group(FIGURE_OFFSETS)?;
        COLUMNS.iter().try_for_each(|name| create_column::<i64>(&offsets, name))?;
    }
    steps.new_attr::<i64>().create(N_STEPS)?.write_scalar(&(written as i64))?;
    put_steps(file, 0, written)
}

/// Adds the time steps `written..total`.
fn put_steps(file: &File, written: usize, total: usize) -> hdf5::Result<()> {
    let steps = file.group(STEPS)?;
    let offsets = (written..total).map(|step| step as i64).collect();
    put_column(&steps, TIMES, written, &(written..total).map(|step| step as f64).collect())?;
    put_column(&steps, OFFSETS, written, &offsets)?;
    if !steps.link_exists(FIGURE_OFFSETS) {
        return Ok(());
    }
    let figures = steps.group(FIGURE_OFFSETS)?;
    COLUMNS.iter().try_for_each(|name| put_column(&figures, name, written, &offsets))
}

/// Removes `name` from `file`, if it is there.
pub(super) fn unlink_if_there(file: &File, name: &str) -> hdf5::Result<()> {
    if file.link_exists(name) { file.unlink(name) } else { Ok(()) }
}
