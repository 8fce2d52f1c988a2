//! The bank's books as a state machine: customers, lines, transfers, notifications. No clock and no network.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{
    amount,
    records::{
        Customer, Direction, Idempotency, Line, NewCustomer, Notification, NotificationWish, Return, Statement, Transfer, TransferStatus,
        TransferWish,
    },
};
use crate::Error;

/// An account with everything that hangs on it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) customer: Customer,
    pub(crate) currency: String,
    pub(crate) decimals: u32,
    pub(crate) opening: i64,
    pub(crate) balance: i64,
    pub(crate) idempotency: Idempotency,
    pub(crate) require_key: bool,
    pub(crate) lines: Vec<Line>,
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) returns: Vec<Return>,
    pub(crate) notifications: Vec<Notification>,
    /// Request bodies by key, to compare a repeated request with.
    bodies: BTreeMap<(&'static str, String), (Vec<u8>, usize)>,
}

/// Something that was asked for under a key, or anew.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked<T> {
    /// Done now.
    New(T),
    /// Done before, under this key.
    Again(T),
}

/// Why something asked for is not done; the text goes to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The key was used with another body: says nothing about what was asked for the first time.
    KeyUsed,
    /// The request itself: why.
    Because(String),
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Self::Because(why)
    }
}

impl From<&str> for Refusal {
    fn from(why: &str) -> Self {
        Self::Because(why.to_owned())
    }
}

/// All accounts.
#[derive(Debug, Default)]
pub(crate) struct Book {
    accounts: Vec<Account>,
    last_line: u64,
    last_transfer: u64,
    last_notification: u64,
}

impl Book {
    /// Opens an account. Key and secret follow from the name and the number of customers before.
    pub(crate) fn add_customer(&mut self, new: &NewCustomer) -> Result<Customer, Error> {
        let opening = amount::parse(&new.balance, new.decimals)
            .ok_or_else(|| Error::BadAmount { text: new.balance.clone(), decimals: new.decimals })?;
        let number = self.accounts.len() + 1;
        let derive = |purpose: &str| {
            let digest = Sha256::digest(format!("windlass dev bank\n{purpose}\n{number}\n{}", new.name));
            hex::encode(digest)
        };
        let customer = Customer {
            api_key: format!("key-{}", &derive("api key")[..32]),
            hmac_secret: derive("hmac secret"),
            account: format!("DEV{number:08}"),
        };
        self.accounts.push(Account {
            customer: customer.clone(),
            currency: new.currency.clone(),
            decimals: new.decimals,
            opening,
            balance: opening,
            idempotency: new.idempotency,
            require_key: new.require_key,
            lines: Vec::new(),
            transfers: Vec::new(),
            returns: Vec::new(),
            notifications: Vec::new(),
            bodies: BTreeMap::new(),
        });
        Ok(customer)
    }

    /// The account behind an API key.
    pub(crate) fn by_api_key(&self, api_key: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.customer.api_key == api_key)
    }

    pub(crate) fn account(&self, number: &str) -> Result<&Account, Error> {
        let found = self.accounts.iter().find(|account| account.customer.account == number);
        found.ok_or_else(|| Error::UnknownAccount(number.to_owned()))
    }

    fn account_mut(&mut self, number: &str) -> Result<&mut Account, Error> {
        let found = self.accounts.iter_mut().find(|account| account.customer.account == number);
        found.ok_or_else(|| Error::UnknownAccount(number.to_owned()))
    }

    /// Books that a person paid in; gives the line's id.
    pub(crate) fn credit(&mut self, account: &str, sum: &str, reference: &str, counterparty: &str, now: u64) -> Result<String, Error> {
        let id = format!("line-{:06}", self.last_line + 1);
        let account = self.account_mut(account)?;
        let bad = || Error::BadAmount { text: sum.to_owned(), decimals: account.decimals };
        let units = amount::parse(sum, account.decimals).filter(|units| *units > 0).ok_or_else(bad)?;
        account.balance = account.balance.checked_add(units).ok_or_else(bad)?;
        account.lines.push(Line {
            id: id.clone(),
            direction: Direction::Credit,
            amount: amount::format(units, account.decimals),
            currency: account.currency.clone(),
            reference: reference.to_owned(),
            counterparty: counterparty.to_owned(),
            to: None,
            returns: None,
            booked_at: now,
            status: "booked",
        });
        self.last_line += 1;
        Ok(id)
    }

    /// Debits the account and books the line, at once and once per key, if keys are honoured.
    pub(crate) fn transfer(
        &mut self,
        account: &str,
        wish: &TransferWish,
        key: Option<&str>,
        body: &[u8],
        now: u64,
    ) -> Result<Asked<Transfer>, Refusal> {
        let line = format!("line-{:06}", self.last_line + 1);
        let id = format!("tr-{:06}", self.last_transfer + 1);
        let account = self.account_mut(account).map_err(|error| error.to_string())?;
        if account.require_key && key.is_none() {
            return Err("this account requires an Idempotency-Key".into());
        }
        if let Some(at) = account.asked_before("transfer", key, body)? {
            account.transfers[at].asked += 1;
            return Ok(Asked::Again(account.transfers[at].clone()));
        }
        if wish.currency != account.currency {
            return Err(format!("this account is in {}", account.currency).into());
        }
        let units = amount::parse(&wish.amount, account.decimals).filter(|units| *units > 0);
        let units = units.ok_or("amount is not a positive decimal number of this currency")?;
        if wish.to.starts_with("closed-") {
            return Err("account closed".into());
        }
        if units > account.balance {
            return Err("insufficient funds".into());
        }
        account.balance -= units;
        let transfer = Transfer {
            id: id.clone(),
            status: match wish.to.as_str() {
                to if to.starts_with("slow-") => TransferStatus::Pending,
                to if to.starts_with("desk-") => TransferStatus::Ready,
                _ => TransferStatus::Settled,
            },
            amount: amount::format(units, account.decimals),
            to: wish.to.clone(),
            reference: wish.reference.clone(),
            key: key.map(str::to_owned),
            asked: 1,
        };
        account.remember("transfer", key, body, account.transfers.len());
        account.transfers.push(transfer.clone());
        account.lines.push(Line {
            id: line,
            direction: Direction::Debit,
            amount: transfer.amount.clone(),
            currency: account.currency.clone(),
            reference: wish.reference.clone(),
            counterparty: id,
            to: Some(wish.to.clone()),
            returns: None,
            booked_at: now,
            status: "booked",
        });
        self.last_line += 1;
        self.last_transfer += 1;
        Ok(Asked::New(transfer))
    }

    /// Gives a transfer back: its sum is credited again. False if there is none, or it came back before.
    pub(crate) fn give_back(&mut self, id: &str, reason: &str, now: u64) -> bool {
        let line = format!("line-{:06}", self.last_line + 1);
        let found = self.accounts.iter_mut().find_map(|account| {
            let at = account.transfers.iter().position(|one| one.id == id && one.status != TransferStatus::Returned)?;
            Some((account, at))
        });
        let Some((account, at)) = found else {
            return false;
        };
        let transfer = &mut account.transfers[at];
        let units = amount::parse(&transfer.amount, account.decimals);
        let Some(balance) = units.and_then(|units| account.balance.checked_add(units)) else {
            return false;
        };
        account.balance = balance;
        transfer.status = TransferStatus::Returned;
        account.lines.push(Line {
            id: line,
            direction: Direction::Credit,
            amount: transfer.amount.clone(),
            currency: account.currency.clone(),
            reference: transfer.reference.clone(),
            counterparty: transfer.to.clone(),
            to: None,
            returns: Some(transfer.id.clone()),
            booked_at: now,
            status: "booked",
        });
        account.returns.push(Return {
            transfer: transfer.id.clone(),
            reference: transfer.reference.clone(),
            reason: reason.to_owned(),
            returned_at: now,
        });
        self.last_line += 1;
        true
    }

    /// Lets a pending transfer arrive, or one at the desk be fetched; false if there is no such transfer, or it came back.
    pub(crate) fn settle(&mut self, id: &str) -> bool {
        let mut transfers = self.accounts.iter_mut().flat_map(|account| &mut account.transfers);
        transfers.find(|transfer| transfer.id == id && transfer.status != TransferStatus::Returned).is_some_and(|transfer| {
            transfer.status = TransferStatus::Settled;
            true
        })
    }

    /// Keeps a notification, once per key, if keys are honoured.
    pub(crate) fn notify(
        &mut self,
        account: &str,
        wish: &NotificationWish,
        key: Option<&str>,
        body: &[u8],
    ) -> Result<Asked<Notification>, Refusal> {
        let id = format!("nt-{:06}", self.last_notification + 1);
        let account = self.account_mut(account).map_err(|error| error.to_string())?;
        if let Some(at) = account.asked_before("notification", key, body)? {
            account.notifications[at].asked += 1;
            return Ok(Asked::Again(account.notifications[at].clone()));
        }
        let notification =
            Notification { id, reference: wish.reference.clone(), message: wish.message.clone(), key: key.map(str::to_owned), asked: 1 };
        account.remember("notification", key, body, account.notifications.len());
        account.notifications.push(notification.clone());
        self.last_notification += 1;
        Ok(Asked::New(notification))
    }

    /// The whole statement of an account.
    pub(crate) fn statement(&self, account: &str) -> Result<Statement, Error> {
        let account = self.account(account)?;
        Ok(Statement {
            account: account.customer.account.clone(),
            currency: account.currency.clone(),
            decimals: account.decimals,
            opening_balance: amount::format(account.opening, account.decimals),
            closing_balance: amount::format(account.balance, account.decimals),
            lines: account.lines.clone(),
        })
    }
}

impl Account {
    /// Where the thing asked for under this key is; a key used with another body is refused.
    fn asked_before(&self, what: &'static str, key: Option<&str>, body: &[u8]) -> Result<Option<usize>, Refusal> {
        let key = match (self.idempotency, key) {
            (Idempotency::Honoured, Some(key)) => key,
            _ => return Ok(None),
        };
        match self.bodies.get(&(what, key.to_owned())) {
            None => Ok(None),
            Some((first, at)) if first == body => Ok(Some(*at)),
            Some(_) => Err(Refusal::KeyUsed),
        }
    }

    fn remember(&mut self, what: &'static str, key: Option<&str>, body: &[u8], at: usize) {
        if let (Idempotency::Honoured, Some(key)) = (self.idempotency, key) {
            self.bodies.insert((what, key.to_owned()), (body.to_vec(), at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(idempotency: Idempotency) -> (Book, String) {
        let mut book = Book::default();
        let new = NewCustomer {
            name: "acme".to_owned(),
            currency: "USD".to_owned(),
            decimals: 2,
            balance: "100.00".to_owned(),
            idempotency,
            require_key: false,
        };
        let customer = book.add_customer(&new).expect("a customer");
        (book, customer.account)
    }

    fn wish(to: &str, amount: &str) -> TransferWish {
        TransferWish { to: to.to_owned(), amount: amount.to_owned(), currency: "USD".to_owned(), reference: "out".to_owned() }
    }

    #[test]
    fn a_key_makes_a_repeated_transfer_harmless_and_tells_another_body_apart() {
        let (mut book, account) = book(Idempotency::Honoured);
        let first = book.transfer(&account, &wish("bob", "40.00"), Some("k"), b"a", 1);
        let again = book.transfer(&account, &wish("bob", "40.00"), Some("k"), b"a", 2);
        let other = book.transfer(&account, &wish("bob", "41.00"), Some("k"), b"b", 3);
        assert!(matches!(first, Ok(Asked::New(_))), "{first:?}");
        assert!(matches!(again, Ok(Asked::Again(ref transfer)) if transfer.asked == 2), "{again:?}");
        assert!(other.is_err(), "{other:?}");
        let statement = book.statement(&account).expect("a statement");
        assert_eq!(statement.closing_balance, "60.00");
        assert_eq!(statement.lines.len(), 1);
        assert_eq!(statement.lines[0].counterparty, "tr-000001");
        assert_eq!(statement.lines[0].to.as_deref(), Some("bob"));
    }

    #[test]
    fn where_keys_are_ignored_each_request_pays() {
        let (mut book, account) = book(Idempotency::Ignored);
        for _ in 0..2 {
            let paid = book.transfer(&account, &wish("bob", "40.00"), Some("k"), b"a", 1);
            assert!(matches!(paid, Ok(Asked::New(_))), "{paid:?}");
        }
        assert_eq!(book.statement(&account).expect("a statement").closing_balance, "20.00");
    }

    #[test]
    fn transfers_are_refused_with_their_reason_and_leave_no_line() {
        let (mut book, account) = book(Idempotency::Honoured);
        let foreign = TransferWish { currency: "EUR".to_owned(), ..wish("bob", "1.00") };
        let table = [
            (wish("bob", "100.01"), "insufficient funds"),
            (wish("closed-bob", "1.00"), "account closed"),
            (wish("bob", "0"), "amount is not a positive decimal number of this currency"),
            (wish("bob", "1.001"), "amount is not a positive decimal number of this currency"),
            (foreign, "this account is in USD"),
        ];
        for (wish, reason) in table {
            assert_eq!(book.transfer(&account, &wish, None, b"", 1), Err(Refusal::from(reason)));
        }
        assert!(book.statement(&account).expect("a statement").lines.is_empty());
    }

    #[test]
    fn a_transfer_to_a_slow_receiver_stays_pending_until_settled() {
        let (mut book, account) = book(Idempotency::Honoured);
        let sent = book.transfer(&account, &wish("slow-bob", "1.00"), None, b"", 1);
        assert!(matches!(sent, Ok(Asked::New(ref one)) if one.status == TransferStatus::Pending), "{sent:?}");
        assert!(book.settle("tr-000001"));
        assert!(!book.settle("tr-000002"));
        let account = book.account(&account).expect("an account");
        assert_eq!(account.transfers[0].status, TransferStatus::Settled);
    }

    #[test]
    fn a_transfer_comes_back_once_with_its_sum() {
        let (mut book, account) = book(Idempotency::Honoured);
        let sent = book.transfer(&account, &wish("desk-bob", "30.00"), None, b"", 1);
        assert!(matches!(sent, Ok(Asked::New(ref one)) if one.status == TransferStatus::Ready), "{sent:?}");
        assert!(book.settle("tr-000001"));
        assert!(book.give_back("tr-000001", "account closed", 9));
        assert!(!book.give_back("tr-000001", "account closed", 9));
        assert!(!book.give_back("tr-000002", "account closed", 9));
        assert!(!book.settle("tr-000001"), "what came back does not arrive");
        let statement = book.statement(&account).expect("a statement");
        assert_eq!(statement.closing_balance, "100.00");
        assert_eq!(statement.lines[1].returns.as_deref(), Some("tr-000001"));
        let account = book.account(&account).expect("an account");
        assert_eq!(account.transfers[0].status, TransferStatus::Returned);
        assert_eq!(account.returns[0].reason, "account closed");
    }
}
