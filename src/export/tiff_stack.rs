//! A stack of TIFF pages.
//!
//! tifffile takes the voxels of a stack with ImageJ's description for one block of bytes, whatever the tags of the pages
//! say. So the pages follow each other, and their tags come behind the last one.

use std::io::{self, Seek, Write};
use std::path::Path;

use tiff::encoder::{Rational, TiffEncoder, TiffKind};
use tiff::tags::{CompressionMethod, PhotometricInterpretation, ResolutionUnit, Tag};
use tiff::{TiffError, TiffResult};

use super::{Spacing, replace, single};
use crate::error::short;
use crate::micrograph::{LengthUnit, PhaseImages};
use crate::storage::Export;
use crate::{Error, Result};

/// Voxels from which on the file is a BigTIFF: others end at 4 GiB.
const BIG: usize = 0xf000_0000;

/// Writes `image` as a TIFF of 8-bit pages of phase numbers, one for each layer, uncompressed.
///
/// The resolution is that of the voxels, in pixels a centimetre if the unit is known. The distance of layers is in the
/// description, as ImageJ writes it, in micrometres if the unit is known.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there are several images, a side has more than 2^32 - 1 voxels or TIFF has no number
/// for a voxel as small or large; [`Error::Io`] if the file cannot be written; [`Error::Format`] if something else than
/// a TIFF of this library is there.
pub fn write_tiff(image: &PhaseImages, spacing: &Spacing, path: &Path) -> Result<()> {
    let phases = single(image)?;
    let stack = Stack::new(image.shape(), spacing)?;
    replace(path, Export::Tiff, |file| {
        let written = if phases.len() < BIG {
            TiffEncoder::new(file).and_then(|encoder| stack.write(encoder, phases))
        } else {
            TiffEncoder::new_big(file).and_then(|encoder| stack.write(encoder, phases))
        };
        written.map_err(|error| match error {
            TiffError::IoError(error) => error,
            other => io::Error::other(other),
        })
    })
}

/// What all pages have in common.
struct Stack {
    nx: u32,
    ny: u32,
    unit: ResolutionUnit,
    x_resolution: Rational,
    y_resolution: Rational,
    description: String,
}

impl Stack {
    fn new([nz, ny, nx]: [usize; 3], spacing: &Spacing) -> Result<Self> {
        let side = |side: usize| {
            u32::try_from(side).map_err(|_| Error::invalid(format!("a side of {side} pixels, which TIFF cannot have")))
        };
        let metres = metres(spacing.unit());
        let (unit, scale) =
            metres.map_or((ResolutionUnit::None, 1.0), |metres| (ResolutionUnit::Centimeter, metres * 1e2));
        let [x_resolution, y_resolution] = [0, 1].map(|axis| resolution(spacing.sides()[axis] * scale));
        let z = spacing.sides()[2];
        let (of_unit, z) = metres.map_or((String::new(), z), |metres| ("unit=um\n".into(), z * metres * 1e6));
        let description = format!("ImageJ=1.11a\nimages={nz}\nslices={nz}\n{of_unit}spacing={z}\nloop=false\n");
        let (x_resolution, y_resolution) = (x_resolution?, y_resolution?);
        Ok(Self { nx: side(nx)?, ny: side(ny)?, unit, x_resolution, y_resolution, description })
    }

    fn write<W: Write + Seek, K: TiffKind>(&self, mut encoder: TiffEncoder<W, K>, phases: &[u8]) -> TiffResult<()> {
        let page_bytes = u64::from(self.nx) * u64::from(self.ny);
        let mut first_page = None;
        for number in 0..phases.len() as u64 / page_bytes {
            let mut page = encoder.image_directory()?;
            let first_page = match first_page {
                Some(offset) => offset,
                None => {
                    page.write_tag(Tag::Software, std::str::from_utf8(Export::Tiff.mark())?)?;
                    page.write_tag(Tag::ImageDescription, self.description.as_str())?;
                    *first_page.insert(page.write_data(phases)?)
                }
            };
            page.write_tag(Tag::ImageWidth, self.nx)?;
            page.write_tag(Tag::ImageLength, self.ny)?;
            page.write_tag(Tag::BitsPerSample, 8_u16)?;
            page.write_tag(Tag::Compression, CompressionMethod::None.to_u16())?;
            page.write_tag(Tag::PhotometricInterpretation, PhotometricInterpretation::BlackIsZero.to_u16())?;
            page.write_tag(Tag::StripOffsets, K::convert_offset(first_page + number * page_bytes)?)?;
            page.write_tag(Tag::SamplesPerPixel, 1_u16)?;
            page.write_tag(Tag::RowsPerStrip, self.ny)?;
            page.write_tag(Tag::StripByteCounts, K::convert_offset(page_bytes)?)?;
            page.write_tag(Tag::XResolution, self.x_resolution.clone())?;
            page.write_tag(Tag::YResolution, self.y_resolution.clone())?;
            page.write_tag(Tag::ResolutionUnit, self.unit.to_u16())?;
            page.finish()?;
        }
        Ok(())
    }
}

/// The unit in metres, if it is known.
fn metres(unit: LengthUnit) -> Option<f64> {
    match unit {
        LengthUnit::Unspecified => None,
        LengthUnit::Metre => Some(1.0),
        LengthUnit::Millimetre => Some(1e-3),
        LengthUnit::Micrometre => Some(1e-6),
        LengthUnit::Nanometre => Some(1e-9),
    }
}

/// Pixels of the side `side` in a unit length, as a fraction of 32-bit numbers with at least nine digits.
fn resolution(side: f64) -> Result<Rational> {
    // The larger of both numbers has as many digits as there is room for.
    let fraction = |ratio: f64| {
        let power = (0..10).rev().map(|digits| 10_u32.pow(digits)).find(|&power| ratio * f64::from(power) < 4.29e9)?;
        Some(((ratio * f64::from(power)).round() as u32, power))
    };
    let found = if side <= 1.0 { fraction(1.0 / side) } else { fraction(side).map(|(n, d)| (d, n)) };
    let (n, d) = found.ok_or_else(|| {
        Error::invalid(format!(
            "a pixel of {} unit lengths of TIFF, which has no number for it; give another unit or none",
            short(side)
        ))
    })?;
    Ok(Rational { n, d })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolutions_have_nine_digits() {
        for side in [1.0, 0.25, 0.3, 2.5e-5, 3e-8, 7.0, 123456.789, 4e9, 3e-9] {
            let Rational { n, d } = resolution(side).unwrap();
            let relative = f64::from(n) / f64::from(d) * side - 1.0;
            assert!(relative.abs() < 1e-9, "{side}: {n} / {d}");
        }
        assert!(resolution(1e-10).is_err() && resolution(1e10).is_err());
    }
}
