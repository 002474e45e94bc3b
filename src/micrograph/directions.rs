//! Which micrograph shows the planes across which axis.

use super::PhaseImages;
use crate::{Error, Result};

/// The axes of a volume, in the order in which they are numbered.
pub const AXES: [&str; 3] = ["z", "y", "x"];

/// One micrograph for the planes of a volume across all axes, or several.
///
/// Two: planes across z are like the first, those across y and x like the second (a transversely isotropic material). Three:
/// planes across z, y and x. Rows and columns of a micrograph are the other two axes in their order: y and x, z and x, or z
/// and y.
#[derive(Debug, Clone)]
pub struct Directions<'a, T = PhaseImages>(Vec<&'a T>);

impl<'a, T> Directions<'a, T> {
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if there are none or more than three.
    pub fn new(of_each: Vec<&'a T>) -> Result<Self> {
        match of_each.len() {
            1..=3 => Ok(Self(of_each)),
            n => Err(Error::invalid(format!(
                "{n} micrographs; give one of an isotropic material, two (across z; across y and x) or three (across z, y and x)"
            ))),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Number of the one for planes across `axis`, 0 to 2 for z, y and x.
    pub fn number_across(&self, axis: usize) -> usize {
        axis.min(self.0.len() - 1)
    }

    /// The one for planes across `axis`.
    pub fn across(&self, axis: usize) -> &'a T {
        self.0[self.number_across(axis)]
    }

    /// `what` belongs to the one of this number, and what that shows: "tiles, planes across y and x"; `what` alone if it is the
    /// only one.
    pub fn name(&self, what: &str, number: usize) -> String {
        if self.count() == 1 {
            return what.to_owned();
        }
        let axes: Vec<_> = (0..3).filter(|&axis| self.number_across(axis) == number).map(|axis| AXES[axis]).collect();
        format!("{what}, planes across {}", axes.join(" and "))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &'a T> + '_ {
        self.0.iter().copied()
    }

    /// What `part` takes of each.
    pub fn map<U>(&self, part: impl Fn(&'a T) -> &'a U) -> Directions<'a, U> {
        Directions(self.iter().map(part).collect())
    }
}

impl<'a, T> From<&'a T> for Directions<'a, T> {
    fn from(of_all: &'a T) -> Self {
        Self(vec![of_all])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_axis_has_the_micrograph_that_is_given_for_it() {
        let all = [7, 8, 9];
        for (count, expected) in [(1, [7, 7, 7]), (2, [7, 8, 8]), (3, [7, 8, 9])] {
            let directions = Directions::new(all[..count].iter().collect()).unwrap();
            assert_eq!([0, 1, 2].map(|axis| *directions.across(axis)), expected);
            let last = ["tiles", "tiles, planes across y and x", "tiles, planes across x"][count - 1];
            assert_eq!(directions.name("tiles", count - 1), last);
        }
        for count in [0, 4] {
            let error = Directions::new(vec![&all[0]; count]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{count} micrographs")) && error.contains("three"), "{error}");
        }
    }
}
