//! The text in which a large vendor of electron microscopes describes an image: sections of `Key=Value` lines.

use super::Contents;
use crate::micrograph::levels::Levels;
use crate::micrograph::{LengthUnit, VoxelSize};

/// Completes the `values` of a file with what its `text` says, which is empty if there is none: the pixel size, and how many
/// of the rows are image and no data bar.
pub(super) fn describe(text: &str, values: Levels) -> Contents {
    let (_, ny, nx) = values.dim();
    let mut contents = Contents::from(values);
    let number = |section, key| value(text, section, key)?.parse::<f64>().ok();
    if let (Some(width), Some(height)) = (number("Scan", "PixelWidth"), number("Scan", "PixelHeight")) {
        if (width - height).abs() > 0.01 * width.abs() {
            contents.warnings.push(format!(
                "the pixels are {width} m wide and {height} m high; the size is not taken over: make them square"
            ));
        } else {
            contents.voxel_size = VoxelSize::new(width, LengthUnit::Metre).ok();
        }
    }
    let image = (number("Image", "ResolutionX"), number("Image", "ResolutionY"));
    contents.image_rows = match image {
        (Some(columns), Some(rows)) if columns == nx as f64 && (1.0..ny as f64).contains(&rows) => rows as usize,
        _ => ny,
    };
    contents
}

fn value<'a>(text: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let is_section = |line: &str| line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) == Some(section);
    let lines = text.lines().map(str::trim).skip_while(|line| !is_section(line)).skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| line.split_once('=').filter(|(name, _)| name.trim() == key))
        .map(|(_, value)| value.trim())
}
