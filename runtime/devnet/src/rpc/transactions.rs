//! sendTransaction, getTransaction, getTransactions.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use stellar_xdr::{ContractEvent, Limits, ReadXdr, TransactionEnvelope, TransactionEvent, TransactionEventStage};

use super::{RpcError, entries::base64, paging};
use crate::{
    clock,
    devnet::Net,
    ledger::{AppliedTransaction, Ledger, SubmitStatus},
};

/// Larger than any envelope of 100 operations.
const ENVELOPE_LIMITS: Limits = Limits { depth: 200, len: 128 * 1024 };

#[derive(Debug, Deserialize)]
pub(super) struct SendParams {
    #[serde(default)]
    transaction: String,
}

pub(super) fn send(net: &Net, params: &SendParams) -> Result<Value, RpcError> {
    let envelope = TransactionEnvelope::from_xdr_base64(&params.transaction, ENVELOPE_LIMITS)
        .map_err(|_| RpcError::new(RpcError::INVALID_PARAMS, "invalid_xdr"))?;
    let mut ledger = net.ledger();
    let submitted = ledger.submit(envelope, clock::now()).map_err(|outside| RpcError::new(RpcError::OUTSIDE, outside.to_string()))?;
    let last = ledger.last();
    let mut answer = Map::new();
    let status = match submitted.status {
        SubmitStatus::Pending => {
            net.submitted.notify_one();
            "PENDING"
        }
        SubmitStatus::Duplicate => "DUPLICATE",
        SubmitStatus::TryAgainLater => "TRY_AGAIN_LATER",
        SubmitStatus::Error(result) => {
            answer.insert("errorResultXdr".to_owned(), json!(base64(&result)?));
            "ERROR"
        }
    };
    answer.insert("status".to_owned(), json!(status));
    answer.insert("hash".to_owned(), json!(hex::encode(submitted.hash)));
    answer.insert("latestLedger".to_owned(), json!(last.sequence()));
    answer.insert("latestLedgerCloseTime".to_owned(), json!(last.close_time().to_string()));
    Ok(Value::Object(answer))
}

#[derive(Debug, Deserialize)]
pub(super) struct OneParams {
    #[serde(default)]
    hash: String,
}

pub(super) fn one(net: &Net, params: &OneParams) -> Result<Value, RpcError> {
    let length = params.hash.len();
    if length != 64 {
        let message = format!("unexpected hash length ({length})");
        return Err(RpcError::new(RpcError::INVALID_PARAMS, message));
    }
    let mut hash = [0; 32];
    hex::decode_to_slice(&params.hash, &mut hash)
        .map_err(|error| RpcError::new(RpcError::INVALID_PARAMS, format!("incorrect hash: {error}")))?;
    let ledger = net.ledger();
    let mut answer = match ledger.transaction(&hash) {
        Some((closed, transaction)) => {
            let mut told = tell(transaction)?;
            told.insert("ledger".to_owned(), json!(closed.sequence()));
            told.insert("createdAt".to_owned(), json!(closed.close_time().to_string()));
            told
        }
        None => not_found(&params.hash),
    };
    let (oldest, last) = paging::range(&ledger);
    answer.insert("latestLedger".to_owned(), json!(last.sequence()));
    answer.insert("latestLedgerCloseTime".to_owned(), json!(last.close_time().to_string()));
    answer.insert("oldestLedger".to_owned(), json!(oldest.sequence()));
    answer.insert("oldestLedgerCloseTime".to_owned(), json!(oldest.close_time().to_string()));
    Ok(Value::Object(answer))
}

/// What is not found still has a ledger and a time, both zero.
fn not_found(hash: &str) -> Map<String, Value> {
    let mut told = Map::new();
    told.insert("status".to_owned(), json!("NOT_FOUND"));
    told.insert("txHash".to_owned(), json!(hash));
    told.insert("applicationOrder".to_owned(), json!(0));
    told.insert("feeBump".to_owned(), json!(false));
    told.insert("events".to_owned(), json!({}));
    told.insert("ledger".to_owned(), json!(0));
    told.insert("createdAt".to_owned(), json!("0"));
    told
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageParams {
    start_ledger: Option<u32>,
    pagination: Option<paging::Pagination>,
}

/// A page in the order of the ledger. The cursor names the transaction it ends with, or, if the last ledger looked at
/// has none, that ledger with transaction 0, which can lie *before* the cursor that was given: a client keeps its old
/// one when a page is empty.
pub(super) fn page(net: &Net, params: &PageParams) -> Result<Value, RpcError> {
    let (given, limit) = paging::cursor_and_limit(params.pagination.as_ref())?;
    let ledger = net.ledger();
    let from = start_of_page(&ledger, params.start_ledger.unwrap_or(0), given)?;
    let (oldest, last) = paging::range(&ledger);
    let mut transactions = Vec::new();
    let mut cursor = from;
    for sequence in from.ledger..=last.sequence() {
        let Some(closed) = ledger.closed_at(sequence) else {
            break;
        };
        let first = if sequence == from.ledger { from.order } else { 1 };
        cursor = Toid { ledger: sequence, order: 0 };
        for transaction in closed.transactions.iter().filter(|one| one.application_order >= first) {
            cursor.order = transaction.application_order;
            let mut told = tell(transaction)?;
            told.insert("ledger".to_owned(), json!(sequence));
            told.insert("createdAt".to_owned(), json!(closed.close_time()));
            transactions.push(Value::Object(told));
            if transactions.len() == limit {
                break;
            }
        }
        if transactions.len() == limit {
            break;
        }
    }
    Ok(json!({
        "transactions": transactions,
        "latestLedger": last.sequence(),
        "latestLedgerCloseTimestamp": last.close_time(),
        "oldestLedger": oldest.sequence(),
        "oldestLedgerCloseTimestamp": oldest.close_time(),
        "cursor": cursor.to_string(),
    }))
}

/// The first transaction that belongs on the page.
fn start_of_page(ledger: &Ledger, start: u32, cursor: Option<&str>) -> Result<Toid, RpcError> {
    let Some(text) = cursor else {
        let ledger = paging::start(ledger, start)?;
        return Ok(Toid { ledger, order: 1 });
    };
    paging::not_both(start, text)?;
    let seen = Toid::from_number(text.parse().map_err(|_| paging::no_number("ParseInt", text))?);
    let (oldest, _) = paging::range(ledger);
    if seen.ledger < oldest.sequence() {
        return Err(paging::too_old(seen.ledger));
    }
    Ok(Toid { order: seen.order.saturating_add(1), ..seen })
}

/// A total order id (SEP-35): ledger in the upper 32 bits, transaction in the next 20, operation in the last 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Toid {
    ledger: u32,
    order: u32,
}

impl Toid {
    fn from_number(number: u64) -> Self {
        Self {
            ledger: u32::try_from(number >> 32).unwrap_or(u32::MAX),
            order: u32::try_from((number >> 12) & 0xF_FFFF).unwrap_or(u32::MAX),
        }
    }
}

impl std::fmt::Display for Toid {
    /// Cursors of this API name operation 1.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", u64::from(self.ledger) << 32 | u64::from(self.order) << 12 | 1)
    }
}

fn tell(transaction: &AppliedTransaction) -> Result<Map<String, Value>, RpcError> {
    let mut told = Map::new();
    let status = if transaction.successful { "SUCCESS" } else { "FAILED" };
    told.insert("status".to_owned(), json!(status));
    told.insert("txHash".to_owned(), json!(hex::encode(transaction.hash)));
    told.insert("applicationOrder".to_owned(), json!(transaction.application_order));
    told.insert("feeBump".to_owned(), json!(false));
    told.insert("envelopeXdr".to_owned(), json!(base64(&transaction.envelope)?));
    told.insert("resultXdr".to_owned(), json!(base64(&transaction.result)?));
    told.insert("resultMetaXdr".to_owned(), json!(base64(&transaction.meta)?));
    told.insert("events".to_owned(), tell_events(transaction)?);
    Ok(told)
}

fn tell_events(transaction: &AppliedTransaction) -> Result<Value, RpcError> {
    let fee = TransactionEvent { stage: TransactionEventStage::BeforeAllTxs, event: transaction.fee_event.clone() };
    let mut events = Map::new();
    events.insert("transactionEventsXdr".to_owned(), json!([base64(&fee)?]));
    if let Some(operations) = &transaction.operation_events {
        let encode = |events: &Vec<ContractEvent>| events.iter().map(base64).collect::<Result<Vec<_>, _>>();
        let encoded = operations.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
        events.insert("contractEventsXdr".to_owned(), json!(encoded));
    }
    Ok(Value::Object(events))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_those_that_a_node_gives() {
        let cursor = Toid { ledger: 484, order: 1 };
        assert_eq!(cursor.to_string(), "2078764175361");
        assert_eq!(Toid::from_number(2_078_764_175_361), cursor);
        assert_eq!(Toid { ledger: 484, order: 0 }.to_string(), "2078764171265");
    }
}
