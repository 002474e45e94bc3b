//! VTK image data as XML.
//!
//! DAMASK's solver reads less than VTK does: the array must be binary (base64) on a line of its own, of 32 bits or more,
//! compressed by zlib or not at all. DAMASK's Python library wants signed integers called `material`.

use std::io::{self, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::{Spacing, replace, single};
use crate::Result;
use crate::micrograph::{LengthUnit, PhaseImages};
use crate::storage::Export;

/// Writes `image` as VTK image data, with the phases as cell data `material` of 32-bit integers.
///
/// The origin is 0. A known unit is in the field data `voxel_unit`. DAMASK takes lengths for metres.
///
/// # Errors
///
/// [`crate::Error::InvalidParameter`] if there are several images; [`crate::Error::Io`] if the file cannot be written;
/// [`crate::Error::Format`] if something else than a .vti of this library is there.
pub fn write_vti(image: &PhaseImages, spacing: &Spacing, path: &Path) -> Result<()> {
    let phases = single(image)?;
    let [nz, ny, nx] = image.shape();
    let [dx, dy, dz] = spacing.sides();
    replace(path, Export::Vti, |file| {
        write!(file, "<?xml version=\"1.0\"?>\n<!-- ")?;
        file.write_all(Export::Vti.mark())?;
        write!(
            file,
            r#" -->
<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64" compressor="vtkZLibDataCompressor">
  <ImageData WholeExtent="0 {nx} 0 {ny} 0 {nz}" Origin="0 0 0" Spacing="{dx:?} {dy:?} {dz:?}" Direction="1 0 0 0 1 0 0 0 1">
{}    <Piece Extent="0 {nx} 0 {ny} 0 {nz}">
      <CellData Scalars="material">
        <DataArray type="Int32" Name="material" format="binary">
"#,
            unit_field(spacing.unit())
        )?;
        write_block(file, phases)?;
        write!(file, "\n        </DataArray>\n      </CellData>\n    </Piece>\n  </ImageData>\n</VTKFile>\n")
    })
}

/// The unit as field data: a text is an array of characters that a zero ends.
fn unit_field(unit: LengthUnit) -> String {
    if unit == LengthUnit::Unspecified {
        return String::new();
    }
    let characters: String = unit.symbol().bytes().map(|byte| format!("{byte} ")).collect();
    format!(
        "    <FieldData>\n      <DataArray type=\"String\" Name=\"voxel_unit\" NumberOfTuples=\"1\" format=\"ascii\">\n        \
         {characters}0\n      </DataArray>\n    </FieldData>\n"
    )
}

/// Writes the phases as one compressed block: a header with the number of blocks, the length of each, the length of a
/// shorter last one (0: there is none) and the compressed length; then the block.
fn write_block(file: &mut impl Write, phases: &[u8]) -> io::Result<()> {
    let mut compressed = Length(0);
    compress(phases, &mut compressed)?;
    let length = phases.len() as u64 * size_of::<i32>() as u64;
    let header: Vec<u8> = [1, length, 0, compressed.0].iter().flat_map(|number| number.to_le_bytes()).collect();
    file.write_all(STANDARD.encode(header).as_bytes())?;
    let mut encoder = EncoderWriter::new(file, &STANDARD);
    compress(phases, &mut encoder)?;
    encoder.finish().map(drop)
}

/// Writes the phases as compressed 32-bit integers.
fn compress(phases: &[u8], to: &mut impl Write) -> io::Result<()> {
    let mut encoder = ZlibEncoder::new(to, Compression::fast());
    for part in phases.chunks(1 << 16) {
        let numbers: Vec<u8> = part.iter().flat_map(|&phase| i32::from(phase).to_le_bytes()).collect();
        encoder.write_all(&numbers)?;
    }
    encoder.finish().map(drop)
}

/// Counts the bytes that are written.
struct Length(u64);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
