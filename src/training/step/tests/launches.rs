//! How many kernels an accelerator launches for a step: there, a step of small networks takes as long as they take to launch.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use cubecl::logging::{LaunchObservation, LaunchObserver};

use super::*;

thread_local! {
    static LAUNCHES: RefCell<BTreeMap<&'static str, usize>> = const { RefCell::new(BTreeMap::new()) };
}

/// Counts launches by thread, so that other tests do not count.
struct Counting;

impl LaunchObserver for Counting {
    fn launched(&self, kernel: &'static str) {
        LAUNCHES.with_borrow_mut(|launches| *launches.entry(kernel).or_default() += 1);
    }
}

/// Launches of `work` on this thread, by kernel.
fn launches(work: impl FnOnce()) -> BTreeMap<&'static str, usize> {
    LAUNCHES.take();
    let _observation = LaunchObservation::new(Arc::new(Counting));
    work();
    LAUNCHES.take()
}

/// Launches of the third step.
fn launches_of_step(profile: Profile, device: &Device) -> BTreeMap<&'static str, usize> {
    let micrograph = field(3, 256, 256);
    let options = TrainingOptions { batch_size: 4, seed: 2, ..TrainingOptions::new(profile) };
    let tiles = tiles(&micrograph.images, options.side()).unwrap();
    let data = TrainingData { micrographs: (&micrograph.images).into(), tiles: &tiles };
    let mut state = TrainingState::new(&options, tiles.n_phases(), 1, device);
    let mut step = || state.training_step(&data, &options, device).unwrap();
    step();
    step();
    launches(step)
}

/// The name of a kernel without its path and parameters.
fn short(name: &str) -> &str {
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

/// Prints the launches of a step by kernel, and returns how many there are.
fn print_launches(profile: Profile, device: &Device) -> usize {
    let found = launches_of_step(profile, device);
    let count = found.values().sum();
    eprintln!("{profile:?}: {count} launches a step");
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (kernel, count) in found {
        eprintln!("{count:5}  {}", short(kernel));
    }
    count
}

#[test]
fn a_step_has_few_launches() {
    let Some(device) = crate::device::accelerator() else { return };
    let device = device.open().unwrap();
    for profile in [Profile::Paper64, Profile::Standard] {
        let count = print_launches(profile, &device);
        assert!((1..200).contains(&count), "{profile:?}: {count} launches");
    }
}

/// For comparison; takes minutes on a software driver.
#[test]
#[ignore = "prints what Burn's operations alone would launch"]
fn launches_of_primitives() {
    let Some(device) = crate::device::accelerator() else { return };
    let device = device.open().unwrap();
    with_primitives(|| [Profile::Paper64, Profile::Standard].map(|profile| print_launches(profile, &device)));
}
