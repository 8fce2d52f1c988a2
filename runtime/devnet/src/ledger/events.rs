//! The unified events of classic operations (CAP-67): what moved, in the form that token contracts use.

use sha2::{Digest, Sha256};
use stellar_xdr::{
    AccountId, Asset, ContractEvent, ContractEventBody, ContractEventType, ContractEventV0, ContractId, ContractIdPreimage, ExtensionPoint,
    Hash, HashIdPreimage, HashIdPreimageContractId, Int128Parts, Limits, Memo, MuxedAccount, Operation, OperationBody, ScAddress, ScBytes,
    ScMap, ScMapEntry, ScString, ScSymbol, ScVal, WriteXdr,
};

use super::{
    entries::issuer_of,
    envelope::{Frame, account_of},
};

/// The event that every transaction has, successful or not: the fee its source paid, in stroops.
pub(crate) fn fee(network_id: [u8; 32], payer: &AccountId, charged: i64) -> ContractEvent {
    let topics = vec![symbol("fee"), address(payer)];
    event(network_id, &Asset::Native, topics, amount(charged))
}

/// The events of one successful operation.
pub(crate) fn of_operation(network_id: [u8; 32], frame: &Frame, operation: &Operation) -> Vec<ContractEvent> {
    let source = frame.operation_source(operation);
    match &operation.body {
        OperationBody::CreateAccount(op) => {
            let to = MuxedAccount::from(op.destination.clone());
            vec![movement(network_id, &frame.tx.memo, &source, &to, &Asset::Native, op.starting_balance)]
        }
        OperationBody::Payment(op) => {
            vec![movement(network_id, &frame.tx.memo, &source, &op.destination, &op.asset, op.amount)]
        }
        _ => Vec::new(),
    }
}

/// From the issuer it is a mint, to the issuer a burn (which carries no memo), else a transfer.
fn movement(network_id: [u8; 32], memo: &Memo, from: &AccountId, to: &MuxedAccount, asset: &Asset, stroops: i64) -> ContractEvent {
    let destination = account_of(to);
    let issuer = issuer_of(asset);
    let name = ScVal::String(ScString(text(&asset_name(asset))));
    let (topics, data) = match (issuer == Some(from), issuer == Some(&destination)) {
        (true, false) => (vec![symbol("mint"), address(&destination), name], with_reference(stroops, to, memo)),
        (false, true) => (vec![symbol("burn"), address(from), name], amount(stroops)),
        _ => (vec![symbol("transfer"), address(from), address(&destination), name], with_reference(stroops, to, memo)),
    };
    event(network_id, asset, topics, data)
}

/// The amount, together with the id of a muxed destination, or else with the memo if there is one.
fn with_reference(stroops: i64, to: &MuxedAccount, memo: &Memo) -> ScVal {
    let reference = match (to, memo) {
        (MuxedAccount::MuxedEd25519(muxed), _) => ScVal::U64(muxed.id),
        (MuxedAccount::Ed25519(_), Memo::None) => return amount(stroops),
        (MuxedAccount::Ed25519(_), Memo::Text(words)) => ScVal::String(ScString(words.to_vec().try_into().unwrap_or_default())),
        (MuxedAccount::Ed25519(_), Memo::Id(id)) => ScVal::U64(*id),
        (MuxedAccount::Ed25519(_), Memo::Hash(hash) | Memo::Return(hash)) => {
            ScVal::Bytes(ScBytes(hash.0.to_vec().try_into().unwrap_or_default()))
        }
    };
    let entries =
        vec![ScMapEntry { key: symbol("amount"), val: amount(stroops) }, ScMapEntry { key: symbol("to_muxed_id"), val: reference }];
    ScVal::Map(Some(ScMap(entries.try_into().unwrap_or_default())))
}

fn event(network_id: [u8; 32], asset: &Asset, topics: Vec<ScVal>, data: ScVal) -> ContractEvent {
    ContractEvent {
        ext: ExtensionPoint::V0,
        contract_id: Some(contract_of(network_id, asset)),
        type_: ContractEventType::Contract,
        body: ContractEventBody::V0(ContractEventV0 { topics: topics.try_into().unwrap_or_default(), data }),
    }
}

/// The id that the asset's contract has or would have (CAP-46-6).
fn contract_of(network_id: [u8; 32], asset: &Asset) -> ContractId {
    let preimage = HashIdPreimage::ContractId(HashIdPreimageContractId {
        network_id: Hash(network_id),
        contract_id_preimage: ContractIdPreimage::Asset(asset.clone()),
    });
    let bytes = preimage.to_xdr(Limits::none()).unwrap_or_default();
    ContractId(Hash(Sha256::digest(&bytes).into()))
}

/// The name of SEP-11: `native`, or code and issuer.
fn asset_name(asset: &Asset) -> String {
    match asset {
        Asset::Native => "native".to_owned(),
        Asset::CreditAlphanum4(credit) => {
            format!("{}:{}", printable(&credit.asset_code.0), credit.issuer)
        }
        Asset::CreditAlphanum12(credit) => {
            format!("{}:{}", printable(&credit.asset_code.0), credit.issuer)
        }
    }
}

fn printable(code: &[u8]) -> String {
    let letters = code.iter().take_while(|byte| **byte != 0);
    letters.map(|byte| char::from(*byte)).collect()
}

fn amount(stroops: i64) -> ScVal {
    let wide = i128::from(stroops).to_be_bytes();
    let (high, low) = wide.split_at(8);
    ScVal::I128(Int128Parts {
        hi: i64::from_be_bytes(high.try_into().unwrap_or_default()),
        lo: u64::from_be_bytes(low.try_into().unwrap_or_default()),
    })
}

fn address(account: &AccountId) -> ScVal {
    ScVal::Address(ScAddress::Account(account.clone()))
}

fn symbol(name: &str) -> ScVal {
    ScVal::Symbol(ScSymbol(name.try_into().unwrap_or_default()))
}

fn text(value: &str) -> stellar_xdr::StringM {
    value.try_into().unwrap_or_default()
}
