//! Pictures that consist of parts and texts.

use embedded_graphics::Pixel;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::{MonoTextStyle, ascii::FONT_10X20};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::prelude::{DrawTarget, Drawable};
use embedded_graphics::text::{Baseline, Text};
use ndarray::s;

use super::picture::Picture;

/// Width and height of a letter in pixels.
pub(super) const LETTER: [usize; 2] = [10, 20];

/// A colour that no phase has.
pub(super) const BACKGROUND: [u8; 3] = [58, 96, 140];

/// A coloured picture to draw on.
pub(super) struct Canvas(pub Picture);

impl Canvas {
    /// An empty picture.
    pub fn new(height: usize, width: usize) -> Self {
        Self(Picture::from_shape_fn((height, width, 3), |(_, _, channel)| BACKGROUND[channel]))
    }

    /// A line of text; `left` and `top` are those of its first letter.
    pub fn write(&mut self, text: &str, left: usize, top: usize) {
        let style = MonoTextStyle::new(&FONT_10X20, Rgb888::WHITE);
        let at = Point::new(left as i32, top as i32);
        let Ok(_) = Text::with_baseline(text, at, style, Baseline::Top).draw(self);
    }

    /// Each pixel of a grey or coloured picture as a square of `factor` pixels.
    pub fn paint(&mut self, picture: &Picture, left: usize, top: usize, factor: usize) {
        let (ny, nx, channels) = picture.dim();
        for (y, x) in ndarray::indices((ny, nx)) {
            let (row, column) = (top + y * factor, left + x * factor);
            for channel in 0..3 {
                let value = picture[[y, x, channel.min(channels - 1)]];
                self.0.slice_mut(s![row..row + factor, column..column + factor, channel]).fill(value);
            }
        }
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        let (height, width, _) = self.0.dim();
        Size::new(width as u32, height as u32)
    }
}

/// Lets the text of `embedded_graphics` be drawn.
impl DrawTarget for Canvas {
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
