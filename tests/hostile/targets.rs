//! What is done with bytes that nobody vouches for. A target may refuse them or use them; it must not panic, hang, take
//! memory without bound or return `DAVEGAN_INTERNAL`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs, process};

use davegan::Device;
use davegan::micrograph::{Micrograph, PhaseImages, ReadOptions, Segmentation};
use davegan::storage::{
    Header, Layout, Mode, RealisationFile, describe, read_checkpoint, read_model, read_realisation,
};

use crate::options::use_model;
use crate::seeds::{checkpoint_file, model_file};

/// A name, and what is done with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 7] = [
    ("model", model),
    ("checkpoint", checkpoint),
    ("realisations", realisations),
    ("hdf5", micrograph),
    ("png", png),
    ("tiff", micrograph),
    ("options", crate::options::options),
];

/// A file of this process and thread in a folder for them.
pub fn file(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = env::temp_dir().join(format!("davegan-hostile-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    });
    folder.join(format!("{:?}-{name}", std::thread::current().id()).replace(['(', ')'], ""))
}

fn written(name: &str, bytes: &[u8]) -> PathBuf {
    let path = file(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Nothing is refused without words that name the file.
fn check<T>(path: &Path, result: &davegan::Result<T>) {
    if let Err(error) = result {
        let text = error.to_string();
        assert!(!text.contains("a defect in davegan"), "{text}");
        assert!(text.contains(path.file_name().unwrap().to_str().unwrap()), "{text} does not name {}", path.display());
    }
}

/// A model file with changes that `data` describes, under a good seal.
pub fn model(data: &[u8]) {
    let path = written("model.h5", &model_file().changed(data));
    let read = read_model(&path, Device::Cpu);
    check(&path, &read);
    if read.is_ok() {
        use_model(&path);
    }
}

/// The same of a checkpoint.
pub fn checkpoint(data: &[u8]) {
    let path = written("checkpoint.h5", &checkpoint_file().changed(data));
    check(&path, &read_checkpoint(&path, Device::Cpu));
}

/// A file of realisations is described, read and added to.
pub fn realisations(data: &[u8]) {
    let path = written("realisations.vtkhdf", data);
    check(&path, &describe(&path));
    for layout in [Layout::VtkHdf, Layout::Group("g".into())] {
        for index in [None, Some(1)] {
            let _ = read_realisation(&path, &layout, index);
        }
        for mode in [Mode::Append, Mode::Replace] {
            let _ = add_to(&path, &layout, mode);
            fs::write(&path, data).unwrap();
        }
    }
    // What a process leaves that was killed.
    let _ = fs::remove_file(
        path.with_file_name(format!("{}.davegan-journal", path.file_name().unwrap().to_str().unwrap())),
    );
}

fn add_to(path: &Path, layout: &Layout, mode: Mode) -> davegan::Result<()> {
    let images = PhaseImages::new(ndarray::Array4::zeros((2, 1, 4, 4)), 2)?;
    let mut file = RealisationFile::open(path, layout, &header(), mode)?;
    file.append(7, &images, &[0.5; 2])?;
    file.finish()
}

/// The set to which [`realisations`] adds.
pub fn header() -> Header {
    Header {
        shape: [1, 4, 4],
        first_voxel: [0; 3],
        whole_shape: [1, 4, 4],
        n_phases: 2,
        seed: 3,
        voxel_size: 0.5,
        identity: vec![("model_sha256".into(), "0".repeat(64))],
        provenance: vec![("library_version".into(), "0".into())],
    }
}

/// A micrograph of any kind.
pub fn micrograph(data: &[u8]) {
    let path = written("micrograph", data);
    for segmentation in [Segmentation::Auto, Segmentation::Otsu { n_phases: 3 }] {
        let options = ReadOptions { segmentation, ..ReadOptions::default() };
        check(&path, &Micrograph::read(&path, None, &options));
    }
}

/// A PNG whose chunks are given the checksums that they need.
pub fn png(data: &[u8]) {
    micrograph(&with_checksums(data));
}

fn with_checksums(data: &[u8]) -> Vec<u8> {
    let mut png = data.to_vec();
    let mut place = 8;
    while let Some(length) = png.get(place..place + 4) {
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        let end = place.saturating_add(8).saturating_add(length);
        if png.len() < end.saturating_add(4) {
            break;
        }
        let mut crc = flate2::Crc::new();
        crc.update(&png[place + 4..end]);
        png[end..end + 4].copy_from_slice(&crc.sum().to_be_bytes());
        place = end + 4;
    }
    png
}
