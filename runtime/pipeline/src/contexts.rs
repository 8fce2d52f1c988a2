//! What claimed rows are about, read in one go; one row that cannot be read is not in the way of the others.

use futures::future::BoxFuture;
use windlass_domain::commit::{Lease, Next};
use windlass_domain::ports::store::{DriverStore, StoreError};

use crate::{Pipeline, StepError, only};

/// How long a row waits that does not make sense to this host, in milliseconds. A newer one may know it.
const UNREADABLE_MS: u64 = 60_000;

/// One of the store's reads of many contexts, in the order of the keys.
pub(crate) type Read<K, C> = for<'a> fn(&'a dyn DriverStore, &'a [K]) -> BoxFuture<'a, Result<Vec<Option<C>>, StoreError>>;

impl Pipeline {
    /// The contexts of the leases. When one of them is inconsistent each is read alone, and that one is put off and named.
    pub(crate) async fn contexts<K, C>(&self, claimed: Vec<(K, Lease)>, read: Read<K, C>) -> Result<Vec<(Lease, Option<C>)>, StepError>
    where
        K: Send + Sync,
    {
        let (keys, leases): (Vec<K>, Vec<Lease>) = claimed.into_iter().unzip();
        match read(&*self.parts.store, &keys).await {
            Ok(contexts) => return Ok(leases.into_iter().zip(contexts).collect()),
            Err(StoreError::Inconsistent(_)) if keys.len() > 1 => {}
            Err(StoreError::Inconsistent(what)) => {
                self.put_off(leases, &what).await;
                return Ok(Vec::new());
            }
            Err(error) => return Err(error.into()),
        }
        let mut contexts = Vec::with_capacity(keys.len());
        for (key, lease) in keys.into_iter().zip(leases) {
            match read(&*self.parts.store, std::slice::from_ref(&key)).await {
                Ok(found) => contexts.push((lease, found.into_iter().next().flatten())),
                Err(StoreError::Inconsistent(what)) => self.put_off(vec![lease], &what).await,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(contexts)
    }

    async fn put_off(&self, leases: Vec<Lease>, what: &str) {
        for lease in &leases {
            tracing::error!(
                work.kind = lease.work.kind.as_str(),
                work.subject = lease.work.subject,
                inconsistent = what,
                "driver.read: the row makes no sense to this host; it is put off, the others go on"
            );
        }
        self.commit_all(leases.iter().map(|lease| only(lease, Next::After(UNREADABLE_MS))).collect()).await;
    }
}
