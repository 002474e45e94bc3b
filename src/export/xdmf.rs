//! XDMF beside HDF5.
//!
//! ParaView's reader takes lengths in the order z, y, x; a 3DCoRectMesh for one layer too, as a 2DCoRectMesh lies in the
//! y-z plane; and UChar, as UInt of one byte becomes 32 bits. pyvista wants a time.

use std::fs;
use std::path::Path;

use super::{Spacing, single};
use crate::micrograph::PhaseImages;
use crate::storage::{Export, Kind, Mode, Output, write_phase_images};
use crate::{Error, Result};

/// The dataset of phases.
const DATASET: &str = "phase";

/// Writes `image` as XDMF at `path` and its phases as the dataset `phase`, `(nz, ny, nx)`, of the HDF5 file beside it,
/// which has the ending `.h5` instead.
///
/// The phases are the cell data `phase`. The origin is 0; a known unit is the information `voxel_unit`.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there are several images, or the name of the HDF5 file would be that of the XDMF file
/// or has a character that XDMF cannot have; [`Error::Format`] if something else than an XDMF file of this library is
/// there; and those of [`write_phase_images`] for the HDF5 file.
pub fn write_xdmf(image: &PhaseImages, spacing: &Spacing, path: &Path) -> Result<()> {
    single(image)?;
    let [nz, ny, nx] = image.shape();
    let [dx, dy, dz] = spacing.sides();
    let hdf5 = path.with_extension("h5");
    if hdf5 == path {
        return Err(Error::invalid(format!(
            "{} is the HDF5 file beside the XDMF file; give a path that ends in .xdmf",
            path.display()
        )));
    }
    let name = hdf5.file_name().and_then(|name| name.to_str()).unwrap_or(":");
    if name.contains([':', '<', '&']) {
        return Err(Error::invalid(format!(
            "the name of {} is not UTF-8 or has one of : < & in it, which XDMF cannot refer to; choose another",
            hdf5.display()
        )));
    }
    let unit = match spacing.unit().symbol() {
        "" => String::new(),
        symbol => format!("      <Information Name=\"voxel_unit\" Value=\"{symbol}\"/>\n"),
    };
    let text = format!(
        r#"<?xml version="1.0"?>
<!-- {} -->
<Xdmf Version="3.0">
  <Domain>
    <Grid Name="element" GridType="Uniform">
      <Time Value="0"/>
{unit}      <Topology TopologyType="3DCoRectMesh" Dimensions="{} {} {}"/>
      <Geometry GeometryType="ORIGIN_DXDYDZ">
        <DataItem Format="XML" NumberType="Float" Precision="8" Dimensions="3">0 0 0</DataItem>
        <DataItem Format="XML" NumberType="Float" Precision="8" Dimensions="3">{dz:?} {dy:?} {dx:?}</DataItem>
      </Geometry>
      <Attribute Name="phase" AttributeType="Scalar" Center="Cell">
        <DataItem Format="HDF" NumberType="UChar" Precision="1" Dimensions="{nz} {ny} {nx}">{name}:/{DATASET}</DataItem>
      </Attribute>
    </Grid>
  </Domain>
</Xdmf>
"#,
        String::from_utf8_lossy(Export::Xdmf.mark()),
        nz + 1,
        ny + 1,
        nx + 1
    );
    // The XDMF file last: it is there once what it refers to is.
    Output::claim(path, Kind::Export(Export::Xdmf))?.replace(|temporary| {
        write_phase_images(&hdf5, DATASET, &layers(image)?, Mode::Replace)?;
        fs::write(temporary, &text).map_err(|error| Error::system(temporary, "write the file", &error))
    })
}

/// The layers of an image as images of their own, which are stored as `(nz, ny, nx)`.
fn layers(image: &PhaseImages) -> Result<PhaseImages> {
    let [nz, ny, nx] = image.shape();
    PhaseImages::copy_of(image.as_slice(), [nz, 1, ny, nx], image.n_phases())
}
