//! The values of a micrograph in the type in which its file has them, before phases are found.

use std::ops::{ControlFlow, Range};

use ndarray::{Array3, Axis, s};

use crate::Error;
use crate::device::memory;
use crate::error::counted;

/// What to do if a micrograph is too large.
pub(super) const ADVICE: &str = "give a smaller cut-out, or 8-bit values";

/// Values that are handed on at once.
const RUN: usize = 4096;

/// Why there are no values or phases.
#[derive(Debug)]
pub(super) enum Refusal {
    /// What is wrong with the content.
    Content(String),
    /// There is too little memory.
    Memory(Error),
}

impl Refusal {
    /// The error, which `content` makes of what is wrong with the content.
    pub fn into_error(self, content: impl FnOnce(String) -> Error) -> Error {
        match self {
            Self::Content(text) => content(text),
            Self::Memory(error) => error,
        }
    }
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Self::Content(text)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Memory(error)
    }
}

/// A type of values in files.
pub(super) trait Level: Copy + Default {
    /// The value in double precision; integers beyond 2^53 are rounded.
    fn level(self) -> f64;
}

macro_rules! levels {
    ($($kind:ident: $type:ty),*) => {
        /// Phase numbers or grey levels, `(n, ny, nx)`.
        pub(super) enum Levels {
            $(#[doc = concat!("Of `", stringify!($type), "`.")] $kind(Array3<$type>)),*
        }

        $(
            impl Level for $type {
                fn level(self) -> f64 {
                    self as f64
                }
            }

            impl From<Array3<$type>> for Levels {
                fn from(values: Array3<$type>) -> Self {
                    Self::$kind(values)
                }
            }
        )*

        impl Levels {
            /// Number of images, rows and columns.
            pub fn dim(&self) -> (usize, usize, usize) {
                match self { $(Self::$kind(values) => values.dim()),* }
            }

            /// Cuts all images, without a copy.
            pub fn crop(&mut self, rows: Range<usize>, columns: Range<usize>) {
                match self { $(Self::$kind(values) => values.slice_collapse(s![.., rows, columns])),* }
            }

            /// Makes rows of columns, without a copy.
            pub fn transpose(&mut self) {
                match self { $(Self::$kind(values) => values.swap_axes(1, 2)),* }
            }

            /// A stack of `n` images with these as the first ones.
            pub fn grow(self, n: usize) -> Result<Self, Refusal> {
                match self { $(Self::$kind(values) => grow(values, n).map(Self::$kind)),* }
            }

            /// Takes over the only image of `other` as image `index`. False if it is of another type.
            pub fn put(&mut self, index: usize, other: &Self) -> bool {
                match (self, other) {
                    $((Self::$kind(values), Self::$kind(other)) => {
                        values.index_axis_mut(Axis(0), index).assign(&other.index_axis(Axis(0), 0));
                        true
                    })*
                    _ => false,
                }
            }

            /// Calls `each` with neighbours in a row, x fastest, until it breaks.
            pub fn try_for_each_run<B>(&self, mut each: impl FnMut(&[f64]) -> ControlFlow<B>) -> ControlFlow<B> {
                match self { $(Self::$kind(values) => try_for_each_run(values, &mut each)),* }
            }
        }
    };
}

levels!(U8: u8, I8: i8, U16: u16, I16: i16, U32: u32, I32: i32, U64: u64, I64: i64, F32: f32, F64: f64);

fn grow<T: Level>(values: Array3<T>, n: usize) -> Result<Array3<T>, Refusal> {
    let (old, ny, nx) = values.dim();
    if n == old {
        return Ok(values);
    }
    let zeros = memory::zeros(n * ny * nx, "reading the micrograph", ADVICE)?;
    let mut all = Array3::from_shape_vec((n, ny, nx), zeros).expect("as many as in the shape");
    all.slice_mut(s![..old, .., ..]).assign(&values);
    Ok(all)
}

fn try_for_each_run<T: Level, B>(
    values: &Array3<T>,
    each: &mut impl FnMut(&[f64]) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let mut run = [0.0; RUN];
    for row in values.lanes(Axis(2)) {
        for part in row.axis_chunks_iter(Axis(0), RUN) {
            let run = &mut run[..part.len()];
            run.iter_mut().zip(part).for_each(|(level, value)| *level = value.level());
            each(run)?;
        }
    }
    ControlFlow::Continue(())
}

impl Levels {
    /// [`try_for_each_run`](Self::try_for_each_run) to the end.
    pub fn for_each_run(&self, mut each: impl FnMut(&[f64])) {
        let _: ControlFlow<()> = self.try_for_each_run(|run| {
            each(run);
            ControlFlow::Continue(())
        });
    }

    /// The smallest and the largest value.
    pub fn range(&self) -> (f64, f64) {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        self.for_each_run(|run| {
            low = run.iter().copied().fold(low, f64::min);
            high = run.iter().copied().fold(high, f64::max);
        });
        (low, high)
    }

    /// The first value that `fits` not, with its image, row and column.
    pub fn find_unfit(&self, fits: impl Fn(f64) -> bool) -> Option<((usize, usize, usize), f64)> {
        let mut before = 0;
        let found = self.try_for_each_run(|run| match run.iter().position(|&value| !fits(value)) {
            Some(at) => ControlFlow::Break((before + at, run[at])),
            None => {
                before += run.len();
                ControlFlow::Continue(())
            }
        });
        let (at, value) = found.break_value()?;
        let (_, ny, nx) = self.dim();
        Some(((at / nx / ny, at / nx % ny, at % nx), value))
    }

    /// The phase of each pixel.
    pub fn phases(&self, phase: impl Fn(f64) -> u8) -> Result<Array3<u8>, Refusal> {
        let (n, ny, nx) = self.dim();
        let mut phases = memory::vector(n * ny * nx, "numbering the phases of the micrograph", ADVICE)?;
        self.for_each_run(|run| phases.extend(run.iter().map(|&value| phase(value))));
        Ok(Array3::from_shape_vec((n, ny, nx), phases).expect("one phase for each value"))
    }
}

/// Makes a stack of `values`, x fastest, whose number agrees with `shape`, an `(n, ny, nx)`.
pub(super) fn stack<T>(shape: (usize, usize, usize), values: Vec<T>) -> Result<Levels, Refusal>
where
    Levels: From<Array3<T>>,
{
    let given = values.len();
    let (n, ny, nx) = shape;
    let stack = Array3::from_shape_vec(shape, values)
        .map_err(|_| format!("{} given instead of the {n} x {ny} x {nx} of the shape", counted(given, "pixel")))?;
    Ok(stack.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_shape_are_seen_once_and_in_order() {
        let at = |(n, y, x): (usize, usize, usize)| (n * 100_000 + y * 10_000 + x) as f64;
        let mut levels = Levels::from(Array3::from_shape_fn((2, 5, 9000), at));
        levels.crop(1..4, 2..8900);
        let mut seen = Vec::new();
        levels.for_each_run(|run| seen.extend_from_slice(run));
        let expected = Array3::from_shape_fn((2, 3, 8898), |(n, y, x)| at((n, y + 1, x + 2)));
        assert_eq!(seen, expected.into_raw_vec_and_offset().0);
        assert_eq!(levels.range(), (10_002.0, 138_899.0));
        assert_eq!(levels.find_unfit(|value| value != 130_007.0), Some(((1, 2, 5), 130_007.0)));
        levels.transpose();
        assert_eq!(levels.dim(), (2, 8898, 3));
        assert_eq!(levels.find_unfit(|value| value != 130_007.0), Some(((1, 5, 2), 130_007.0)));
        assert_eq!(levels.phases(|value| u8::from(value == 10_003.0)).unwrap()[[0, 1, 0]], 1);
    }
}
