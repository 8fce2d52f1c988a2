//! What each result code of the ledger means for a deposit whose payment was in a failed envelope: one row per code of
//! `payment`, `create_account`, `create_claimable_balance`, of every operation, and of the transaction itself.
//!
//! The envelope driver decides by this table and by nothing else. A test beside the XDR types matches their enums without
//! `_`, so that a code that a newer protocol adds does not compile before it has a row here. A code without a row is taken
//! as [`Class::Refused`]: a person looks.

use crate::deposit::DepositEvent;
use crate::ports::ledger::OperationResult;

/// What a code means for the deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nothing is wrong with this payment, or the planner can mend it (by making the account): it is planned again.
    Again,
    /// The account cannot take the asset yet: watched, and resumed by itself.
    CannotReceive,
    /// Neither time nor the user mends it: the operator does, and says try again.
    Refused,
}

impl Class {
    /// The SEP-24 status that the deposit has then (section 4 of the design).
    pub const fn status(self) -> &'static str {
        match self {
            Self::Again => "pending_anchor",
            Self::CannotReceive => "pending_trust",
            Self::Refused => "pending_stellar",
        }
    }
}

/// One code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// As Stellar writes it.
    pub code: &'static str,
    /// What it means for the deposit.
    pub class: Class,
    /// For the user.
    pub message: &'static str,
    /// For the operator: what to do. Empty where there is nothing to do.
    pub operator: &'static str,
    /// Can it be otherwise later without anybody's doing?
    pub time_mends: bool,
}

const fn again(code: &'static str, message: &'static str, operator: &'static str) -> Code {
    Code { code, class: Class::Again, message, operator, time_mends: true }
}

const fn receive(code: &'static str, message: &'static str, operator: &'static str) -> Code {
    Code { code, class: Class::CannotReceive, message, operator, time_mends: false }
}

const fn refused(code: &'static str, message: &'static str, operator: &'static str) -> Code {
    Code { code, class: Class::Refused, message, operator, time_mends: false }
}

const fn busy(code: &'static str, message: &'static str, operator: &'static str) -> Code {
    Code { code, class: Class::Refused, message, operator, time_mends: true }
}

const OURS: &str = "the payment could not be made: the anchor has been told";
const FUNDS: &str = "the anchor cannot pay at the moment: it has been told";
const BUG: &str = "the envelope was built wrongly: keep it and report it; try again only with another version of the host";
const SIGNERS: &str = "the distribution account's signers or thresholds were changed: give its own key enough weight again";
const FUND_XLM: &str = "send the distribution account XLM above its reserve, then try again";

/// Every code, by the operation that says it.
pub const CODES: &[Code] = &[
    // The transaction.
    again("txSUCCESS", "the payment is made again", ""),
    again("txFAILED", "the payment is made again", ""),
    again("txFEE_BUMP_INNER_SUCCESS", "the payment is made again", ""),
    again("txFEE_BUMP_INNER_FAILED", "the payment is made again", ""),
    again(
        "txBAD_SEQ",
        "the sequence number was used meanwhile; the payment is made again",
        "no other program should use the distribution account's key",
    ),
    again("txTOO_LATE", "the payment did not get into a ledger in time; it is made again", ""),
    busy("txTOO_EARLY", OURS, "envelopes of this host have no lower time bound: report it"),
    refused("txMISSING_OPERATION", OURS, BUG),
    refused("txBAD_AUTH", OURS, SIGNERS),
    refused("txBAD_AUTH_EXTRA", OURS, SIGNERS),
    refused("txINSUFFICIENT_BALANCE", FUNDS, FUND_XLM),
    refused("txNO_ACCOUNT", OURS, "the distribution account is not on the ledger any more: create it again, or give the tenant another"),
    busy("txINSUFFICIENT_FEE", OURS, "the network asks for more than the bid: raise the fee limit, or wait, then try again"),
    busy("txINTERNAL_ERROR", OURS, "the ledger failed within itself: try again later"),
    refused("txNOT_SUPPORTED", OURS, BUG),
    refused("txBAD_SPONSORSHIP", OURS, BUG),
    refused("txBAD_MIN_SEQ_AGE_OR_GAP", OURS, BUG),
    refused("txMALFORMED", OURS, BUG),
    refused("txSOROBAN_INVALID", OURS, BUG),
    busy("txFROZEN_KEY_ACCESSED", OURS, "the network has frozen an entry that the payment touches: find out which, then try again"),
    // Every operation.
    again("success", "another payment of the same envelope failed; this one is made again", ""),
    refused("op_bad_auth", OURS, SIGNERS),
    refused("op_no_account", OURS, "the distribution account is not on the ledger any more: create it again, or give the tenant another"),
    refused("op_not_supported", OURS, BUG),
    refused(
        "op_too_many_subentries",
        OURS,
        "the distribution account has too many trustlines, offers or balances: remove some, then try again",
    ),
    busy("op_exceeded_work_limit", OURS, "the ledger had too much to do: try again"),
    refused(
        "op_too_many_sponsoring",
        OURS,
        "the distribution account sponsors too many entries: reclaim unclaimed balances, then try again",
    ),
    // payment
    refused("payment_malformed", OURS, BUG),
    refused("payment_underfunded", FUNDS, "send the distribution account more of the asset (of XLM: above its reserve), then try again"),
    refused("payment_src_no_trust", FUNDS, "the distribution account has no trustline for the asset: add it, send it some, then try again"),
    refused(
        "payment_src_not_authorized",
        FUNDS,
        "the issuer has not authorised the distribution account's trustline: have it authorised, then try again",
    ),
    again(
        "payment_no_destination",
        "the account does not exist on the Stellar network",
        "it is made where the asset's starting_balance allows it",
    ),
    receive("payment_no_trust", "the account has no trustline for the asset: add it", ""),
    receive("payment_not_authorized", "the account's trustline is not authorised by the issuer", "authorise it, if the issuer is yours"),
    receive("payment_line_full", "the account's trustline is full: raise its limit", ""),
    refused("payment_no_issuer", OURS, "the asset's issuer is not on the ledger: nobody can be paid in it"),
    // create_account
    refused("create_account_malformed", OURS, BUG),
    refused("create_account_underfunded", FUNDS, FUND_XLM),
    refused("create_account_low_reserve", OURS, "the network's reserve is above the asset's starting_balance: raise that, then try again"),
    again("create_account_already_exist", "the account was made meanwhile; the payment is planned again", ""),
    // create_claimable_balance: all of them are about who pays.
    refused("create_claimable_balance_malformed", OURS, BUG),
    refused("create_claimable_balance_low_reserve", FUNDS, FUND_XLM),
    refused(
        "create_claimable_balance_no_trust",
        FUNDS,
        "the distribution account has no trustline for the asset: add it, send it some, then try again",
    ),
    refused(
        "create_claimable_balance_not_authorized",
        FUNDS,
        "the issuer has not authorised the distribution account's trustline: have it authorised, then try again",
    ),
    refused("create_claimable_balance_underfunded", FUNDS, "send the distribution account more of the asset, then try again"),
];

/// A code's row; none for one that is not of an operation of ours. Of a failed fee bump (`outer:inner`) the inner one's.
pub fn code(text: &str) -> Option<&'static Code> {
    let inner = text.rsplit(':').next().unwrap_or(text);
    CODES.iter().find(|row| row.code == inner)
}

/// In one line, for people: `txFAILED (success, payment_no_trust)`.
pub fn summary(transaction: &str, operations: &[OperationResult]) -> String {
    if operations.is_empty() {
        return transaction.to_owned();
    }
    let words: Vec<&str> = operations.iter().map(word).collect();
    format!("{transaction} ({})", words.join(", "))
}

/// What the operator can do about a failed envelope, for one of its operations; empty where there is nothing to do.
pub fn advice(transaction: &str, operation: Option<&OperationResult>) -> &'static str {
    code(operation.map_or(transaction, word)).map_or("", |row| row.operator)
}

fn word(result: &OperationResult) -> &str {
    match result {
        OperationResult::Success => "success",
        OperationResult::Failed(code) => code,
    }
}

/// What a failed envelope means for the deposit of one of its operations: by the operation's own code, or where none ran,
/// by the transaction's.
pub fn after_failure(transaction: &str, operation: Option<&OperationResult>) -> DepositEvent {
    let text = operation.map_or(transaction, word);
    let Some(row) = code(text) else { return DepositEvent::LedgerRefusedIt { message: format!("{OURS} ({text})") } };
    let message = row.message.to_owned();
    match row.class {
        Class::Again => DepositEvent::EnvelopeVoid { message },
        Class::CannotReceive => DepositEvent::CannotReceive { message },
        Class::Refused => DepositEvent::LedgerRefusedIt { message: format!("{message} ({text})") },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::deposit::{DepositState, step};
    use crate::status::sep24_status;
    use crate::status::tests::transaction;
    use crate::transaction::State;

    #[test]
    fn each_code_has_one_row_and_leads_to_the_status_that_its_class_says() {
        let names: BTreeSet<_> = CODES.iter().map(|row| row.code).collect();
        assert_eq!(names.len(), CODES.len(), "a code has two rows");
        for row in CODES {
            let operation = OperationResult::Failed(row.code.to_owned());
            let event =
                if row.code.starts_with("tx") { after_failure(row.code, None) } else { after_failure("txFAILED", Some(&operation)) };
            let after = step(&transaction(State::Deposit(DepositState::Submitted)), &event, 7).unwrap();
            assert_eq!(sep24_status(after.state), row.class.status(), "{}", row.code);
            assert!(!row.message.is_empty() && (row.class != Class::Refused || !row.operator.is_empty()), "{}", row.code);
        }
    }

    #[test]
    fn the_code_of_the_operation_counts_before_the_transaction_s() {
        let failed = |code: &str| OperationResult::Failed(code.to_owned());
        for (transaction, operation, name) in [
            ("txFAILED", Some(OperationResult::Success), "envelope_void"),
            ("txFAILED", Some(failed("payment_no_trust")), "cannot_receive"),
            ("txFAILED", Some(failed("payment_no_destination")), "envelope_void"),
            ("txFAILED", Some(failed("payment_underfunded")), "ledger_refused"),
            ("txFAILED", Some(failed("create_account_already_exist")), "envelope_void"),
            ("txFAILED", Some(failed("payment_something_new")), "ledger_refused"),
            ("txBAD_SEQ", None, "envelope_void"),
            ("txBAD_AUTH", None, "ledger_refused"),
            ("txFEE_BUMP_INNER_FAILED:txBAD_SEQ", None, "envelope_void"),
            ("txSOMETHING_NEW", None, "ledger_refused"),
        ] {
            assert_eq!(after_failure(transaction, operation.as_ref()).name(), name, "{transaction} {operation:?}");
        }
    }
}
