//! Transactions whose user did not pay in time.

use windlass_domain::commit::{Commit, Lease, Next, WorkKind, Write};
use windlass_domain::deposit::{self, DepositEvent, DepositState};
use windlass_domain::ids::{TenantId, TimeMs, TransactionId};
use windlass_domain::transaction::{State, Transaction};
use windlass_domain::withdrawal::{self, WithdrawalEvent, WithdrawalState};

use crate::{Pipeline, StepError, only, under};

impl Pipeline {
    /// Looks at every transaction whose deadline is due. The number of transactions.
    pub async fn step_expire(&self) -> Result<usize, StepError> {
        let leases = self.claim(WorkKind::Expire).await?;
        let (keys, leases): (Vec<_>, Vec<_>) = leases.into_iter().filter_map(|lease| Some((key(&lease)?, lease))).unzip();
        let transactions = self.parts.store.transactions(&keys).await?;
        let now = self.parts.clock.now();
        let commits: Vec<Commit> =
            leases.iter().zip(transactions).map(|(lease, transaction)| look(lease, transaction.as_ref(), now)).collect();
        let count = commits.len();
        self.commit_all(commits).await;
        Ok(count)
    }
}

/// Purely: what the deadline comes to. A transaction that does not wait for its user any more has none.
fn look(lease: &Lease, transaction: Option<&Transaction>, now: TimeMs) -> Commit {
    let Some((before, expires_at)) = transaction.and_then(|transaction| Some((transaction, transaction.expires_at?))) else {
        return only(lease, Next::Done);
    };
    let (event, after) = match before.state {
        State::Deposit(DepositState::AwaitingFunds) => {
            (DepositEvent::DeadlinePassed.name(), deposit::step(before, &DepositEvent::DeadlinePassed, now))
        }
        State::Withdrawal(WithdrawalState::AwaitingPayment) => {
            (WithdrawalEvent::DeadlinePassed.name(), withdrawal::step(before, &WithdrawalEvent::DeadlinePassed, now))
        }
        State::Deposit(_) | State::Withdrawal(_) => return only(lease, Next::Done),
    };
    // The queue's time is the database's: by ours it may be a little early.
    if let Ok(early_ms @ 1..) = u64::try_from(expires_at.saturating_sub(now)) {
        return only(lease, Next::After(early_ms));
    }
    match after {
        Ok(after) => {
            let changed = Write::changed(before, &after, event, "driver", None);
            under(lease, Next::Done, vec![changed])
        }
        Err(refused) => {
            tracing::warn!(transaction.id = %before.id, error = %refused, "transaction.expire refused");
            only(lease, Next::Done)
        }
    }
}

fn key(lease: &Lease) -> Option<(TenantId, TransactionId)> {
    Some((lease.work.tenant.clone()?, TransactionId::new(lease.work.subject.clone()).ok()?))
}

#[cfg(test)]
mod tests {
    use windlass_domain::Memo;
    use windlass_domain::commit::WorkKey;

    use super::*;
    use crate::poll::table::{NOW, transaction};

    #[test]
    fn only_what_still_waits_for_its_user_expires() {
        let lease = Lease { work: WorkKey { tenant: None, kind: WorkKind::Expire, subject: String::new() }, token: 1 };
        let deposit = |state| Transaction { expires_at: Some(NOW), ..transaction(1, State::Deposit(state)) };
        let withdrawal = |state| Transaction { expires_at: Some(NOW), memo: Some(Memo::Id(7)), ..transaction(1, State::Withdrawal(state)) };
        let (waits, pays) = (deposit(DepositState::AwaitingFunds), withdrawal(WithdrawalState::AwaitingPayment));
        let for_ever = Transaction { expires_at: None, ..waits.clone() };
        for (transaction, now, next, ends) in [
            (Some(&waits), NOW, Next::Done, Some("expired")),
            (Some(&pays), NOW + 9, Next::Done, Some("expired")),
            (Some(&waits), NOW - 5, Next::After(5), None),
            (Some(&deposit(DepositState::SeenPending)), NOW, Next::Done, None),
            (Some(&deposit(DepositState::Ready)), NOW - 5, Next::Done, None),
            (Some(&deposit(DepositState::Expired)), NOW, Next::Done, None),
            (Some(&withdrawal(WithdrawalState::Received)), NOW, Next::Done, None),
            (Some(&for_ever), NOW, Next::Done, None),
            (None, NOW, Next::Done, None),
        ] {
            let commit = look(&lease, transaction, now);
            let seen = commit.writes.iter().find_map(|write| match write {
                Write::Transaction { after, .. } => Some(after.state.as_str()),
                _ => None,
            });
            assert_eq!(
                (commit.fence.map(|fence| fence.next), seen, commit.writes.len()),
                (Some(next), ends, usize::from(ends.is_some())),
                "{transaction:?} {now}"
            );
        }
    }
}
