//! Points that the paper leaves open, as text: `name=value`, separated by commas or blanks.

use super::options::TrainingOptions;
use super::range::number;
use super::recipe::Recipe;
use crate::network::Profile;
use crate::{Error, Result};

/// Name and place of a point that is either 0 or 1.
type Switch = (&'static str, fn(&mut Recipe) -> &mut bool);

const SWITCHES: [Switch; 7] = [
    ("reconstruction_mean", |recipe| &mut recipe.reconstruction_mean),
    ("divergence_mean", |recipe| &mut recipe.divergence_mean),
    ("encoder_head_normalised", |recipe| &mut recipe.encoder_head_normalised),
    ("discriminator_head_normalised", |recipe| &mut recipe.discriminator_head_normalised),
    ("discriminator_separate_batches", |recipe| &mut recipe.discriminator_separate_batches),
    ("generator_separate_batches", |recipe| &mut recipe.generator_separate_batches),
    ("latent_augmentation", |recipe| &mut recipe.latent_augmentation),
];

const DISPLACEMENT: &str = "displacement";

impl TrainingOptions {
    /// Sets the open points that `text` names, for example `"discriminator_head_normalised=0, displacement=1"`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] for an unknown name, a value out of range, a name given twice, or a profile that is
    /// not one of the paper's.
    pub fn set_paper_options(&mut self, text: &str) -> Result<()> {
        let mut seen = Vec::new();
        for part in text.split([',', ' ', '\t', '\n', '\r']).filter(|part| !part.is_empty()) {
            if !matches!(self.profile, Profile::Paper32 | Profile::Paper64) {
                let reason = format!("profile {} has none; choose profile paper32 or paper64", self.profile.name());
                return Err(refused(part, &reason));
            }
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| refused(part, "write name=value, without blanks, separated by commas"))?;
            if seen.contains(&name) {
                return Err(refused(part, "the name is given twice; give it once"));
            }
            seen.push(name);
            self.set_paper_option(name, value)?;
        }
        Ok(())
    }

    fn set_paper_option(&mut self, name: &str, value: &str) -> Result<()> {
        let wrong = |advice: &str| Err(refused(&format!("{name}={value}"), advice));
        if let Some((_, place)) = SWITCHES.iter().find(|(known, _)| *known == name) {
            *place(&mut self.recipe) = match value {
                "0" => false,
                "1" => true,
                _ => return wrong("the value must be 0 or 1"),
            };
            return Ok(());
        }
        if name != DISPLACEMENT {
            let known = SWITCHES.map(|(known, _)| known).join(", ");
            return wrong(&format!("there is no such name; choose one of {known}, {DISPLACEMENT}"));
        }
        let Ok(displacement) = value.parse() else { return wrong("the value must be a number, 0 to 100") };
        number("paper_options: displacement", displacement, 0.0, 100.0)?;
        self.recipe.displacement = displacement;
        Ok(())
    }
}

fn refused(part: &str, advice: &str) -> Error {
    Error::invalid(format!("paper_options has \"{part}\": {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(profile: Profile, text: &str) -> Result<Recipe> {
        let mut options = TrainingOptions::new(profile);
        options.set_paper_options(text)?;
        Ok(options.recipe)
    }

    #[test]
    fn points_are_set_and_the_others_stay() {
        let expected =
            Recipe { discriminator_head_normalised: false, displacement: 0.5, ..Recipe::of(Profile::Paper64) };
        for text in [
            "discriminator_head_normalised=0,displacement=0.5",
            " displacement=5e-1 ,\n discriminator_head_normalised=0 ",
        ] {
            assert_eq!(set(Profile::Paper64, text), Ok(expected.clone()));
        }
        for (name, place) in SWITCHES {
            for value in [false, true] {
                let mut recipe = set(Profile::Paper32, &format!("{name}={}", u8::from(value))).unwrap();
                assert_eq!(*place(&mut recipe), value);
                *place(&mut recipe) = *place(&mut Recipe::of(Profile::Paper32));
                assert_eq!(recipe, Recipe::of(Profile::Paper32));
            }
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_right() {
        for (text, parts) in [
            ("beta=3", ["\"beta=3\"", "choose one of reconstruction_mean, "]),
            ("latent_augmentation=2", ["\"latent_augmentation=2\"", "0 or 1"]),
            ("latent_augmentation=", ["\"latent_augmentation=\"", "0 or 1"]),
            ("displacement=far", ["\"displacement=far\"", "0 to 100"]),
            ("displacement=-1", ["displacement = -1", "0 to 100"]),
            ("displacement=inf", ["displacement = inf", "finite"]),
            ("displacement = 1", ["\"displacement\"", "name=value"]),
            ("displacement=1 displacement=1", ["\"displacement=1\"", "twice"]),
        ] {
            let error = set(Profile::Paper64, text).unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
        let error = set(Profile::Standard, "displacement=1").unwrap_err().to_string();
        assert!(error.contains("paper32 or paper64"), "{error}");
        assert_eq!(set(Profile::Standard, " , "), Ok(Recipe::of(Profile::Standard)));
    }
}
