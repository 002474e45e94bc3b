//! How often real windows of a micrograph, taken for realisations, miss a gate: what luck alone does to a perfect generator.
//!
//!     cargo bench --bench real_windows -- MICROGRAPH DATASET [SETS]
//!
//! Prints for each judged phase how many of SETS (20) sets of 256 windows miss a gate, which gates and how often, and the standard
//! deviation over the sets of figures that are judged from few images. `copies` does not count: windows overlap the tiles.

use std::collections::BTreeMap;
use std::process::exit;

use davegan::Result;
use davegan::evaluation::{evaluate, floor_windows};
use davegan::micrograph::{Micrograph, ReadOptions, windows};

const SIDE: usize = 64;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (path, dataset, sets) = match &arguments[..] {
        [path, dataset] => (path, dataset, Ok(20)),
        [path, dataset, sets] => (path, dataset, sets.parse::<u64>()),
        _ => (&String::new(), &String::new(), Ok(0)),
    };
    let (Ok(sets @ 1..), false) = (sets, path.is_empty()) else {
        eprintln!("usage: cargo bench --bench real_windows -- MICROGRAPH DATASET [SETS]");
        exit(2);
    };
    let micrograph = Micrograph::read(path, Some(dataset), &ReadOptions::default())?.images;
    println!("micrograph\tphase\tsets\tshort\tgates\tobjects\tk_eff\tvariety");
    for phase in micrograph.judged_phases() {
        let (mut short, mut gates) = (0, BTreeMap::new());
        let mut figures = [const { Vec::new() }; 3];
        for seed in 0..sets {
            // Other places for what is judged than for what it is judged beside.
            let taken = windows(&micrograph, &floor_windows(&micrograph, SIDE, sets + seed)?, SIDE)?;
            let found =
                evaluate(&micrograph, &taken, None, phase, &floor_windows(&micrograph, SIDE, seed)?, &|| Ok(()))?;
            let missed = found.gates().into_iter().filter(|gate| !gate.holds && gate.figure != "copies");
            let missed: Vec<&str> = missed.map(|gate| gate.figure).collect();
            short += usize::from(!missed.is_empty());
            missed.into_iter().for_each(|gate| *gates.entry(gate).or_insert(0) += 1);
            let few = [found.objects.sd, found.k_eff.sd, found.variety];
            figures.iter_mut().zip(few).for_each(|(of_sets, figure)| of_sets.push(figure));
        }
        let spread = figures.map(|of_sets| format!("{:.2}", deviation(&of_sets))).join("\t");
        println!("{dataset}\t{phase}\t{sets}\t{short}\t{gates:?}\t{spread}");
    }
    Ok(())
}

fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}
