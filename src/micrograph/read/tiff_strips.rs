//! Where the strips or tiles of a page of a TIFF are in its file.

use std::ops::Range;

use tiff::tags::Tag;

use super::tiff_file::{Pages, words};

/// Refuses the current page, number `n`, if its strips have more bytes than the file, so that they must overlap.
pub(super) fn check_strips(decoder: &mut Pages, n: usize, in_file: u64) -> Result<(), String> {
    let strips = strips(decoder)?;
    let bytes = strips.iter().fold(0u64, |sum, &(_, length)| sum.saturating_add(length));
    if strips.len() < 2 || bytes <= in_file {
        return Ok(());
    }
    Err(format!(
        "the {} strips of page {n} have {bytes} bytes, but the file has {in_file}: they overlap or reach beyond its end; \
         save the image anew",
        strips.len()
    ))
}

/// Where the strips or tiles of the current page are in the file, and their lengths.
fn strips(decoder: &mut Pages) -> Result<Vec<(u64, u64)>, String> {
    let mut numbers = |strips, tiles| {
        let found: Option<Vec<u64>> = match decoder.find_tag_unsigned_vec(strips).map_err(words)? {
            None => decoder.find_tag_unsigned_vec(tiles).map_err(words)?,
            found => found,
        };
        Ok::<_, String>(found.unwrap_or_default())
    };
    let offsets = numbers(Tag::StripOffsets, Tag::TileOffsets)?;
    let lengths = numbers(Tag::StripByteCounts, Tag::TileByteCounts)?;
    Ok(offsets.into_iter().zip(lengths).collect())
}

/// Where the compressed samples of the current page are in the file, each place once.
pub(super) fn places(decoder: &mut Pages) -> Result<Vec<Range<u64>>, String> {
    let mut chunks = strips(decoder)?;
    chunks.sort_unstable();
    // Where they overlap, bits are reversed once.
    let mut reversed: Vec<Range<u64>> = Vec::with_capacity(chunks.len());
    for (offset, length) in chunks {
        let start = reversed.last().map_or(offset, |last| offset.max(last.end));
        reversed.push(start..offset.saturating_add(length).max(start));
    }
    Ok(reversed)
}
