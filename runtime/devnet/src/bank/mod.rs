//! A bank to develop against: accounts, statements, transfers with idempotency keys, signed requests, and faults.
//!
//! The API under `/v1` wants `X-Api-Key`, and of a POST also `X-Signature`: the lower hexadecimal HMAC-SHA-256, keyed
//! with the bytes of the customer's secret, over method, newline, path with query, newline, body. Errors are
//! `{"error": "text"}`. What is under `/control` asks nobody: this bank holds no money.

mod amount;
mod api;
mod book;
mod control;
mod faults;
mod records;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    routing::{any, get, post, put},
};

use self::{book::Book, faults::Faults};
pub use self::{
    faults::{BankFault, BankFaultMode, Route},
    records::{Customer, Direction, Idempotency, Line, NewCustomer, Notification, Return, Statement, Transfer, TransferStatus},
};
use crate::{Error, clock, serve::Server};

/// How a bank is set up.
#[derive(Debug, Clone)]
pub struct BankConfig {
    /// Where it listens; port 0 for any free one.
    pub listen: SocketAddr,
}

impl Default for BankConfig {
    /// A free loopback port.
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) }
    }
}

/// A running bank. Dropped, it stops taking connections.
#[derive(Debug)]
pub struct Bank {
    shared: Arc<Shared>,
    server: Server,
}

#[derive(Debug, Default)]
struct Shared {
    book: Mutex<Book>,
    faults: Mutex<Faults>,
}

impl Shared {
    /// Each act on the books is checked before it changes anything, so a poisoned lock is good enough.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bank {
    /// Opens an empty bank on the current tokio runtime.
    ///
    /// # Errors
    /// [`Error::Listen`] if the address is taken.
    pub async fn start(config: BankConfig) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let router = Router::new()
            .route("/v1/{*rest}", any(api::answer))
            .route("/control/customers", post(control::add_customer))
            .route("/control/credits", post(control::credit))
            .route("/control/settlements", post(control::settle))
            .route("/control/returns", post(control::give_back))
            .route("/control/statement", get(control::statement))
            .route("/control/transfers", get(control::transfers))
            .route("/control/faults", put(control::faults))
            .fallback(control::nowhere)
            .method_not_allowed_fallback(control::not_so)
            .with_state(Arc::clone(&shared));
        let server = Server::start(config.listen, router).await?;
        Ok(Self { shared, server })
    }

    /// Where the bank answers.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Opens an account; gives its credentials.
    ///
    /// # Errors
    /// [`Error::BadAmount`] if the balance is none.
    pub fn add_customer(&self, new: &NewCustomer) -> Result<Customer, Error> {
        self.shared.book().add_customer(new)
    }

    /// A person pays in; gives the line's id. `amount` is decimal text.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`], [`Error::BadAmount`].
    pub fn credit(&self, account: &str, amount: &str, reference: &str, counterparty: &str) -> Result<String, Error> {
        self.shared.book().credit(account, amount, reference, counterparty, clock::now())
    }

    /// Lets requests go wrong, or go well again.
    pub fn set_fault(&self, fault: BankFault) {
        self.shared.faults().set(fault);
    }

    /// Lets a pending transfer arrive, or one at the desk be fetched; false if there is no such transfer.
    pub fn settle(&self, transfer: &str) -> bool {
        self.shared.book().settle(transfer)
    }

    /// Gives a transfer back, pending or settled, perhaps days after: the sum is credited again. False if there is no
    /// such transfer, or it came back before.
    pub fn give_back(&self, transfer: &str, reason: &str) -> bool {
        self.shared.book().give_back(transfer, reason, clock::now())
    }

    /// The whole statement of an account.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`].
    pub fn statement(&self, account: &str) -> Result<Statement, Error> {
        self.shared.book().statement(account)
    }

    /// Every transfer of an account, with its key and how often it was asked for.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`].
    pub fn transfers(&self, account: &str) -> Result<Vec<Transfer>, Error> {
        Ok(self.shared.book().account(account)?.transfers.clone())
    }

    /// Every notification that was sent for an account.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`].
    pub fn notifications(&self, account: &str) -> Result<Vec<Notification>, Error> {
        Ok(self.shared.book().account(account)?.notifications.clone())
    }

    /// Closes the bank.
    pub async fn shutdown(self) {
        self.server.stop().await;
    }
}
