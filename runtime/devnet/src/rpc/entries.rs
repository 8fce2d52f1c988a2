//! getLedgerEntries: entries by their keys; one that does not exist is simply not in the answer.

use serde::Deserialize;
use serde_json::{Value, json};
use stellar_xdr::{LedgerKey, Limits, ReadXdr, WriteXdr};

use super::RpcError;
use crate::devnet::Net;

const MOST_KEYS: usize = 200;

#[derive(Debug, Deserialize)]
pub(super) struct Params {
    #[serde(default)]
    keys: Vec<String>,
}

pub(super) fn ledger_entries(net: &Net, params: Params) -> Result<Value, RpcError> {
    let count = params.keys.len();
    if count > MOST_KEYS {
        let message = format!("key count ({count}) exceeds maximum supported ({MOST_KEYS})");
        return Err(RpcError::new(RpcError::INVALID_PARAMS, message));
    }
    let mut keys = Vec::with_capacity(count);
    for (index, text) in params.keys.iter().enumerate() {
        let key = LedgerKey::from_xdr_base64(text, Limits { depth: 50, len: 2048 }).map_err(|_| {
            let message = format!("cannot unmarshal key value {text} at index {index}");
            RpcError::new(RpcError::INVALID_PARAMS, message)
        })?;
        if keys.contains(&key) {
            let message = "could not query captive core: http request failed with non-200 status code (404)";
            return Err(RpcError::new(RpcError::INTERNAL, message));
        }
        keys.push(key);
    }
    if keys.is_empty() {
        let message = "could not query captive core: no keys specified in request";
        return Err(RpcError::new(RpcError::INTERNAL, message));
    }
    let ledger = net.ledger();
    let mut entries = Vec::new();
    for key in keys {
        if let Some(entry) = ledger.entry(&key) {
            entries.push(json!({
                "key": base64(&key)?,
                "xdr": base64(&entry.data)?,
                "lastModifiedLedgerSeq": entry.last_modified_ledger_seq,
                "extXdr": base64(&entry.ext)?,
            }));
        }
    }
    Ok(json!({"entries": entries, "latestLedger": ledger.last().sequence()}))
}

/// XDR as the API writes it.
pub(super) fn base64(value: &impl WriteXdr) -> Result<String, RpcError> {
    let encoded = value.to_xdr_base64(Limits::none());
    encoded.map_err(|error| RpcError::new(RpcError::INTERNAL, error.to_string()))
}
