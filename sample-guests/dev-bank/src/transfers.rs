//! Hooks `withdrawals`, `payouts` and `payout-status`: transfers from the anchor's account at the bank.

use serde::{Deserialize, Serialize};
use windlass_sdk::http::Response;
use windlass_sdk::{
    Error, Found, Payment, Payout, PayoutPoll, PayoutProgress, PayoutStatus, PayoutUpdate, Payouts, PendingPayouts,
    Transaction, WithdrawalIntegration, log, settings, state,
};

use crate::{DevBank, client};

/// How many payouts of the present round were looked at already.
const ROUND: &str = "payouts-looked-at";
/// Payouts looked at in one poll: each is a request, and a run may send 100.
const BATCH: u32 = 90;

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
        for transaction in batch {
            let Some(id) = &transaction.external_id else { continue };
            let answer = client::get(&format!("/v1/transfers/{}", client::encode(id)))?;
            if let Some(progress) = progress(id, &answer)? {
                updates.push(PayoutUpdate { id: transaction.id, progress });
            }
        }
        Ok(PayoutPoll { updates, more })
    }
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
        "pending" => Ok(Payout::in_progress(&transfer.id, None)),
        other => Err(Error::UnexpectedResponse(format!("transfer {} has the unknown status `{other}`", transfer.id))),
    }
}

/// The bank accepts a request whole or not at all, but one that is still on its way may arrive later. So an empty
/// answer is "cannot tell", never "not found".
fn found(transfers: Vec<Transfer>) -> Result<Found, Error> {
    match <[Transfer; 1]>::try_from(transfers) {
        Ok([transfer]) => Ok(Found::Found(payout(transfer)?)),
        Err(transfers) if transfers.is_empty() => Ok(Found::CannotTell),
        Err(transfers) => {
            log::error(&format!("{} transfers under one key: the bank paid more than once", transfers.len()));
            Ok(Found::CannotTell)
        }
    }
}

/// What is new about a payout, if anything. One that the bank does not know must not hide the others.
fn progress(id: &str, answer: &Response) -> Result<Option<PayoutProgress>, Error> {
    match answer.status {
        200 => match payout(client::read(answer)?)? {
            Payout::Paid(_) => Ok(Some(PayoutProgress::Delivered)),
            Payout::InProgress(_) | Payout::ReadyForPickup(_) => Ok(None),
        },
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
    fn rule_3_nothing_found_is_not_a_no() {
        let transfer = || Transfer { id: "tr-000001".into(), status: "settled".into() };
        assert_eq!(found(vec![]), Ok(Found::CannotTell));
        assert_eq!(found(vec![transfer()]), Ok(Found::Found(Payout::paid("tr-000001"))));
        assert_eq!(found(vec![transfer(), transfer()]), Ok(Found::CannotTell));
    }

    #[test]
    fn a_lost_transfer_does_not_hide_the_others() {
        assert_eq!(progress("tr-1", &answer(404, "")), Ok(None));
        assert_eq!(progress("tr-1", &answer(200, r#"{"id":"tr-1","status":"pending"}"#)), Ok(None));
        let settled = answer(200, r#"{"id":"tr-1","status":"settled"}"#);
        assert_eq!(progress("tr-1", &settled), Ok(Some(PayoutProgress::Delivered)));
        assert_eq!(progress("tr-1", &answer(500, "")), Err(Error::TryLater(30_000)));
    }
}
