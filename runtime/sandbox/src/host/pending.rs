//! `pending`: the sets that the polling hooks are given, read lazily, a batch at a time.

use std::collections::BTreeSet;

use wasmtime::component::Resource;
use windlass_domain::ids::normalise_reference;
use windlass_domain::limits::PENDING_BATCH;
use windlass_domain::{TimeMs, transaction};

use crate::bindings::anchor::pending::{Host, HostPendingDeposits, HostPendingPayouts};
use crate::bindings::anchor::types::Transaction;
use crate::context::RunContext;
use crate::convert::transaction_out;

/// How far a set has been read: the last transaction that was handed out.
type Place = Option<(TimeMs, String)>;

/// The tenant's deposits that wait for money from the bank.
#[derive(Debug, Default)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct PendingDeposits(Place);

/// The tenant's withdrawals whose payout is under way.
#[derive(Debug, Default)]
#[expect(unreachable_pub, reason = "the generated bindings export it again")]
pub struct PendingPayouts(Place);

impl Host for RunContext {}

impl HostPendingDeposits for RunContext {
    async fn next_batch(&mut self, set: Resource<PendingDeposits>, max: u32) -> wasmtime::Result<Vec<Transaction>> {
        let place = self.table.get(&set)?.0.clone();
        let (batch, place) = self.batch(place, max).await?;
        self.table.get_mut(&set)?.0 = place;
        Ok(batch)
    }

    async fn find(&mut self, _set: Resource<PendingDeposits>, references: Vec<String>) -> wasmtime::Result<Vec<Transaction>> {
        self.found(references.iter().map(|text| normalise_reference(text)).collect()).await
    }

    async fn drop(&mut self, set: Resource<PendingDeposits>) -> wasmtime::Result<()> {
        self.table.delete(set)?;
        Ok(())
    }
}

impl HostPendingPayouts for RunContext {
    async fn next_batch(&mut self, set: Resource<PendingPayouts>, max: u32) -> wasmtime::Result<Vec<Transaction>> {
        let place = self.table.get(&set)?.0.clone();
        let (batch, place) = self.batch(place, max).await?;
        self.table.get_mut(&set)?.0 = place;
        Ok(batch)
    }

    async fn find(&mut self, _set: Resource<PendingPayouts>, external_ids: Vec<String>) -> wasmtime::Result<Vec<Transaction>> {
        self.found(external_ids).await
    }

    async fn drop(&mut self, set: Resource<PendingPayouts>) -> wasmtime::Result<()> {
        self.table.delete(set)?;
        Ok(())
    }
}

impl RunContext {
    async fn batch(&mut self, place: Place, max: u32) -> wasmtime::Result<(Vec<Transaction>, Place)> {
        self.enter()?;
        if max == 0 {
            return Err(self.trap("next-batch(0): ask for at least one transaction"));
        }
        match self.host.pending(place.clone(), max.min(PENDING_BATCH)).await {
            Ok(batch) => {
                let place = batch.last().map(place_of).or(place);
                Ok((batch.iter().map(transaction_out).collect(), place))
            }
            Err(fault) => Err(self.fault(fault)),
        }
    }

    async fn found(&mut self, keys: Vec<String>) -> wasmtime::Result<Vec<Transaction>> {
        self.enter()?;
        if keys.len() > PENDING_BATCH as usize {
            return Err(self.trap(format!("find: {} at once, at most {PENDING_BATCH} are allowed", keys.len())));
        }
        let keys: Vec<String> = keys.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        match self.host.find_pending(&keys).await {
            Ok(found) => Ok(found.iter().map(transaction_out).collect()),
            Err(fault) => Err(self.fault(fault)),
        }
    }
}

fn place_of(transaction: &transaction::Transaction) -> (TimeMs, String) {
    (transaction.created_at, transaction.id.as_str().to_owned())
}
