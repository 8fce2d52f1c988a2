//! getHealth, getNetwork, getVersionInfo, getFeeStats.

use serde_json::{Value, json};

use super::{RpcError, no_params};
use crate::{
    devnet::Net,
    ledger::{ClosedLedger, PROTOCOL},
};

/// Fees are told of this many ledgers.
const FEE_WINDOW: usize = 10;
/// A node keeps seven days of ledgers; this one keeps all, and says what a node would.
const RETENTION_LEDGERS: u32 = 120_960;

pub(super) fn health(net: &Net, params: &Value) -> Result<Value, RpcError> {
    no_params(params)?;
    let ledger = net.ledger();
    Ok(json!({
        "status": "healthy",
        "latestLedger": ledger.last().sequence(),
        "oldestLedger": ledger.closed().first().map(ClosedLedger::sequence),
        "ledgerRetentionWindow": RETENTION_LEDGERS,
    }))
}

pub(super) fn network(net: &Net, params: &Value) -> Result<Value, RpcError> {
    no_params(params)?;
    Ok(json!({
        "passphrase": net.ledger().passphrase(),
        "protocolVersion": PROTOCOL,
    }))
}

pub(super) fn version(params: &Value) -> Result<Value, RpcError> {
    no_params(params)?;
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "commitHash": "",
        "buildTimestamp": "",
        "captiveCoreVersion": "windlass-devnet",
        "protocolVersion": PROTOCOL,
    }))
}

/// The fees charged for each operation lately. Zeros, as a node answers, if there were no transactions.
pub(super) fn fee_stats(net: &Net, params: &Value) -> Result<Value, RpcError> {
    no_params(params)?;
    let ledger = net.ledger();
    let ledgers = ledger.closed().iter().rev().take(FEE_WINDOW);
    let window = ledgers.len();
    let mut fees: Vec<i64> = ledgers
        .flat_map(|ledger| &ledger.transactions)
        .map(|transaction| transaction.result.fee_charged / operations(transaction))
        .collect();
    fees.sort_unstable();
    Ok(json!({
        "sorobanInclusionFee": distribution(&[], 0),
        "inclusionFee": distribution(&fees, window),
        "latestLedger": ledger.last().sequence(),
    }))
}

fn operations(transaction: &crate::ledger::AppliedTransaction) -> i64 {
    let count = match &transaction.envelope {
        stellar_xdr::TransactionEnvelope::Tx(v1) => v1.tx.operations.len(),
        _ => 1,
    };
    i64::try_from(count).unwrap_or(i64::MAX).max(1)
}

fn distribution(sorted: &[i64], ledgers: usize) -> Value {
    let rank = |percent: usize| {
        let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(place).copied().unwrap_or(0).to_string()
    };
    let most_often =
        sorted.chunk_by(|left, right| left == right).max_by_key(|run| run.len()).and_then(|run| run.first()).copied().unwrap_or(0);
    json!({
        "max": sorted.last().copied().unwrap_or(0).to_string(),
        "min": sorted.first().copied().unwrap_or(0).to_string(),
        "mode": most_often.to_string(),
        "p10": rank(10), "p20": rank(20), "p30": rank(30), "p40": rank(40), "p50": rank(50), "p60": rank(60),
        "p70": rank(70), "p80": rank(80), "p90": rank(90), "p95": rank(95), "p99": rank(99),
        "transactionCount": sorted.len().to_string(),
        "ledgerCount": ledgers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_has_ranks_a_mode_and_zeros_when_empty() {
        let some = distribution(&[100, 100, 100, 200, 900], 10);
        assert_eq!(some["min"], "100");
        assert_eq!(some["p60"], "100");
        assert_eq!(some["p80"], "200");
        assert_eq!(some["p99"], "900");
        assert_eq!(some["mode"], "100");
        assert_eq!(some["transactionCount"], "5");
        assert_eq!(distribution(&[], 0)["p90"], "0");
    }
}
