//! Formatting of numbers.

/// `value` with `digits` significant digits, such as 0.392 or 4.66 × 10⁻³; an en dash if not finite.
pub(super) fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return "–".to_owned();
    }
    // The exponent after rounding: 0.9996 becomes 1.00.
    let rounded = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let text = if (-2..5).contains(&exponent) {
        format!("{value:.*}", (digits as i32 - 1 - exponent).max(0) as usize)
    } else {
        format!("{mantissa} × 10{}", superscript(exponent))
    };
    text.replace('-', "−")
}

/// [`significant`] with an explicit sign.
pub(super) fn signed(value: f64, digits: usize) -> String {
    let sign = if value > 0.0 { "+" } else { "" };
    format!("{sign}{}", significant(value, digits))
}

/// `value` with `decimals` digits after the point.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}").replace('-', "−")
}

/// A whole number in groups of three digits.
pub(super) fn whole(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap_or("")).collect();
    groups.join(",")
}

/// An exponent as superscript.
pub(super) fn superscript(exponent: i32) -> String {
    let digit = |c: char| match c {
        '-' => '⁻',
        '0'..='9' => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][c as usize - '0' as usize],
        other => other,
    };
    exponent.to_string().chars().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_formatted() {
        let written = [0.0, 0.39162, -12.345, 0.9996, 4.66e-3, 3e-4, 12_345.6, 2.5e7, f64::NAN, f64::INFINITY];
        let expected = ["0", "0.392", "−12.3", "1.00", "4.66 × 10⁻³", "3.00 × 10⁻⁴", "12346", "2.50 × 10⁷", "–", "–"];
        assert_eq!(written.map(|value| significant(value, 3)), expected);
        assert_eq!([1.5, -1.5, 0.0].map(|value| signed(value, 2)), ["+1.5", "−1.5", "0"]);
        assert_eq!((fixed(-0.25, 1).as_str(), fixed(2.0, 2).as_str()), ("−0.2", "2.00"));
        assert_eq!([7, 1000, 80_000, 1_234_567].map(whole), ["7", "1,000", "80,000", "1,234,567"]);
    }
}
