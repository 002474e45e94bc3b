//! Micrograph, realisations, training tiles and reconstructions.

use maud::{Markup, html};

use super::subject::Subject;
use crate::Result;
use crate::error::counted;
use crate::micrograph::PhaseImages;
use crate::report::number::fixed;
use crate::report::picture::{corner, data_uri, grey, phases};

/// Maximum number of images shown of each kind.
pub(super) const SHOWN: usize = 16;
/// Minimum side of a tile on the screen in pixels.
const TILE: usize = 128;
/// Maximum side of the micrograph in pixels, and on the screen.
const MOST: usize = 536;

/// Pictures of the micrograph, realisations, tiles and reconstructions.
///
/// # Errors
///
/// [`Error::Internal`](crate::Error::Internal) if a picture cannot be encoded.
pub(super) fn section(subject: &Subject) -> Result<Markup> {
    let model = subject.model;
    let range = subject.options.first..subject.options.first + subject.realisations.len().min(SHOWN) as u64;
    Ok(html! {
        section.pictures aria-label="Pictures" {
            (micrograph(subject, "Micrograph")?)
            figure {
                h2 { "Realisations" }
                (grid(&subject.realisations, "realisations")?)
                figcaption { "From random latent vectors: seed " (subject.options.seed) ", realisations " (range.start) " to "
                    (range.end - 1) "." }
            }
            (training_tiles(subject, "Training tiles")?)
            @if let Some(reconstructions) = &subject.reconstructions {
                figure {
                    h2 { "Reconstructions of these tiles" }
                    (grid(reconstructions, "reconstructions")?)
                    figcaption { "The same tiles, encoded and decoded. They should look alike: "
                        (fixed(100.0 * differing(&model.tiles, reconstructions), 2)) " % of all pixels differ." }
                }
            }
        }
    })
}

/// The micrograph with its phases.
pub(super) fn micrograph(subject: &Subject, title: &str) -> Result<Markup> {
    let images = &subject.micrograph.images;
    let [_, ny, nx] = images.shape();
    let (rows, columns) = (ny.min(MOST), nx.min(MOST));
    // As much enlarged as the tiles, if there is room.
    let tile_factor = factor(subject.model.side());
    let factor = (MOST / rows.max(columns)).clamp(1, tile_factor);
    let picture = data_uri(&corner(images, 0, rows, columns))?;
    let part =
        if (rows, columns) == (ny, nx) { String::new() } else { format!(" Shown: the first {rows} × {columns}.") };
    let scale = if factor == tile_factor {
        "Tiles have the same scale.".to_owned()
    } else {
        format!("A pixel of the tiles is {tile_factor} screen pixels wide, one of the micrograph {factor}.")
    };
    Ok(html! {
        figure {
            h2 { (title) }
            img.pixels src=(picture) width=(columns * factor) height=(rows * factor)
                alt=(format!("The micrograph {}: {}.", subject.micrograph.source, legend_text(images)));
            figcaption {
                @if images.len() > 1 { "The first of " (counted(images.len(), "image")) ", " }
                (nx) " × " (ny) " pixels." (part) " " (scale) " " (legend(images))
            }
        }
    })
}

/// Grey levels and volume fractions of the phases.
fn legend(images: &PhaseImages) -> Markup {
    let n = images.n_phases();
    html! {
        span.legend {
            @for (phase, fraction) in images.volume_fractions().into_iter().enumerate() {
                @let level = grey(phase as u8, n);
                span { span.swatch style=(format!("background:rgb({level},{level},{level})")) {} " phase " (phase)
                    ", volume fraction " (fixed(fraction, 3)) }
            }
        }
    }
}

fn legend_text(images: &PhaseImages) -> String {
    let fractions = images.volume_fractions();
    let texts: Vec<_> = fractions.iter().enumerate().map(|(p, f)| format!("phase {p} {}", fixed(*f, 3))).collect();
    format!("volume fractions {}", texts.join(", "))
}

/// The first images, four in a row.
pub(super) fn grid(images: &PhaseImages, name: &str) -> Result<Markup> {
    let count = images.len().min(SHOWN);
    let [_, ny, nx] = images.shape();
    let factor = factor(ny.max(nx));
    let pictures = (0..count).map(|index| data_uri(&phases(images, index))).collect::<Result<Vec<_>>>()?;
    Ok(html! {
        div.grid role="img" aria-label=(format!("The first {count} {name}.")) {
            @for picture in pictures {
                img.pixels src=(picture) width=(nx * factor) height=(ny * factor) alt="";
            }
        }
    })
}

/// Integer factor by which tiles are enlarged.
pub(super) fn factor(side: usize) -> usize {
    (TILE / side).max(1)
}

/// Training tiles, of planes those of the micrograph that shows them.
pub(super) fn training_tiles(subject: &Subject, heading: &str) -> Result<Markup> {
    let tiles = subject.model.tiles_by_direction().across(subject.axis());
    let all = counted(tiles.len(), "tile");
    Ok(html! {
        figure {
            h2 { (heading) }
            (grid(tiles, "training tiles")?)
            figcaption { @if tiles.len() > SHOWN { (SHOWN) " of " } (all) ". The model was trained on them." }
        }
    })
}

/// Share of the pixels in which images differ.
fn differing(a: &PhaseImages, b: &PhaseImages) -> f64 {
    let pairs = a.as_slice().iter().zip(b.as_slice());
    pairs.filter(|(a, b)| a != b).count() as f64 / a.as_slice().len() as f64
}
