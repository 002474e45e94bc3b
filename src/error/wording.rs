//! Numbers in messages, and words that several have.

/// What to do where nothing smaller can be asked for.
pub(crate) const FREE_MEMORY: &str = "close other programs or raise the limit";

/// `n` and a noun: `1 tile`, `16 tiles`.
pub(crate) fn counted(n: impl TryInto<u64>, word: &str) -> String {
    let n = n.try_into().unwrap_or(u64::MAX);
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

/// A number as short as it can be read back, such as `0.25` or `1e308`.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-5..1e16).contains(&size) { value.to_string() } else { format!("{value:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_nouns_agree() {
        let values = [0.0, -1.0, 0.25, 1e-4, 1e-300, 1e308, -2.5e20, 123_456.0, f64::NAN, f64::NEG_INFINITY];
        let texts = ["0", "-1", "0.25", "0.0001", "1e-300", "1e308", "-2.5e20", "123456", "NaN", "-inf"];
        assert_eq!(values.map(short), texts);
        assert_eq!([0_u8, 1, 2].map(|n| counted(n, "step")), ["0 steps", "1 step", "2 steps"]);
    }
}
