//! The friendbot: creates accounts from the account that owns all coins, many in one transaction, since that account
//! has only one transaction in each ledger like any other.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use ed25519_dalek::Signer;
use serde::Deserialize;
use serde_json::json;
use stellar_xdr::{
    AccountId, CreateAccountOp, DecoratedSignature, Memo, Operation, OperationBody, Preconditions, SequenceNumber, Signature,
    SignatureHint, Transaction, TransactionEnvelope, TransactionExt, TransactionV1Envelope,
};
use tokio::sync::{Notify, oneshot};

use crate::{
    Error, clock,
    devnet::Net,
    ledger::{BASE_FEE, Ledger, STROOPS, SubmitStatus, account_id, root_key},
};

/// What a new account gets: 10,000 lumens.
const STARTING_BALANCE: i64 = 10_000 * STROOPS;
/// The most operations that a transaction can have.
const BATCH: usize = 100;
/// How long to wait for a ledger; long enough for a slow network, short enough for a test with closing by hand.
const PATIENCE: Duration = Duration::from_secs(30);

/// The accounts asked for and not yet in a transaction.
#[derive(Debug, Default)]
pub(crate) struct Friendbot {
    wishes: Mutex<Vec<Wish>>,
    wished: Notify,
}

#[derive(Debug)]
struct Wish {
    account: AccountId,
    granted: oneshot::Sender<Result<[u8; 32], String>>,
}

impl Friendbot {
    /// Creates an account; gives the hash of the transaction that did it.
    pub(crate) async fn create(&self, address: &str) -> Result<[u8; 32], Error> {
        let key = stellar_strkey::ed25519::PublicKey::from_string(address).map_err(|_| Error::BadAddress(address.to_owned()))?;
        let (granted, answer) = oneshot::channel();
        self.lock().push(Wish { account: account_id(key.0), granted });
        self.wished.notify_one();
        let failed = |reason: String| Error::Friendbot { account: address.to_owned(), reason };
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(granted)) => granted.map_err(failed),
            Ok(Err(_)) => Err(failed("the network was shut down".to_owned())),
            Err(_) => Err(failed(format!("no ledger closed within {} seconds", PATIENCE.as_secs()))),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Wish>> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<Wish> {
        let mut wishes = self.lock();
        let count = wishes.len().min(BATCH);
        wishes.drain(..count).collect()
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Params {
    #[serde(default)]
    addr: String,
}

pub(super) async fn answer(State(net): State<Arc<Net>>, Query(params): Query<Params>) -> Response {
    match net.friendbot.create(&params.addr).await {
        Ok(hash) => Json(json!({"successful": true, "hash": hex::encode(hash)})).into_response(),
        Err(error) => {
            let problem = json!({
                "type": "https://stellar.org/horizon-errors/bad_request",
                "title": "Bad Request",
                "status": 400,
                "detail": error.to_string(),
            });
            (StatusCode::BAD_REQUEST, Json(problem)).into_response()
        }
    }
}

/// Serves the wishes for ever: takes some, puts them in one transaction, waits for its ledger.
pub(crate) async fn create_accounts(net: Arc<Net>) {
    loop {
        net.friendbot.wished.notified().await;
        loop {
            let wishes = net.friendbot.take();
            if wishes.is_empty() {
                break;
            }
            grant(&net, wishes).await;
        }
    }
}

async fn grant(net: &Net, wishes: Vec<Wish>) {
    let (accounts, wishes) = worth_trying(net, wishes);
    if accounts.is_empty() {
        return;
    }
    let outcome = create_all(net, &accounts).await;
    for wish in wishes {
        // Whoever wished may have stopped waiting.
        let _told = wish.granted.send(outcome.clone());
    }
}

/// Answers the wishes for accounts that exist; of the others, each account once, and all who wish.
fn worth_trying(net: &Net, wishes: Vec<Wish>) -> (Vec<AccountId>, Vec<Wish>) {
    let ledger = net.ledger();
    let (exist, wanted): (Vec<Wish>, Vec<Wish>) = wishes.into_iter().partition(|wish| ledger.sequence(&wish.account).is_some());
    for wish in exist {
        let _told = wish.granted.send(Err("createAccountAlreadyExist".to_owned()));
    }
    let mut accounts: Vec<AccountId> = wanted.iter().map(|wish| wish.account.clone()).collect();
    accounts.sort();
    accounts.dedup();
    (accounts, wanted)
}

async fn create_all(net: &Net, accounts: &[AccountId]) -> Result<[u8; 32], String> {
    let mut closed = net.closed.subscribe();
    loop {
        closed.mark_unchanged();
        let submitted = {
            let mut ledger = net.ledger();
            let envelope = envelope(&ledger, accounts).ok_or("the transaction cannot be built")?;
            ledger.submit(envelope, clock::now()).map_err(|outside| outside.to_string())?
        };
        match submitted.status {
            SubmitStatus::Pending | SubmitStatus::Duplicate => net.submitted.notify_one(),
            // Somebody else uses the root account in this ledger.
            SubmitStatus::TryAgainLater => {}
            SubmitStatus::Error(result) => return Err(result.result.name().to_owned()),
        }
        closed.changed().await.map_err(|_| "the network was shut down")?;
        if let Some((_, transaction)) = net.ledger().transaction(&submitted.hash) {
            return if transaction.successful { Ok(submitted.hash) } else { Err(format!("{:?}", transaction.result.result)) };
        }
    }
}

fn envelope(ledger: &Ledger, accounts: &[AccountId]) -> Option<TransactionEnvelope> {
    let key = root_key(ledger.network_id());
    let root = account_id(key.verifying_key().to_bytes());
    let operations: Vec<Operation> = accounts
        .iter()
        .map(|account| Operation {
            source_account: None,
            body: OperationBody::CreateAccount(CreateAccountOp { destination: account.clone(), starting_balance: STARTING_BALANCE }),
        })
        .collect();
    let tx = Transaction {
        fee: BASE_FEE.checked_mul(u32::try_from(operations.len()).ok()?)?,
        seq_num: SequenceNumber(ledger.sequence(&root)?.checked_add(1)?),
        source_account: root.into(),
        cond: Preconditions::None,
        memo: Memo::None,
        operations: operations.try_into().ok()?,
        ext: TransactionExt::V0,
    };
    let hash = tx.hash(ledger.network_id()).ok()?;
    let [.., a, b, c, d] = key.verifying_key().to_bytes();
    let signature = DecoratedSignature {
        hint: SignatureHint([a, b, c, d]),
        signature: Signature(key.sign(&hash).to_bytes().to_vec().try_into().ok()?),
    };
    Some(TransactionEnvelope::Tx(TransactionV1Envelope { tx, signatures: vec![signature].try_into().ok()? }))
}
