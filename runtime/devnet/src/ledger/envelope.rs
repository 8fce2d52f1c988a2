//! A transaction as the ledger handles it: the V1 form of its envelope, with the two hashes that name it.

use sha2::{Digest, Sha256};
use stellar_xdr::{
    AccountId, ChangeTrustAsset, DecoratedSignature, Limits, MuxedAccount, Operation, OperationBody, Preconditions, PreconditionsV2,
    Transaction, TransactionEnvelope, TransactionV1Envelope, WriteXdr,
};

/// What this ledger does not know how to do. It is refused by name instead of being given a wrong result code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Outside {
    /// A fee bump envelope (CAP-15).
    #[error("fee bump envelopes are outside this devnet; send the inner transaction with a sufficient fee")]
    FeeBump,
    /// An operation of another kind than the known ones.
    #[error("operation {0} is outside this devnet, which knows CreateAccount, Payment, ChangeTrust and ManageData")]
    Operation(&'static str),
    /// A trust line to a pool share.
    #[error("ChangeTrust of a liquidity pool share is outside this devnet, which knows lines of credit assets")]
    PoolShare,
    /// A transaction with resources for contracts.
    #[error("contract transactions are outside this devnet")]
    Contract,
    /// An envelope whose XDR cannot be written again; a decoded one always can.
    #[error("the envelope does not encode to XDR")]
    Unencodable,
}

/// A decoded transaction with everything that is asked for more than once.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// The hash that signatures cover and that clients look a transaction up by.
    pub(crate) hash: [u8; 32],
    /// The hash of the whole envelope, signatures included: what the queue bans and compares.
    pub(crate) envelope_hash: [u8; 32],
    pub(crate) tx: Transaction,
    pub(crate) signatures: Vec<DecoratedSignature>,
}

impl Frame {
    /// Takes a V0 or V1 envelope in; a V0 one becomes V1, which is what its hash is made of (CAP-15).
    pub(crate) fn new(envelope: TransactionEnvelope, network_id: [u8; 32]) -> Result<Self, Outside> {
        let (tx, signatures) = match envelope {
            TransactionEnvelope::TxV0(v0) => (Transaction::from(v0.tx), v0.signatures),
            TransactionEnvelope::Tx(v1) => (v1.tx, v1.signatures),
            TransactionEnvelope::TxFeeBump(_) => return Err(Outside::FeeBump),
        };
        for operation in tx.operations.iter() {
            known(&operation.body)?;
        }
        if !matches!(tx.ext, stellar_xdr::TransactionExt::V0) {
            return Err(Outside::Contract);
        }
        let hash = tx.hash(network_id).map_err(|_| Outside::Unencodable)?;
        let v1 = TransactionEnvelope::Tx(TransactionV1Envelope { tx, signatures });
        let bytes = v1.to_xdr(Limits::none()).map_err(|_| Outside::Unencodable)?;
        let TransactionEnvelope::Tx(TransactionV1Envelope { tx, signatures }) = v1 else {
            return Err(Outside::Unencodable);
        };
        Ok(Self { hash, envelope_hash: Sha256::digest(&bytes).into(), tx, signatures: signatures.into() })
    }

    /// The V1 envelope, as the ledger holds it.
    pub(crate) fn envelope(&self) -> TransactionEnvelope {
        TransactionEnvelope::Tx(TransactionV1Envelope {
            tx: self.tx.clone(),
            signatures: self.signatures.clone().try_into().unwrap_or_default(),
        })
    }

    pub(crate) fn source(&self) -> AccountId {
        account_of(&self.tx.source_account)
    }

    pub(crate) fn operation_source(&self, operation: &Operation) -> AccountId {
        operation.source_account.as_ref().map_or_else(|| self.source(), account_of)
    }

    /// The fee offered, in stroops.
    pub(crate) fn bid(&self) -> i64 {
        i64::from(self.tx.fee)
    }

    /// The least fee the ledger takes, in stroops: the base fee for each operation, and for one if there is none.
    pub(crate) fn least_fee(&self, base_fee: u32) -> i64 {
        let operations = u32::try_from(self.tx.operations.len()).unwrap_or(u32::MAX).max(1);
        i64::from(base_fee).saturating_mul(i64::from(operations))
    }

    /// The preconditions, in their widest form.
    pub(crate) fn preconditions(&self) -> PreconditionsV2 {
        match &self.tx.cond {
            Preconditions::None => empty_preconditions(),
            Preconditions::Time(bounds) => PreconditionsV2 { time_bounds: Some(bounds.clone()), ..empty_preconditions() },
            Preconditions::V2(all) => all.clone(),
        }
    }

    /// The upper time bound in Unix seconds; `None` if the transaction never grows too old.
    pub(crate) fn max_time(&self) -> Option<u64> {
        let bounds = match &self.tx.cond {
            Preconditions::None => None,
            Preconditions::Time(bounds) => Some(bounds),
            Preconditions::V2(all) => all.time_bounds.as_ref(),
        };
        bounds.map(|bounds| bounds.max_time.0).filter(|max| *max != 0)
    }
}

/// The account behind an address: the id of a muxed address is for people, the ledger looks past it.
pub(crate) fn account_of(address: &MuxedAccount) -> AccountId {
    address.clone().account_id()
}

fn known(body: &OperationBody) -> Result<(), Outside> {
    match body {
        OperationBody::CreateAccount(_) | OperationBody::Payment(_) | OperationBody::ManageData(_) => Ok(()),
        OperationBody::ChangeTrust(op) => match op.line {
            ChangeTrustAsset::PoolShare(_) => Err(Outside::PoolShare),
            _ => Ok(()),
        },
        other => Err(Outside::Operation(other.name())),
    }
}

fn empty_preconditions() -> PreconditionsV2 {
    PreconditionsV2 {
        time_bounds: None,
        ledger_bounds: None,
        min_seq_num: None,
        min_seq_age: stellar_xdr::Duration(0),
        min_seq_ledger_gap: 0,
        extra_signers: stellar_xdr::VecM::default(),
    }
}
