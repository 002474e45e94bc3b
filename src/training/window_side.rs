//! How large training windows are.

use super::options::TrainingOptions;
use crate::descriptor::{Indicator, correlation_length};
use crate::error::counted;
use crate::micrograph::PhaseImages;
use crate::network::Profile;
use crate::{Error, Result};

/// Sides of training windows of `standard`, in pixels; `volume` has the first three, in voxels.
pub const WINDOW_SIDES: [usize; 4] = [32, 64, 128, 256];

/// Least side of a window in correlation lengths of the material.
const LENGTHS: usize = 8;

/// Fewer tiles show too little of a material.
const FEW_TILES: usize = 4;

/// No window is long enough for more.
const LONGEST: usize = WINDOW_SIDES[3] / LENGTHS;

impl TrainingOptions {
    /// The options with the side of windows that `micrograph` asks for, if none is given.
    ///
    /// For `standard` it is the smallest of 64, 128 and 256 pixels that is at least eight
    /// [correlation lengths](correlation_length) of each judged phase, but at most half of the micrograph's shorter side, or
    /// 64.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if the micrograph is three-dimensional.
    pub fn for_micrograph(&self, micrograph: &PhaseImages) -> Result<Self> {
        if self.window_side != 0 || self.profile != Profile::Standard {
            return Ok(self.clone());
        }
        let lengths = micrograph
            .judged_phases()
            .into_iter()
            .map(|phase| Indicator::new(micrograph, phase).map(|of_phase| correlation_length(&of_phase, LONGEST)));
        let length = lengths.collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or(1);
        let [_, ny, nx] = micrograph.shape();
        let usual = self.profile.side();
        let fits = |side: usize| side == usual || 2 * side <= ny.min(nx);
        let mut sides = WINDOW_SIDES.into_iter().filter(|&side| side >= usual && fits(side));
        let large_enough = sides.clone().find(|&side| side >= LENGTHS * length);
        Ok(Self { window_side: large_enough.or(sides.next_back()).unwrap_or(usual), ..self.clone() })
    }

    /// A warning if training on `micrograph` sees too few tiles to learn how the material varies.
    ///
    /// Windows of a side that is found for the micrograph are small enough for four tiles, or as small as they can be.
    pub fn few_tiles(&self, micrograph: &PhaseImages) -> Option<String> {
        let (side, [_, ny, nx]) = (self.side(), micrograph.shape());
        let tiles = micrograph.len() * (ny / side) * (nx / side);
        if tiles == 0 || tiles >= FEW_TILES {
            return None;
        }
        let smaller = match self.profile {
            Profile::Standard | Profile::Volume if side > WINDOW_SIDES[0] => {
                format!(", or take windows of {} pixels (window_side) if they show several features", WINDOW_SIDES[0])
            }
            _ => String::new(),
        };
        Some(format!(
            "{} of {nx} x {ny} pixels: training sees {} of {side} x {side} pixels, too few to learn how the material varies; \
             give at least {2} x {2} pixels or more images{smaller}",
            counted(micrograph.len(), "image"),
            counted(tiles, "tile"),
            2 * side
        ))
    }
}

/// Checks the side of windows that is asked for, 0 for none.
///
/// # Errors
///
/// [`Error::InvalidParameter`] with the sides of `profile`.
pub fn check_window_side(profile: Profile, side: usize) -> Result<()> {
    let own = [profile.side()];
    let sides: &[usize] = match profile {
        Profile::Standard => &WINDOW_SIDES,
        Profile::Volume => &WINDOW_SIDES[..3],
        Profile::Paper32 | Profile::Paper64 => &own,
    };
    if side == 0 || sides.contains(&side) {
        return Ok(());
    }
    let sides = sides.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    Err(Error::invalid(format!("window_side = {side}; profile {} has {sides}, or 0 for its choice", profile.name())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::micrograph::{GaussianField, Sample};

    #[test]
    fn coarse_materials_have_larger_windows_as_far_as_the_micrograph_goes() {
        let options = TrainingOptions::new(Profile::Standard);
        for (correlation, side, expected) in
            [(3.0, 256, 64), (3.0, 100, 64), (40.0, 255, 64), (40.0, 511, 128), (40.0, 512, 256)]
        {
            let field = GaussianField {
                ny: side,
                nx: side,
                correlation_x: correlation,
                correlation_y: correlation,
                ..GaussianField::default()
            };
            let images = Sample::GaussianField(field).make(1, 1).unwrap().images;
            let chosen = options.for_micrograph(&images).unwrap();
            let batch = (8 * 64 * 64 / (expected * expected)).max(1);
            assert_eq!((chosen.side(), chosen.batch()), (expected, batch), "{correlation}");
            let given = TrainingOptions { window_side: 32, ..options.clone() };
            assert_eq!(given.for_micrograph(&images).unwrap(), given);
            let paper = TrainingOptions::new(Profile::Paper32);
            assert_eq!(paper.for_micrograph(&images).unwrap(), paper);
        }
    }

    #[test]
    fn few_tiles_are_warned_of_with_what_to_do() {
        let warning = |options: &TrainingOptions, n, ny, nx| {
            options.few_tiles(&PhaseImages::new(ndarray::Array4::zeros((n, 1, ny, nx)), 2).unwrap())
        };
        let standard = TrainingOptions::new(Profile::Standard);
        let small = warning(&standard, 1, 127, 100).unwrap();
        for words in [
            "1 image of 100 x 127",
            "sees 1 tile of 64 x 64",
            "at least 128 x 128",
            "windows of 32 pixels (window_side)",
        ] {
            assert!(small.contains(words), "{words}: {small}");
        }
        assert!(warning(&standard, 3, 64, 64).unwrap().contains("3 images of 64 x 64 pixels: training sees 3 tiles"));
        for (n, ny, nx) in [(1, 128, 128), (4, 64, 64), (1, 64, 256), (1, 63, 500)] {
            assert_eq!(warning(&standard, n, ny, nx), None, "{n} {ny} {nx}");
        }
        let smaller = TrainingOptions { window_side: 32, ..standard };
        assert_eq!(warning(&smaller, 1, 64, 64), None);
        assert!(!warning(&smaller, 1, 63, 64).unwrap().contains("window_side"));
        assert!(!warning(&TrainingOptions::new(Profile::Paper64), 1, 64, 64).unwrap().contains("window_side"));
    }

    #[test]
    fn other_sides_are_refused_with_those_that_there_are() {
        let refused = |profile, side| check_window_side(profile, side).unwrap_err().to_string();
        assert!(refused(Profile::Standard, 48).contains("window_side = 48; profile standard has 32, 64, 128, 256"));
        assert!(refused(Profile::Paper32, 64).contains("profile paper32 has 32, or 0"));
        check_window_side(Profile::Paper64, 64).unwrap();
    }
}
