//! Attack: `after-deposit` takes memory, a mebibyte at a time, for ever.

use windlass_sdk::{DepositEvents, Error, Transaction, register_integrations};

struct MemoryGrowth;

impl DepositEvents for MemoryGrowth {
    fn after_deposit(_: Transaction) -> Result<(), Error> {
        let mut taken: Vec<Vec<u8>> = Vec::new();
        loop {
            taken.push(std::hint::black_box(vec![1; 1 << 20]));
        }
    }
}

register_integrations!(deposit_events = MemoryGrowth);
