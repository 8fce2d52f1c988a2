//! The people of the stories: each has a Stellar account and a bank account, and does what a wallet would do for them.

use anyhow::Result;
use windlass_domain::{Amount, Asset, Memo};
use windlass_stellar::LocalKey;
use windlass_stellar::setup::{self, Operation};

use crate::world::Network;

/// Somebody with a wallet.
pub struct Person {
    /// For the books and the bank.
    pub name: String,
    /// Their account's key.
    pub key: LocalKey,
}

impl Person {
    /// With a fresh key.
    pub fn new(name: String) -> Result<Self> {
        Ok(Self { name, key: fresh_key()? })
    }

    /// Their account.
    pub fn account(&self) -> String {
        self.key.account().to_string()
    }

    /// Adds a trustline.
    pub async fn trust(&self, network: &Network, asset: &Asset) -> Result<()> {
        let trust = Operation::ChangeTrust { asset: asset.clone(), limit: setup::NO_LIMIT };
        setup::run(&*network.ledger, &network.passphrase, &self.key, None, &[trust]).await?;
        Ok(())
    }

    /// Pays, with a memo.
    pub async fn pay(&self, network: &Network, to: &str, asset: &Asset, amount: Amount, memo: Option<Memo>) -> Result<()> {
        let payment = Operation::Payment { destination: to.to_owned(), asset: asset.clone(), amount };
        setup::run(&*network.ledger, &network.passphrase, &self.key, memo, &[payment]).await?;
        Ok(())
    }
}

/// A key nobody else has.
pub fn fresh_key() -> Result<LocalKey> {
    Ok(LocalKey::from_seed(&crate::runtime::random()?))
}
