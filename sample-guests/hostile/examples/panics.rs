//! Attack: `after-deposit` panics. The message and its place have to be in the job's log.

use windlass_sdk::{DepositEvents, Error, Transaction, register_integrations};

struct Panics;

impl DepositEvents for Panics {
    fn after_deposit(transaction: Transaction) -> Result<(), Error> {
        panic!("hostile panic for {}", transaction.id);
    }
}

register_integrations!(deposit_events = Panics);
