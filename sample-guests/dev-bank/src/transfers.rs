//! Hooks `withdrawals`, `payouts` and `payout-status`: transfers from the anchor's account at the bank.

use serde::{Deserialize, Serialize};
use windlass_sdk::http::Response;
use windlass_sdk::{
    Error, Found, Payment, Payout, PayoutPoll, PayoutProgress, PayoutStatus, PayoutUpdate, Payouts, PendingPayouts,
    Transaction, WithdrawalIntegration, clock, log, settings, state,
};

use crate::{DevBank, client};

/// How many payouts of the present round were looked at already.
const ROUND: &str = "payouts-looked-at";
/// Payouts looked at in one poll: each is a request, and a run may send 100.
const BATCH: u32 = 90;
/// Which transfers that came back have been reported.
const RETURNS: &str = "returns-cursor";
/// A transfer that came back and is no payout that we know may be one whose run has not ended yet: for so many
/// milliseconds it is looked for again.
const UNKNOWN_RETURN_MS: u64 = 60 * 60 * 1_000;

#[derive(Serialize)]
struct NewTransfer<'a> {
    to: &'a str,
    amount: String,
    currency: String,
    reference: &'a str,
}

#[derive(Deserialize)]
struct Transfer {
    id: String,
    status: String,
    /// Why it came back.
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Returns {
    returns: Vec<Return>,
    next: String,
}

#[derive(Deserialize)]
struct Return {
    transfer: String,
    reason: String,
    /// Unix seconds.
    returned_at: u64,
}

#[derive(Deserialize)]
struct Transfers {
    transfers: Vec<Transfer>,
}

impl WithdrawalIntegration for DevBank {
    fn process_withdrawal(_payment: Payment, transaction: Transaction) -> Result<Payout, Error> {
        let decimals = settings::parse_or("bank-currency-decimals", 2_u8)?;
        let transfer = NewTransfer {
            to: transaction.require_field("bank_account_number")?,
            amount: transaction.amount_out()?.to_string_with_decimals(decimals)?,
            currency: settings::get("bank-currency").unwrap_or_else(|| transaction.asset.code.clone()),
            reference: &transaction.reference,
        };
        made(&client::post("/v1/transfers", &transfer, "payout")?)
    }
}

impl PayoutStatus for DevBank {
    fn look_up(_transaction: Transaction, _effect: String, key: String) -> Result<Found, Error> {
        let answer = client::get(&format!("/v1/transfers?key={}", client::encode(&key)))?;
        if answer.status != 200 {
            return Err(client::failure(&answer));
        }
        found(client::read::<Transfers>(&answer)?.transfers)
    }
}

impl Payouts for DevBank {
    /// Looks at the next payouts of the round; when the set is at its end, the round begins anew. A payout that leaves
    /// the set meanwhile shifts the others, which are then looked at in the next round.
    fn poll_pending_payouts(pending: &PendingPayouts) -> Result<PayoutPoll, Error> {
        let looked_at = state::get_u64(ROUND)?.unwrap_or(0);
        skip(pending, looked_at);
        let batch = pending.next_batch(BATCH);
        let more = batch.len() == BATCH as usize;
        state::set_u64(ROUND, if more { looked_at + u64::from(BATCH) } else { 0 });
        let mut updates = Vec::new();
        let mut reported = Vec::new();
        for transaction in batch {
            let Some(id) = &transaction.external_id else { continue };
            let answer = client::get(&format!("/v1/transfers/{}", client::encode(id)))?;
            if let Some(progress) = progress(id, &answer)? {
                if matches!(progress, PayoutProgress::Returned(_)) {
                    reported.push(id.clone());
                }
                updates.push(PayoutUpdate { id: transaction.id.clone(), progress });
            }
        }
        updates.extend(returned(pending, &reported)?);
        Ok(PayoutPoll { updates, more })
    }
}

/// Payouts that came back since the last poll, completed ones too; but not those that are reported already. The cursor
/// stays while the page holds a transfer that came back lately and is no payout that we know.
fn returned(pending: &PendingPayouts, reported: &[String]) -> Result<Vec<PayoutUpdate>, Error> {
    let cursor = state::get_text(RETURNS)?.unwrap_or_default();
    let answer = client::get(&format!("/v1/returns?after={}&limit=50", client::encode(&cursor)))?;
    if answer.status != 200 {
        return Err(client::failure(&answer));
    }
    let page: Returns = client::read(&answer)?;
    let new: Vec<&Return> = page.returns.iter().filter(|one| !reported.contains(&one.transfer)).collect();
    let ids: Vec<String> = new.iter().map(|one| one.transfer.clone()).collect();
    let payouts = if ids.is_empty() { Vec::new() } else { pending.find(&ids) };
    let (mut updates, mut wait) = (Vec::new(), false);
    for one in new {
        match payouts.iter().find(|payout| payout.external_id.as_deref() == Some(&one.transfer)) {
            Some(payout) => updates.push(PayoutUpdate { id: payout.id.clone(), progress: PayoutProgress::Returned(one.reason.clone()) }),
            None if is_recent(one.returned_at, clock::now_ms()) => wait = true,
            None => log::warn(&format!("transfer {} came back ({}), and it is no payout of a withdrawal", one.transfer, one.reason)),
        }
    }
    if !wait && page.next != cursor {
        state::set_text(RETURNS, &page.next);
    }
    Ok(updates)
}

fn is_recent(returned_at_s: u64, now_ms: u64) -> bool {
    now_ms.saturating_sub(returned_at_s.saturating_mul(1_000)) < UNKNOWN_RETURN_MS
}

/// Reads past so many of the set.
fn skip(pending: &PendingPayouts, mut count: u64) {
    while count > 0 {
        let batch = pending.next_batch(u32::try_from(count).unwrap_or(u32::MAX).min(100));
        if batch.is_empty() {
            return;
        }
        count = count.saturating_sub(batch.len() as u64);
    }
}

/// What the answer to a new transfer says.
///
/// 409, a key that was used with another body, is no refusal of this payout: an earlier request under the key, made
/// before a setting changed, has been carried out.
fn made(answer: &Response) -> Result<Payout, Error> {
    match (answer.status, client::failure(answer)) {
        (200 | 201, _) => payout(client::read(answer)?),
        (409, _) => Err(Error::UnexpectedResponse(
            "the bank has carried out another transfer under this key; compare its statement before anything else".into(),
        )),
        (_, failure) => Err(failure),
    }
}

fn payout(transfer: Transfer) -> Result<Payout, Error> {
    match transfer.status.as_str() {
        "settled" => Ok(Payout::paid(&transfer.id)),
        // Of one that came back, the next poll reports why.
        "pending" | "returned" => Ok(Payout::in_progress(&transfer.id, None)),
        "ready" => Ok(Payout::ready_for_pickup(&transfer.id, "Fetch the money at the bank's desk; show an identity card.")),
        other => Err(Error::UnexpectedResponse(format!("transfer {} has the unknown status `{other}`", transfer.id))),
    }
}

/// The bank accepts a request whole or not at all. One that is still on its way may arrive later: the host believes "not
/// found" only after the time that the manifest declares (`rail.not_found_after_ms`).
fn found(transfers: Vec<Transfer>) -> Result<Found, Error> {
    match <[Transfer; 1]>::try_from(transfers) {
        Ok([transfer]) => Ok(Found::Found(payout(transfer)?)),
        Err(transfers) if transfers.is_empty() => Ok(Found::NotFound),
        Err(transfers) => {
            log::error(&format!("{} transfers under one key: the bank paid more than once", transfers.len()));
            Ok(Found::CannotTell)
        }
    }
}

/// What is new about a payout, if anything. One that the bank does not know must not hide the others.
fn progress(id: &str, answer: &Response) -> Result<Option<PayoutProgress>, Error> {
    match answer.status {
        200 => {
            let transfer: Transfer = client::read(answer)?;
            if transfer.status == "returned" {
                let reason = transfer.reason.unwrap_or_else(|| "the receiver's bank gave it back".into());
                return Ok(Some(PayoutProgress::Returned(reason)));
            }
            match payout(transfer)? {
                Payout::Paid(_) => Ok(Some(PayoutProgress::Delivered)),
                Payout::InProgress(_) | Payout::ReadyForPickup(_) => Ok(None),
            }
        }
        404 => {
            log::error(&format!("the bank does not know transfer {id}"));
            Ok(None)
        }
        _ => Err(client::failure(answer)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response { status, headers: vec![], body: body.as_bytes().to_vec() }
    }

    #[test]
    fn rule_3_only_the_banks_yes_is_a_payout() {
        let settled = r#"{"id":"tr-000001","status":"settled"}"#;
        for (status, body, expected) in [
            (201, settled, Ok(Payout::paid("tr-000001"))),
            (200, settled, Ok(Payout::paid("tr-000001"))),
            (201, r#"{"id":"tr-000001","status":"pending"}"#, Ok(Payout::in_progress("tr-000001", None))),
            (422, r#"{"error":"insufficient funds"}"#, Err(Error::Refused("insufficient funds".into()))),
            (503, "", Err(Error::TryLater(30_000))),
        ] {
            assert_eq!(made(&answer(status, body)), expected, "{status} {body}");
        }
        let odd = r#"{"id":"tr","status":"odd"}"#;
        for (status, body) in [(201, "{}"), (201, odd), (302, settled), (404, settled), (409, "{}")] {
            assert!(matches!(made(&answer(status, body)), Err(Error::UnexpectedResponse(_))), "{status} {body}");
        }
    }

    #[test]
    fn rule_3_only_one_transfer_is_found() {
        let transfer = || Transfer { id: "tr-000001".into(), status: "settled".into(), reason: None };
        assert_eq!(found(vec![]), Ok(Found::NotFound));
        assert_eq!(found(vec![transfer()]), Ok(Found::Found(Payout::paid("tr-000001"))));
        assert_eq!(found(vec![transfer(), transfer()]), Ok(Found::CannotTell));
    }

    #[test]
    fn an_unknown_return_is_looked_for_again_for_an_hour() {
        assert!(is_recent(1_000, 1_000_000 + UNKNOWN_RETURN_MS - 1));
        assert!(!is_recent(1_000, 1_000_000 + UNKNOWN_RETURN_MS));
    }

    #[test]
    fn a_lost_transfer_does_not_hide_the_others() {
        assert_eq!(progress("tr-1", &answer(404, "")), Ok(None));
        assert_eq!(progress("tr-1", &answer(200, r#"{"id":"tr-1","status":"pending"}"#)), Ok(None));
        let settled = answer(200, r#"{"id":"tr-1","status":"settled"}"#);
        assert_eq!(progress("tr-1", &answer(200, r#"{"id":"tr-1","status":"ready"}"#)), Ok(None));
        let returned = answer(200, r#"{"id":"tr-1","status":"returned","reason":"account closed"}"#);
        assert_eq!(progress("tr-1", &returned), Ok(Some(PayoutProgress::Returned("account closed".into()))));
        assert_eq!(progress("tr-1", &settled), Ok(Some(PayoutProgress::Delivered)));
        assert_eq!(progress("tr-1", &answer(500, "")), Err(Error::TryLater(30_000)));
    }
}
