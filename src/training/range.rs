//! Checks that options are in range, with errors that name the option, its value and its range.

use crate::error::short;
use crate::{Error, Result};

/// Checks a whole number.
pub fn within<T: PartialOrd + std::fmt::Display>(name: &str, value: T, least: T, most: T) -> Result<()> {
    if value < least || value > most {
        return Err(Error::invalid(format!("{name} = {value}; it must be {least} to {most}")));
    }
    Ok(())
}

/// Checks a real number.
pub fn number(name: &str, value: f64, least: f64, most: f64) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let kind = if value.is_finite() { "" } else { "a finite number, " };
    Err(Error::invalid(format!("{name} = {}; it must be {kind}{least} to {most}", short(value))))
}
