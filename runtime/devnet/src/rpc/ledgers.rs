//! getLatestLedger and getLedgers.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{RpcError, entries::base64, no_params, paging};
use crate::{
    devnet::Net,
    ledger::{ClosedLedger, PROTOCOL},
};

/// The times and the XDR are in the answers of newer nodes only; clients of today want them.
pub(super) fn latest(net: &Net, params: &Value) -> Result<Value, RpcError> {
    no_params(params)?;
    let ledger = net.ledger();
    let last = ledger.last();
    Ok(json!({
        "id": hex::encode(last.hash),
        "protocolVersion": PROTOCOL,
        "sequence": last.sequence(),
        "closeTime": last.close_time().to_string(),
        "headerXdr": base64(&last.header)?,
        "metadataXdr": base64(&last.close_meta())?,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Params {
    start_ledger: Option<u32>,
    pagination: Option<paging::Pagination>,
}

/// A page of ledgers. The cursor is the number of the last one.
pub(super) fn page(net: &Net, params: &Params) -> Result<Value, RpcError> {
    let (cursor, limit) = paging::cursor_and_limit(params.pagination.as_ref())?;
    let ledger = net.ledger();
    let (oldest, last) = paging::range(&ledger);
    let first = match cursor {
        None => paging::start(&ledger, params.start_ledger.unwrap_or(0))?,
        Some(text) => {
            paging::not_both(params.start_ledger.unwrap_or(0), text)?;
            let seen: u32 = text.parse().map_err(|_| paging::no_number("ParseUint", text))?;
            let first = seen.saturating_add(1);
            if first < oldest.sequence() {
                return Err(paging::too_old(seen));
            }
            first
        }
    };
    let page: Vec<&ClosedLedger> = (first..=last.sequence()).map_while(|sequence| ledger.closed_at(sequence)).take(limit).collect();
    let told = page.iter().map(|closed| tell(closed)).collect::<Result<Vec<Value>, RpcError>>()?;
    let end = page.last().map_or(first.saturating_sub(1), |closed| closed.sequence());
    Ok(json!({
        "ledgers": told,
        "latestLedger": last.sequence(),
        "latestLedgerCloseTime": last.close_time(),
        "oldestLedger": oldest.sequence(),
        "oldestLedgerCloseTime": oldest.close_time(),
        "cursor": end.to_string(),
    }))
}

fn tell(closed: &ClosedLedger) -> Result<Value, RpcError> {
    Ok(json!({
        "hash": hex::encode(closed.hash),
        "sequence": closed.sequence(),
        "ledgerCloseTime": closed.close_time().to_string(),
        "headerXdr": base64(&closed.header_entry())?,
        "metadataXdr": base64(&closed.close_meta())?,
    }))
}
