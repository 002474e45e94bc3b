//! The contact sheet: training tiles, their reconstructions and realisations as one PNG.

use std::path::Path;

use embedded_graphics::Pixel;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::{MonoTextStyle, ascii::FONT_10X20};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::prelude::{DrawTarget, Drawable};
use embedded_graphics::text::{Baseline, Text};
use image::{GrayImage, Luma, Rgb, RgbImage};

use super::picture;
use crate::device::thread_pool;
use crate::evaluation::{ModelErrors, model_errors};
use crate::generation::{GenerationOptions, realisations, reconstruct};
use crate::model::Model;
use crate::{Error, Result};

/// Images along one side of a panel.
const COLUMNS: u32 = 4;
/// Minimum side of an image on the sheet in pixels; images are enlarged by integer factors.
const IMAGE_SIDE: u32 = 128;
const GAP: u32 = 6;
const MARGIN: u32 = 24;
const TITLE_HEIGHT: u32 = 36;
/// A colour that no phase has.
const BACKGROUND: Rgb<u8> = Rgb([58, 96, 140]);

/// Writes a PNG with up to sixteen training tiles, their reconstructions, and realisations.
///
/// Titles show E_rec of all tiles and E_gen of all realisations of `options`. Phases are grey levels from black (0) to
/// white (the last).
///
/// # Errors
///
/// Those of [`model_errors`], and [`Error::Io`] if the file cannot be written.
pub fn contact_sheet(model: &Model, path: &Path, options: &GenerationOptions) -> Result<()> {
    let most = (COLUMNS * COLUMNS) as usize;
    let ModelErrors { reconstruction, generation, .. } = model_errors(model, None, options)?;
    let tiles = model.tiles.range(0, model.tiles.len().min(most));
    let reconstructions = thread_pool(options.threads)?.install(|| reconstruct(model, &tiles))?;
    let shown = realisations(model, &GenerationOptions { count: options.count.min(most), ..options.clone() })?;
    let panels = [
        ("micrograph".to_owned(), &tiles),
        (format!("reconstructions  E_rec {:.2e}", reconstruction.mean), &reconstructions),
        (format!("realisations  E_gen {:.2e}", generation.mean), &shown),
    ];

    let [_, ny, nx] = model.shape();
    let factor = (IMAGE_SIDE / ny.max(nx) as u32).max(1);
    let cell = [nx as u32 * factor + GAP, ny as u32 * factor + GAP];
    let rows = (tiles.len().max(shown.len()) as u32).div_ceil(COLUMNS);
    let panel_width = COLUMNS * cell[0] + MARGIN;
    let mut sheet = Sheet(RgbImage::from_pixel(
        MARGIN + panels.len() as u32 * panel_width,
        MARGIN + TITLE_HEIGHT + rows * cell[1] + MARGIN,
        BACKGROUND,
    ));
    for (number, (title, images)) in panels.into_iter().enumerate() {
        let left = MARGIN + number as u32 * panel_width;
        sheet.write(&title, left, MARGIN);
        for index in 0..images.len() {
            let (row, column) = (index as u32 / COLUMNS, index as u32 % COLUMNS);
            let (x, y) = (left + column * cell[0], MARGIN + TITLE_HEIGHT + row * cell[1]);
            sheet.paint(&picture::phases(images, index), x, y, factor);
        }
    }
    sheet.0.save_with_format(path, image::ImageFormat::Png).map_err(|error| match error {
        image::ImageError::IoError(error) => Error::system(path, "write the contact sheet", &error),
        other => Error::io(path, other),
    })
}

struct Sheet(RgbImage);

impl Sheet {
    fn write(&mut self, text: &str, left: u32, top: u32) {
        let style = MonoTextStyle::new(&FONT_10X20, Rgb888::WHITE);
        let at = Point::new(left as i32, top as i32);
        let Ok(_) = Text::with_baseline(text, at, style, Baseline::Top).draw(self);
    }

    fn paint(&mut self, picture: &GrayImage, left: u32, top: u32, factor: u32) {
        for (x, y, &Luma([grey])) in picture.enumerate_pixels() {
            for dy in 0..factor {
                for dx in 0..factor {
                    self.0.put_pixel(left + x * factor + dx, top + y * factor + dy, Rgb([grey; 3]));
                }
            }
        }
    }
}

impl OriginDimensions for Sheet {
    fn size(&self) -> Size {
        Size::new(self.0.width(), self.0.height())
    }
}

/// Lets the text of `embedded_graphics` be drawn on the sheet.
impl DrawTarget for Sheet {
    type Color = Rgb888;
    type Error = std::convert::Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> std::result::Result<(), Self::Error> {
        for Pixel(at, color) in pixels {
            if let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y))
                && let Some(pixel) = self.0.get_pixel_mut_checked(x, y)
            {
                *pixel = Rgb([color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }
}
