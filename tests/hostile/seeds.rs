//! Small valid files to begin with.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use davegan::micrograph::{Checkerboard, Micrograph, Sample};
use davegan::network::Profile;
use davegan::storage::{Layout, Mode, RealisationFile, train_to_file, write_model};
use davegan::training::{RunOptions, TrainingOptions};
use ndarray::{Array2, Array4};
use sha2::{Digest, Sha256};

use crate::targets::{file, header};

/// A small micrograph.
pub fn board() -> Micrograph {
    Sample::Checkerboard(Checkerboard { ny: 64, nx: 64, cell: 5 }).make(1, 1).unwrap()
}

/// A sealed file, and where in it are no values of arrays.
pub struct Sealed {
    bytes: Vec<u8>,
    structure: Vec<usize>,
}

/// Bytes of the seal.
const SEAL: usize = 512;

impl Sealed {
    fn new(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let values = hdf5::sync::sync(|| {
            let mut ranges = Vec::new();
            values_of(&hdf5::File::open(path).unwrap(), &mut ranges);
            ranges
        });
        let structure = (SEAL..bytes.len()).filter(|at| !values.iter().any(|range| range.contains(at))).collect();
        Self { bytes, structure }
    }

    /// The file with changes that `data` describes, five bytes each, under a good seal. A change has two bytes that say where
    /// in the structure, one that says how, and two of value.
    pub fn changed(&self, data: &[u8]) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for change in data.chunks_exact(5) {
            let place = self.structure[usize::from(u16::from_le_bytes([change[0], change[1]])) % self.structure.len()];
            match change[2] % 4 {
                0 => bytes[place] = change[3],
                1 => bytes[place..].iter_mut().take(2).zip(&change[3..]).for_each(|(byte, new)| *byte = *new),
                2 => bytes[place..].iter_mut().take(8).for_each(|byte| *byte = change[3]),
                _ => {
                    let from =
                        self.structure[usize::from(u16::from_le_bytes([change[3], change[4]])) % self.structure.len()];
                    let copied: Vec<u8> = self.bytes[from..].iter().take(8).copied().collect();
                    bytes[place..].iter_mut().zip(copied).for_each(|(byte, new)| *byte = new);
                }
            }
        }
        seal(&mut bytes);
        bytes
    }
}

/// Where the values of the arrays of `group` are.
fn values_of(group: &hdf5::Group, ranges: &mut Vec<Range<usize>>) {
    for dataset in group.datasets().unwrap() {
        match dataset.offset() {
            Some(at) => ranges.push(at as usize..at as usize + dataset.storage_size() as usize),
            None => (0..dataset.num_chunks().unwrap_or(0)).for_each(|index| {
                let chunk = dataset.chunk_info(index).unwrap();
                ranges.push(chunk.addr as usize..(chunk.addr + chunk.size) as usize);
            }),
        }
    }
    group.groups().unwrap().iter().for_each(|group| values_of(group, ranges));
}

/// Gives the bytes the seal that they need: the third line says their number, the fourth their SHA-256.
fn seal(bytes: &mut [u8]) {
    let (length, digest) = (bytes.len(), Sha256::digest(&bytes[SEAL..]));
    let text = String::from_utf8(bytes[..SEAL].to_vec()).unwrap();
    let lines = text.lines().enumerate().map(|(number, line)| match number {
        2 => format!("{length} bytes"),
        3 => format!("sha256 {digest:x}"),
        _ => line.to_owned(),
    });
    let new = lines.collect::<Vec<_>>().join("\n");
    bytes[..new.len()].copy_from_slice(new.as_bytes());
}

/// A checkpoint after one step.
pub fn checkpoint_file() -> &'static Sealed {
    static FILE: OnceLock<Sealed> = OnceLock::new();
    FILE.get_or_init(|| Sealed::new(&trained().0))
}

/// The model of that.
pub fn model_file() -> &'static Sealed {
    static FILE: OnceLock<Sealed> = OnceLock::new();
    FILE.get_or_init(|| Sealed::new(&trained().1))
}

/// Files of a checkpoint and its model.
pub fn trained() -> &'static (std::path::PathBuf, std::path::PathBuf) {
    static FILES: OnceLock<(std::path::PathBuf, std::path::PathBuf)> = OnceLock::new();
    FILES.get_or_init(|| {
        let (checkpoint, model) = (file("trained.h5"), file("alone.h5"));
        let options =
            TrainingOptions { steps: 1, batch_size: 2, latent_size: 2, ..TrainingOptions::new(Profile::Paper32) };
        let run = RunOptions { threads: 1, ..RunOptions::default() };
        let go_on = &mut |_: &_| std::ops::ControlFlow::Continue(());
        let trained = train_to_file(&board(), Some(&checkpoint), &options, &run, go_on).unwrap();
        write_model(&trained, &model).unwrap();
        (checkpoint, model)
    })
}

/// Valid bytes for the target `name`.
pub fn seeds(name: &str) -> Vec<Vec<u8>> {
    match name {
        "realisations" => vec![
            realisations(&Layout::VtkHdf, 1),
            realisations(&Layout::VtkHdf, 2),
            realisations(&Layout::Group("g".into()), 1),
        ],
        "hdf5" => vec![hdf5_file(0), hdf5_file(1), hdf5_file(2)],
        "png" => [
            (png::ColorType::Grayscale, 8),
            (png::ColorType::Grayscale, 1),
            (png::ColorType::Rgba, 16),
            (png::ColorType::Indexed, 4),
        ]
        .map(png_file)
        .into(),
        "tiff" => [1, 5, 8, 32773].map(tiff_file).into(),
        "options" => (0..12u8)
            .map(|call| [vec![call], (0..48u8).map(|byte| byte.wrapping_mul(37) ^ call).collect()].concat())
            .collect(),
        _ => vec![vec![0; 5], (0..40u8).map(|byte| byte.wrapping_mul(67)).collect()],
    }
}

fn realisations(layout: &Layout, n: usize) -> Vec<u8> {
    let path = file("seed.vtkhdf");
    let _ = fs::remove_file(&path);
    let images = davegan::micrograph::PhaseImages::new(
        Array4::from_shape_fn((n, 1, 4, 4), |(_, _, y, x)| ((x + y) % 2) as u8),
        2,
    );
    let mut seed = RealisationFile::open(&path, layout, &header(), Mode::Append).unwrap();
    seed.append(0, &images.unwrap(), &vec![0.25; n]).unwrap();
    seed.finish().unwrap();
    fs::read(&path).unwrap()
}

fn hdf5_file(kind: usize) -> Vec<u8> {
    let path = file("seed.h5");
    let values = Array2::from_shape_fn((12, 10), |(y, x)| (x * y % 3) as u16);
    hdf5::sync::sync(|| {
        let mut options = hdf5::File::with_options();
        if kind == 2 {
            options.with_fapl(|list| list.libver_latest());
        }
        let file = options.create(&path).unwrap();
        match kind {
            0 => file.new_dataset_builder().with_data(&values).create("a/m").unwrap(),
            _ => file
                .new_dataset_builder()
                .with_data(&values)
                .chunk((5, 5))
                .shuffle()
                .deflate(4)
                .fletcher32()
                .create("m")
                .unwrap(),
        };
    });
    fs::read(&path).unwrap()
}

fn png_file((colour, bits): (png::ColorType, u8)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 8, 6);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::from_u8(bits).unwrap());
    encoder.set_palette((0..48).map(|level| level / 3).collect::<Vec<u8>>());
    let row = (8 * colour.samples() * usize::from(bits)).div_ceil(8);
    let samples: Vec<u8> = (0..6 * row).map(|at| if at / row % 2 == 0 { 255 } else { 17 }).collect();
    encoder.write_header().unwrap().write_image_data(&samples).unwrap();
    bytes
}

/// A little-endian TIFF of two strips. The bytes of the strips are right for no compression alone.
fn tiff_file(compression: u32) -> Vec<u8> {
    let tags = [(256, 8), (257, 6), (258, 8), (259, compression), (262, 1), (273, 8), (277, 1), (278, 6), (279, 48)];
    let strip: Vec<u8> = match compression {
        8 => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut encoder, &[0, 1].repeat(24)).unwrap();
            encoder.finish().unwrap()
        }
        32773 => [vec![47], [0, 1].repeat(24)].concat(),
        _ => [0, 1].repeat(24),
    };
    let directory = 8 + strip.len() as u32;
    let mut bytes = [b"II*\0".to_vec(), directory.to_le_bytes().to_vec(), strip.clone(), vec![9, 0]].concat();
    for (tag, value) in tags {
        let value = if tag == 279 { strip.len() as u32 } else { value };
        bytes.extend([&(tag as u16).to_le_bytes()[..], &[4, 0, 1, 0, 0, 0], &value.to_le_bytes()].concat());
    }
    bytes.extend([0; 4]);
    bytes
}
