//! What operators, the demo and tests need to set a development tenant up: accounts, trustlines, payments from any key.
//!
//! Not the way deposits are paid: that is the pipeline's, which stores every envelope first. The discipline is the same:
//! one signed transaction, sent again as the same bytes, judged by its hash only (money rule 1).
//!
//! ```no_run
//! # async fn set_up() -> Result<(), windlass_stellar::Error> {
//! use windlass_domain::{Amount, Asset};
//! use windlass_stellar::setup::{self, Operation};
//! use windlass_stellar::{LocalKey, RpcLedger, RpcOptions};
//!
//! let network = "Windlass Devnet ; November 2026";
//! let ledger = RpcLedger::new("http://127.0.0.1:8000", network, &RpcOptions::default())?;
//! let user = LocalKey::from_secret("S...")?;
//! setup::friendbot("http://127.0.0.1:8000/friendbot", &user.account()).await?;
//! let usd: Asset = "USD:G...".parse().expect("an asset");
//! setup::run(&ledger, network, &user, None, &[Operation::ChangeTrust { asset: usd, limit: setup::NO_LIMIT }]).await?;
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use reqwest::Url;
use stellar_xdr::{
    Asset as XdrAsset, ChangeTrustAsset, ChangeTrustOp, CreateAccountOp, DataValue, ManageDataOp, Operation as XdrOperation, OperationBody,
    PaymentOp, String64,
};
use windlass_domain::ports::ledger::{Ledger, LedgerError, LookUpStatus};
use windlass_domain::{AccountId, Amount, Asset, Memo};

use crate::envelope::{self, Head};
use crate::error::Error;
use crate::keys::LocalKey;
use crate::rpc::RpcOptions;
use crate::{rpc, xdr};

/// The largest limit of a trustline.
pub const NO_LIMIT: Amount = Amount::from_units(i64::MAX);

/// Seconds from the newest ledger's close to the upper time bound.
const LIFETIME_S: i64 = 120;

/// How long [`run`] waits for a verdict.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two look-ups; it doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(50);

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// One operation, of the transaction's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Makes an account.
    CreateAccount {
        /// Which.
        destination: AccountId,
        /// XLM that it begins with.
        starting_balance: Amount,
    },
    /// Writes a named value of the account's, or (none) removes it: `config.memo_required` with `1` asks for memos (SEP-29).
    ManageData {
        /// At most 64 bytes.
        name: String,
        /// At most 64 bytes.
        value: Option<String>,
    },
    /// Makes, changes or (limit 0) removes a trustline.
    ChangeTrust {
        /// An issued asset.
        asset: Asset,
        /// The most it may hold.
        limit: Amount,
    },
    /// Pays.
    Payment {
        /// `G...` or `M...`.
        destination: String,
        /// In what.
        asset: Asset,
        /// How much.
        amount: Amount,
    },
}

/// A transaction to be signed: values only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionPlan {
    /// Passphrase of the network.
    pub network: String,
    /// Whose sequence number it uses.
    pub source: AccountId,
    /// One above the account's.
    pub sequence: i64,
    /// Bid for each operation, in stroops.
    pub fee_per_operation: u32,
    /// Upper time bound, in seconds since the epoch.
    pub max_time_s: i64,
    /// Its memo.
    pub memo: Option<Memo>,
    /// 1 to 100.
    pub operations: Vec<Operation>,
}

/// A signed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Its hash, in lower-case hex.
    pub hash: String,
    /// TransactionEnvelope, base64 of XDR.
    pub xdr: String,
}

impl TransactionPlan {
    /// Builds and signs.
    ///
    /// # Errors
    /// [`Error::Plan`], or [`Error::Account`] for an address with a wrong checksum.
    pub fn sign(&self, keys: &[&LocalKey]) -> Result<Signed, Error> {
        let head = Head {
            network: &self.network,
            source: &self.source,
            sequence: self.sequence,
            fee_per_operation: self.fee_per_operation,
            max_time_s: self.max_time_s,
            memo: self.memo.as_ref(),
        };
        let operations = self.operations.iter().map(operation).collect::<Result<Vec<_>, _>>()?;
        let unsigned = envelope::compose(&head, operations)?;
        let signatures: Vec<_> = keys.iter().map(|key| (key.account(), key.sign(&unsigned.hash))).collect();
        Ok(Signed { hash: hex::encode(unsigned.hash), xdr: envelope::assemble(&unsigned, &signatures)? })
    }
}

fn operation(operation: &Operation) -> Result<XdrOperation, Error> {
    let body = match operation {
        Operation::CreateAccount { destination, starting_balance } => OperationBody::CreateAccount(CreateAccountOp {
            destination: xdr::account(destination)?,
            starting_balance: starting_balance.units(),
        }),
        Operation::ManageData { name, value } => {
            let too_long = |what| move |source| Error::Xdr { what, source };
            OperationBody::ManageData(ManageDataOp {
                data_name: String64(name.as_str().try_into().map_err(too_long("the name of a data entry"))?),
                data_value: match value {
                    Some(value) => Some(DataValue(value.as_bytes().to_vec().try_into().map_err(too_long("a data entry"))?)),
                    None => None,
                },
            })
        }
        Operation::ChangeTrust { asset, limit } => OperationBody::ChangeTrust(ChangeTrustOp {
            line: match xdr::asset(asset)? {
                XdrAsset::Native => return Err(Error::Plan("XLM needs no trustline".into())),
                XdrAsset::CreditAlphanum4(asset) => ChangeTrustAsset::CreditAlphanum4(asset),
                XdrAsset::CreditAlphanum12(asset) => ChangeTrustAsset::CreditAlphanum12(asset),
            },
            limit: limit.units(),
        }),
        Operation::Payment { destination, asset, amount } => {
            OperationBody::Payment(PaymentOp { destination: xdr::muxed(destination)?, asset: xdr::asset(asset)?, amount: amount.units() })
        }
    };
    Ok(XdrOperation { source_account: None, body })
}

/// Does the account exist?
///
/// # Errors
/// If the ledger does not answer.
pub async fn account_exists(ledger: &dyn Ledger, account: &AccountId) -> Result<bool, LedgerError> {
    Ok(ledger.entries(std::slice::from_ref(account), &[]).await?.accounts.contains_key(account))
}

/// Asks a friendbot (`<url>?addr=G...`) for an account with XLM. Development networks only.
///
/// # Errors
/// [`Error::Friendbot`] with what it said, also for an account that exists already.
pub async fn friendbot(url: &str, account: &AccountId) -> Result<(), Error> {
    let failed = |reason: String| Error::Friendbot { account: account.to_string(), reason };
    let mut url = Url::parse(url).map_err(|error| Error::Url(error.to_string()))?;
    url.query_pairs_mut().append_pair("addr", account.as_str());
    let options = RpcOptions { timeout: Duration::from_secs(30), ..RpcOptions::default() };
    let response = rpc::call::client(&url, &options)?.get(url).send().await.map_err(|error| failed(error.to_string()))?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let body: String = response.text().await.unwrap_or_default().chars().take(300).collect();
    Err(failed(format!("status {status}: {body}")))
}

/// Plans, signs, sends and waits: with the account's next sequence number, the network's fee and two minutes of life.
/// Returns the ledger it is in.
///
/// # Errors
/// As [`submit_and_wait`]; [`Error::Plan`] if the account does not exist.
pub async fn run(ledger: &dyn Ledger, network: &str, key: &LocalKey, memo: Option<Memo>, operations: &[Operation]) -> Result<u32, Error> {
    let source = key.account();
    let entries = ledger.entries(std::slice::from_ref(&source), &[]).await?;
    let account = entries.accounts.get(&source).ok_or_else(|| Error::Plan(format!("account {source} does not exist yet")))?;
    let out_of_range = || Error::Plan("a number of the ledger's is out of range".into());
    let plan = TransactionPlan {
        network: network.to_owned(),
        source,
        sequence: account.sequence.checked_add(1).ok_or_else(out_of_range)?,
        fee_per_operation: ledger.fee_per_operation().await?,
        max_time_s: ledger.head().await?.close_time_s.checked_add(LIFETIME_S).ok_or_else(out_of_range)?,
        memo,
        operations: operations.to_vec(),
    };
    submit_and_wait(ledger, &plan.sign(&[key])?, PATIENCE).await
}

/// Sends the bytes, again and again, until the ledger's record under the hash says what became of them. Returns the ledger
/// it is in. Nothing that a submission answers is a verdict, and neither is the end of patience.
///
/// # Errors
/// [`Error::Failed`] if it is in the ledger, failed; [`Error::NoVerdict`] if patience ended: look it up later.
pub async fn submit_and_wait(ledger: &dyn Ledger, signed: &Signed, patience: Duration) -> Result<u32, Error> {
    let mut pause = PAUSE;
    let mut waited = Duration::ZERO;
    loop {
        let submission = ledger.submit(&signed.xdr).await;
        tokio::time::sleep(pause).await;
        waited = waited.saturating_add(pause);
        pause = (pause * 2).min(PAUSE_MAX);
        let last = match ledger.look_up(&signed.hash).await {
            Ok(answer) => match answer.status {
                LookUpStatus::Success { ledger } => return Ok(ledger),
                LookUpStatus::Failed { code, operations, .. } => {
                    return Err(Error::Failed { hash: signed.hash.clone(), code, operations });
                }
                LookUpStatus::NotFound => match submission {
                    Ok(answer) => format!("{answer:?}"),
                    Err(error) => error.to_string(),
                },
            },
            Err(error) => error.to_string(),
        };
        if waited >= patience {
            return Err(Error::NoVerdict { hash: signed.hash.clone(), last });
        }
    }
}
