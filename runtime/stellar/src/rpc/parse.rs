//! Reads the answers of Stellar RPC: pure functions from JSON to the domain's values.
//!
//! Lenient where servers differ (numbers as texts, fields that came later), strict where money hangs on it: a field that is
//! missing or contradicts another makes the answer unknown (`Err`), never a verdict (money rule 1).

use serde_json::Value;
use stellar_xdr::{
    AccountEntry as XdrAccountEntry, AccountEntryExt, AccountEntryExtensionV1Ext, LedgerEntryData, TransactionEnvelope, TrustLineEntryExt,
    TrustLineFlags,
};
use windlass_domain::Amount;
use windlass_domain::ports::ledger::{AccountEntry, Entries, From, LookUp, LookUpStatus, PaymentPage, Submission, TrustlineEntry};
use windlass_domain::tenant::IncomingPayment;

use crate::decode::{self, Place};
use crate::error::Error;
use crate::xdr;

type Parsed<T> = Result<T, String>;

/// getNetwork: the passphrase.
pub fn network(answer: &Value) -> Parsed<String> {
    text(answer, "passphrase").map(str::to_owned)
}

/// getLatestLedger: the newest ledger and, from newer servers, when it closed.
pub fn head(answer: &Value) -> Parsed<(u32, Option<i64>)> {
    let close_time = ["closeTime", "ledgerCloseTime"].into_iter().find_map(|name| number::<i64>(answer, name).ok());
    Ok((number(answer, "sequence")?, close_time))
}

/// getHealth: the oldest and the newest ledger kept.
pub fn range(answer: &Value) -> Parsed<(u32, u32)> {
    Ok((number(answer, "oldestLedger")?, number(answer, "latestLedger")?))
}

/// getFeeStats: what nine of ten transactions bid at most for an operation, in stroops.
pub fn fee(answer: &Value) -> Parsed<u32> {
    let fee: u64 = number(answer.get("inclusionFee").ok_or("no inclusionFee")?, "p90")?;
    Ok(u32::try_from(fee).unwrap_or(u32::MAX))
}

/// getLedgerEntries: accounts, trustlines and whether memos are asked for; missing ones are simply not there.
pub fn entries(answer: &Value) -> Parsed<Entries> {
    let mut entries = Entries { latest_ledger: number(answer, "latestLedger")?, ..Entries::default() };
    // Without any entry some servers answer null.
    let listed = match answer.get("entries") {
        Some(Value::Array(listed)) => listed.as_slice(),
        Some(Value::Null) => &[],
        _ => return Err("no entries".into()),
    };
    for entry in listed {
        match xdr::decode("a ledger entry", text(entry, "xdr")?).map_err(explain)? {
            LedgerEntryData::Account(account) => {
                let entry = account_entry(&account);
                entries.accounts.insert(xdr::account_from(&account.account_id), entry);
            }
            LedgerEntryData::Trustline(line) => {
                let Some(asset) = xdr::trustline_asset_from(&line.asset).map_err(explain)? else { continue };
                // What offers would buy is kept free for them: the ledger refuses to fill it (PAYMENT_LINE_FULL).
                let buying = match &line.ext {
                    TrustLineEntryExt::V0 => 0,
                    TrustLineEntryExt::V1(v1) => v1.liabilities.buying,
                };
                let entry = TrustlineEntry {
                    balance: Amount::from_units(line.balance),
                    limit: Amount::from_units(line.limit.saturating_sub(buying)),
                    authorized: line.flags & (TrustLineFlags::AuthorizedFlag as u32) != 0,
                };
                entries.trustlines.insert((xdr::account_from(&line.account_id), asset), entry);
            }
            LedgerEntryData::Data(data) if data.data_name.to_string() == MEMO_REQUIRED => {
                if data.data_value.as_slice() == b"1" {
                    entries.memo_required.insert(xdr::account_from(&data.account_id));
                }
            }
            other => return Err(format!("an entry that was not asked for: {}", other.name())),
        }
    }
    Ok(entries)
}

/// The data entry by which an account asks for a memo; its value is `1` (SEP-29).
pub const MEMO_REQUIRED: &str = "config.memo_required";

/// XLM that each entry of an account's keeps back, in stroops: the network's base reserve.
const BASE_RESERVE: i128 = 5_000_000;

fn account_entry(account: &XdrAccountEntry) -> AccountEntry {
    let (selling, sponsored, sponsoring) = match &account.ext {
        AccountEntryExt::V0 => (0, 0, 0),
        AccountEntryExt::V1(v1) => match &v1.ext {
            AccountEntryExtensionV1Ext::V0 => (v1.liabilities.selling, 0, 0),
            AccountEntryExtensionV1Ext::V2(v2) => (v1.liabilities.selling, v2.num_sponsored, v2.num_sponsoring),
        },
    };
    let entries = 2 + i128::from(account.num_sub_entries) + i128::from(sponsoring) - i128::from(sponsored);
    let available = i128::from(account.balance) - entries * BASE_RESERVE - i128::from(selling);
    AccountEntry {
        sequence: account.seq_num.0,
        balance: Amount::from_units(account.balance),
        available: Amount::from_units(i64::try_from(available.max(0)).unwrap_or(i64::MAX)),
    }
}

/// sendTransaction: what this node says for now. None of it is a verdict (money rule 1).
pub fn submission(answer: &Value) -> Parsed<Submission> {
    match text(answer, "status")? {
        "PENDING" => Ok(Submission::Pending),
        "DUPLICATE" => Ok(Submission::Duplicate),
        "TRY_AGAIN_LATER" => Ok(Submission::TryAgainLater),
        "ERROR" => {
            let outcome = decode::outcome(text(answer, "errorResultXdr")?).map_err(explain)?;
            Ok(Submission::Refused(outcome.summary()))
        }
        other => Err(format!("status {other:?} is not known")),
    }
}

/// getTransaction: only `status` tells whether it was found; the other fields are there either way.
pub fn look_up(hash: &str, answer: &Value) -> Parsed<LookUp> {
    if let Ok(answered) = text(answer, "txHash")
        && !answered.eq_ignore_ascii_case(hash)
    {
        return Err(format!("asked for {hash}, answered about {answered}"));
    }
    let status = match text(answer, "status")? {
        "NOT_FOUND" => LookUpStatus::NotFound,
        "SUCCESS" => LookUpStatus::Success { ledger: found_in(answer)? },
        "FAILED" => decode::failed(found_in(answer)?, text(answer, "resultXdr")?).map_err(explain)?,
        other => return Err(format!("status {other:?} is not known")),
    };
    if let (LookUpStatus::Success { .. }, Ok(result)) = (&status, text(answer, "resultXdr"))
        && let Ok(outcome) = decode::outcome(result)
        && !outcome.success
    {
        return Err(format!("status SUCCESS with the result {}", outcome.summary()));
    }
    Ok(LookUp {
        status,
        latest_ledger: number(answer, "latestLedger")?,
        latest_close_time_s: number(answer, "latestLedgerCloseTime")?,
        oldest_ledger: number(answer, "oldestLedger")?,
    })
}

/// getTransactions: the payments of the successful ones. One that does not decode is listed, never skipped, and never in
/// the way of the others (money rule 2).
pub fn payments(network: &str, from: &From, limit: u32, answer: &Value) -> Parsed<PaymentPage> {
    let transactions = match answer.get("transactions") {
        Some(Value::Array(transactions)) => transactions.as_slice(),
        Some(Value::Null) => &[],
        _ => return Err("no transactions".into()),
    };
    let mut page = PaymentPage {
        payments: Vec::new(),
        undecodable: Vec::new(),
        // An empty page's own cursor lies before the one that was given.
        next: from.clone(),
        latest_ledger: number(answer, "latestLedger")?,
        at_end: transactions.len() < usize::try_from(limit).unwrap_or(usize::MAX),
    };
    if !transactions.is_empty() {
        let cursor = answer.get("cursor").map(|cursor| cursor.as_str().map_or_else(|| cursor.to_string(), str::to_owned));
        page.next = From::Cursor(cursor.filter(|cursor| is_cursor(cursor)).ok_or("a page without a cursor")?);
    }
    for transaction in transactions {
        match payments_of(network, transaction) {
            Ok(payments) => page.payments.extend(payments),
            Err(reason) => page.undecodable.push((name_of(network, transaction), reason)),
        }
    }
    Ok(page)
}

/// Why getTransactions refuses to begin there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageError {
    /// Outside of what is kept, which the text names.
    Range {
        /// What was asked for.
        asked: u32,
        /// First ledger kept.
        oldest: u32,
        /// Last ledger kept.
        latest: u32,
    },
    /// The cursor's ledger is not kept; the text does not say what is.
    NotKept {
        /// The cursor's ledger.
        asked: u32,
    },
}

/// Reads the range out of a refusal's text; none if it is another refusal.
pub fn page_error(code: i64, message: &str) -> Option<PageError> {
    let mut numbers = message.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty()).map(str::parse::<u32>);
    let mut next = || numbers.next().and_then(Result::ok);
    if code == -32600 && message.contains("must be between the oldest ledger") {
        return Some(PageError::Range { asked: next()?, oldest: next()?, latest: next()? });
    }
    if code == -32602 && message.contains("does not contain metadata for ledger") {
        return Some(PageError::NotKept { asked: next()? });
    }
    None
}

/// The payments of one transaction of a page; none of a failed one.
fn payments_of(network: &str, transaction: &Value) -> Parsed<Vec<IncomingPayment>> {
    match text(transaction, "status")? {
        "FAILED" => return Ok(Vec::new()),
        "SUCCESS" => {}
        other => return Err(format!("status {other:?} is not known")),
    }
    let (hash, envelope) = (hash_of(network, transaction)?, text(transaction, "envelopeXdr")?);
    let closed_at = number::<i64>(transaction, "createdAt")?.checked_mul(1_000).ok_or("createdAt is out of range")?;
    let place = Place { network, hash: &hash, ledger: found_in(transaction)?, closed_at };
    decode::payments(&place, envelope, text(transaction, "resultXdr")?).map_err(explain)
}

/// The hash, as the server says it or, from older servers, made from the envelope.
fn hash_of(network: &str, transaction: &Value) -> Parsed<String> {
    if let Ok(hash) = text(transaction, "txHash") {
        let hash = hash.to_ascii_lowercase();
        return if hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()) { Ok(hash) } else { Err(format!("hash {hash:?}")) };
    }
    let envelope: TransactionEnvelope = xdr::decode("the transaction's envelope", text(transaction, "envelopeXdr")?).map_err(explain)?;
    envelope.hash(xdr::network_id(network)).map(hex::encode).map_err(|error| error.to_string())
}

/// What to call a transaction that does not decode: its hash, else its place in the ledger.
fn name_of(network: &str, transaction: &Value) -> String {
    hash_of(network, transaction).unwrap_or_else(|_| {
        let place = |name| number::<u64>(transaction, name).map_or_else(|_| "?".to_owned(), |n| n.to_string());
        format!("ledger {} transaction {}", place("ledger"), place("applicationOrder"))
    })
}

fn found_in(transaction: &Value) -> Parsed<u32> {
    match number(transaction, "ledger")? {
        0 => Err("found, and in no ledger".into()),
        ledger => Ok(ledger),
    }
}

fn is_cursor(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn text<'a>(answer: &'a Value, name: &str) -> Parsed<&'a str> {
    answer.get(name).and_then(Value::as_str).ok_or_else(|| format!("no {name}"))
}

/// A whole number, written as one or as a text.
fn number<T: TryFrom<i64>>(answer: &Value, name: &str) -> Parsed<T> {
    let value = answer.get(name).ok_or_else(|| format!("no {name}"))?;
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("{name} is {value}"))
}

/// The error with its cause, in one line.
fn explain(error: Error) -> String {
    match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
