//! As `first-bank`, but with a fault: `after-deposit` never ends when the transaction has a field `demo_loop` with the
//! value `yes`. The demo uses it to show that a hook that runs for ever ends as `OutOfFuel`, that its deposit stays
//! completed, and that no other tenant notices.

use dev_bank::DevBank;
use windlass_sdk::{DepositEvents, Error, Transaction, log, register_integrations};

struct SecondBank;

impl DepositEvents for SecondBank {
    fn after_deposit(transaction: Transaction) -> Result<(), Error> {
        if transaction.field("demo_loop") == Some("yes") {
            log::warn("demo_loop is set: this hook now loops for ever");
            loop {
                std::hint::black_box(());
            }
        }
        DevBank::after_deposit(transaction)
    }
}

register_integrations!(
    deposit = DevBank,
    deposit_events = SecondBank,
    withdrawal = DevBank,
    payouts = DevBank,
    payout_status = DevBank,
);
