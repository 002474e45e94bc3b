//! The contact sheet: training tiles, their reconstructions and realisations as one PNG.

use std::fs;
use std::path::Path;

use super::canvas::Canvas;
use super::cube::{cube, shown_side};
use super::picture;
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

/// Tiles of each direction, and one volume as a cube.
fn sheet_of_volume(model: &Model, options: &GenerationOptions) -> Result<Canvas> {
    let (side, factor) = (shown_side(model), (IMAGE_SIDE / model.side()).max(1));
    let cell = [model.side() * factor + GAP; 2];
    let directions = model.tiles_by_direction();
    let rows = if directions.count() == 1 { COLUMNS } else { COLUMNS / 2 };
    let panel = TITLE_HEIGHT + rows * cell[1];
    let cube = cube(model, options, 2 * COLUMNS * IMAGE_SIDE)?;
    let (cube_height, cube_width, _) = cube.dim();
    let left = MARGIN + COLUMNS * cell[0] + MARGIN;
    let height = MARGIN + (directions.count() * panel).max(TITLE_HEIGHT + cube_height) + MARGIN;
    let mut sheet = Canvas::new(height, left + cube_width + MARGIN);
    for (number, tiles) in directions.iter().enumerate() {
        let shown = tiles.range(0, tiles.len().min(rows * COLUMNS));
        paint_all(
            &mut sheet,
            &directions.name("micrograph", number),
            &shown,
            [MARGIN, MARGIN + number * panel],
            factor,
            cell,
        );
    }
    sheet.write(&format!("realisation of {side} x {side} x {side}"), left, MARGIN);
    sheet.paint(&cube, left, MARGIN + TITLE_HEIGHT, 1);
    Ok(sheet)
}

/// Tiles, reconstructions and realisations.
fn sheet_of_images(model: &Model, options: &GenerationOptions) -> Result<Canvas> {
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
    let mut sheet = Canvas::new(height, width);
    for (number, (title, images)) in panels.into_iter().enumerate() {
        let left = MARGIN + number * panel_width;
        paint_all(&mut sheet, &title, images, [left, MARGIN], factor, cell);
    }
    Ok(sheet)
}

/// A panel: a title, and below it images in rows of [`COLUMNS`] cells.
fn paint_all(
    sheet: &mut Canvas,
    title: &str,
    images: &PhaseImages,
    [left, top]: [usize; 2],
    factor: usize,
    cell: [usize; 2],
) {
    sheet.write(title, left, top);
    for index in 0..images.len() {
        let (row, column) = (index / COLUMNS, index % COLUMNS);
        let (x, y) = (left + column * cell[0], top + TITLE_HEIGHT + row * cell[1]);
        sheet.paint(&picture::phases(images, index), x, y, factor);
    }
}
