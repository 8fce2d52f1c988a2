//! Tests of the state machine, and the few accounts that they are about.

mod admission;
mod closing;
mod operations;

use ed25519_dalek::{Signer, SigningKey};
use stellar_xdr::{
    AccountEntry, AccountId, AlphaNum4, Asset, AssetCode4, ChangeTrustAsset, ChangeTrustOp, ChangeTrustResult, CreateAccountOp,
    CreateAccountResult, DecoratedSignature, Duration, Hash, LedgerBounds, LedgerEntry, LedgerEntryData, LedgerEntryExt, Memo,
    MuxedAccount, MuxedAccountMed25519, Operation, OperationBody, OperationResult, OperationResultTr, PaymentOp, PaymentResult,
    Preconditions, PreconditionsV2, SequenceNumber, Signature, SignatureHint, SignerKey, TimeBounds, TimePoint, Transaction,
    TransactionEnvelope, TransactionExt, TransactionMeta, TransactionResultResult, TransactionV0, TransactionV0Envelope, TransactionV0Ext,
    TransactionV1Envelope, TrustLineEntry, TrustLineEntryExt, Uint256, VecM,
};

use super::{
    BASE_RESERVE, Ledger, Outside, STROOPS, Start, SubmitStatus, account_id,
    entries::{line_asset, new_account},
};

/// Close time of the ledger that the tests start from.
const THEN: u64 = 1_000_000;
const EXPECTED: u64 = 5;
const RESERVE: i64 = BASE_RESERVE as i64;

fn key(name: u8) -> SigningKey {
    SigningKey::from_bytes(&[name; 32])
}

fn id(name: u8) -> AccountId {
    account_id(key(name).verifying_key().to_bytes())
}

/// A and B hold 1,000 lumens each, I issues USD, A trusts it and has 100 units, B trusts it with room for 10 more.
const A: u8 = 1;
const B: u8 = 2;
const I: u8 = 3;
/// Does not exist.
const X: u8 = 9;

fn usd() -> Asset {
    Asset::CreditAlphanum4(AlphaNum4 { asset_code: AssetCode4(*b"USD\0"), issuer: id(I) })
}

fn line(name: u8, balance: i64, limit: i64, flags: u32) -> LedgerEntryData {
    LedgerEntryData::Trustline(TrustLineEntry {
        account_id: id(name),
        asset: line_asset(&usd()),
        balance,
        limit,
        flags,
        ext: TrustLineEntryExt::V0,
    })
}

fn account(name: u8, balance: i64, change: impl FnOnce(&mut AccountEntry)) -> LedgerEntryData {
    let mut account = new_account(&id(name), balance, 0);
    change(&mut account);
    LedgerEntryData::Account(account)
}

fn ledger_with(more: Vec<LedgerEntryData>) -> Ledger {
    let mut start = Start::genesis("a test", EXPECTED, THEN);
    let lines = |account: &mut AccountEntry| account.num_sub_entries = 1;
    let mut all = vec![
        account(A, 1000 * STROOPS, lines),
        account(B, 1000 * STROOPS, lines),
        account(I, 1000 * STROOPS, |_| {}),
        line(A, 100, 1000, 1),
        line(B, 0, 10, 1),
    ];
    all.extend(more);
    start.entries.extend(all.into_iter().map(|data| LedgerEntry { last_modified_ledger_seq: 2, data, ext: LedgerEntryExt::V0 }));
    Ledger::new(start)
}

fn pay(to: u8, asset: Asset, amount: i64) -> OperationBody {
    OperationBody::Payment(PaymentOp { destination: id(to).into(), asset, amount })
}

fn create(who: u8, starting_balance: i64) -> OperationBody {
    OperationBody::CreateAccount(CreateAccountOp { destination: id(who), starting_balance })
}

fn trust(issuer: u8, code: &[u8; 4], limit: i64) -> OperationBody {
    OperationBody::ChangeTrust(ChangeTrustOp {
        line: ChangeTrustAsset::CreditAlphanum4(AlphaNum4 { asset_code: AssetCode4(*code), issuer: id(issuer) }),
        limit,
    })
}

fn tx(source: u8, sequence: i64, bodies: Vec<OperationBody>) -> Transaction {
    let operations: Vec<Operation> = bodies.into_iter().map(|body| Operation { source_account: None, body }).collect();
    Transaction {
        source_account: id(source).into(),
        fee: 100 * u32::try_from(operations.len().max(1)).expect("few operations"),
        seq_num: SequenceNumber(sequence),
        cond: Preconditions::None,
        memo: Memo::None,
        operations: operations.try_into().expect("at most 100 operations"),
        ext: TransactionExt::V0,
    }
}

fn time(min: u64, max: u64) -> Preconditions {
    Preconditions::Time(TimeBounds { min_time: TimePoint(min), max_time: TimePoint(max) })
}

fn signatures(ledger: &Ledger, tx: &Transaction, signers: &[u8]) -> VecM<DecoratedSignature, 20> {
    let hash = tx.hash(ledger.network_id()).expect("a hash");
    let list: Vec<DecoratedSignature> = signers
        .iter()
        .map(|name| {
            let key = key(*name);
            let [.., a, b, c, d] = key.verifying_key().to_bytes();
            DecoratedSignature {
                hint: SignatureHint([a, b, c, d]),
                signature: Signature(key.sign(&hash).to_bytes().to_vec().try_into().expect("64 bytes")),
            }
        })
        .collect();
    list.try_into().expect("at most 20 signatures")
}

fn sign(ledger: &Ledger, tx: Transaction, signers: &[u8]) -> TransactionEnvelope {
    let signatures = signatures(ledger, &tx, signers);
    TransactionEnvelope::Tx(TransactionV1Envelope { tx, signatures })
}

fn submit(ledger: &mut Ledger, tx: Transaction, signers: &[u8]) -> SubmitStatus {
    let envelope = sign(ledger, tx, signers);
    ledger.submit(envelope, THEN).expect("a known operation").status
}

fn code(status: &SubmitStatus) -> &str {
    match status {
        SubmitStatus::Pending => "PENDING",
        SubmitStatus::Duplicate => "DUPLICATE",
        SubmitStatus::TryAgainLater => "TRY_AGAIN_LATER",
        SubmitStatus::Error(result) => result.result.name(),
    }
}

/// Closes a ledger over one transaction of A with these operations; gives their results.
fn results(ledger: &mut Ledger, bodies: Vec<OperationBody>) -> Vec<OperationResult> {
    let sequence = ledger.sequence(&id(A)).expect("A exists");
    let status = submit(ledger, tx(A, sequence + 1, bodies), &[A]);
    assert_eq!(status, SubmitStatus::Pending);
    let closed = ledger.close(THEN + 5);
    assert_eq!(closed.transactions.len(), 1);
    match &closed.transactions[0].result.result {
        TransactionResultResult::TxSuccess(results) | TransactionResultResult::TxFailed(results) => results.to_vec(),
        other => panic!("no operation results: {other:?}"),
    }
}
