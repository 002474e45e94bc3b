//! Writes images and their figures for `tests/python/test_fidelity.py`.

use std::path::Path;

use ndarray::{Array1, Array2, ArrayD, Axis, concatenate};
use rand::Rng;

use super::{evaluate, floor_windows};
use crate::micrograph::{Discs, PhaseImages, Sample, random_windows, testing, tiles};
use crate::random::{self, Purpose};
use crate::storage::{Attribute, Container, NamedArray};

/// Environment variable with the folder in which a folder of ours is made.
const FOLDER: &str = "DAVEGAN_ORACLE";

fn phases(images: &PhaseImages) -> ArrayD<u8> {
    images.phases().index_axis(Axis(1), 0).to_owned().into_dyn()
}

/// `images` with a share of the pixels changed to another phase.
fn with_noise(images: &PhaseImages, share: f64) -> PhaseImages {
    let mut rng = random::generator(1, Purpose::Order, 0);
    let n_phases = images.n_phases();
    let changed = images.phases().mapv(|p| if rng.random_bool(share) { (p + 1) % n_phases as u8 } else { p });
    PhaseImages::new(changed, n_phases).unwrap()
}

fn write_figures(folder: &Path, name: &str, micrograph: &PhaseImages, other: &PhaseImages, side: usize, phase: u8) {
    let mut rng = random::generator(2, Purpose::Order, 0);
    let realisations = random_windows(other, 130, side, &mut rng).unwrap();
    let reconstructions = with_noise(&tiles(micrograph, side).unwrap(), 0.01);
    let windows = floor_windows(micrograph, side, 5).unwrap();
    let found = evaluate(micrograph, &realisations, Some(&reconstructions), phase, &windows, &|| Ok(())).unwrap();

    let (names, values): (Vec<_>, Vec<_>) = found.figures().into_iter().unzip();
    let short: Vec<_> = found.gates().into_iter().filter(|gate| !gate.holds).map(|gate| gate.figure).collect();
    let places = Array2::from_shape_fn((windows.len(), 3), |(i, axis)| {
        let (image, y, x) = windows[i];
        [image, y, x][axis] as i64
    });
    let mut file = Container::default();
    file.arrays.insert("micrograph".into(), NamedArray::U8(phases(micrograph)));
    file.arrays.insert("realisations".into(), NamedArray::U8(phases(&realisations)));
    file.arrays.insert("reconstructions".into(), NamedArray::U8(phases(&reconstructions)));
    file.arrays.insert("windows".into(), NamedArray::I64(places.into_dyn()));
    file.arrays.insert("values".into(), NamedArray::F64(Array1::from_vec(values).into_dyn()));
    file.attributes.insert("names".into(), Attribute::Text(names.join(" ")));
    file.attributes.insert("short".into(), Attribute::Text(short.join(" ")));
    file.attributes.insert("phase".into(), Attribute::Integer(phase.into()));
    file.write(folder.join(format!("{name}.h5"))).unwrap();
}

#[test]
fn figures_for_numpy() {
    let Ok(folder) = std::env::var(FOLDER) else {
        println!("skipped: {FOLDER} is not set; tests/run.sh sets it and compares the figures with numpy and scipy");
        return;
    };
    let folder = Path::new(&folder).join("fidelity");
    std::fs::create_dir_all(&folder).unwrap();
    let field = |seed, ny, nx| testing::field(seed, ny, nx).images;
    let discs = |seed, ny, nx| Sample::Discs(Discs { ny, nx, ..Discs::default() }).make(seed, 1).unwrap().images;
    write_figures(&folder, "alike", &field(1, 256, 256), &field(2, 256, 256), 64, 1);
    write_figures(&folder, "sides", &field(3, 200, 260), &field(4, 128, 128), 49, 0);
    write_figures(&folder, "unlike", &discs(1, 256, 256), &field(5, 128, 128), 64, 1);
    write_figures(&folder, "copies", &discs(1, 256, 256), &discs(1, 256, 256), 64, 1);
    // Most windows overlap all four tiles.
    write_figures(&folder, "small", &field(8, 128, 128), &field(9, 128, 128), 64, 1);
    let several = concatenate![Axis(0), field(10, 100, 80).phases().view(), discs(2, 100, 80).phases().view()];
    write_figures(&folder, "several", &PhaseImages::new(several, 2).unwrap(), &field(11, 100, 100), 32, 1);
    // A second field on top makes a third phase.
    let three = |seed| {
        let (mut phases, more) = (field(seed, 256, 256).phases().clone(), field(seed + 50, 256, 256));
        phases.zip_mut_with(more.phases(), |phase, &more| *phase += more);
        PhaseImages::new(phases, 3).unwrap()
    };
    write_figures(&folder, "three_phases", &three(6), &three(7), 64, 2);
}
