//! The part of an image that is used.

use std::str::FromStr;

use super::levels::Levels;
use crate::{Error, Result};

/// A rectangle of pixels, the same in every image of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Region {
    /// First column.
    pub x0: usize,
    /// First row.
    pub y0: usize,
    /// Number of columns; 0: to the right edge.
    pub nx: usize,
    /// Number of rows; 0: to the lower edge, or to a data bar that the file announces.
    pub ny: usize,
}

impl Region {
    /// Cuts the region out of `values`, without a copy.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if it is not inside.
    pub(super) fn cut(self, values: &mut Levels) -> Result<()> {
        let (_, ny, nx) = values.dim();
        let outside = || {
            Error::invalid(format!(
                "the region of interest {},{},{},{} (x0, y0, nx, ny) is not inside the image, which has {nx} columns \
                 and {ny} rows",
                self.x0, self.y0, self.nx, self.ny
            ))
        };
        let end = |first: usize, count: usize, length: usize| {
            let end = if count == 0 { Some(length) } else { first.checked_add(count) };
            end.filter(|&end| first < end && end <= length).ok_or_else(outside)
        };
        let (x_end, y_end) = (end(self.x0, self.nx, nx)?, end(self.y0, self.ny, ny)?);
        values.crop(self.y0..y_end, self.x0..x_end);
        Ok(())
    }
}

impl FromStr for Region {
    type Err = Error;

    /// Reads `"x0,y0,nx,ny"`.
    fn from_str(text: &str) -> Result<Self> {
        let numbers: Vec<usize> = text.split(',').filter_map(|number| number.trim().parse().ok()).collect();
        match numbers[..] {
            [x0, y0, nx, ny] if text.split(',').count() == 4 => Ok(Self { x0, y0, nx, ny }),
            _ => Err(Error::invalid(format!("the region {text:?} is not four whole numbers x0,y0,nx,ny"))),
        }
    }
}
