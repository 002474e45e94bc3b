//! Micrograph and training options of the model.

use maud::{Markup, html};

use crate::error::counted;
use crate::generation::GenerationOptions;
use crate::micrograph::{Directions, Micrograph};
use crate::model::Model;
use crate::report::number::{fixed, significant, whole};
use crate::storage::model_digest;
use crate::training::TrainingOptions;
use crate::{Error, Result};

/// Options that are not compared with the profile's. Steps are compared as a number of steps in all.
const APART: [&str; 3] = ["profile", "seed", "steps"];

/// Micrographs, training and what is judged: so many realisations or planes.
///
/// # Errors
///
/// [`Error::Device`] if the weights cannot be read back, [`Error::Internal`] if the options cannot be written as text.
pub(super) fn section(
    model: &Model,
    micrographs: &Directions<Micrograph>,
    options: &GenerationOptions,
    judged: &str,
) -> Result<Markup> {
    let side = model.side();
    let values: Vec<String> = model.origin.phase_values.iter().map(|&value| grey_level(value)).collect();
    let training = TrainingOptions::from_text(&model.record.options)?;
    let changed = changed(&training, model.tiles.len())?;
    let (tiles, origins) = (model.tiles_by_direction(), model.origins());
    let mut facts = Vec::new();
    for (number, Micrograph { source, images, .. }) in micrographs.iter().enumerate() {
        let [_, ny, nx] = images.shape();
        let name = micrographs.name("Micrograph", number);
        facts.push((name, format!("{source}: {} of {nx} × {ny} pixels", counted(images.len(), "image"))));
    }
    for (number, of_direction) in tiles.iter().enumerate() {
        let name = tiles.name("Trained on", number);
        facts.push((name, format!("{} of {side} × {side} pixels", counted(of_direction.len(), "tile"))));
    }
    let others = [
        ("Side of a pixel", model.origin.voxel_size.map_or("not known".to_owned(), |size| size.to_string())),
        ("Values of the phases before they were numbered", values.join(", ")),
        ("Profile", format!("{}, {} latents", model.profile.name(), model.latent_size)),
        (
            "Training steps",
            format!(
                "{} of {}, {} each",
                whole(model.record.steps),
                whole(model.record.steps_planned),
                counted(training.batch(), if model.profile.axes() == 2 { "image" } else { "volume" })
            ),
        ),
        ("Seed of the training", model.record.seed.to_string()),
        ("Realisations judged", format!("{judged}, seed {}, from number {}", options.seed, options.first)),
        ("Model, SHA-256", model_digest(model)?),
        ("davegan", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    facts.extend(others.map(|(name, value)| (name.to_owned(), value)));
    for (number, origin) in origins.iter().enumerate() {
        let name = origins.name("Micrograph of the training, SHA-256", number);
        facts.push((name, origin.digest.clone()));
    }
    Ok(html! {
        section aria-label="Training" {
            h2 { "How the model was trained" }
            @for warning in micrographs.iter().flat_map(|micrograph| &micrograph.warnings) {
                p { "Warning of the micrograph's reading: " (warning) "." }
            }
            table.facts { tbody { @for (name, value) in facts { tr { th scope="row" { (name) } td { (value) } } } } }
            @if changed.is_empty() {
                p { "All options but the seed are the profile's own." }
            } @else {
                h3 { "Options that differ from the profile's" }
                table {
                    thead { tr { th scope="col" { "Option" } th scope="col" { "Here" } th scope="col" { "Profile" } } }
                    tbody { @for (name, here, usual) in changed { tr { th scope="row" { code { (name) } } td { (here) } td { (usual) } } } }
                }
            }
        }
    })
}

/// A value of the micrograph's file, without decimals if it is an integer.
fn grey_level(value: f64) -> String {
    if value.fract() == 0.0 { fixed(value, 0) } else { significant(value, 4) }
}

/// Options that differ from the profile's, for a number of tiles: name, value, the profile's value.
fn changed(options: &TrainingOptions, tiles: usize) -> Result<Vec<(String, String, String)>> {
    let table = |options: &TrainingOptions| {
        toml::Table::try_from(options)
            .map_err(|error| Error::Internal(format!("training options cannot be written as TOML: {error}")))
    };
    let profile = TrainingOptions { window_side: options.window_side, ..TrainingOptions::new(options.profile) };
    let (here, usual) = (table(options)?, table(&profile)?);
    let differing =
        here.iter().filter(|(name, value)| !APART.contains(&name.as_str()) && usual.get(*name) != Some(*value));
    let text = |value: Option<&toml::Value>| value.map_or("–".to_owned(), ToString::to_string);
    let differing = differing.map(|(name, value)| (name.clone(), text(Some(value)), text(usual.get(name))));
    let [steps, usual_steps] = [options, &profile].map(|options| options.total_steps(tiles));
    let steps = (steps != usual_steps).then(|| ("steps".to_owned(), whole(steps), whole(usual_steps)));
    Ok(steps.into_iter().chain(differing).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Profile;

    #[test]
    fn only_what_differs_is_listed() {
        let mut options = TrainingOptions::new(Profile::Paper64);
        options.seed = 4;
        options.steps = options.total_steps(16);
        assert_eq!(changed(&options, 16).unwrap(), []);
        options.steps = 3000;
        options.lambda_rec = 0.01;
        options.recipe.displacement = 1.0;
        let expected =
            [("steps", "3,000", "80,000"), ("displacement", "1.0", "0.125"), ("lambda_rec", "0.01", "0.0001")];
        assert_eq!(changed(&options, 16).unwrap(), expected.map(|(a, b, c)| (a.into(), b.into(), c.into())));
    }
}
