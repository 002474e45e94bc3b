//! The contact sheet: training tiles, their reconstructions and realisations as one PNG.

use std::fs;
use std::path::Path;

use embedded_graphics::Pixel;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::{MonoTextStyle, ascii::FONT_10X20};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::prelude::{DrawTarget, Drawable};
use embedded_graphics::text::{Baseline, Text};
use ndarray::s;

use super::picture::{self, Picture};
use crate::evaluation::{ModelErrors, model_errors};
use crate::generation::{GenerationOptions, realisations, reconstruct};
use crate::micrograph::PhaseImages;
use crate::model::Model;
use crate::storage::{Kind, Output};
use crate::{Error, Result};

/// Images along one side of a panel.
const COLUMNS: usize = 4;
/// Minimum side of an image on the sheet in pixels; images are enlarged by integer factors.
const IMAGE_SIDE: usize = 128;
const GAP: usize = 6;
const MARGIN: usize = 24;
const TITLE_HEIGHT: usize = 36;
/// A colour that no phase has.
const BACKGROUND: [u8; 3] = [58, 96, 140];

/// Writes a PNG with up to sixteen training tiles, their reconstructions, and as many realisations.
///
/// A fully convolutional model shows one realisation instead, as large as sixteen tiles; a model of volumes one that is twice as
/// long along each axis as a tile, as a cube, and no reconstructions. Titles show E_rec of all tiles and E_gen of all
/// realisations of `options`, but not of volumes. Phases are grey levels from black (0) to white (the last).
///
/// # Errors
///
/// Those of [`model_errors`], [`Error::Io`] if the file cannot be written, and [`Error::Format`] if something else than
/// a picture of this library is there; an older file stays in all cases.
pub fn contact_sheet(model: &Model, path: &Path, options: &GenerationOptions) -> Result<()> {
    let mut output = Output::claim(path, Kind::Picture)?;
    let sheet =
        if model.profile.axes() == 2 { sheet_of_images(model, options)? } else { sheet_of_volume(model, options)? };
    let file = picture::png(&sheet.0)?;
    output.replace(|temporary| {
        fs::write(temporary, &file).map_err(|error| Error::system(path, "write the contact sheet", &error))
    })
}

/// Tiles, and one volume as a cube.
fn sheet_of_volume(model: &Model, options: &GenerationOptions) -> Result<Sheet> {
    let [_, ny, nx] = model.tiles.shape();
    let tiles = model.tiles.range(0, model.tiles.len().min(COLUMNS * COLUMNS));
    let side = 2 * model.side();
    let volume = realisations(model, &GenerationOptions { count: 1, shape: Some([side; 3]), ..options.clone() })?;
    let factor = (IMAGE_SIDE / ny.max(nx)).max(1);
    let cell = [nx * factor + GAP, ny * factor + GAP];
    let cube = picture::cube(&volume, 0, (COLUMNS * IMAGE_SIDE / side).max(1), BACKGROUND);
    let (cube_height, cube_width, _) = cube.dim();
    let left = MARGIN + COLUMNS * cell[0] + MARGIN;
    let height = MARGIN + TITLE_HEIGHT + (COLUMNS * cell[1]).max(cube_height) + MARGIN;
    let mut sheet = Sheet::new(height, left + cube_width + MARGIN);
    sheet.write("micrograph", MARGIN, MARGIN);
    sheet.paint_all(&tiles, MARGIN, factor, cell);
    sheet.write(&format!("realisation of {side} x {side} x {side}"), left, MARGIN);
    sheet
        .0
        .slice_mut(s![MARGIN + TITLE_HEIGHT..MARGIN + TITLE_HEIGHT + cube_height, left..left + cube_width, ..])
        .assign(&cube);
    Ok(sheet)
}

/// Tiles, reconstructions and realisations.
fn sheet_of_images(model: &Model, options: &GenerationOptions) -> Result<Sheet> {
    let most = COLUMNS * COLUMNS;
    let ModelErrors { reconstruction, generation, .. } = model_errors(model, None, options)?;
    let tiles = model.tiles.range(0, model.tiles.len().min(most));
    let reconstructions = model.thread_pool(options.threads)?.install(|| reconstruct(model, &tiles))?;
    let [_, ny, nx] = model.shape();
    let one_large = model.profile.is_fully_convolutional();
    let shown = if one_large {
        GenerationOptions { count: 1, shape: Some([1, COLUMNS * ny, COLUMNS * nx]), ..options.clone() }
    } else {
        GenerationOptions { count: options.count.min(most), ..options.clone() }
    };
    let shown = realisations(model, &shown)?;
    let what =
        if one_large { format!("realisation of {} x {}", COLUMNS * nx, COLUMNS * ny) } else { "realisations".into() };
    let panels = [
        ("micrograph".to_owned(), &tiles),
        (format!("reconstructions  E_rec {:.2e}", reconstruction.mean), &reconstructions),
        (format!("{what}  E_gen {:.2e}", generation.mean), &shown),
    ];

    let factor = (IMAGE_SIDE / ny.max(nx)).max(1);
    let cell = [nx * factor + GAP, ny * factor + GAP];
    let rows = if one_large { COLUMNS } else { tiles.len().max(shown.len()).div_ceil(COLUMNS) };
    let panel_width = COLUMNS * cell[0] + MARGIN;
    let height = MARGIN + TITLE_HEIGHT + rows * cell[1] + MARGIN;
    let width = MARGIN + panels.len() * panel_width;
    let mut sheet = Sheet::new(height, width);
    for (number, (title, images)) in panels.into_iter().enumerate() {
        let left = MARGIN + number * panel_width;
        sheet.write(&title, left, MARGIN);
        sheet.paint_all(images, left, factor, cell);
    }
    Ok(sheet)
}

struct Sheet(Picture);

impl Sheet {
    fn new(height: usize, width: usize) -> Self {
        Self(Picture::from_shape_fn((height, width, 3), |(_, _, channel)| BACKGROUND[channel]))
    }

    /// Images in rows of [`COLUMNS`] cells below the title.
    fn paint_all(&mut self, images: &PhaseImages, left: usize, factor: usize, cell: [usize; 2]) {
        for index in 0..images.len() {
            let (row, column) = (index / COLUMNS, index % COLUMNS);
            let (x, y) = (left + column * cell[0], MARGIN + TITLE_HEIGHT + row * cell[1]);
            self.paint(&picture::phases(images, index), x, y, factor);
        }
    }

    fn write(&mut self, text: &str, left: usize, top: usize) {
        let style = MonoTextStyle::new(&FONT_10X20, Rgb888::WHITE);
        let at = Point::new(left as i32, top as i32);
        let Ok(_) = Text::with_baseline(text, at, style, Baseline::Top).draw(self);
    }

    /// Each pixel of a grey picture as a square of `factor` pixels.
    fn paint(&mut self, picture: &Picture, left: usize, top: usize, factor: usize) {
        for ((y, x, _), &grey) in picture.indexed_iter() {
            let (y, x) = (top + y * factor, left + x * factor);
            self.0.slice_mut(s![y..y + factor, x..x + factor, ..]).fill(grey);
        }
    }
}

impl OriginDimensions for Sheet {
    fn size(&self) -> Size {
        let (height, width, _) = self.0.dim();
        Size::new(width as u32, height as u32)
    }
}

/// Lets the text of `embedded_graphics` be drawn on the sheet.
impl DrawTarget for Sheet {
    type Color = Rgb888;
    type Error = std::convert::Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> std::result::Result<(), Self::Error> {
        for Pixel(at, color) in pixels {
            let (Ok(x), Ok(y)) = (usize::try_from(at.x), usize::try_from(at.y)) else { continue };
            for (channel, value) in [color.r(), color.g(), color.b()].into_iter().enumerate() {
                if let Some(pixel) = self.0.get_mut([y, x, channel]) {
                    *pixel = value;
                }
            }
        }
        Ok(())
    }
}
