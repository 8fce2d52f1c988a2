//! Amounts of a currency: decimal text outside, whole minor units inside.

/// Reads `12.34` as 1234 minor units of a currency with two decimals. Digits, at most one point, at most `decimals`
/// digits after it; no sign, no exponent, no spaces.
pub(crate) fn parse(text: &str, decimals: u32) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let places = usize::try_from(decimals).ok()?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > places {
        return None;
    }
    if text.ends_with('.') {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

/// Writes minor units with all the currency's decimals.
pub(crate) fn format(units: i64, decimals: u32) -> String {
    let places = usize::try_from(decimals).unwrap_or(0);
    let sign = if units < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = places.saturating_add(1));
    let (whole, fraction) = digits.split_at(digits.len() - places);
    if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        let table = [
            ("12.34", 2, Some(1234)),
            ("12.3", 2, Some(1230)),
            ("12", 2, Some(1200)),
            ("0.05", 2, Some(5)),
            ("7", 0, Some(7)),
            ("12.345", 2, None),
            ("12.", 2, None),
            (".5", 2, None),
            ("-1", 2, None),
            ("+1", 2, None),
            ("1e3", 2, None),
            ("", 2, None),
            ("7.0", 0, None),
            ("92233720368547758.08", 2, None),
        ];
        for (text, decimals, expected) in table {
            assert_eq!(parse(text, decimals), expected, "{text:?}");
        }
    }

    #[test]
    fn amounts_are_written_with_all_decimals() {
        let table = [(1234, 2, "12.34"), (5, 2, "0.05"), (0, 2, "0.00"), (7, 0, "7"), (-5, 2, "-0.05")];
        for (units, decimals, expected) in table {
            assert_eq!(format(units, decimals), expected);
        }
    }
}
