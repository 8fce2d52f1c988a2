//! The one checked way out to hosts that tenants or wallets name.
