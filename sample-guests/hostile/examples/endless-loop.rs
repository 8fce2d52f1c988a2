//! Attack: `after-deposit` never returns.

use windlass_sdk::{DepositEvents, Error, Transaction, register_integrations};

struct EndlessLoop;

impl DepositEvents for EndlessLoop {
    fn after_deposit(_: Transaction) -> Result<(), Error> {
        loop {
            std::hint::black_box(());
        }
    }
}

register_integrations!(deposit_events = EndlessLoop);
