//! Components for the sandbox, out of the store.

use std::sync::Arc;

use async_trait::async_trait;
use windlass_domain::TenantId;
use windlass_domain::ports::guest::{Components, HostFault};
use windlass_domain::ports::store::AdminStore;

/// The store, as the sandbox sees it.
pub(crate) struct StoredComponents(pub(crate) Arc<dyn AdminStore>);

#[async_trait]
impl Components for StoredComponents {
    async fn component(&self, tenant: &TenantId, digest: &str) -> Result<Vec<u8>, HostFault> {
        let found = self.0.component(tenant, digest).await.map_err(|error| HostFault::Failed(error.to_string()))?;
        found.ok_or_else(|| HostFault::Failed(format!("component {digest} of tenant {tenant} is not in the store")))
    }
}
