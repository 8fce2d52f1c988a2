//! Hook `deposits`: reads one page of the statement and says which credits pay for which deposits.
//!
//! The cursor is kept in `state`; the host commits it together with what is reported here, so every credit is reported
//! once, as an update or as unmatched. Most credits are found by `find`. Only for those whose text holds no reference
//! as a word is the pending set read through, a batch at a time.

use serde::Deserialize;
use windlass_sdk::{
    Amount, DepositIntegration, DepositUpdate, Error, PendingDeposits, Poll, Transaction, UnmatchedCredit, log, state,
};

use crate::{DevBank, client, matching};

const CURSOR: &str = "statement-cursor";
/// Lines asked for in one poll.
const PAGE: usize = 200;
/// The most references that one `find` takes, and transactions that one `next-batch` gives.
const BATCH: usize = 100;
/// The longest reference text that an unmatched credit may carry, in bytes.
const REFERENCE_BYTES: usize = 512;

#[derive(Deserialize)]
struct Statement {
    lines: Vec<Line>,
    next: String,
    more: bool,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    direction: String,
    amount: String,
    reference: String,
    /// Of a credit that gives a transfer back: `transfers.rs` reports it.
    #[serde(default)]
    returns: Option<String>,
}

/// A credit, and what it was found to pay for.
struct Credit {
    external_id: String,
    amount: Amount,
    reference: String,
    matches: Match,
}

/// The deposits whose reference is in a credit's text.
#[derive(PartialEq)]
enum Match {
    None,
    /// The transaction's id.
    One(String),
    /// The texts of several: not ours to choose.
    Several,
}

impl DepositIntegration for DevBank {
    fn poll_pending_deposits(pending: &PendingDeposits) -> Result<Poll, Error> {
        let cursor = state::get_text(CURSOR)?.unwrap_or_default();
        let answer = client::get(&format!("/v1/statement?after={}&limit={PAGE}", client::encode(&cursor)))?;
        if answer.status != 200 {
            return Err(client::failure(&answer));
        }
        let statement: Statement = client::read(&answer)?;
        let mut credits = credits(statement.lines)?;
        match_by_words(pending, &mut credits);
        match_garbled(pending, &mut credits);
        let poll = report(credits, statement.more);
        if statement.next != cursor {
            state::set_text(CURSOR, &statement.next);
            log::info(&format!("{} credits matched, {} not", poll.updates.len(), poll.unmatched.len()));
        }
        Ok(poll)
    }
}

/// The page's credits. A line that cannot be read fails the poll: nothing is skipped, and the tenant is told.
fn credits(lines: Vec<Line>) -> Result<Vec<Credit>, Error> {
    let mut credits = Vec::new();
    for line in lines.into_iter().filter(|line| line.direction == "credit" && line.returns.is_none()) {
        let amount = line
            .amount
            .parse()
            .map_err(|error| Error::UnexpectedResponse(format!("the amount of statement line {}: {error}", line.id)))?;
        credits.push(Credit { external_id: line.id, amount, reference: line.reference, matches: Match::None });
    }
    Ok(credits)
}

/// Asks the host for the deposits whose references stand in the texts as words.
fn match_by_words(pending: &PendingDeposits, credits: &mut [Credit]) {
    let candidates: Vec<Vec<String>> = credits.iter().map(|credit| matching::candidates(&credit.reference)).collect();
    let mut wanted: Vec<String> = candidates.concat();
    wanted.sort_unstable();
    wanted.dedup();
    for references in wanted.chunks(BATCH) {
        for transaction in pending.find(references) {
            let reference = matching::normalise(&transaction.reference);
            for (credit, candidates) in credits.iter_mut().zip(&candidates) {
                if candidates.contains(&reference) {
                    credit.matches.add(&transaction);
                }
            }
        }
    }
}

/// Reads the pending set through for the credits that are still unmatched, if their text is long enough.
fn match_garbled(pending: &PendingDeposits, credits: &mut [Credit]) {
    let mut garbled: Vec<&mut Credit> = credits
        .iter_mut()
        .filter(|credit| credit.matches == Match::None && matching::may_be_garbled(&credit.reference))
        .collect();
    if garbled.is_empty() {
        return;
    }
    loop {
        let batch = pending.next_batch(BATCH as u32);
        if batch.is_empty() {
            return;
        }
        for transaction in batch {
            for credit in &mut garbled {
                if matching::contains(&credit.reference, &transaction.reference) {
                    credit.matches.add(&transaction);
                }
            }
        }
    }
}

fn report(credits: Vec<Credit>, more: bool) -> Poll {
    let mut poll = Poll { updates: Vec::new(), unmatched: Vec::new(), more };
    for credit in credits {
        match credit.matches {
            Match::One(id) => poll.updates.push(DepositUpdate::received(&id, credit.amount, &credit.external_id)),
            Match::None | Match::Several => poll.unmatched.push(UnmatchedCredit {
                external_id: credit.external_id,
                amount: credit.amount.units(),
                reference: shorten(credit.reference, REFERENCE_BYTES),
            }),
        }
    }
    poll
}

impl Match {
    fn add(&mut self, transaction: &Transaction) {
        *self = match self {
            Self::None => Self::One(transaction.id.clone()),
            Self::One(id) if *id == transaction.id => return,
            Self::One(_) | Self::Several => Self::Several,
        };
    }
}

/// At most so many bytes, cut between two characters.
fn shorten(mut text: String, bytes: usize) -> String {
    while text.len() > bytes {
        text.pop();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(direction: &str, amount: &str) -> Line {
        Line {
            id: "line-000001".into(),
            direction: direction.into(),
            amount: amount.into(),
            reference: "7K3M9Q2XAB".into(),
            returns: None,
        }
    }

    #[test]
    fn only_credits_count_and_bad_amounts_stop_the_poll() {
        let read = credits(vec![line("credit", "12.34"), line("debit", "9")]);
        assert_eq!(read.map(|credits| credits.len()), Ok(1));
        let returned = Line { returns: Some("tr-000001".into()), ..line("credit", "12.34") };
        assert_eq!(credits(vec![returned]).map(|credits| credits.len()), Ok(0), "what came back is no deposit");
        let error = credits(vec![line("credit", "12,34")]).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::UnexpectedResponse(text) if text.contains("line-000001")));
    }

    #[test]
    fn rule_2_every_credit_is_reported_once() {
        let credit = |id: &str, matches| Credit {
            external_id: id.into(),
            amount: Amount::ONE,
            reference: "text".into(),
            matches,
        };
        let poll = report(
            vec![credit("a", Match::One("tx".into())), credit("b", Match::None), credit("c", Match::Several)],
            false,
        );
        assert_eq!(poll.updates, [DepositUpdate::received("tx", Amount::ONE, "a")]);
        let unmatched: Vec<&str> = poll.unmatched.iter().map(|credit| credit.external_id.as_str()).collect();
        assert_eq!(unmatched, ["b", "c"]);
    }

    #[test]
    fn long_references_are_cut_between_characters() {
        assert_eq!(shorten("aüb".into(), 2), "a");
        assert_eq!(shorten("aüb".into(), 4), "aüb");
    }
}
