//! Volumes of profile `volume` beside true volumes of the same built-in material, of which it saw one plane, or one across each axis.
//!
//!     cargo bench --bench truth -- FOLDER [MATERIAL...]
//!
//! Trains FOLDER/MATERIAL.h5, or goes on with it, makes eight realisations of 128 x 128 x 128 voxels, and prints each figure beside that
//! of eight true volumes. A mean may differ from the true one by 2 sqrt(s^2 + t^2 / 8): t is the standard deviation between true
//! volumes, s that of the trained plane about its volume, as planes of the volume have it. The conductivity of a plane is that of an
//! image: its relative deviation is taken. Percolation: in how many volumes a path through faces leads from face to face, which may
//! differ by two. S2: root mean square difference of realisations and true volumes over all lags up to 32 voxels, at most twice that
//! of two true volumes. Training takes a quarter of an hour each, the rest some minutes.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::exit;

use davegan::Result;
use davegan::descriptor::{
    Indicator, Neighbours, S2Options, effective_conductivity, interface_density, s2, specific_surface, volume_clusters,
    volume_conductivity,
};
use davegan::generation::{GenerationOptions, realisations};
use davegan::micrograph::{Directions, Discs, GaussianField, GrainBoundaries, Micrograph, PhaseImages, Sample};
use davegan::model::Model;
use davegan::network::Profile;
use davegan::storage::train_to_file;
use davegan::training::{RunOptions, TrainingOptions};

/// Side of the volume that planes are taken of, and of those that are compared.
const TRAINED: usize = 256;
const COMPARED: usize = 128;

/// Volumes of each kind.
const COUNT: usize = 8;

/// Seed of the trained volume; true volumes have 1.
const TRAINED_SEED: u64 = 100;

/// Every so many planes give their deviation.
const EVERY: usize = 8;

/// Longest lag of S2 that is compared.
const LAGS: usize = 32;

/// A material: its name, whether it differs by direction, the phase that is judged.
const MATERIALS: [(&str, bool, u8); 4] =
    [("gaussian_field", false, 1), ("grain_boundaries", false, 0), ("balls", false, 1), ("ellipsoids", true, 1)];

/// A cube of a material.
fn sample(name: &str, side: usize) -> Sample {
    let (nz, ny, nx) = (side, side, side);
    let discs = Discs { nz, ny, nx, ..Discs::default() };
    match name {
        "gaussian_field" => Sample::GaussianField(GaussianField { nz, ny, nx, ..GaussianField::default() }),
        "grain_boundaries" => Sample::GrainBoundaries(GrainBoundaries { nz, ny, nx, ..GrainBoundaries::default() }),
        "balls" => Sample::Discs(discs),
        _ => Sample::Discs(Discs { elongation: 2.5, radius_min: 4.0, radius_max: 8.0, volume_fraction: 0.2, ..discs }),
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let Some((folder, names)) = arguments.split_first() else {
        // `cargo bench` without arguments runs every benchmark.
        println!("usage: cargo bench --bench truth -- FOLDER [MATERIAL...]");
        return Ok(());
    };
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    if let Some(unknown) = names.iter().find(|name| MATERIALS.iter().all(|material| material.0 != **name)) {
        eprintln!("there is no material {unknown}; choose among {:?}", MATERIALS.map(|material| material.0));
        exit(2);
    }
    println!("material\tfigure\trealisations\ttrue\tdifference\tallowed\tresult");
    for (name, by_direction, phase) in MATERIALS.into_iter().filter(|material| wanted(material.0)) {
        let trained = sample(name, TRAINED).make(TRAINED_SEED, 1)?;
        let model = model(&Path::new(folder).join(format!("{name}.h5")), &trained, by_direction)?;
        let options = GenerationOptions { count: COUNT, shape: Some([COMPARED; 3]), ..GenerationOptions::default() };
        let made = realisations(&model, &options)?;
        let truth = sample(name, COMPARED).make(1, COUNT)?.images;
        compare(name, phase, [&made, &truth], &planes_deviation(&trained.images, phase)?)?;
    }
    Ok(())
}

/// The model at `path`, trained to the end on planes of `volume`.
fn model(path: &Path, volume: &Micrograph, by_direction: bool) -> Result<Model> {
    let axes = if by_direction { 3 } else { 1 };
    let planes = (0..axes).map(|axis| volume.plane(axis, 0)).collect::<Result<Vec<_>>>()?;
    let options = TrainingOptions { seed: 1, ..TrainingOptions::new(Profile::Volume) };
    let run = RunOptions { resume: true, progress_interval: 10.0, ..RunOptions::default() };
    train_to_file(Directions::new(planes.iter().collect())?, Some(path), &options, &run, &mut |progress| {
        eprint!("\r{}: step {} of {}  ", path.display(), progress.step, progress.steps);
        ControlFlow::Continue(())
    })
}

/// Relative deviation of volume fraction, interfaces and conductivity of the planes of a volume.
fn planes_deviation(volume: &PhaseImages, phase: u8) -> Result<[f64; 3]> {
    let planes = Indicator::new(&volume.planes(0, EVERY), phase)?;
    Ok([planes.volume_fractions(), interface_density(&planes), effective_conductivity(&planes)]
        .map(|of_planes| deviation(&of_planes) / mean(&of_planes)))
}

/// Prints the figures of realisations beside those of true volumes.
fn compare(name: &str, phase: u8, volumes: [&PhaseImages; 2], of_planes: &[f64; 3]) -> Result<()> {
    let [of_fraction, of_surface, of_conductivity] = *of_planes;
    let fractions = volumes.map(|volumes| {
        let of = |index| volumes.range(index, 1).volume_fractions()[usize::from(phase)];
        (0..COUNT).map(of).collect::<Vec<f64>>()
    });
    mean_row(name, "volume fraction", fractions, of_fraction);
    let surfaces = each(volumes, |volumes| specific_surface(volumes, phase))?;
    mean_row(name, "specific surface", surfaces.map(|of| of.iter().map(|of| of.crofton).collect()), of_surface);
    let conductivities = each(volumes, |volumes| volume_conductivity(volumes, phase))?;
    for (direction, along) in ["x", "y", "z"].into_iter().enumerate() {
        let along_it = conductivities.each_ref().map(|of| of.iter().map(|of| of[direction]).collect());
        mean_row(name, &format!("conductivity along {along}"), along_it, of_conductivity);
    }
    let clusters = each(volumes, |volumes| volume_clusters(volumes, phase, Neighbours::Faces, false))?;
    for (axis, along) in ["z", "y", "x"].into_iter().enumerate() {
        let [made, truth] = clusters.each_ref().map(|of| of.iter().filter(|of| of.percolates[axis]).count());
        let difference = made.abs_diff(truth);
        row(name, &format!("percolating along {along}"), [made as f64, truth as f64], difference as f64, 2.0);
    }
    let maps = each(volumes, |volumes| correlations(volumes, phase))?;
    let [made, truth] = maps.each_ref();
    let apart = |a: &[f64], b: &[f64]| mean(&a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).collect::<Vec<_>>()).sqrt();
    let found: Vec<f64> = made.iter().flat_map(|made| truth.iter().map(|truth| apart(made, truth))).collect();
    let pairs = (0..COUNT).flat_map(|i| (0..i).map(move |j| (i, j)));
    let of_two: Vec<f64> = pairs.map(|(i, j)| apart(&truth[i], &truth[j])).collect();
    row(name, "S2 from true volumes", [mean(&found), mean(&of_two)], mean(&found), 2.0 * mean(&of_two));
    Ok(())
}

/// What `figure` gives for realisations and true volumes.
fn each<T>(volumes: [&PhaseImages; 2], figure: impl Fn(&PhaseImages) -> Result<Vec<T>>) -> Result<[Vec<T>; 2]> {
    Ok([figure(volumes[0])?, figure(volumes[1])?])
}

/// S2 of each volume at all lags up to [`LAGS`], in one order.
fn correlations(volumes: &PhaseImages, phase: u8) -> Result<Vec<Vec<f64>>> {
    let maps = s2(volumes, phase, &S2Options::default())?;
    let lag = |at: usize| at.min(COMPARED - at).pow(2);
    let near = |&((z, y, x), _): &((usize, usize, usize), &f64)| lag(z) + lag(y) + lag(x) <= LAGS * LAGS;
    Ok(maps.outer_iter().map(|map| map.indexed_iter().filter(near).map(|(_, &value)| value).collect()).collect())
}

/// A figure whose mean is compared; planes of one volume have the relative deviation `of_planes`.
fn mean_row(name: &str, figure: &str, [made, truth]: [Vec<f64>; 2], of_planes: f64) {
    let (s, t) = (of_planes * mean(&truth), deviation(&truth));
    let allowed = 2.0 * (s * s + t * t / COUNT as f64).sqrt();
    let means = [mean(&made), mean(&truth)];
    row(name, figure, means, means[0] - means[1], allowed);
}

fn row(name: &str, figure: &str, [made, truth]: [f64; 2], difference: f64, allowed: f64) {
    let result = if difference.abs() <= allowed { "holds" } else { "misses" };
    println!("{name}\t{figure}\t{made:.4}\t{truth:.4}\t{difference:.4}\t{allowed:.4}\t{result}");
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}
