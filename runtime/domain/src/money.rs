//! Amounts of money: integers of 10^-7, checked (money rule 6).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An amount in units of 10^-7 of its asset: 1 USD is 10,000,000 units. The unit is Stellar's, so that nothing is
/// rounded between the ledger and the books.
///
/// Written and read as a decimal text (`"12.5"`), never as a float.
///
/// ```
/// use windlass_domain::Amount;
/// let amount: Amount = "12.50".parse()?;
/// assert_eq!(amount.units(), 125_000_000);
/// assert_eq!(amount.to_string(), "12.5");
/// # Ok::<(), windlass_domain::money::AmountError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Amount(i64);

/// Why a text is not an amount, or a calculation has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not digits with at most one point.
    #[error("not a decimal number: write digits with at most one point, like 12.50")]
    NotANumber,
    /// More than seven decimals.
    #[error("more than 7 decimals: the smallest amount is 0.0000001")]
    TooPrecise,
    /// Beyond what 64 bits of 10^-7 hold.
    #[error("out of range: the largest amount is 922337203685.4775807")]
    OutOfRange,
}

/// Units in one whole.
pub const ONE: i64 = 10_000_000;

/// Decimals of an [`Amount`].
pub const MAX_DECIMALS: u8 = 7;

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From units of 10^-7.
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// In units of 10^-7.
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Above zero?
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// The sum, or [`AmountError::OutOfRange`].
    pub fn plus(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_add(other.0).map(Self).ok_or(AmountError::OutOfRange)
    }

    /// The difference (it may be negative), or [`AmountError::OutOfRange`].
    pub fn minus(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_sub(other.0).map(Self).ok_or(AmountError::OutOfRange)
    }

    /// Whether the amount needs no more than so many decimals.
    pub fn fits_decimals(self, decimals: u8) -> bool {
        self.0 % step(decimals) == 0
    }

    /// Rounded down (what leaves is never more than what is there) to so many decimals.
    pub fn round_down(self, decimals: u8) -> Self {
        // i64::MIN itself would go below the range; it is no amount that anything leaves with.
        Self(self.0.saturating_sub(self.0.rem_euclid(step(decimals))))
    }

    /// Rounded up (away from zero for what is owed to us) to so many decimals.
    pub fn round_up(self, decimals: u8) -> Result<Self, AmountError> {
        let step = step(decimals);
        match self.0.rem_euclid(step) {
            0 => Ok(self),
            rest => self.0.checked_add(step - rest).map(Self).ok_or(AmountError::OutOfRange),
        }
    }
}

/// Units of the smallest amount with so many decimals.
fn step(decimals: u8) -> i64 {
    10_i64.pow(u32::from(MAX_DECIMALS.saturating_sub(decimals)))
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.unsigned_abs() / ONE.unsigned_abs(), self.0.unsigned_abs() % ONE.unsigned_abs());
        let sign = if self.0 < 0 { "-" } else { "" };
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let decimals = format!("{rest:07}");
        write!(f, "{sign}{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(decimals) {
            return Err(AmountError::NotANumber);
        }
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > usize::from(MAX_DECIMALS) {
            return Err(AmountError::TooPrecise);
        }
        let whole: i64 = whole.parse().map_err(|_| AmountError::OutOfRange)?;
        let rest: i64 = format!("{decimals:0<7}").parse().map_err(|_| AmountError::OutOfRange)?;
        whole.checked_mul(ONE).and_then(|units| units.checked_add(rest)).map(|units| Self(units * sign)).ok_or(AmountError::OutOfRange)
    }
}

impl TryFrom<String> for Amount {
    type Error = AmountError;

    fn try_from(text: String) -> Result<Self, AmountError> {
        text.parse()
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_6_texts_and_units_agree() {
        for (text, units, shown) in [
            ("0", 0, "0"),
            ("0.0000001", 1, "0.0000001"),
            ("12.50", 125_000_000, "12.5"),
            ("-3.1", -31_000_000, "-3.1"),
            ("100.00000000000", 1_000_000_000, "100"),
            ("922337203685.4775807", i64::MAX, "922337203685.4775807"),
        ] {
            assert_eq!(text.parse(), Ok(Amount(units)), "{text}");
            assert_eq!(Amount(units).to_string(), shown);
        }
    }

    #[test]
    fn rule_6_bad_texts_are_refused_by_name() {
        use AmountError::{NotANumber, OutOfRange, TooPrecise};
        for (text, error) in [
            ("", NotANumber),
            (".", NotANumber),
            ("1.", NotANumber),
            (".5", NotANumber),
            ("1e3", NotANumber),
            ("+1", NotANumber),
            ("1,5", NotANumber),
            ("NaN", NotANumber),
            ("0.00000001", TooPrecise),
            ("922337203685.4775808", OutOfRange),
            ("99999999999999999999", OutOfRange),
        ] {
            assert_eq!(text.parse::<Amount>(), Err(error), "{text}");
        }
    }

    #[test]
    fn rule_6_arithmetic_is_checked() {
        assert_eq!(Amount(i64::MAX).plus(Amount(1)), Err(AmountError::OutOfRange));
        assert_eq!(Amount(i64::MIN).minus(Amount(1)), Err(AmountError::OutOfRange));
        assert_eq!(Amount(i64::MAX).round_up(2), Err(AmountError::OutOfRange));
    }

    #[test]
    fn rule_6_what_leaves_is_rounded_down() {
        for (units, decimals, rounded) in
            [(1, 2, 0), (100_000, 2, 100_000), (199_999, 2, 100_000), (7, 7, 7), (ONE + 1, 0, ONE), (-1, 2, -100_000)]
        {
            assert_eq!(Amount(units).round_down(decimals), Amount(rounded));
        }
    }

    #[test]
    fn rule_6_rounding_goes_up() {
        for (units, decimals, rounded) in [(1, 2, 100_000), (100_000, 2, 100_000), (100_001, 2, 200_000), (7, 7, 7), (1, 0, ONE)] {
            assert_eq!(Amount(units).round_up(decimals), Ok(Amount(rounded)));
        }
    }
}
