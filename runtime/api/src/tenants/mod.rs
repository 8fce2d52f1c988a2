//! Tenants and their tokens.

pub(crate) mod add_token;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod show;

use serde::Serialize;
use windlass_domain::tenant::Tenant;

use crate::time::iso;

/// A tenant as shown.
#[derive(Serialize)]
pub(crate) struct TenantView {
    id: String,
    home_domain: String,
    network: String,
    active_version: Option<i64>,
    /// In per cent, as a decimal text.
    tolerance_percent: String,
    created_at: String,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            home_domain: tenant.home_domain,
            network: tenant.network,
            active_version: tenant.active_version.map(|number| number.0),
            tolerance_percent: windlass_domain::Amount::from_units(i64::from(tenant.tolerance_ppm) * create::UNITS_PER_PPM).to_string(),
            created_at: iso(tenant.created_at),
        }
    }
}
