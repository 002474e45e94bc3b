//! What it costs to read a dataset of HDF5, found out before it is read.
//!
//! HDF5 believes its file: some kilobytes can claim a chunk of gigabytes, or inflate to them, and HDF5 takes the memory.
//! So a dataset of somebody else's file is held to what its bytes can give.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};

use flate2::read::ZlibDecoder;
use hdf5::Dataset;
use hdf5::dataset::Layout;
use hdf5::filters::Filter;

/// Bytes that a dataset or a chunk may take whatever is stored for it.
const ALWAYS: u64 = 64 << 20;

/// Deflate cannot shrink more than 1032-fold.
pub(crate) const MAX_COMPRESSION: u64 = 1032;

/// Bytes at least that a chunk takes in the table of chunks.
const ENTRY: u64 = 16;

/// Chunks that a dataset may have before anything is written into them.
const MANY_CHUNKS: u64 = 1 << 20;

/// Bytes of a checksum, which may be compressed with the values.
const CHECKSUM: u64 = 4;

const DAMAGED: &str = "is damaged, or is not built as expected; copy the file again, or write it anew";

/// Refuses a dataset whose values are elsewhere, need a filter that is not read, or take far more memory than is stored
/// for them, and one with a chunk that is too short. On failure completes the sentence "the dataset ...".
pub(crate) fn check(dataset: &Dataset) -> Result<(), String> {
    check_claim(dataset)?;
    check_description(dataset)?;
    check_chunks(dataset, Extent::Whole)
}

/// [`check`] for a dataset of which a part is read, and which need not be filled. Compressed chunks may be too short.
pub(crate) fn check_part(dataset: &Dataset) -> Result<(), String> {
    check_description(dataset)?;
    check_chunks(dataset, Extent::Part)
}

/// How much of a dataset is read.
#[derive(Clone, Copy, PartialEq)]
enum Extent {
    Whole,
    Part,
}

/// [`check_part`] without a look at the chunks, of which there may be many.
pub(crate) fn check_description(dataset: &Dataset) -> Result<(), String> {
    check_place(dataset)?;
    check_filters(&filters(dataset)?)?;
    check_chunk(dataset)
}

/// The first filter that is not read, with name and number.
pub(crate) fn unread_filter(dataset: &Dataset) -> Option<String> {
    let is_read = |filter: &Filter| matches!(filter, Filter::Shuffle | Filter::Deflate(_) | Filter::Fletcher32);
    let id = filters(dataset).ok()?.iter().find(|filter| !is_read(filter))?.id();
    let name = match id {
        4 => "szip",
        5 => "n-bit",
        6 => "scale-offset",
        307 => "bzip2",
        32000 => "LZF",
        32001 => "Blosc",
        32004 => "LZ4",
        32008 => "bitshuffle",
        32013 => "ZFP",
        32015 => "Zstandard",
        32026 => "Blosc2",
        _ => return Some(format!("number {id}")),
    };
    Some(format!("{name} (number {id})"))
}

/// Resizes `dataset`, unless it claims more chunks than its file can hold: HDF5 visits each of those that go.
pub(crate) fn resize<D: hdf5::Dimension>(dataset: &Dataset, shape: D) -> hdf5::Result<()> {
    let (now, chunk) = (dataset.shape(), dataset.chunk().unwrap_or_default());
    let along = now.iter().zip(chunk).map(|(&side, chunk)| side.div_ceil(chunk.max(1)) as u64);
    let chunks = along.fold(1u64, u64::saturating_mul);
    if chunks > fs::metadata(dataset.filename()).map_or(0, |file| file.len()) / ENTRY + MANY_CHUNKS {
        return Err(format!("a dataset of shape {now:?} claims more chunks than the file can hold").into());
    }
    dataset.resize(shape)
}

/// Bytes that the file holds of `dataset`, compressed or not; never more than the file has.
pub(crate) fn stored_bytes(dataset: &Dataset) -> u64 {
    let in_file = fs::metadata(dataset.filename()).map_or(0, |file| file.len());
    dataset.storage_size().min(in_file)
}

fn filters(dataset: &Dataset) -> Result<Vec<Filter>, String> {
    dataset.dcpl().and_then(|properties| properties.get_filters()).map_err(|_| DAMAGED.into())
}

fn check_place(dataset: &Dataset) -> Result<(), String> {
    let properties = dataset.dcpl().map_err(|_| DAMAGED)?;
    let within = properties.get_layout().is_ok_and(|layout| layout != Layout::Virtual)
        && properties.get_external().is_ok_and(|files| files.is_empty());
    if within {
        return Ok(());
    }
    Err("has its values in another file, which is not read; copy them into a file, in h5py by new['x'] = old['x'][()]"
        .into())
}

fn check_filters(filters: &[Filter]) -> Result<(), String> {
    let place = |wanted: fn(&Filter) -> bool| filters.iter().position(wanted);
    let [deflate, shuffle, checksum] = [
        place(|filter| matches!(filter, Filter::Deflate(_))),
        place(|filter| matches!(filter, Filter::Shuffle)),
        place(|filter| matches!(filter, Filter::Fletcher32)),
    ];
    let known = [deflate, shuffle, checksum].iter().flatten().count();
    let in_order = deflate.is_none() || shuffle.is_none() || shuffle < deflate;
    if known == filters.len() && in_order {
        return Ok(());
    }
    Err("is compressed in another way than once by deflate, shuffled before; convert the file with \
         `h5repack -f GZIP=1 OLD NEW`"
        .into())
}

/// Bytes of values of this `shape`; `None` if nothing can count them.
fn bytes_of(shape: &[usize], dataset: &Dataset) -> Option<u64> {
    let element = dataset.dtype().ok()?.size() as u64;
    shape.iter().try_fold(element, |bytes, &side| bytes.checked_mul(side as u64))
}

fn check_claim(dataset: &Dataset) -> Result<(), String> {
    let (shape, stored) = (dataset.shape(), stored_bytes(dataset));
    let possible = if dataset.is_chunked() { stored.saturating_mul(MAX_COMPRESSION) } else { stored };
    if bytes_of(&shape, dataset).is_some_and(|claimed| claimed <= possible.max(ALWAYS)) {
        return Ok(());
    }
    Err(format!("claims the shape {shape:?}, but only {stored} bytes are stored for it; write the file anew"))
}

fn check_chunk(dataset: &Dataset) -> Result<(), String> {
    let Some(chunk) = dataset.chunk() else { return Ok(()) };
    let whole = bytes_of(&dataset.shape(), dataset).unwrap_or(0);
    if bytes_of(&chunk, dataset).is_some_and(|bytes| bytes <= whole.saturating_mul(2).max(ALWAYS)) {
        return Ok(());
    }
    Err(format!(
        "of shape {:?} has chunks of {chunk:?}, each far larger than all of it; write it anew with smaller chunks",
        dataset.shape()
    ))
}

/// Refuses chunks of other lengths than they claim. Of a part, only those are inflated that can take much memory.
fn check_chunks(dataset: &Dataset, extent: Extent) -> Result<(), String> {
    let Some(chunk) = dataset.chunk() else { return Ok(()) };
    let (claimed, filters) = (bytes_of(&chunk, dataset).ok_or(DAMAGED)?, filters(dataset)?);
    let deflate = filters.iter().position(|filter| matches!(filter, Filter::Deflate(_)));
    let checksum = filters.iter().position(|filter| matches!(filter, Filter::Fletcher32));
    let harmless = claimed.saturating_mul(2).max(2 * ALWAYS);
    let (mut compressed, mut shortest) = (Vec::new(), claimed);
    let visited = dataset.chunks_visit(|chunk| {
        let passed = |filter: Option<usize>| filter.is_some_and(|place| chunk.filter_mask >> place & 1 == 0);
        // A checksum that is written before deflate is inflated with the values; one behind it is not.
        let added = if passed(checksum) && (!passed(deflate) || checksum < deflate) { CHECKSUM } else { 0 };
        if !passed(deflate) {
            shortest = shortest.min(chunk.size.saturating_sub(added));
        } else if chunk.size.saturating_mul(MAX_COMPRESSION) > harmless
            || (extent == Extent::Whole && chunk.size < claimed)
        {
            compressed.push((chunk.addr, chunk.size, added));
        }
        0
    });
    visited.map_err(|_| DAMAGED)?;
    shortest = shortest.min(shortest_inflated(dataset, &compressed, claimed)?);
    if shortest == claimed {
        return Ok(());
    }
    Err(format!("has a chunk of {shortest} bytes instead of {claimed}; copy the file again, or write it anew"))
}

/// Bytes of the shortest of the chunks at these places, of these sizes, when it is inflated and what was added is taken off; at
/// most `claimed`. Refuses chunks that inflate to more.
fn shortest_inflated(dataset: &Dataset, chunks: &[(u64, u64, u64)], claimed: u64) -> Result<u64, String> {
    if chunks.is_empty() {
        return Ok(claimed);
    }
    let mut file = File::open(dataset.filename()).map_err(|error| format!("cannot be read once more: {error}"))?;
    let mut shortest = claimed;
    for &(place, size, added) in chunks {
        let inflated = inflated(&mut file, place, size, claimed + CHECKSUM).map_err(|_| DAMAGED)?;
        if inflated > claimed + CHECKSUM {
            return Err(format!(
                "has a chunk of {size} bytes that inflates to more than the {claimed} bytes that it claims; the file is \
                 damaged or forged"
            ));
        }
        shortest = shortest.min(inflated.saturating_sub(added));
    }
    Ok(shortest)
}

/// To how many bytes the `size` bytes at `place` inflate, counted no further than one beyond `most`.
fn inflated(file: &mut File, place: u64, size: u64, most: u64) -> io::Result<u64> {
    file.seek(SeekFrom::Start(place))?;
    io::copy(&mut ZlibDecoder::new(file.take(size)).take(most + 1), &mut io::sink())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_tables_are_not_cut_chunk_by_chunk() {
        let path = std::env::temp_dir().join(format!("davegan-chunks-{}.h5", std::process::id()));
        hdf5::sync::sync(|| {
            let file = hdf5::File::create(&path).unwrap();
            let rows = |name: &str, rows: usize| {
                let column = file.new_dataset::<i64>().chunk((512,)).shape((0..,)).create(name).unwrap();
                column.resize((rows,)).unwrap();
                column
            };
            resize(&rows("many", 1 << 20), (3,)).unwrap();
            let refused = resize(&rows("absurd", 1 << 58), (3,)).unwrap_err();
            assert!(refused.to_string().contains("[288230376151711744] claims more chunks"), "{refused}");
        });
        let _ = fs::remove_file(path);
    }
}
