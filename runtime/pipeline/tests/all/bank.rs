//! The bank: credits that arrived, and payouts that it is asked for.

use std::collections::VecDeque;
use std::sync::Mutex;

use windlass_domain::Amount;
use windlass_domain::ports::egress::IncomingResponse;

/// Money that arrived at the bank.
#[derive(Debug, Clone)]
pub(crate) struct Credit {
    pub(crate) id: String,
    pub(crate) reference: String,
    pub(crate) amount: Amount,
}

/// How the bank takes the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Pays (once per key), and answers 201.
    Pays,
    /// Pays, and the answer is lost.
    PaysInSilence,
    /// Does not pay, and answers this.
    Says(u16),
    /// Never hears of it; the sender cannot tell.
    LosesIt,
    /// No connection is made.
    IsClosed,
}

/// What comes back.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Answer(IncomingResponse),
    Silence,
    NoConnection,
}

/// The bank. Pays once per key.
#[derive(Default)]
pub(crate) struct Bank(Mutex<Books>);

#[derive(Default)]
struct Books {
    credits: Vec<Credit>,
    script: VecDeque<Takes>,
    requests: Vec<String>,
    payouts: Vec<String>,
}

impl Bank {
    /// Money arrives.
    pub(crate) fn credit(&self, id: &str, reference: &str, amount: Amount) {
        self.0.lock().unwrap().credits.push(Credit { id: id.into(), reference: reference.into(), amount });
    }

    pub(crate) fn credits(&self) -> Vec<Credit> {
        self.0.lock().unwrap().credits.clone()
    }

    /// How the next requests are taken; the ones after them are paid.
    pub(crate) fn script(&self, takes: &[Takes]) {
        self.0.lock().unwrap().script.extend(takes);
    }

    /// Keys of all requests that left, in order.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.0.lock().unwrap().requests.clone()
    }

    /// Keys of all payouts that were made.
    pub(crate) fn payouts(&self) -> Vec<String> {
        self.0.lock().unwrap().payouts.clone()
    }

    pub(crate) fn post(&self, key: &str) -> Reply {
        let mut books = self.0.lock().unwrap();
        let takes = books.script.pop_front().unwrap_or(Takes::Pays);
        if takes == Takes::IsClosed {
            return Reply::NoConnection;
        }
        books.requests.push(key.to_owned());
        let pays = matches!(takes, Takes::Pays | Takes::PaysInSilence);
        if pays && !books.payouts.iter().any(|paid| paid == key) {
            books.payouts.push(key.to_owned());
        }
        let answer = |status, body: String| Reply::Answer(IncomingResponse { status, headers: vec![], body: body.into_bytes() });
        match takes {
            Takes::Pays => answer(201, format!("payout-{}", &key[..8])),
            Takes::Says(status) => answer(status, String::new()),
            Takes::PaysInSilence | Takes::LosesIt | Takes::IsClosed => Reply::Silence,
        }
    }
}
