//! Signs for tenants' accounts: the key is opened for one signature and wiped after it (money rule 10).

use std::sync::Arc;

use async_trait::async_trait;
use windlass_domain::ports::secrets::{Sealer, SecretError, Signer};
use windlass_domain::ports::store::AdminStore;
use windlass_domain::{AccountId, TenantId};
use windlass_stellar::LocalKey;

/// Keys out of the store.
pub(crate) struct StoredKeys {
    pub(crate) store: Arc<dyn AdminStore>,
    pub(crate) sealer: Arc<dyn Sealer>,
}

#[async_trait]
impl Signer for StoredKeys {
    async fn sign(&self, tenant: &TenantId, account: &AccountId, hash: &[u8; 32]) -> Result<[u8; 64], SecretError> {
        let sealed = self.store.sealed_key(tenant, account).await.map_err(|error| SecretError::Unavailable(error.to_string()))?;
        let sealed = sealed.ok_or_else(|| SecretError::NoKey { tenant: tenant.clone(), account: account.clone() })?;
        let what = format!("stellar-key:{account}");
        let seed = self.sealer.open(tenant, &what, &sealed)?;
        let key = std::str::from_utf8(seed.expose()).ok().and_then(|text| LocalKey::from_secret(text).ok());
        // A key of another account would make signatures that the ledger refuses, or worse, takes.
        let key = key.filter(|key| key.account() == *account).ok_or(SecretError::CannotOpen { tenant: tenant.clone(), what })?;
        Ok(key.sign(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MasterKey;
    use crate::clock::SystemRandom;
    use crate::sealer::MasterSealer;
    use windlass_domain::tenant::{AccountRole, StellarAccount, Tenant};
    use windlass_stellar::keys::verify;
    use windlass_store::SqliteStore;

    #[tokio::test]
    async fn rule_10_signs_with_the_accounts_own_key_or_not_at_all() {
        let store: Arc<dyn AdminStore> = Arc::new(SqliteStore::open_in_memory().await.unwrap());
        let sealer: Arc<dyn Sealer> = Arc::new(MasterSealer::new(&MasterKey::from_bytes([1; 32]), Arc::new(SystemRandom)));
        let id = TenantId::new("acme").unwrap();
        let tenant = Tenant {
            id: id.clone(),
            home_domain: "a.example".into(),
            network: "n".into(),
            active_version: None,
            tolerance_ppm: 0,
            created_at: 0,
        };
        store.create_tenant(&tenant, "sealed").await.unwrap();
        let (own, mixed_up, absent) = (LocalKey::from_seed(&[1; 32]), LocalKey::from_seed(&[2; 32]), LocalKey::from_seed(&[3; 32]));
        for (account, seed) in [(own.account(), own.secret()), (mixed_up.account(), own.secret())] {
            let sealed = sealer.seal(&id, &format!("stellar-key:{account}"), seed.as_bytes());
            let account = StellarAccount { tenant: id.clone(), network: "n".into(), account, role: AccountRole::Distribution };
            store.add_account(&account, &sealed).await.unwrap();
        }
        let signer = StoredKeys { store, sealer };
        let signature = signer.sign(&id, &own.account(), &[7; 32]).await.unwrap();
        assert!(verify(&own.account(), &[7; 32], &signature));
        let refused = signer.sign(&id, &mixed_up.account(), &[7; 32]).await.unwrap_err();
        assert!(matches!(refused, SecretError::CannotOpen { .. }), "{refused}");
        let refused = signer.sign(&id, &absent.account(), &[7; 32]).await.unwrap_err();
        assert!(matches!(refused, SecretError::NoKey { .. }), "{refused}");
    }
}
