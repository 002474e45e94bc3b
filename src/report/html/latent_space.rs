//! Latent traversals.

use maud::{Markup, html};
use ndarray::ArrayView1;

use super::pictures::factor;
use super::subject::{Subject, first};
use crate::Result;
use crate::generation::{Encoded, encode, traverse};
use crate::report::number::{signed, significant};
use crate::report::picture::{data_uri, phases};

/// Number of latents shown.
const SHOWN: usize = 5;
/// Number of positions along each.
const PLACES: usize = 7;
/// Largest deviation in standard deviations of the prior, as in the paper's Figure 4.
const RANGE: f64 = 3.0;
/// Maximum number of tiles that are encoded to rank the latents.
const TILES: usize = 256;

/// A row of pictures for each of the latents with the most information.
///
/// # Errors
///
/// Those of [`encode`] and [`traverse`], and if a picture cannot be encoded.
pub(super) fn section(subject: &Subject) -> Result<Markup> {
    let model = subject.model;
    let encoded = encode(model, &first(&model.tiles, TILES))?;
    let information = information(&encoded);
    let mut latents: Vec<usize> = (0..information.len()).collect();
    latents.sort_by(|&a, &b| information[b].total_cmp(&information[a]));
    latents.truncate(SHOWN);
    let tile = encoded.mean.row(0).to_vec();
    let [_, ny, nx] = model.shape();
    let factor = factor(ny.max(nx));
    let rows = latents.iter().map(|&latent| {
        let images = traverse(model, &tile, model.shape(), latent, PLACES, RANGE)?;
        (0..images.len()).map(|index| data_uri(&phases(&images, index))).collect::<Result<Vec<_>>>()
    });
    let rows = rows.collect::<Result<Vec<_>>>()?;
    let place = |index: usize| RANGE * (2.0 * index as f64 / (PLACES - 1) as f64 - 1.0);
    Ok(html! {
        section aria-label="Latent space" {
            h2 { "Latent space" }
            p { "The first training tile, with one latent at a time moved from −3 to +3 standard deviations of the prior and all "
                "others kept. Shown are " (latents.len()) " of " (information.len()) " latents: those in which the encoder puts most "
                "information (Kullback–Leibler divergence from the prior, mean over tiles). Images should change smoothly "
                "along a row; a row that does not change is a latent that the generator does not use." }
            table.traversal {
                thead { tr {
                    th scope="col" { "Latent" }
                    @for index in 0..PLACES { th scope="col" { (signed(place(index), 1)) " σ" } }
                } }
                tbody {
                    @for (latent, pictures) in latents.iter().zip(&rows) {
                        tr {
                            th scope="row" { (latent) br; small { (significant(information[*latent], 2)) " nat" } }
                            @for (index, picture) in pictures.iter().enumerate() {
                                td { img.pixels src=(picture) width=(nx * factor) height=(ny * factor)
                                    alt=(format!("Latent {latent} at {} σ", place(index))); }
                            }
                        }
                    }
                }
            }
        }
    })
}

/// Mean Kullback-Leibler divergence of each latent from the standard normal prior, in nat.
fn information(encoded: &Encoded) -> Vec<f64> {
    let of_latent = |(means, deviations): (ArrayView1<f32>, ArrayView1<f32>)| {
        let divergences = means.iter().zip(deviations).map(|(&mean, &deviation)| {
            let (mean, variance) = (f64::from(mean), f64::from(deviation).powi(2));
            0.5 * (mean * mean + variance - variance.ln() - 1.0)
        });
        divergences.sum::<f64>() / means.len() as f64
    };
    encoded.mean.columns().into_iter().zip(encoded.deviation.columns()).map(of_latent).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn information_is_the_divergence_from_the_prior() {
        let encoded = Encoded { mean: array![[0.0, 1.0], [0.0, -1.0]], deviation: array![[1.0, 1.0], [1.0, 1.0]] };
        assert_eq!(information(&encoded), [0.0, 0.5]);
    }
}
