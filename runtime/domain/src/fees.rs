//! Fee schedules (money rule 6): fixed part, percentage, minimum, rounded up to the asset's decimals.

use serde::{Deserialize, Serialize};

use crate::money::{Amount, AmountError};

/// What an anchor keeps of a transaction. The three parts are SEP-24's `fee_fixed`, `fee_percent`, `fee_minimum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeeSchedule {
    /// Added to every fee.
    pub fixed: Amount,
    /// Of the amount that arrived, in millionths: 1 % is 10,000.
    pub percent_ppm: u32,
    /// The least that is taken.
    pub minimum: Amount,
}

impl FeeSchedule {
    /// The fee on what arrived, rounded up to the asset's decimals. It may be more than the amount: then nothing is left
    /// and the transaction is `too_small`.
    pub fn fee(&self, amount_in: Amount, decimals: u8) -> Result<Amount, AmountError> {
        let product = i128::from(amount_in.units()) * i128::from(self.percent_ppm);
        let share = product.div_euclid(1_000_000) + i128::from(product.rem_euclid(1_000_000) != 0);
        let share = Amount::from_units(i64::try_from(share).map_err(|_| AmountError::OutOfRange)?);
        share.plus(self.fixed)?.max(self.minimum).round_up(decimals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_6_fees_by_table() {
        let amount = |text: &str| text.parse::<Amount>().unwrap();
        for (fixed, ppm, minimum, amount_in, decimals, fee) in [
            ("0", 0, "0", "100", 2, "0"),
            ("1", 0, "0", "100", 2, "1"),
            ("0", 10_000, "0", "100", 2, "1"),
            ("0.5", 10_000, "0", "100", 2, "1.5"),
            ("0", 10_000, "2", "100", 2, "2"),
            ("0", 10_000, "0", "0.01", 2, "0.01"),
            ("0", 10_000, "0", "0.01", 7, "0.0001"),
            ("0", 1, "0", "0.0000001", 7, "0.0000001"),
            ("0", 3_333, "0", "10.01", 2, "0.04"),
            ("5", 0, "0", "1", 2, "5"),
        ] {
            let schedule = FeeSchedule { fixed: amount(fixed), percent_ppm: ppm, minimum: amount(minimum) };
            assert_eq!(schedule.fee(amount(amount_in), decimals), Ok(amount(fee)), "{amount_in} {ppm}");
        }
        let all = FeeSchedule { percent_ppm: u32::MAX, ..FeeSchedule::default() };
        assert_eq!(all.fee(Amount::from_units(i64::MAX), 2), Err(AmountError::OutOfRange));
    }
}
