//! What an asset's money has to keep to, and what becomes of an amount that arrived (money rule 6).

use serde::{Deserialize, Serialize};

use crate::asset::Asset;
use crate::fees::FeeSchedule;
use crate::ids::TimeMs;
use crate::job::Hook;
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
    /// XLM that a user's account begins with when the tenant makes it because a deposit goes to an account that does not
    /// exist: enough for its reserve, a trustline and fees. None (`null`): accounts are not made, the deposit waits.
    #[serde(default = "two_xlm")]
    pub starting_balance: Option<Amount>,
}

impl AssetRules {
    /// Enabled directions whose hook is not among these: one line for each.
    pub fn missing_hooks(&self, hooks: &[Hook]) -> Vec<String> {
        let directions = [
            ("deposit", self.deposit.enabled, Hook::PollPendingDeposits),
            ("withdrawal", self.withdrawal.enabled, Hook::ProcessWithdrawal),
        ];
        let missing = directions.into_iter().filter(|(_, enabled, hook)| *enabled && !hooks.contains(hook));
        missing.map(|(direction, _, hook)| format!("{direction} of {} needs the hook {}", self.asset, hook.as_str())).collect()
    }
}

const fn two() -> u8 {
    2
}

/// 2.01 XLM, as Polaris gives.
#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
const fn two_xlm() -> Option<Amount> {
    Some(DEFAULT_STARTING_BALANCE)
}

/// XLM that an account begins with where the asset's rules do not say.
pub const DEFAULT_STARTING_BALANCE: Amount = Amount::from_units(20_100_000);

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
    /// How much what arrives may differ from what was asked for, in millionths. None: a withdrawal keeps to the tenant's
    /// tolerance, a deposit to none (fee and payment follow what arrived).
    pub tolerance_ppm: Option<u32>,
    /// How long the user's money or payment is waited for, in milliseconds: 7 days.
    pub expires_after_ms: u64,
    /// What becomes of money that comes after that.
    pub late: Late,
    /// For so long after the deadline late money revives, in milliseconds: 30 days.
    pub revive_within_ms: u64,
}

/// What becomes of money that comes after the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Late {
    /// The transaction goes on as if it had come in time.
    Revive,
    /// It is kept as unmatched, for a person.
    Hold,
}

/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl Default for DirectionRules {
    fn default() -> Self {
        Self {
            enabled: false,
            min_amount: Amount::ZERO,
            max_amount: Amount::from_units(i64::MAX),
            fee: FeeSchedule::default(),
            tolerance_ppm: None,
            expires_after_ms: 7 * DAY_MS,
            late: Late::Revive,
            revive_within_ms: 30 * DAY_MS,
        }
    }
}

impl DirectionRules {
    /// Until when a transaction that is made now waits for its money.
    pub fn expires_at(&self, now: TimeMs) -> TimeMs {
        now.saturating_add(i64::try_from(self.expires_after_ms).unwrap_or(i64::MAX))
    }

    /// May money that comes now revive a transaction that expired then? Else why not, for whoever looks at the row.
    pub fn revives(&self, expires_at: Option<TimeMs>, now: TimeMs) -> Result<(), &'static str> {
        let late_by = expires_at.map_or(0, |expires_at| now.saturating_sub(expires_at));
        match self.late {
            Late::Hold => Err("it has expired, and the asset's rules keep late money for a person"),
            Late::Revive if u64::try_from(late_by).unwrap_or(0) > self.revive_within_ms => {
                Err("it has expired, longer ago than the asset's rules let late money revive it")
            }
            Late::Revive => Ok(()),
        }
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
    /// Differs from what was asked by more than the tolerance: a person decides.
    OnHold(String),
}

/// Amounts that belong together: `amount_out = amount_in - fee`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// What arrived.
    pub amount_in: Amount,
    /// What is kept: the schedule's fee, and what is left below the asset's decimals. On the ledger more decimals can
    /// arrive than the bank's money has; that rest cannot leave, so it is the anchor's, and it is booked as fee because
    /// SEP-24 has nothing else between `amount_in` and `amount_out`.
    pub fee: Amount,
    /// What leaves.
    pub amount_out: Amount,
}

/// Recomputes fee and out from what really arrived. In this order: minimum, maximum, tolerance, fee.
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
    released(amount_in, rules, decimals)
}

/// As [`assess`] without minimum, maximum and tolerance, by a person's word: accepted, or nothing would be left.
pub fn released(amount_in: Amount, rules: &DirectionRules, decimals: u8) -> Result<Assessment, AmountError> {
    let scheduled = rules.fee.fee(amount_in, decimals)?;
    let amount_out = amount_in.minus(scheduled)?.round_down(decimals);
    if !amount_out.is_positive() {
        return Ok(Assessment::TooSmall(format!("nothing is left of {amount_in} after the fee of {scheduled}")));
    }
    Ok(Assessment::Accepted(Money { amount_in, fee: amount_in.minus(amount_out)?, amount_out }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_6_assessments_in_order_of_precedence() {
        let amount = |text: &str| text.parse::<Amount>().unwrap();
        let fee = FeeSchedule { fixed: amount("1"), percent_ppm: 10_000, minimum: Amount::ZERO };
        let rules = DirectionRules { enabled: true, min_amount: amount("1"), max_amount: amount("1000"), fee, ..DirectionRules::default() };
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
            ("1.0199999", None, None, "too_small"),
            ("1.0300001", None, None, "0.01"),
            ("100.001", None, None, "97.99"),
            ("100.0000001", Some("100"), Some(0), "on_hold"),
            ("100.0000001", Some("100"), None, "97.99"),
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

    #[test]
    fn rule_6_what_cannot_leave_is_booked_as_fee() {
        let amount = |text: &str| text.parse::<Amount>().unwrap();
        let rules = |fixed: &str| DirectionRules {
            min_amount: amount("500"),
            fee: FeeSchedule { fixed: amount(fixed), ..FeeSchedule::default() },
            ..DirectionRules::default()
        };
        for (arrived, fixed, decimals, fee, out) in [
            ("10.0000009", "0", 2, "0.0000009", "10"),
            ("10.0000009", "1", 2, "1.0000009", "9"),
            ("10.0000009", "1", 7, "1", "9.0000009"),
            ("7.99", "0", 0, "0.99", "7"),
        ] {
            let Assessment::Accepted(money) = released(amount(arrived), &rules(fixed), decimals).unwrap() else { panic!("{arrived}") };
            assert_eq!((money.fee, money.amount_out), (amount(fee), amount(out)), "{arrived}");
        }
        assert!(
            matches!(released(amount("0.009"), &rules("0"), 2).unwrap(), Assessment::TooSmall(_)),
            "nothing is left below the decimals"
        );
    }

    #[test]
    fn a_direction_needs_its_hook() {
        let enabled = || DirectionRules { enabled: true, ..DirectionRules::default() };
        let rules = AssetRules { deposit: enabled(), withdrawal: enabled(), ..serde_json::from_str(r#"{"asset":"native"}"#).unwrap() };
        assert_eq!(rules.missing_hooks(&[]).len(), 2);
        assert_eq!(rules.missing_hooks(&[Hook::PollPendingDeposits]), ["withdrawal of native needs the hook process-withdrawal"]);
        assert!(rules.missing_hooks(&[Hook::PollPendingDeposits, Hook::ProcessWithdrawal]).is_empty());
        let off = AssetRules { deposit: DirectionRules::default(), withdrawal: DirectionRules::default(), ..rules };
        assert!(off.missing_hooks(&[]).is_empty());
    }

    #[test]
    fn late_money_revives_by_the_rule() {
        let rules = |late, revive_within_ms| DirectionRules { late, revive_within_ms, ..DirectionRules::default() };
        for (late, within, expires_at, now, revives) in [
            (Late::Revive, 10, Some(100), 110, true),
            (Late::Revive, 10, Some(100), 111, false),
            (Late::Revive, 10, Some(100), 90, true),
            (Late::Revive, 10, None, 1_000, true),
            (Late::Hold, 10, Some(100), 100, false),
        ] {
            assert_eq!(rules(late, within).revives(expires_at, now).is_ok(), revives, "{late:?} {within} {now}");
        }
        assert_eq!(DirectionRules { expires_after_ms: u64::MAX, ..DirectionRules::default() }.expires_at(5), i64::MAX);
    }
}
