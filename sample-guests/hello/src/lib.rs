//! The smallest integration: when a deposit is done, it says so in the job's log.

use windlass_sdk::{DepositEvents, Error, Transaction, log, register_integrations};

struct Hello;

impl DepositEvents for Hello {
    fn after_deposit(transaction: Transaction) -> Result<(), Error> {
        log::info(&format!("hello: deposit {} is done", transaction.id));
        Ok(())
    }
}

register_integrations!(deposit_events = Hello);
