//! Stellar keys and accounts, as the API reads them.

use windlass_domain::AccountId;
use windlass_domain::ports::secrets::Keys;
use windlass_stellar::LocalKey;
use windlass_stellar::keys::parse_account;

/// Strkey texts, by their checksums.
pub(crate) struct StellarKeys;

impl Keys for StellarKeys {
    fn account_of_seed(&self, seed: &str) -> Result<AccountId, String> {
        LocalKey::from_secret(seed).map(|key| key.account()).map_err(|error| error.to_string())
    }

    fn account_is_valid(&self, account: &str) -> bool {
        parse_account(account).is_ok()
    }
}
