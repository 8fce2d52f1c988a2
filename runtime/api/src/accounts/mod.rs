//! A tenant's Stellar accounts.

pub(crate) mod add;
pub(crate) mod list;

use serde::Serialize;
use windlass_domain::tenant::StellarAccount;

/// An account as shown: never its key.
#[derive(Serialize)]
pub(crate) struct AccountView {
    account: String,
    network: String,
    role: &'static str,
}

impl From<StellarAccount> for AccountView {
    fn from(account: StellarAccount) -> Self {
        Self { account: account.account.to_string(), network: account.network, role: account.role.as_str() }
    }
}
