//! Colour maps.

/// Viridis: increasing brightness, readable in greyscale and with colour blindness.
const SEQUENTIAL: [[u8; 3]; 9] = [
    [0x44, 0x01, 0x54],
    [0x47, 0x2d, 0x7b],
    [0x3b, 0x52, 0x8b],
    [0x2c, 0x72, 0x8e],
    [0x21, 0x91, 0x8c],
    [0x28, 0xae, 0x80],
    [0x5e, 0xc9, 0x62],
    [0xad, 0xdc, 0x30],
    [0xfd, 0xe7, 0x25],
];

/// Diverging: blue for negative values, white for zero, red for positive ones.
const DIVERGING: [[u8; 3]; 7] = [
    [0x21, 0x66, 0xac],
    [0x67, 0xa9, 0xcf],
    [0xd1, 0xe5, 0xf0],
    [0xf7, 0xf7, 0xf7],
    [0xfd, 0xdb, 0xc7],
    [0xef, 0x8a, 0x62],
    [0xb2, 0x18, 0x2b],
];

/// A colour map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Palette {
    /// For amounts.
    Sequential,
    /// For differences; zero is in the middle.
    Diverging,
}

impl Palette {
    /// The colour at `place`, 0 to 1.
    pub(super) fn at(self, place: f64) -> [u8; 3] {
        let colours: &[[u8; 3]] = match self {
            Self::Sequential => &SEQUENTIAL,
            Self::Diverging => &DIVERGING,
        };
        let along = place.clamp(0.0, 1.0) * (colours.len() - 1) as f64;
        let below = (along as usize).min(colours.len() - 2);
        let share = along - below as f64;
        std::array::from_fn(|channel| {
            let (a, b) = (f64::from(colours[below][channel]), f64::from(colours[below + 1][channel]));
            (a + share * (b - a)).round() as u8
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_run_from_end_to_end() {
        assert_eq!([0.0, 0.5, 1.0].map(|place| Palette::Sequential.at(place)), [0, 4, 8].map(|i| SEQUENTIAL[i]));
        assert_eq!([-1.0, 0.5, 2.0].map(|place| Palette::Diverging.at(place)), [0, 3, 6].map(|i| DIVERGING[i]));
    }
}
