//! Small files that claim much, or would grow to it: each is named, and read in little memory.

use std::env;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::{Compress, Compression, Crc, FlushCompress};
use hdf5::filters::Filter;
use hdf5_sys::h5p::{H5P_DEFAULT, H5Pset_deflate, H5Pset_shuffle};

use super::tiff_bytes::{PLAIN, Page};
use super::{Folder, message};

/// Runs the test `name` once more in a process that may map 1 GiB, where `body` is called.
fn in_little_memory(name: &str, body: impl FnOnce(&Folder)) {
    const INSIDE: &str = "DAVEGAN_TEST_IN_LITTLE_MEMORY";
    if env::var_os(INSIDE).is_some() {
        return body(&Folder::new(name.rsplit(':').next().unwrap()));
    }
    let mut again = Command::new("sh");
    again.args(["-c", "ulimit -v 1048576; exec \"$0\" \"$@\""]).arg(env::current_exe().unwrap()).env(INSIDE, "1");
    let output = again.args(["--exact", name, "--nocapture"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "no test is called {name}");
}

#[track_caller]
fn refused(path: &Path, words: &str) {
    let said = message(path, None);
    assert!(said.contains(words) && said.contains(path.to_str().unwrap()), "{said}");
}

/// A zlib stream that inflates to `mebibytes` MiB of zeros. Its end is missing.
fn deflated_zeros(mebibytes: usize) -> Vec<u8> {
    let (zeros, mut stream) = (vec![0u8; 1 << 20], Vec::with_capacity(1 << 16));
    let mut compress = Compress::new(Compression::best(), true);
    compress.compress_vec(&zeros, &mut stream, FlushCompress::Full).unwrap();
    let first = stream.len();
    compress.compress_vec(&zeros, &mut stream, FlushCompress::Full).unwrap();
    let next = stream.split_off(first);
    (1..mebibytes).for_each(|_| stream.extend(&next));
    stream
}

fn create(path: &Path, fill: impl FnOnce(&hdf5::File)) {
    hdf5::sync::sync(|| fill(&hdf5::File::create(path).unwrap()));
}

/// Makes `bytes` the first chunk of `dataset`, as they are; `mask` has a bit for each filter that they have not passed.
fn write_chunk(dataset: &hdf5::Dataset, mask: u32, bytes: &[u8]) {
    let (first, length) = (vec![0; dataset.ndim()], bytes.len());
    // SAFETY: the dataset is open, `first` has its rank, and `bytes` are as many as is said.
    let written = unsafe {
        hdf5_sys::h5d::H5Dwrite_chunk(dataset.id(), H5P_DEFAULT, mask, first.as_ptr(), length, bytes.as_ptr().cast())
    };
    assert!(written >= 0);
}

#[test]
fn hdf5_that_claims_more_than_it_stores_is_named() {
    in_little_memory("bombs::hdf5_that_claims_more_than_it_stores_is_named", |folder| {
        let path = folder.file("m.h5");
        create(&path, |file| drop(file.new_dataset::<u8>().shape((1_000_000, 1_000_000)).create("m").unwrap()));
        refused(&path, "1000000 x 1000000 pixels have more than");
        create(&path, |file| drop(file.new_dataset::<f64>().shape((16384, 16384)).create("m").unwrap()));
        refused(&path, "'/m' claims the shape [16384, 16384], but only 0 bytes are stored for it");
        create(&path, |file| {
            let dataset = file.new_dataset::<f64>().chunk((64, 64)).deflate(1).shape((16384, 16384)).create("m");
            dataset.unwrap().write_slice(&ndarray::Array2::<f64>::ones((64, 64)), (..64, ..64)).unwrap();
        });
        refused(&path, "'/m' claims the shape [16384, 16384], but only");
    });
}

#[test]
fn chunks_that_take_far_more_than_the_dataset_are_named() {
    in_little_memory("bombs::chunks_that_take_far_more_than_the_dataset_are_named", |folder| {
        let path = folder.file("m.h5");
        create(&path, |file| {
            let dataset = file.new_dataset::<u8>().chunk((60_000, 60_000)).deflate(1).shape((0.., 0..)).create("m");
            let dataset = dataset.unwrap();
            dataset.resize((64, 64)).unwrap();
            write_chunk(&dataset, 0, &deflated_zeros(3434));
        });
        refused(&path, "'/m' of shape [64, 64] has chunks of [60000, 60000]");
        create(&path, |file| {
            let dataset = file.new_dataset::<u8>().chunk((64, 64)).deflate(1).shape((64, 64)).create("m").unwrap();
            write_chunk(&dataset, 0, &deflated_zeros(2048));
        });
        refused(&path, "bytes that inflates to more than the 4096 bytes that it claims");
    });
}

#[test]
fn chunks_that_are_too_short_are_named() {
    in_little_memory("bombs::chunks_that_are_too_short_are_named", |folder| {
        let path = folder.file("m.h5");
        let deflated = |bytes: usize| {
            let mut stream = Vec::with_capacity(1 << 10);
            Compress::new(Compression::best(), true)
                .compress_vec(&vec![0; bytes], &mut stream, FlushCompress::Finish)
                .unwrap();
            stream
        };
        let none = u32::MAX;
        for (filters, mask, bytes, held) in [
            (&[Filter::Deflate(1)][..], 0, deflated(4095), 4095),
            (&[Filter::Deflate(1)], none, vec![0; 28], 28),
            (&[Filter::Shuffle, Filter::Deflate(1), Filter::Fletcher32], none, vec![0; 4095], 4095),
            (&[Filter::Fletcher32, Filter::Deflate(1)], 0, deflated(4099), 4095),
            (&[Filter::Fletcher32], 0, vec![0; 4099], 4095),
            (&[Filter::Shuffle], 0, vec![0; 4095], 4095),
        ] {
            create(&path, |file| {
                let dataset = file.new_dataset::<u8>().chunk((64, 64)).set_filters(filters).shape((64, 64)).create("m");
                write_chunk(&dataset.unwrap(), mask, &bytes);
            });
            refused(&path, &format!("has a chunk of {held} bytes instead of 4096"));
        }
    });
}

#[test]
fn filters_in_a_row_and_values_elsewhere_are_named() {
    in_little_memory("bombs::filters_in_a_row_and_values_elsewhere_are_named", |folder| {
        let path = folder.file("m.h5");
        create(&path, |file| {
            let dataset = file.new_dataset::<u8>().chunk((64, 64)).nbit().shape((64, 64)).create("m").unwrap();
            dataset.write(&ndarray::Array2::<u8>::ones((64, 64))).unwrap();
        });
        refused(&path, "the filter n-bit (number 5)");
        assert!(message(&path, None).contains("h5repack -f GZIP=1"));
        // SAFETY: the list of properties is open.
        let after_deflate = [|list| unsafe { H5Pset_deflate(list, 1) }, |list| unsafe { H5Pset_shuffle(list) }];
        for set in after_deflate {
            create(&path, |file| {
                let list = hdf5::plist::DatasetCreate::build().chunk((64, 64)).deflate(1).finish().unwrap();
                assert!(set(list.id()) >= 0);
                drop(file.new_dataset::<u8>().set_dcpl(&list).shape((64, 64)).create("m").unwrap());
            });
            refused(&path, "another way than once by deflate");
        }
        let other = folder.file("other");
        fs::write(&other, [0, 1].repeat(8)).unwrap();
        create(&path, |file| {
            let dataset = file.new_dataset::<u8>().external(other.to_str().unwrap(), 0, 16);
            drop(dataset.shape((4, 4)).create("m").unwrap());
        });
        refused(&path, "values in another file");
        create(&path, |file| {
            let dataset = file.new_dataset::<u8>().virtual_map("other.h5", "m", (4, 4), .., (4, 4), ..);
            drop(dataset.shape((4, 4)).create("m").unwrap());
        });
        refused(&path, "in h5py by new['x'] = old['x'][()]");
    });
}

/// The list of sources of a virtual dataset is not read: the advice is the same where HDF5 cannot read it.
#[test]
fn virtual_datasets_are_not_opened() {
    let folder = Folder::new("virtual");
    let path = folder.file("m.h5");
    let image = ndarray::Array2::from_shape_fn((64, 64), |(y, x)| ((x / 8 + y / 8) % 2) as u8);
    create(&path, |file| {
        let dataset = file.new_dataset::<u8>().virtual_map("other.h5", "m", (64, 64), .., (64, 64), ..);
        drop(dataset.shape((64, 64)).create("m").unwrap());
    });
    let intact = fs::read(&path).unwrap();
    let heap = intact.windows(4).position(|bytes| bytes == b"GCOL").unwrap();
    let damaged = [&intact[..heap + 8], &[0; 8], &intact[heap + 16..]].concat();
    for bytes in [intact, damaged] {
        fs::write(&path, bytes).unwrap();
        refused(&path, "in h5py by new['x'] = old['x'][()]");
        hdf5::sync::sync(|| {
            let file = hdf5::File::open_rw(&path).unwrap();
            drop(file.new_dataset_builder().with_data(&image).create("n").unwrap());
        });
        assert_eq!(super::read_auto(&path, None).unwrap().images.as_slice(), image.as_slice().unwrap());
        assert!(message(&path, Some("m")).contains("'m' has its values in another file"));
    }
}

/// What is compressed as usual is read, also behind a user block and when large enough to be looked at closely.
#[test]
fn large_chunks_that_inflate_to_what_they_claim_are_read() {
    in_little_memory("bombs::large_chunks_that_inflate_to_what_they_claim_are_read", |folder| {
        let path = folder.file("m.h5");
        let noise = ndarray::Array2::from_shape_fn((2048, 2048), |(y, x)| {
            ((((x * x + 31 * y * y) * 2654435761) >> 13) & 7) as u8
        });
        for (block, filters) in [
            (0, &[Filter::Deflate(1)][..]),
            (512, &[Filter::Shuffle, Filter::Deflate(1), Filter::Fletcher32]),
            (0, &[Filter::Fletcher32, Filter::Shuffle, Filter::Deflate(9)]),
        ] {
            hdf5::sync::sync(|| {
                let file = hdf5::File::with_options().with_fcpl(|list| list.userblock(block)).create(&path).unwrap();
                let dataset =
                    file.new_dataset::<u8>().chunk((2048, 2048)).set_filters(filters).shape((2048, 2048)).create("m");
                let dataset = dataset.unwrap();
                dataset.write(&noise).unwrap();
                assert!(dataset.storage_size() > 150_000, "{}", dataset.storage_size());
            });
            let read = super::read_auto(&path, None).unwrap();
            assert_eq!(read.images.as_slice(), noise.as_slice().unwrap());
        }
    });
}

/// A chunk of a PNG.
fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(&[&kind[..], data].concat());
    [&(data.len() as u32).to_be_bytes(), &kind[..], data, &crc.sum().to_be_bytes()].concat()
}

#[test]
fn a_png_that_claims_more_than_it_stores_is_named() {
    in_little_memory("bombs::a_png_that_claims_more_than_it_stores_is_named", |folder| {
        let path = folder.file("m.png");
        let write = |side: u32, bits: u8, colour: u8, pixels: &[u8]| {
            let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[bits, colour, 0, 0, 0]].concat();
            let mut file = fs::File::create(&path).unwrap();
            file.write_all(b"\x89PNG\r\n\x1a\n").unwrap();
            for (kind, data) in [(b"IHDR", &header[..]), (b"IDAT", pixels), (b"IEND", &[])] {
                file.write_all(&png_chunk(kind, data)).unwrap();
            }
        };
        write(16384, 16, 6, &deflated_zeros(1));
        refused(&path, "claims 16384 x 16384 pixels");
        write(1_000_000, 8, 0, &deflated_zeros(1));
        refused(&path, "1000000 x 1000000 pixels have more than");
        // What does inflate is one grey level: no micrograph.
        write(64, 8, 0, &deflated_zeros(2048));
        assert!(!message(&path, None).is_empty());
    });
}

#[test]
fn a_png_with_part_of_a_colour_in_its_palette_is_named() {
    let folder = Folder::new("palette");
    let path = folder.file("m.png");
    for bytes in [4, 53] {
        let header = [&8u32.to_be_bytes()[..], &8u32.to_be_bytes(), &[8, 3, 0, 0, 0]].concat();
        let chunks = [(b"IHDR", header), (b"PLTE", vec![0; bytes]), (b"IDAT", deflated_zeros(1)), (b"IEND", vec![])];
        let chunks: Vec<_> = chunks.iter().map(|(kind, data)| png_chunk(kind, data)).collect();
        fs::write(&path, [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()).unwrap();
        refused(&path, &format!("a palette of {bytes} bytes, but a colour has 3"));
    }
}

#[test]
fn a_tiff_whose_strips_overlap_or_claim_more_than_it_stores_is_named() {
    in_little_memory("bombs::a_tiff_whose_strips_overlap_or_claim_more_than_it_stores_is_named", |folder| {
        let path = folder.file("m.tif");
        // Three planes: strips that are made to lie upon each other.
        let page = |tags: &[(u16, u16)]| Page::new(60_000, 4_000, tags, vec![vec![0; 4096]; 3]);
        let mut file = PLAIN.file(vec![page(&[(258, 8), (262, 2), (277, 3), (284, 2)])]);
        fs::write(&path, &file).unwrap();
        refused(&path, "claims 1 page of 60000 x 4000 pixels");
        let directory = u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize;
        for entry in file.clone()[directory + 2..].chunks_exact(12).take_while(|entry| entry[1] == 1) {
            if u16::from_le_bytes([entry[0], entry[1]]) == 279 {
                let lengths = u32::from_le_bytes(entry[8..].try_into().unwrap()) as usize;
                file[lengths..lengths + 12].copy_from_slice(&[12_000u32.to_le_bytes(); 3].concat());
            }
        }
        fs::write(&path, &file).unwrap();
        refused(&path, "the 3 strips of page 1 have 36000 bytes");
        assert!(message(&path, None).contains("overlap"));
    });
}
