//! `POST /v1/tenants/{tenant}/transactions`: begins a deposit or a withdrawal.
//!
//! Takes `kind`, `asset` (`native` or `CODE:ISSUER`), `amount` (may be left out), `fields` (names and texts), and for a
//! deposit `account` (`G...` or `M...`, who is paid) and `memo` (attached to the payment). Answers 201: a deposit with
//! `instructions`, what to write on the bank transfer; a withdrawal with the account to pay and a memo of its own.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use serde::Deserialize;
use windlass_domain::commit::{CommitError, Write};
use windlass_domain::deposit::DepositState;
use windlass_domain::ids::reference_from_bits;
use windlass_domain::rules::{AssetRules, DirectionRules};
use windlass_domain::tenant::AccountRole;
use windlass_domain::transaction::{History, State as TransactionState, Transaction};
use windlass_domain::withdrawal::WithdrawalState;
use windlass_domain::{AccountId, Address, Amount, Asset, Kind, Memo, TenantId, TransactionId};

use super::TransactionView;
use crate::auth::Member;
use crate::extract::JsonBody;
use crate::{ApiState, Problem};

/// A reference or a memo that is taken already is drawn again, so often at most.
const DRAWS: usize = 8;

/// Withdrawals' memos are below 2^53, so that a wallet that reads them as a JavaScript number keeps every digit.
const MEMO_BITS: u32 = 53;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    kind: Kind,
    asset: Asset,
    #[serde(default)]
    amount: Option<Amount>,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    memo: Option<Memo>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

type Answer = (StatusCode, [(header::HeaderName, String); 1], Json<TransactionView>);

pub(crate) async fn handle(
    State(state): State<ApiState>,
    Member { actor, tenant }: Member,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Answer, Problem> {
    let rules = state.store.asset(&tenant.id, &asked.asset).await?.ok_or_else(|| {
        Problem::invalid(
            "unknown_asset",
            format!("tenant {} has no asset {}: add it with PUT /v1/tenants/{}/assets", tenant.id, asked.asset, tenant.id),
        )
    })?;
    check(&asked, &rules, &|account| state.keys.account_is_valid(account))?;
    let accounts = state.store.accounts(&tenant.id).await?;
    let anchor = accounts
        .into_iter()
        .find(|account| account.role == AccountRole::Distribution && account.network == tenant.network)
        .ok_or_else(|| {
            Problem::conflict(
                "no_distribution_account",
                format!("tenant {} has no distribution account: add one with POST /v1/tenants/{}/accounts", tenant.id, tenant.id),
            )
        })?;
    for draw in 1..=DRAWS {
        let transaction = new_transaction(&state, &tenant.id, &asked, &rules, anchor.account.clone()).await?;
        let history = History {
            version: transaction.version,
            from: None,
            to: transaction.state,
            event: "created".to_owned(),
            actor: actor.clone(),
            detail: None,
            at: transaction.created_at,
        };
        let mut writes = vec![Write::NewTransaction(Box::new(transaction.clone()), history)];
        writes.extend(Write::expire_work(&transaction, transaction.created_at));
        match state.commit(writes).await {
            Ok(()) => {
                (state.wake)();
                let location = format!("/v1/tenants/{}/transactions/{}", tenant.id, transaction.id);
                let now = transaction.created_at;
                return Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(TransactionView::new(transaction, now))));
            }
            Err(CommitError::Conflict { .. }) if draw < DRAWS => {}
            Err(error) => return Err(error.into()),
        }
    }
    unreachable!("the last draw returns")
}

async fn new_transaction(
    state: &ApiState,
    tenant: &TenantId,
    asked: &Asked,
    rules: &AssetRules,
    anchor_account: AccountId,
) -> Result<Transaction, Problem> {
    let now = state.clock.now();
    let (first, memo) = match asked.kind {
        Kind::Deposit => (TransactionState::Deposit(DepositState::AwaitingFunds), asked.memo.clone()),
        Kind::Withdrawal => {
            (TransactionState::Withdrawal(WithdrawalState::AwaitingPayment), Some(free_memo(state, tenant, &anchor_account).await?))
        }
    };
    Ok(Transaction {
        tenant: tenant.clone(),
        id: TransactionId::from_bits(state.random.bits()),
        state: first,
        version: 1,
        asset: asked.asset.clone(),
        reference: reference_from_bits(state.random.bits()),
        memo,
        account: asked.account.clone(),
        anchor_account,
        amount_expected: asked.amount,
        amount_in: None,
        fee: None,
        amount_out: None,
        refunded: Amount::ZERO,
        payouts_returned: 0,
        external_id: None,
        stellar_transaction_id: None,
        message: None,
        fields: asked.fields.clone().into_iter().collect(),
        status_eta: None,
        expires_at: Some(direction(asked.kind, rules).expires_at(now)),
        created_at: now,
        updated_at: now,
        received_at: None,
        completed_at: None,
    })
}

/// An id memo that no transaction on the account has. A constraint stands behind it.
async fn free_memo(state: &ApiState, tenant: &TenantId, account: &AccountId) -> Result<Memo, Problem> {
    for _ in 0..DRAWS {
        let drawn = u64::try_from(u128::from_be_bytes(state.random.bits()) >> (128 - MEMO_BITS)).unwrap_or(u64::MAX);
        let memo = Memo::Id(drawn.max(1));
        if state.store.memo_is_free(tenant, account, &memo).await? {
            return Ok(memo);
        }
    }
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_free_memo", "no free memo was found: try again"))
}

const fn direction(kind: Kind, rules: &AssetRules) -> &DirectionRules {
    match kind {
        Kind::Deposit => &rules.deposit,
        Kind::Withdrawal => &rules.withdrawal,
    }
}

/// Refusals, in order of precedence.
fn check(asked: &Asked, rules: &AssetRules, is_account: &dyn Fn(&str) -> bool) -> Result<(), Problem> {
    let direction = direction(asked.kind, rules);
    let kind = asked.kind.as_str();
    if !direction.enabled {
        return Err(Problem::conflict(
            "direction_disabled",
            format!("{kind} of {} is not enabled: enable it with PUT assets", asked.asset),
        ));
    }
    if let Some(amount) = asked.amount {
        if !amount.is_positive() || amount < direction.min_amount {
            let detail = format!("amount {amount} is below the minimum of {} for a {kind} of {}", direction.min_amount, asked.asset);
            return Err(Problem::invalid("amount_too_small", detail));
        }
        if amount > direction.max_amount {
            let detail = format!("amount {amount} is above the maximum of {} for a {kind} of {}", direction.max_amount, asked.asset);
            return Err(Problem::invalid("amount_too_large", detail));
        }
        if !amount.fits_decimals(rules.decimals) {
            let detail = format!("amount {amount} has more than the {} decimals of {}: round it", rules.decimals, asked.asset);
            return Err(Problem::invalid("amount_too_precise", detail));
        }
    }
    match (asked.kind, &asked.account) {
        (Kind::Deposit, Some(account)) => match account.parse() {
            Ok(Address::Muxed { .. }) if asked.memo.is_some() => {
                Err(Problem::invalid("memo_not_taken", "a deposit to an M... address takes no memo: its id says for whom it is (SEP-29)"))
            }
            Ok(Address::Muxed { .. }) => Ok(()),
            _ if is_account(account) => Ok(()),
            _ => Err(Problem::invalid(
                "invalid_account",
                format!("account {account:?} is not a Stellar account: give its G... or M... address"),
            )),
        },
        (Kind::Deposit, None) => Err(Problem::invalid("account_missing", "a deposit needs account: the G... or M... address that is paid")),
        (Kind::Withdrawal, Some(_)) => {
            Err(Problem::invalid("account_not_taken", "a withdrawal takes no account: whoever pays with its memo is the payer"))
        }
        (Kind::Withdrawal, None) if asked.memo.is_some() => Err(Problem::invalid(
            "memo_not_taken",
            "a withdrawal takes no memo: the answer has one of its own, which the payment must carry",
        )),
        (Kind::Withdrawal, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const MUXED: &str = "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ";

    #[test]
    fn rule_6_refusals_in_order_of_precedence() {
        let rules: AssetRules = serde_json::from_value(json!({
            "asset": "native", "deposit": { "enabled": true, "min_amount": "1", "max_amount": "100" }, "withdrawal": { "enabled": true }
        }))
        .unwrap();
        let deposit = |more: Value| merged(json!({ "kind": "deposit", "asset": "native" }), more);
        let withdrawal = |more: Value| merged(json!({ "kind": "withdrawal", "asset": "native" }), more);
        for (asked, code) in [
            (deposit(json!({ "amount": "0.5" })), "amount_too_small"),
            (deposit(json!({ "amount": "-5" })), "amount_too_small"),
            (deposit(json!({ "amount": "100.01" })), "amount_too_large"),
            (deposit(json!({ "amount": "1.001" })), "amount_too_precise"),
            (deposit(json!({ "amount": "1" })), "account_missing"),
            (deposit(json!({ "account": "bad" })), "invalid_account"),
            (deposit(json!({ "account": "good", "memo": "id:7" })), ""),
            (deposit(json!({ "account": MUXED })), ""),
            (deposit(json!({ "account": MUXED.replace("CJUQ", "CJUK") })), "invalid_account"),
            (deposit(json!({ "account": MUXED, "memo": "id:7" })), "memo_not_taken"),
            (withdrawal(json!({ "account": "good" })), "account_not_taken"),
            (withdrawal(json!({ "memo": "id:7" })), "memo_not_taken"),
            (withdrawal(json!({ "amount": "0" })), "amount_too_small"),
            (withdrawal(json!({})), ""),
        ] {
            let parsed: Asked = serde_json::from_value(asked.clone()).unwrap();
            let seen = check(&parsed, &rules, &|account| account == "good").err().map_or("", |problem| problem.code);
            assert_eq!(seen, code, "{asked}");
        }
        let off: AssetRules = serde_json::from_value(json!({ "asset": "native" })).unwrap();
        let parsed: Asked = serde_json::from_value(deposit(json!({ "amount": "0" }))).unwrap();
        assert_eq!(check(&parsed, &off, &|_| true).unwrap_err().code, "direction_disabled");
    }

    fn merged(mut base: Value, more: Value) -> Value {
        let (Some(base_fields), Value::Object(more)) = (base.as_object_mut(), more) else { panic!("objects") };
        base_fields.extend(more);
        base
    }
}
