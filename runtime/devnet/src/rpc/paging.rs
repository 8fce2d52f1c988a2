//! What the paged methods have in common: where a page begins, how long it is, and what is wrong with a wish.

use serde::Deserialize;

use super::RpcError;
use crate::ledger::{ClosedLedger, Ledger};

const USUAL_PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Pagination {
    cursor: Option<String>,
    limit: Option<usize>,
}

/// The cursor, if one is given, and the most that a page may hold.
pub(super) fn cursor_and_limit(pagination: Option<&Pagination>) -> Result<(Option<&str>, usize), RpcError> {
    let cursor = pagination.and_then(|page| page.cursor.as_deref()).filter(|text| !text.is_empty());
    let limit = pagination.and_then(|page| page.limit).filter(|limit| *limit > 0).unwrap_or(USUAL_PAGE);
    if limit > LARGEST_PAGE {
        let message = format!("limit must not exceed {LARGEST_PAGE}");
        return Err(RpcError::new(RpcError::INVALID_REQUEST, message));
    }
    Ok((cursor, limit))
}

/// The first ledger of a page without a cursor: it must be one that is kept.
pub(super) fn start(ledger: &Ledger, wanted: u32) -> Result<u32, RpcError> {
    let (oldest, last) = range(ledger);
    if wanted < oldest.sequence() || wanted > last.sequence() {
        let message = format!(
            "start ledger ({wanted}) must be between the oldest ledger: {} and the latest ledger: {} for this rpc instance",
            oldest.sequence(),
            last.sequence()
        );
        return Err(RpcError::new(RpcError::INVALID_REQUEST, message));
    }
    Ok(wanted)
}

/// A page begins at a ledger or at a cursor.
pub(super) fn not_both(start: u32, cursor: &str) -> Result<(), RpcError> {
    if start == 0 {
        return Ok(());
    }
    let message = format!("startLedger ({start}) and cursor ({cursor}) cannot both be set");
    Err(RpcError::new(RpcError::INVALID_REQUEST, message))
}

/// In the words of a node, which is written in Go.
pub(super) fn no_number(function: &str, text: &str) -> RpcError {
    let message = format!("strconv.{function}: parsing \"{text}\": invalid syntax");
    RpcError::new(RpcError::INVALID_PARAMS, message)
}

pub(super) fn too_old(ledger: u32) -> RpcError {
    let message = format!("database does not contain metadata for ledger: {ledger}");
    RpcError::new(RpcError::INVALID_PARAMS, message)
}

/// The oldest and the newest ledger that are kept.
pub(super) fn range(ledger: &Ledger) -> (&ClosedLedger, &ClosedLedger) {
    let last = ledger.last();
    (ledger.closed().first().unwrap_or(last), last)
}
