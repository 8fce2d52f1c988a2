//! The network over Stellar RPC: the domain's `Ledger`, and the calls behind it.
//!
//! `call` speaks JSON-RPC within limits of time and size; `parse` reads the answers, as pure functions.

pub(crate) mod call;
pub mod parse;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use stellar_xdr::{LedgerKey, LedgerKeyAccount, LedgerKeyData, LedgerKeyTrustLine, String64};
use windlass_domain::ports::ledger::{Entries, From, Ledger, LedgerError, LedgerHead, LookUp, PaymentPage, Submission};
use windlass_domain::{AccountId, Asset};

use crate::error::Error;
use crate::xdr;
use call::{CallError, Caller};
use parse::PageError;

/// Keys in one getLedgerEntries, transactions in one getTransactions: the servers' own limits.
const PAGE_MAX: usize = 200;

/// A hash that no transaction has: asked for its answer's times only.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// How calls are made.
#[derive(Debug, Clone)]
pub struct RpcOptions {
    /// For a connection.
    pub connect_timeout: Duration,
    /// For a whole call, body included.
    pub timeout: Duration,
    /// The longest answer that is read.
    pub answer_bytes_max: usize,
    /// The most that is bid for one operation, in stroops, whatever the server's statistics say.
    pub fee_per_operation_max: u32,
}

impl Default for RpcOptions {
    /// 5 s, 10 s, 32 MiB, a tenth of a XLM.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            answer_bytes_max: 32 * 1024 * 1024,
            fee_per_operation_max: 1_000_000,
        }
    }
}

/// A Stellar RPC server.
#[derive(Debug)]
pub struct RpcLedger {
    caller: Caller,
    network: String,
    fee_per_operation_max: u32,
}

impl RpcLedger {
    /// A server by its URL, for the network of this passphrase (compare with [`Ledger::network`] at start).
    ///
    /// # Errors
    /// [`Error::Url`]; [`Error::Client`] if the machine's TLS roots cannot be read.
    pub fn new(url: &str, network: impl Into<String>, options: &RpcOptions) -> Result<Self, Error> {
        let caller = Caller::new(url, options)?;
        Ok(Self { caller, network: network.into(), fee_per_operation_max: options.fee_per_operation_max })
    }

    /// One answer, read by one function.
    async fn ask<T>(
        &self,
        method: &str,
        params: serde_json::Value,
        read: impl FnOnce(&serde_json::Value) -> Result<T, String>,
    ) -> Result<T, LedgerError> {
        let result = self.caller.call(method, &params).await.map_err(|error| self.explain(method, error))?;
        read(&result).map_err(|reason| self.undecodable(method, &reason))
    }

    fn explain(&self, method: &str, error: CallError) -> LedgerError {
        match error {
            CallError::NotJsonRpc(reason) => self.undecodable(method, &reason),
            other => LedgerError::Unavailable { url: self.caller.shown().to_owned(), reason: format!("{method}: {other}") },
        }
    }

    fn undecodable(&self, method: &str, reason: &str) -> LedgerError {
        LedgerError::Undecodable { url: self.caller.shown().to_owned(), reason: format!("{method}: {reason}") }
    }

    /// The kept range where a cursor is older than it: that answer does not name it.
    async fn out_of_range(&self, asked: u32) -> LedgerError {
        match self.ask("getHealth", json!(null), parse::range).await {
            Ok((oldest, latest)) => LedgerError::OutOfRange { url: self.caller.shown().to_owned(), asked, oldest, latest },
            Err(error) => error,
        }
    }
}

#[async_trait]
impl Ledger for RpcLedger {
    async fn network(&self) -> Result<String, LedgerError> {
        self.ask("getNetwork", json!(null), parse::network).await
    }

    async fn head(&self) -> Result<LedgerHead, LedgerError> {
        match self.ask("getLatestLedger", json!(null), parse::head).await? {
            (sequence, Some(close_time_s)) => Ok(LedgerHead { sequence, close_time_s }),
            // Older servers do not say when it closed; every look-up does, for the ledger it names.
            (_, None) => {
                let look_up = self.look_up(NO_HASH).await?;
                Ok(LedgerHead { sequence: look_up.latest_ledger, close_time_s: look_up.latest_close_time_s })
            }
        }
    }

    async fn entries(&self, accounts: &[AccountId], trustlines: &[(AccountId, Asset)]) -> Result<Entries, LedgerError> {
        let keys = keys(accounts, trustlines).map_err(|error| self.undecodable("getLedgerEntries", &error.to_string()))?;
        if keys.is_empty() {
            // No keys are an error of the server's.
            return Ok(Entries { latest_ledger: self.head().await?.sequence, ..Entries::default() });
        }
        let mut entries = Entries { latest_ledger: u32::MAX, ..Entries::default() };
        for page in keys.chunks(PAGE_MAX) {
            let page = self.ask("getLedgerEntries", json!({ "keys": page }), parse::entries).await?;
            entries.latest_ledger = entries.latest_ledger.min(page.latest_ledger);
            entries.accounts.extend(page.accounts);
            entries.trustlines.extend(page.trustlines);
            entries.memo_required.extend(page.memo_required);
        }
        Ok(entries)
    }

    async fn submit(&self, envelope_xdr: &str) -> Result<Submission, LedgerError> {
        self.ask("sendTransaction", json!({ "transaction": envelope_xdr }), parse::submission).await
    }

    async fn look_up(&self, hash: &str) -> Result<LookUp, LedgerError> {
        self.ask("getTransaction", json!({ "hash": hash }), |answer| parse::look_up(hash, answer)).await
    }

    async fn payments(&self, from: &From, limit: u32) -> Result<PaymentPage, LedgerError> {
        let mut limit = limit.clamp(1, PAGE_MAX as u32);
        loop {
            let params = match from {
                From::Ledger(ledger) => json!({ "startLedger": ledger, "pagination": { "limit": limit } }),
                From::Cursor(cursor) => json!({ "pagination": { "cursor": cursor, "limit": limit } }),
            };
            match self.caller.call("getTransactions", &params).await {
                Ok(answer) => {
                    return parse::payments(&self.network, from, limit, &answer)
                        .map_err(|reason| self.undecodable("getTransactions", &reason));
                }
                // Never stuck behind transactions that are large: ask for fewer.
                Err(CallError::TooLarge(_)) if limit > 1 => limit /= 2,
                Err(CallError::Refused { code, message }) => {
                    return Err(match parse::page_error(code, &message) {
                        Some(PageError::Range { asked, oldest, latest }) => {
                            LedgerError::OutOfRange { url: self.caller.shown().to_owned(), asked, oldest, latest }
                        }
                        Some(PageError::NotKept { asked }) => self.out_of_range(asked).await,
                        None => self.explain("getTransactions", CallError::Refused { code, message }),
                    });
                }
                Err(error) => return Err(self.explain("getTransactions", error)),
            }
        }
    }

    async fn fee_per_operation(&self) -> Result<u32, LedgerError> {
        let fee = self.ask("getFeeStats", json!(null), parse::fee).await?;
        Ok(fee.clamp(100, self.fee_per_operation_max.max(100)))
    }
}

/// Each key once, as base64: a key that is asked twice is an error of the server's.
fn keys(accounts: &[AccountId], trustlines: &[(AccountId, Asset)]) -> Result<Vec<String>, Error> {
    let mut keys = BTreeSet::new();
    for account in accounts {
        let account_id = xdr::account(account)?;
        let data_name =
            String64(parse::MEMO_REQUIRED.try_into().map_err(|source| Error::Xdr { what: "the name of a data entry", source })?);
        for key in [
            LedgerKey::Data(LedgerKeyData { account_id: account_id.clone(), data_name }),
            LedgerKey::Account(LedgerKeyAccount { account_id }),
        ] {
            keys.insert(xdr::encode("a ledger key", &key)?);
        }
    }
    for (account, asset) in trustlines.iter().filter(|(_, asset)| *asset != Asset::Native) {
        let asset = xdr::trustline_asset(xdr::asset(asset)?);
        let key = LedgerKey::Trustline(LedgerKeyTrustLine { account_id: xdr::account(account)?, asset });
        keys.insert(xdr::encode("a ledger key", &key)?);
    }
    Ok(keys.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::account_of;

    #[test]
    fn no_key_is_asked_twice_and_xlm_has_no_trustline() {
        let (a, b) = (account_of([1; 32]), account_of([2; 32]));
        let usd = Asset::Issued { code: "USD".into(), issuer: b.clone() };
        let asked = keys(&[a.clone(), a.clone(), b], &[(a.clone(), usd.clone()), (a.clone(), usd), (a, Asset::Native)]);
        assert_eq!(asked.unwrap().len(), 5, "two accounts, whether each asks for a memo, one trustline");
    }
}
