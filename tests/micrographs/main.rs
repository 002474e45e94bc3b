//! Reading micrographs: files are made by the test itself, into a folder of its own.

mod bombs;
mod files;
mod hdf5_kinds;
mod options;
mod tiff_bytes;
mod tiff_kinds;

use std::fs;
use std::path::{Path, PathBuf};

use davegan::Result;
use davegan::micrograph::{Micrograph, ReadOptions, Segmentation};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("davegan-read-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays in the system's temporary folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read_auto(path: &Path, dataset: Option<&str>) -> Result<Micrograph> {
    Micrograph::read(path, dataset, &ReadOptions::default())
}

/// The stored values of the phases of every pixel.
fn values(micrograph: &Micrograph) -> Vec<f64> {
    micrograph.images.as_slice().iter().map(|&phase| micrograph.phase_values[usize::from(phase)]).collect()
}

fn read_by(path: &Path, segmentation: Segmentation) -> Result<Micrograph> {
    Micrograph::read(path, None, &ReadOptions { segmentation, ..ReadOptions::default() })
}

fn message(path: &Path, dataset: Option<&str>) -> String {
    read_auto(path, dataset).unwrap_err().to_string()
}

/// Writes `data` as dataset `name` into a new file.
fn write_hdf5<T: hdf5::H5Type, D: ndarray::Dimension>(path: &Path, name: &str, data: &ndarray::Array<T, D>) {
    hdf5::sync::sync(|| {
        hdf5::File::create(path).unwrap().new_dataset_builder().with_data(data).create(name).unwrap();
    });
}

/// Writes a PNG of `nx` columns; `samples` are its bytes.
fn write_png(path: &Path, nx: u32, (color, depth): (png::ColorType, png::BitDepth), samples: &[u8]) {
    let bits = nx as usize * color.samples() * usize::from(depth as u8);
    let ny = samples.len() / bits.div_ceil(8);
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), nx, ny as u32);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.write_header().unwrap().write_image_data(samples).unwrap();
}

/// Writes a PNG of `nx` x `ny` grey levels of 8 bits.
fn write_grey_png(path: &Path, [nx, ny]: [u32; 2], level: impl Fn(u32, u32) -> u8) {
    let samples: Vec<u8> = (0..nx * ny).map(|pixel| level(pixel % nx, pixel / nx)).collect();
    write_png(path, nx, (png::ColorType::Grayscale, png::BitDepth::Eight), &samples);
}
