//! What a perfect generator of periodic images would score.
//!
//! The built-in materials are made as tori of 64 x 64 pixels and judged beside a micrograph of 512 x 512 pixels of the same
//! material, and so are windows of another such micrograph, which are no tori. What differs is the price of periodic images:
//! on a torus boundaries go on across the edges, at the edges of a window they end. So conductivities are judged again in windows
//! cut out of both, whose edges are alike. Then what windows conduct that are wider, and have less of an edge.
//!
//!     cargo bench --bench tori

use davegan::Result;
use davegan::evaluation::{conductivity_of_wider_windows, conductivity_with_edges_alike, evaluate, floor_windows};
use davegan::micrograph::{Discs, GaussianField, GrainBoundaries, PhaseImages, Sample, windows};

const SIDE: usize = 64;
const COUNT: usize = 256;

fn main() -> Result<()> {
    println!(
        "material\timages\tgates of 15\tinterfaces\tobjects\tholes\tlargest\tk_eff, sd\twith edges alike, sd\tseam over interior\tk_eff"
    );
    let mut wider = Vec::new();
    for (name, material) in MATERIALS {
        let micrograph = material(8 * SIDE).make(1, 1)?.images;
        let other = material(8 * SIDE).make(2, 1)?.images;
        let of_other = windows(&other, &floor_windows(&other, SIDE, 3)?, SIDE)?;
        report(name, "windows", &micrograph, &of_other)?;
        report(name, "tori", &micrograph, &material(SIDE).make(3, COUNT)?.images)?;
        let of_sides = conductivity_of_wider_windows(&micrograph, micrograph.minority_phase(), SIDE)?;
        wider.extend(of_sides.into_iter().map(|(side, k_eff)| format!("{name}\t{side}\t{k_eff:.2}")));
    }
    println!("\nmaterial\tside of the windows\tk_eff");
    println!("{}", wider.join("\n"));
    Ok(())
}

/// A material by the side of its images.
type Material = fn(usize) -> Sample;

const MATERIALS: [(&str, Material); 3] = [
    ("grain_boundaries", |side| Sample::GrainBoundaries(GrainBoundaries { ny: side, nx: side, ..Default::default() })),
    ("discs", |side| Sample::Discs(Discs { ny: side, nx: side, ..Default::default() })),
    ("gaussian_field", |side| Sample::GaussianField(GaussianField { ny: side, nx: side, ..Default::default() })),
];

fn report(name: &str, what: &str, micrograph: &PhaseImages, images: &PhaseImages) -> Result<()> {
    let phase = micrograph.minority_phase();
    let windows_at = floor_windows(micrograph, SIDE, 4)?;
    let found = evaluate(micrograph, images, None, phase, &windows_at)?;
    let alike = conductivity_with_edges_alike(micrograph, images, phase, &windows_at)?;
    let holding = found.gates().iter().filter(|gate| gate.holds).count();
    let deviations = [found.interface_sd, found.objects.sd, found.holes.sd, found.largest.sd, found.k_eff.sd, alike.sd];
    let deviations = deviations.map(|deviation| format!("{deviation:+.2}")).join("\t");
    println!("{name}\t{what}\t{holding}\t{deviations}\t{:.2}\t{:.2}", found.seam_over_interior, found.k_eff.generated);
    Ok(())
}
