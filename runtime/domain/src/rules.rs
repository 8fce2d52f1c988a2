//! What an asset's money has to keep to, and what becomes of an amount that arrived (money rule 6).

use serde::{Deserialize, Serialize};

use crate::asset::Asset;
use crate::fees::FeeSchedule;
use crate::money::{Amount, AmountError};

/// A tenant's asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetRules {
    /// The asset.
    pub asset: Asset,
    /// Decimals of the money at the bank: 0 to 7. Fees are rounded up to it.
    #[serde(default = "two")]
    pub decimals: u8,
    /// Into the ledger.
    #[serde(default)]
    pub deposit: DirectionRules,
    /// Out of the ledger.
    #[serde(default)]
    pub withdrawal: DirectionRules,
}

const fn two() -> u8 {
    2
}

/// The rules of one direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DirectionRules {
    /// Offered to users. Possible only while the active version exports the hook for it.
    pub enabled: bool,
    /// The least that is taken in.
    pub min_amount: Amount,
    /// The most that is taken in.
    pub max_amount: Amount,
    /// What is kept.
    pub fee: FeeSchedule,
}

impl Default for DirectionRules {
    fn default() -> Self {
        Self { enabled: false, min_amount: Amount::ZERO, max_amount: Amount::from_units(i64::MAX), fee: FeeSchedule::default() }
    }
}

/// How much what arrives may differ from what was asked for, in millionths: 10 % (SEP-24).
pub const DEFAULT_TOLERANCE_PPM: u32 = 100_000;

/// What becomes of an amount that arrived. The money is kept in every case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assessment {
    /// To be paid out.
    Accepted(Money),
    /// Nothing would be left, or below the minimum.
    TooSmall(String),
    /// Above the maximum.
    TooLarge(String),
    /// Differs from what was asked by more than the tolerance, or has more decimals than the asset: a person decides.
    OnHold(String),
}

/// Amounts that belong together: `amount_out = amount_in - fee`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// What arrived.
    pub amount_in: Amount,
    /// What is kept.
    pub fee: Amount,
    /// What leaves.
    pub amount_out: Amount,
}

/// Recomputes fee and out from what really arrived. In this order: minimum, maximum, tolerance (withdrawals), fee.
pub fn assess(
    amount_in: Amount,
    expected: Option<Amount>,
    tolerance_ppm: Option<u32>,
    rules: &DirectionRules,
    decimals: u8,
) -> Result<Assessment, AmountError> {
    if !amount_in.is_positive() || amount_in < rules.min_amount {
        return Ok(Assessment::TooSmall(format!("{amount_in} is below the minimum of {}", rules.min_amount)));
    }
    if amount_in > rules.max_amount {
        return Ok(Assessment::TooLarge(format!("{amount_in} is above the maximum of {}", rules.max_amount)));
    }
    if let (Some(expected), Some(ppm)) = (expected, tolerance_ppm) {
        let difference = (i128::from(amount_in.units()) - i128::from(expected.units())).abs();
        if difference * 1_000_000 > i128::from(expected.units()) * i128::from(ppm) {
            return Ok(Assessment::OnHold(format!("{amount_in} arrived where {expected} was asked for")));
        }
    }
    let fee = rules.fee.fee(amount_in, decimals)?;
    let amount_out = amount_in.minus(fee)?;
    if !amount_out.is_positive() {
        return Ok(Assessment::TooSmall(format!("nothing is left of {amount_in} after the fee of {fee}")));
    }
    if !amount_out.fits_decimals(decimals) {
        return Ok(Assessment::OnHold(format!("{amount_out} has more than {decimals} decimals")));
    }
    Ok(Assessment::Accepted(Money { amount_in, fee, amount_out }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_6_assessments_in_order_of_precedence() {
        let amount = |text: &str| text.parse::<Amount>().unwrap();
        let fee = FeeSchedule { fixed: amount("1"), percent_ppm: 10_000, minimum: Amount::ZERO };
        let rules = DirectionRules { enabled: true, min_amount: amount("1"), max_amount: amount("1000"), fee };
        for (arrived, expected, tolerance, outcome) in [
            ("-5", None, None, "too_small"),
            ("0", None, None, "too_small"),
            ("0.99", Some("500"), Some(100_000), "too_small"),
            ("1000.01", Some("1"), Some(100_000), "too_large"),
            ("89.99", Some("100"), Some(100_000), "on_hold"),
            ("110.01", Some("100"), Some(100_000), "on_hold"),
            ("90", Some("100"), Some(100_000), "88.1"),
            ("110", Some("100"), Some(100_000), "107.9"),
            ("50", Some("100"), None, "48.5"),
            ("1", None, None, "too_small"),
            ("100.001", None, None, "on_hold"),
            ("1000", None, None, "989"),
        ] {
            let seen = match assess(amount(arrived), expected.map(amount), tolerance, &rules, 2).unwrap() {
                Assessment::Accepted(money) => {
                    assert_eq!(money.amount_in.minus(money.fee), Ok(money.amount_out));
                    money.amount_out.to_string()
                }
                Assessment::TooSmall(_) => "too_small".into(),
                Assessment::TooLarge(_) => "too_large".into(),
                Assessment::OnHold(_) => "on_hold".into(),
            };
            assert_eq!(seen, outcome, "{arrived} of {expected:?}");
        }
    }
}
