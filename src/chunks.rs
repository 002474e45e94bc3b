//! What it costs to read a dataset of HDF5, found out before it is read.
//!
//! HDF5 believes its file: some kilobytes can claim a chunk of gigabytes, or inflate to them, and HDF5 takes the memory.
//! So a dataset of somebody else's file is held to what its bytes can give.

use std::ffi::c_int;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};

use flate2::read::ZlibDecoder;
use hdf5::dataset::Layout;
use hdf5::filters::Filter;
use hdf5::{Dataset, h5check};
use hdf5_sys::h5d::H5Dread_chunk;
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::H5P_DEFAULT;
use ndarray::{IxDyn, indices};

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

unsafe extern "C" {
    /// Of HDF5 1.10 and later; hdf5-metno-sys 0.10 does not declare it.
    fn H5Dget_chunk_storage_size(dataset: hid_t, first: *const u64, size: *mut u64) -> c_int;
}

/// What is wrong with a dataset that is external or virtual.
pub(crate) const ELSEWHERE: &str =
    "has its values in another file, which is not read; copy them into a file, in h5py by new['x'] = old['x'][()]";

const DAMAGED: &str = "is damaged, or is not built as expected; copy the file again, or write it anew";

/// Refuses a dataset whose values are elsewhere, need a filter that is not read, or take far more memory than is stored
/// for them, and one with a chunk that is too short. On failure completes the sentence "the dataset ...".
pub(crate) fn check(dataset: &Dataset) -> Result<(), String> {
    check_claim(dataset)?;
    check_description(dataset)?;
    check_all_chunks(dataset)
}

/// What is done with a chunk that is not in the file.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Missing {
    /// The values are to be read: it is refused.
    Refused,
    /// They are to be written.
    Allowed,
}

/// [`check`] for image `row` of a series `(n, nz, ny, nx)`, or a single image of three axes, whatever else there is.
///
/// Looks at the chunks of this image alone, each of which HDF5 finds at once.
pub(crate) fn check_image(dataset: &Dataset, row: usize, missing: Missing) -> Result<(), String> {
    check_description(dataset)?;
    let Some(chunk) = dataset.chunk() else { return Ok(()) };
    let (expected, shape) = (Expected::of(dataset, &chunk)?, dataset.shape());
    let is_series = shape.len() == 4;
    let number = shape
        .iter()
        .zip(&chunk)
        .enumerate()
        .map(|(axis, (&side, &chunk))| if is_series && axis == 0 { 1 } else { side.div_ceil(chunk) });
    for at in indices(IxDyn(&number.collect::<Vec<_>>())) {
        let mut first: Vec<u64> = (0..shape.len()).map(|axis| (at[axis] * chunk[axis]) as u64).collect();
        if is_series {
            first[0] = (row / chunk[0] * chunk[0]) as u64;
        }
        match read_chunk(dataset, &first)? {
            Some((mask, bytes)) => {
                expected.check(mask, bytes.len() as u64, |most| inflated(&bytes[..], most))?;
            }
            None if missing == Missing::Allowed => {}
            None => return Err(format!("has no chunk at {first:?}; copy the file again, or write it anew")),
        }
    }
    Ok(())
}

/// The chunk that starts at `first` as it is in the file, and the filters that it has not passed; `None` if there is none.
///
/// HDF5 looks the chunk up in its index here. To tell its address it goes through those before it.
fn read_chunk(dataset: &Dataset, first: &[u64]) -> Result<Option<(u32, Vec<u8>)>, String> {
    let in_file = dataset.file().map_or(0, |file| file.size());
    hdf5::sync::sync(|| {
        let (mut size, mut mask, mut bytes) = (0, 0, Vec::new());
        // SAFETY: the dataset is open and chunked, and `first` has its rank.
        if unsafe { H5Dget_chunk_storage_size(dataset.id(), first.as_ptr(), &raw mut size) } < 0 || size == 0 {
            return Ok(None);
        }
        if size > in_file || bytes.try_reserve_exact(size as usize).is_err() {
            return Err(DAMAGED.into());
        }
        bytes.resize(size as usize, 0u8);
        // SAFETY: as above, and there is room for the bytes of the chunk.
        let read = unsafe {
            H5Dread_chunk(dataset.id(), H5P_DEFAULT, first.as_ptr(), &raw mut mask, bytes.as_mut_ptr().cast())
        };
        h5check(read).map_err(|_| DAMAGED)?;
        Ok(Some((mask, bytes)))
    })
}

/// [`check`] without a look at the chunks, of which there may be many, for a dataset that need not be filled.
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
    Err(ELSEWHERE.into())
}

/// Where deflate, shuffle and checksum are among `filters`.
fn places(filters: &[Filter]) -> [Option<usize>; 3] {
    let place = |wanted: fn(&Filter) -> bool| filters.iter().position(wanted);
    [
        place(|filter| matches!(filter, Filter::Deflate(_))),
        place(|filter| matches!(filter, Filter::Shuffle)),
        place(|filter| matches!(filter, Filter::Fletcher32)),
    ]
}

fn check_filters(filters: &[Filter]) -> Result<(), String> {
    let [deflate, shuffle, checksum] = places(filters);
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

fn check_all_chunks(dataset: &Dataset) -> Result<(), String> {
    let Some(chunk) = dataset.chunk() else { return Ok(()) };
    let expected = Expected::of(dataset, &chunk)?;
    let mut chunks = Vec::new();
    let visited = dataset.chunks_visit(|chunk| {
        chunks.push((chunk.filter_mask, chunk.addr, chunk.size));
        0
    });
    visited.map_err(|_| DAMAGED)?;
    let mut file = None;
    chunks.into_iter().try_for_each(|(mask, address, size)| {
        expected.check(mask, size, |most| {
            let mut file: &File = match &mut file {
                Some(file) => file,
                none => none.insert(File::open(dataset.filename())?),
            };
            file.seek(SeekFrom::Start(address))?;
            inflated(file.take(size), most)
        })
    })
}

/// What each chunk of a dataset must be.
struct Expected {
    /// Its bytes without filters.
    bytes: u64,
    /// Places of these filters among all.
    deflate: Option<usize>,
    checksum: Option<usize>,
}

impl Expected {
    fn of(dataset: &Dataset, chunk: &[usize]) -> Result<Self, String> {
        let [deflate, _, checksum] = places(&filters(dataset)?);
        Ok(Self { bytes: bytes_of(chunk, dataset).ok_or(DAMAGED)?, deflate, checksum })
    }

    /// Refuses a chunk of `size` bytes in the file that is of another length without filters; `mask` has a bit for each that it
    /// has not passed. `inflate` says to how many bytes it inflates, counted no further than one beyond what it is given.
    fn check(&self, mask: u32, size: u64, inflate: impl FnOnce(u64) -> io::Result<u64>) -> Result<(), String> {
        let passed = |filter: Option<usize>| filter.is_some_and(|place| mask >> place & 1 == 0);
        // A checksum that is written before deflate is inflated with the values; one behind it is not.
        let is_added = passed(self.checksum) && (!passed(self.deflate) || self.checksum < self.deflate);
        let (claimed, most) = (self.bytes, self.bytes + CHECKSUM);
        let held = if passed(self.deflate) { inflate(most).map_err(|_| DAMAGED)? } else { size.min(most) };
        if held > most {
            return Err(format!(
                "has a chunk of {size} bytes that inflates to more than the {claimed} bytes that it claims; the file is \
                 damaged or forged"
            ));
        }
        let held = held.saturating_sub(if is_added { CHECKSUM } else { 0 });
        if held >= claimed {
            return Ok(());
        }
        Err(format!("has a chunk of {held} bytes instead of {claimed}; copy the file again, or write it anew"))
    }
}

/// To how many bytes what `from` has inflates, counted no further than one beyond `most`.
fn inflated(from: impl Read, most: u64) -> io::Result<u64> {
    io::copy(&mut ZlibDecoder::new(from).take(most + 1), &mut io::sink())
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
