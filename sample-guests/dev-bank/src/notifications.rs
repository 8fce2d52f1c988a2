//! Hook `deposit-events`: tells the bank that a deposit is paid on the ledger.

use serde::Serialize;
use windlass_sdk::{DepositEvents, Error, Transaction, log};

use crate::{DevBank, client};

#[derive(Serialize)]
struct Notification<'a> {
    reference: &'a str,
    message: String,
}

impl DepositEvents for DevBank {
    fn after_deposit(transaction: Transaction) -> Result<(), Error> {
        let amount = transaction.amount_out()?;
        let answer = client::post(
            "/v1/notifications",
            &Notification {
                reference: &transaction.reference,
                message: format!("deposit {} is paid: {amount} {}", transaction.id, transaction.asset.code),
            },
            "notify",
        )?;
        match answer.status {
            200..=202 => {
                log::info("the bank knows that the deposit is done");
                Ok(())
            }
            _ => Err(client::failure(&answer)),
        }
    }
}
