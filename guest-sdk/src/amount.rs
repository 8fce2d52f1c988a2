//! Exact amounts of money: integers of 10^-7, as on the ledger. No floats, no silent rounding.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The number of decimals of an [`Amount`].
const DECIMALS: usize = 7;

/// An amount of money in units of 10^-7 of the asset.
///
/// ```
/// use windlass_sdk::Amount;
///
/// let amount: Amount = "95.50".parse()?;
/// assert_eq!(amount.units(), 955_000_000);
/// assert_eq!(amount.to_string(), "95.5");
/// assert_eq!(amount.to_string_with_decimals(2)?, "95.50");
/// assert_eq!(amount.checked_sub(Amount::ONE).unwrap().to_string(), "94.5");
/// # Ok::<(), windlass_sdk::AmountError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One whole unit of the asset: 10,000,000 units of 10^-7.
    pub const ONE: Self = Self(10_000_000);

    /// From units of 10^-7, as the contract's records carry them. `Amount::from_units(5_000_000)` is 0.5.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// The units of 10^-7. `Amount::ONE.units()` is 10,000,000.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// The sum, or none if it does not fit.
    ///
    /// ```
    /// use windlass_sdk::Amount;
    /// assert_eq!(Amount::ONE.checked_add(Amount::ONE), Some(Amount::from_units(20_000_000)));
    /// assert_eq!(Amount::from_units(i64::MAX).checked_add(Amount::ONE), None);
    /// ```
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The difference, or none if it does not fit. It may be negative.
    ///
    /// ```
    /// use windlass_sdk::Amount;
    /// assert_eq!(Amount::ONE.checked_sub(Amount::ONE), Some(Amount::ZERO));
    /// ```
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// With exactly so many decimals, as a bank wants it.
    ///
    /// ```
    /// use windlass_sdk::Amount;
    /// let amount: Amount = "12.5".parse().unwrap();
    /// assert_eq!(amount.to_string_with_decimals(2).unwrap(), "12.50");
    /// assert_eq!(amount.to_string_with_decimals(9).unwrap(), "12.500000000");
    /// assert!(amount.to_string_with_decimals(0).is_err(), "half a unit would be lost");
    /// ```
    ///
    /// # Errors
    /// [`AmountError::LosesDigits`] if the amount has more decimals than that.
    pub fn to_string_with_decimals(self, decimals: u8) -> Result<String, AmountError> {
        let wanted = usize::from(decimals);
        let (whole, fraction) = self.parts();
        let kept = wanted.min(DECIMALS);
        if fraction[kept..].bytes().any(|digit| digit != b'0') {
            return Err(AmountError::LosesDigits { amount: self.to_string(), decimals });
        }
        Ok(match wanted {
            0 => whole,
            _ => format!("{whole}.{:0<wanted$}", &fraction[..kept]),
        })
    }

    /// The whole part with its sign, and the seven decimals.
    fn parts(self) -> (String, String) {
        let units = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let one = Self::ONE.0.unsigned_abs();
        (format!("{sign}{}", units / one), format!("{:07}", units % one))
    }
}

/// Without trailing zeros: `95.5`, `100`, `-0.0000001`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = self.parts();
        match fraction.trim_end_matches('0') {
            "" => f.write_str(&whole),
            fraction => write!(f, "{whole}.{fraction}"),
        }
    }
}

/// A decimal number: an optional `-`, digits, and optionally a point and digits. No exponent, no `+`, no spaces, no
/// separators. Zeros past the seventh decimal are fine, other digits there are refused.
impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let not_a_number = || AmountError::NotANumber(shorten(text));
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(not_a_number()),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(not_a_number());
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > DECIMALS {
            return Err(AmountError::TooManyDecimals(shorten(text)));
        }
        let mut units: i64 = 0;
        for digit in whole.bytes().chain(format!("{fraction:0<DECIMALS$}").bytes()) {
            let digit = i64::from(digit - b'0');
            units = units
                .checked_mul(10)
                .and_then(|units| if negative { units.checked_sub(digit) } else { units.checked_add(digit) })
                .ok_or_else(|| AmountError::TooLarge(shorten(text)))?;
        }
        Ok(Self(units))
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

/// Why a text is not an [`Amount`], or an amount not the text that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AmountError {
    /// Not a decimal number.
    NotANumber(String),
    /// More than seven decimals: the ledger cannot carry it.
    TooManyDecimals(String),
    /// More than 922,337,203,685.4775807.
    TooLarge(String),
    /// The amount has more decimals than were asked for.
    LosesDigits {
        /// The amount.
        amount: String,
        /// How many decimals were asked for.
        decimals: u8,
    },
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber(text) => write!(f, "`{text}` is not a decimal number such as 12.50"),
            Self::TooManyDecimals(text) => write!(f, "`{text}` has more than 7 decimals"),
            Self::TooLarge(text) => write!(f, "`{text}` is larger than 922337203685.4775807"),
            Self::LosesDigits { amount, decimals } => {
                write!(f, "{amount} cannot be written with {decimals} decimals without losing money")
            }
        }
    }
}

impl std::error::Error for AmountError {}

/// A text that is no amount came from the rail; an amount that the rail's decimals cannot carry is a matter of settings.
impl From<AmountError> for Error {
    fn from(error: AmountError) -> Self {
        match &error {
            AmountError::NotANumber(_) | AmountError::TooManyDecimals(_) | AmountError::TooLarge(_) => {
                Self::UnexpectedResponse(error.to_string())
            }
            AmountError::LosesDigits { .. } => {
                Self::Misconfigured(format!("{error}; let the asset's decimals in the fee schedule agree with the rail's"))
            }
        }
    }
}

/// The beginning of a text, for messages.
fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_exactly() {
        for (text, units) in [
            ("0", 0),
            ("-0", 0),
            ("1", 10_000_000),
            ("007", 70_000_000),
            ("12.34", 123_400_000),
            ("0.0000001", 1),
            ("-0.0000001", -1),
            ("1.50000000000", 15_000_000),
            ("922337203685.4775807", i64::MAX),
            ("-922337203685.4775808", i64::MIN),
        ] {
            assert_eq!(text.parse::<Amount>().map(Amount::units), Ok(units), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_exact() {
        type Make = fn(String) -> AmountError;
        for (text, make) in [
            ("", AmountError::NotANumber as Make),
            ("-", AmountError::NotANumber),
            (".5", AmountError::NotANumber),
            ("5.", AmountError::NotANumber),
            ("+5", AmountError::NotANumber),
            ("--5", AmountError::NotANumber),
            (" 5", AmountError::NotANumber),
            ("1,000", AmountError::NotANumber),
            ("1e3", AmountError::NotANumber),
            ("1.2.3", AmountError::NotANumber),
            ("NaN", AmountError::NotANumber),
            ("٣", AmountError::NotANumber),
            ("0.00000001", AmountError::TooManyDecimals),
            ("922337203685.4775808", AmountError::TooLarge),
            ("99999999999999999999999999", AmountError::TooLarge),
        ] {
            assert_eq!(text.parse::<Amount>(), Err(make(text.into())), "{text}");
        }
    }

    #[test]
    fn shows_without_trailing_zeros_and_reads_back() {
        for (units, text) in [
            (0, "0"),
            (1, "0.0000001"),
            (-1, "-0.0000001"),
            (955_000_000, "95.5"),
            (1_000_000_000, "100"),
            (i64::MAX, "922337203685.4775807"),
            (i64::MIN, "-922337203685.4775808"),
        ] {
            assert_eq!(Amount::from_units(units).to_string(), text);
            assert_eq!(text.parse(), Ok(Amount::from_units(units)));
        }
    }

    #[test]
    fn rule_6_decimals_are_never_cut() {
        let cases: [(&str, u8, Option<&str>); 8] = [
            ("95", 2, Some("95.00")),
            ("95.5", 2, Some("95.50")),
            ("95.55", 2, Some("95.55")),
            ("95.555", 2, None),
            ("95", 0, Some("95")),
            ("95.1", 0, None),
            ("-0.5", 1, Some("-0.5")),
            ("0.0000001", 9, Some("0.000000100")),
        ];
        for (text, decimals, expected) in cases {
            let amount: Amount = text.parse().unwrap();
            assert_eq!(amount.to_string_with_decimals(decimals).ok().as_deref(), expected, "{text} with {decimals}");
        }
    }

    #[test]
    fn sums_do_not_wrap() {
        assert_eq!(Amount::from_units(i64::MAX).checked_add(Amount::from_units(1)), None);
        assert_eq!(Amount::from_units(i64::MIN).checked_sub(Amount::from_units(1)), None);
        assert_eq!(Amount::ZERO.checked_sub(Amount::ONE), Some(Amount::from_units(-10_000_000)));
    }
}
