//! The axis of a plot.

use crate::report::number::{fixed, superscript};

/// An axis from `from` to `to`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Axis {
    /// Quantity and unit.
    pub label: String,
    /// Value at the start.
    pub from: f64,
    /// Value at the end.
    pub to: f64,
    /// Whether it is logarithmic; `from` is positive then.
    pub logarithmic: bool,
}

impl Axis {
    /// A linear axis.
    pub fn new(label: impl Into<String>, from: f64, to: f64) -> Self {
        // An axis of no length would have no places.
        let to = if to > from { to } else { from + from.abs().max(1.0) * 0.1 };
        Self { label: label.into(), from, to, logarithmic: false }
    }

    /// A linear axis over all values, with margins.
    pub fn over(label: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        let (least, most) = extremes(values);
        let room = 0.05 * (most - least);
        let from = if least >= 0.0 { (least - room).max(0.0) } else { least - room };
        Self::new(label, from, most + room)
    }

    /// A logarithmic axis if values are positive and span more than a factor of 30, else a linear one.
    pub fn over_scales(label: impl Into<String>, values: impl IntoIterator<Item = f64> + Clone) -> Self {
        let (least, most) = extremes(values.clone());
        if least > 0.0 && most > 30.0 * least {
            return Self { label: label.into(), from: least / 1.2, to: most * 1.2, logarithmic: true };
        }
        Self::over(label, values)
    }

    /// The position of a value: 0 at the start, 1 at the end.
    pub fn place(&self, value: f64) -> f64 {
        if self.logarithmic {
            (value.max(self.from) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        }
    }

    /// Ticks: about five round values with their labels.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        if self.logarithmic { self.logarithmic_ticks() } else { self.linear_ticks() }
    }

    fn linear_ticks(&self) -> Vec<(f64, String)> {
        let rough = (self.to - self.from) / 5.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|&step| step >= rough * 0.99);
        let step = step.unwrap_or(10.0 * power);
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let (first, last) = ((self.from / step - 1e-9).ceil() as i64, (self.to / step + 1e-9).floor() as i64);
        (first..=last).map(|i| (i as f64 * step, fixed(i as f64 * step, decimals))).collect()
    }

    fn logarithmic_ticks(&self) -> Vec<(f64, String)> {
        let (first, last) = (self.from.log10().ceil() as i32, self.to.log10().floor() as i32);
        // Every decade has a tick while there are few; with many, every so many.
        let every = (last - first) / 6 + 1;
        let text = |power: i32| match power {
            0..=3 => 10i32.pow(power as u32).to_string(),
            -2..0 => fixed(10f64.powi(power), power.unsigned_abs() as usize),
            _ => format!("10{}", superscript(power)),
        };
        (first..=last).step_by(every as usize).map(|power| (10f64.powi(power), text(power))).collect()
    }
}

/// The smallest and the largest finite value; 0 and 1 if there are none.
fn extremes(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let (least, most) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), value| (a.min(value), b.max(value)));
    if least <= most { (least, most) } else { (0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(texts(&Axis::new("r", 0.0, 32.0)), ["0", "10", "20", "30"]);
        assert_eq!(texts(&Axis::new("S", 0.148, 0.395)), ["0.15", "0.20", "0.25", "0.30", "0.35"]);
        assert_eq!(texts(&Axis::new("lag", -32.0, 32.0)), ["−20", "0", "20"]);
        assert_eq!(texts(&Axis::over_scales("loss", [0.02, 3000.0])), ["0.1", "1", "10", "100", "1000"]);
        let many = Axis::over_scales("loss", [1e-9, 1e9]).ticks();
        assert!(many.len() < 8, "{many:?}");
    }

    #[test]
    fn places_run_from_0_to_1() {
        for axis in [Axis::new("x", 2.0, 4.0), Axis::over_scales("x", [1.0, 100.0])] {
            assert!((axis.place(axis.from), axis.place(axis.to)) == (0.0, 1.0), "{axis:?}");
        }
        let axis = Axis::over_scales("x", [1.0, 100.0]);
        assert!((axis.place(10.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_extent_is_given_one() {
        for values in [vec![], vec![f64::NAN], vec![0.0; 3], vec![2.0; 3]] {
            let axis = Axis::over("x", values.iter().copied());
            assert!(axis.to > axis.from && !axis.ticks().is_empty(), "{values:?} {axis:?}");
        }
    }
}
