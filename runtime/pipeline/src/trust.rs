//! Deposits whose account cannot take the asset yet: looked at again until it can.

use std::collections::BTreeMap;

use windlass_domain::Asset;
use windlass_domain::commit::{Lease, Next, WorkKind, Write};
use windlass_domain::deposit::{DepositEvent, DepositState};
use windlass_domain::ids::{TenantId, TransactionId};
use windlass_domain::ports::ledger::Entries;
use windlass_domain::transaction::{State, Transaction};

use crate::plan::change;
use crate::receive::{can_receive, destination};
use crate::{Pipeline, StepError, only, under};

impl Pipeline {
    /// Looks at every account that is due. The number of deposits.
    pub async fn step_trust(&self) -> Result<usize, StepError> {
        let leases = self.claim(WorkKind::Trust).await?;
        let claimed = leases.into_iter().filter_map(|lease| Some((key(&lease)?, lease))).collect();
        let waiting = self.contexts(claimed, |store, keys| store.transactions(keys)).await?;
        let entries = self.entries_of(waiting.iter().filter_map(|(_, transaction)| transaction.as_ref())).await?;
        let now = self.parts.clock.now();
        let commits: Vec<_> = waiting
            .iter()
            .map(|(lease, transaction)| {
                let pending = transaction.as_ref().filter(|t| t.state == State::Deposit(DepositState::PendingTrust));
                let Some(transaction) = pending else { return only(lease, Next::Done) };
                let answers: Vec<_> = entries.values().map(|entries| can_receive(transaction, entries)).collect();
                if answers.iter().any(Result::is_ok) {
                    let mut writes: Vec<Write> = change(transaction, &DepositEvent::CanReceive, now, None).into_iter().collect();
                    writes.push(Write::plan_work(&transaction.tenant, &transaction.anchor_account));
                    return under(lease, Next::Done, writes);
                }
                // Another reason than the last time: the user has got on.
                let reason = answers.into_iter().find_map(Result::err).filter(|reason| transaction.message.as_deref() != Some(reason));
                let told = reason.and_then(|reason| {
                    let event = DepositEvent::CannotReceive { message: reason.to_owned() };
                    change(transaction, &event, now, Some(reason.to_owned()))
                });
                under(lease, Next::After(self.settings.trust_interval_ms), told.into_iter().collect())
            })
            .collect();
        let count = commits.len();
        self.commit_all(commits).await;
        Ok(count)
    }

    /// The accounts and trustlines of these deposits, from each ledger of this host.
    async fn entries_of(&self, transactions: impl Iterator<Item = &Transaction>) -> Result<BTreeMap<String, Entries>, StepError> {
        let (mut accounts, mut trustlines) = (Vec::new(), Vec::new());
        for transaction in transactions {
            let Some(address) = destination(transaction) else { continue };
            let account = address.account().clone();
            if transaction.asset != Asset::Native {
                trustlines.push((account.clone(), transaction.asset.clone()));
            }
            accounts.push(account);
        }
        let mut seen = BTreeMap::new();
        if !accounts.is_empty() {
            for (network, ledger) in &self.parts.ledgers {
                seen.insert(network.clone(), ledger.entries(&accounts, &trustlines).await?);
            }
        }
        Ok(seen)
    }
}

fn key(lease: &Lease) -> Option<(TenantId, TransactionId)> {
    Some((lease.work.tenant.clone()?, TransactionId::new(lease.work.subject.clone()).ok()?))
}
