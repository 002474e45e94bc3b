//! Bytes that nobody vouches for: valid ones, those of a corpus, and changes of both.
//!
//! Each target is given the same changes in every run, or with `DAVEGAN_HOSTILE_SECONDS` as many as there is time for.

mod options;
mod seeds;
mod targets;

use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use seeds::seeds;
use targets::TARGETS;

/// Inputs of a fuzzer that reach much of the code, `tests/campaigns/fuzz.sh`.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/corpus").join(name);
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// `data` with some bytes changed, cut or doubled.
fn changed(data: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut data = data.to_vec();
    for _ in 0..rng.random_range(1..6) {
        if data.is_empty() {
            break;
        }
        let at = rng.random_range(0..data.len());
        match rng.random_range(0..8) {
            0 => data.truncate(at),
            1 => data.extend_from_within(at..),
            2 => data[at..].iter_mut().take(8).for_each(|byte| *byte = 0xff),
            3 => data[at] = data[at].wrapping_add(1),
            4 => data[at] ^= 1 << rng.random_range(0..8),
            _ => data[at] = rng.random(),
        }
    }
    data
}

/// Valid files, the corpus and `changes` of them.
fn replay(name: &str, changes: usize) {
    let target = TARGETS.iter().find(|target| target.0 == name).unwrap().1;
    let begin = [seeds(name), corpus(name)].concat();
    begin.iter().for_each(|data| target(data));
    let limit = env::var("DAVEGAN_HOSTILE_SECONDS").ok().map(|text| Duration::from_secs_f64(text.parse().unwrap()));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (start, mut count) = (Instant::now(), 0);
    while limit.map_or(count < changes, |limit| start.elapsed() < limit) {
        let data = changed(&begin[count % begin.len()], &mut rng);
        let begun = Instant::now();
        target(&data);
        assert!(begun.elapsed() < Duration::from_secs(20), "{name} took {:?} for {data:?}", begun.elapsed());
        count += 1;
    }
    println!("{name}: {} files and {count} changed ones", begin.len());
}

macro_rules! replays {
    ($($test:ident: $name:literal, $changes:literal);*) => {
        $(#[test]
        fn $test() {
            replay($name, $changes);
        })*
    };
}

replays!(
    changed_models: "model", 10;
    changed_checkpoints: "checkpoint", 5;
    changed_realisations: "realisations", 300;
    changed_hdf5_micrographs: "hdf5", 200;
    changed_pngs: "png", 500;
    changed_tiffs: "tiff", 500;
    strange_options: "options", 50
);
