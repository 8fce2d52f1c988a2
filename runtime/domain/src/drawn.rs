//! Keeps `docs/transactions.md` as the code is: both state machines drawn, with status and next step of each state.
//!
//! `WINDLASS_DRAW=1 cargo test -p windlass-domain drawn` writes the file anew.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::deposit::{self, DepositState};
use crate::ids::Kind;
use crate::status::sep24_status;
use crate::status::tests::transaction;
use crate::transaction::State;
use crate::waits::waits_for;
use crate::withdrawal::{self, WithdrawalState};

const HEAD: &str = "# The two state machines

Made from `windlass_domain::{deposit, withdrawal}::step` by a test, which fails when this page and the code differ:
`WINDLASS_DRAW=1 cargo test -p windlass-domain drawn` makes it anew. What is not drawn is refused (money rule 4). What each
event means is said where it is defined; who sends it is in the history, as `actor`.
";

/// From, to, and the names of the events between them.
type Edges = BTreeMap<(usize, usize), Vec<&'static str>>;

/// Every pair of state and event, as the machines' own tables try them.
fn edges<E>(states: &[State], events: &[E], step: impl Fn(State, &E) -> Option<State>, name: impl Fn(&E) -> &'static str) -> Edges {
    let mut edges = Edges::new();
    for (from, state) in states.iter().enumerate() {
        for event in events {
            let Some(to) = step(*state, event).and_then(|next| states.iter().position(|other| *other == next)) else { continue };
            let names = edges.entry((from, to)).or_default();
            if !names.contains(&name(event)) {
                names.push(name(event));
            }
        }
    }
    edges
}

fn drawn(kind: Kind, states: &[State], edges: &Edges) -> String {
    let mut text = format!("\n## A {}\n\n```mermaid\nstateDiagram-v2\n    [*] --> {}\n", kind.as_str(), states[0].as_str());
    for ((from, to), names) in edges {
        writeln!(text, "    {} --> {}: {}", states[*from].as_str(), states[*to].as_str(), names.join(", ")).unwrap();
    }
    text.push_str("```\n\n| state | SEP-24 status | the next step is with |\n| --- | --- | --- |\n");
    for state in states {
        writeln!(text, "| `{}` | `{}` | {} |", state.as_str(), sep24_status(*state), waits_for(*state).as_str()).unwrap();
    }
    text
}

#[test]
fn the_page_of_the_machines_is_as_the_code_is() {
    let deposits: Vec<State> = DepositState::ALL.iter().map(|&state| State::Deposit(state)).collect();
    let withdrawals: Vec<State> = WithdrawalState::ALL.iter().map(|&state| State::Withdrawal(state)).collect();
    let of_deposits = edges(
        &deposits,
        &deposit::tests::events(),
        |state, event| deposit::step(&transaction(state), event, 7).ok().map(|after| after.state),
        |event| event.name(),
    );
    let of_withdrawals = edges(
        &withdrawals,
        &withdrawal::tests::events(),
        |state, event| withdrawal::step(&transaction(state), event, 7).ok().map(|after| after.state),
        |event| event.name(),
    );
    let page = HEAD.to_owned() + &drawn(Kind::Deposit, &deposits, &of_deposits) + &drawn(Kind::Withdrawal, &withdrawals, &of_withdrawals);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/transactions.md");
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let draw = std::env::var_os("WINDLASS_DRAW").is_some();
    if draw {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/transactions.md is not as the code is: WINDLASS_DRAW=1 cargo test -p windlass-domain drawn");
}
