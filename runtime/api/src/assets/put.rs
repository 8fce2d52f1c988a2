//! `PUT /v1/tenants/{tenant}/assets`: adds an asset, or replaces its rules.
//!
//! Takes [`AssetRules`]. A direction can be enabled only while the active version exports the hook for it: 409
//! `hook_missing`.

use axum::Json;
use axum::extract::State;
use windlass_domain::money::MAX_DECIMALS;
use windlass_domain::ports::ledger::ACCOUNT_RESERVE;
use windlass_domain::ports::store::StoreError;
use windlass_domain::rules::{AssetRules, DirectionRules};

use crate::auth::Member;
use crate::extract::JsonBody;
use crate::{ApiState, Problem};

/// Nothing is waited for longer: ten years, in milliseconds.
const LONGEST_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1_000;

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { actor, tenant }: Member,
    JsonBody(rules): JsonBody<AssetRules>,
) -> Result<Json<AssetRules>, Problem> {
    let reasons = problems(&rules, &|account| state.keys.account_is_valid(account));
    if !reasons.is_empty() {
        return Err(Problem::invalid("invalid_asset", reasons.join("; ")).with_reasons(reasons));
    }
    state.store.put_asset(&tenant.id, &rules).await.map_err(|error| match error {
        StoreError::HookMissing(missing) => {
            let detail = format!("{}: activate a version that exports it first, or put enabled to false", missing.join("; "));
            Problem::conflict("hook_missing", detail).with_reasons(missing)
        }
        other => other.into(),
    })?;
    state.audit(Some(&tenant.id), &actor, "asset.put", &rules.asset.to_string()).await;
    (state.wake)();
    Ok(Json(rules))
}

/// Everything that is wrong with the rules.
fn problems(rules: &AssetRules, is_account: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(issuer) = rules.asset.issuer()
        && !is_account(issuer.as_str())
    {
        problems.push(format!("asset: the issuer {issuer} is not an account: its checksum is wrong"));
    }
    if rules.decimals > MAX_DECIMALS {
        problems.push(format!("decimals: {} is above {MAX_DECIMALS}", rules.decimals));
    }
    if let Some(balance) = rules.starting_balance.filter(|balance| *balance < ACCOUNT_RESERVE) {
        problems.push(format!(
            "starting_balance: {balance} is below {ACCOUNT_RESERVE} XLM, which an account has to hold; null makes no accounts"
        ));
    }
    for (name, direction) in [("deposit", &rules.deposit), ("withdrawal", &rules.withdrawal)] {
        problems.extend(direction_problems(direction).into_iter().map(|problem| format!("{name}.{problem}")));
    }
    problems
}

fn direction_problems(rules: &DirectionRules) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, amount) in [("min_amount", rules.min_amount), ("fee.fixed", rules.fee.fixed), ("fee.minimum", rules.fee.minimum)] {
        if amount.units() < 0 {
            problems.push(format!("{name}: {amount} is below 0"));
        }
    }
    if rules.max_amount < rules.min_amount || !rules.max_amount.is_positive() {
        problems.push(format!("max_amount: {} is below min_amount, or not above 0", rules.max_amount));
    }
    if rules.fee.fee(rules.max_amount, 0).is_err() {
        problems.push(format!("fee: on max_amount {} it is beyond what an amount holds: lower max_amount or the fee", rules.max_amount));
    }
    if rules.fee.percent_ppm > 1_000_000 {
        problems.push(format!("fee.percent_ppm: {} is above 1,000,000, which is 100 %", rules.fee.percent_ppm));
    }
    if rules.tolerance_ppm.is_some_and(|ppm| ppm > 1_000_000) {
        problems.push(format!("tolerance_ppm: {} is above 1,000,000, which is 100 %", rules.tolerance_ppm.unwrap_or_default()));
    }
    for (name, ms) in [("expires_after_ms", rules.expires_after_ms), ("revive_within_ms", rules.revive_within_ms)] {
        if ms > LONGEST_MS {
            problems.push(format!("{name}: {ms} is above {LONGEST_MS}, which is ten years"));
        }
    }
    if rules.expires_after_ms == 0 {
        problems.push("expires_after_ms: nobody can pay in 0 ms".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_domain::fees::FeeSchedule;

    #[test]
    fn rule_6_every_problem_of_an_asset_is_named() {
        let plain = || serde_json::from_str::<AssetRules>(r#"{"asset":"native"}"#).unwrap();
        let amount = |text: &str| text.parse().unwrap();
        let fee = FeeSchedule { fixed: amount("-1"), percent_ppm: 1_000_001, minimum: amount("0") };
        let deposit = DirectionRules {
            enabled: false,
            min_amount: amount("10"),
            max_amount: amount("9"),
            fee,
            tolerance_ppm: Some(1_000_001),
            expires_after_ms: 0,
            revive_within_ms: u64::MAX,
            ..DirectionRules::default()
        };
        let rules = AssetRules {
            asset: format!("USD:G{}", "A".repeat(55)).parse().unwrap(),
            decimals: 8,
            deposit,
            starting_balance: Some(amount("0.9999999")),
            ..plain()
        };
        let named: Vec<String> = problems(&rules, &|_| false).iter().map(|p| p.split(':').next().unwrap_or_default().to_owned()).collect();
        assert_eq!(
            named,
            [
                "asset",
                "decimals",
                "starting_balance",
                "deposit.fee.fixed",
                "deposit.max_amount",
                "deposit.fee.percent_ppm",
                "deposit.tolerance_ppm",
                "deposit.revive_within_ms",
                "deposit.expires_after_ms"
            ]
        );
        assert!(problems(&plain(), &|_| true).is_empty());
    }
}
