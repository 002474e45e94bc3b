//! One program for all targets of `tests/hostile`. `DAVEGAN_FUZZ_TARGET` names the one that is given the bytes; valid files to begin
//! with are written to the folder `DAVEGAN_FUZZ_SEEDS`.
#![no_main]

use std::sync::OnceLock;
use std::{env, fs};

#[path = "../../hostile/options.rs"]
mod options;
#[path = "../../hostile/seeds.rs"]
mod seeds;
#[path = "../../hostile/targets.rs"]
mod targets;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

fn begin() {
    let name = env::var("DAVEGAN_FUZZ_TARGET").expect("DAVEGAN_FUZZ_TARGET names a target");
    let target = targets::TARGETS.iter().find(|target| target.0 == name).expect("a target has the name");
    TARGET.set(target.1).expect("set once");
    let folder = env::var("DAVEGAN_FUZZ_SEEDS").expect("DAVEGAN_FUZZ_SEEDS is a folder");
    for (number, data) in seeds::seeds(&name).iter().enumerate() {
        fs::write(format!("{folder}/seed{number}"), data).expect("seeds can be written");
    }
}

libfuzzer_sys::fuzz_target!(init: begin(), |data: &[u8]| TARGET.get().expect("set by begin")(data));
