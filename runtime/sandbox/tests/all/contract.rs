//! Altered contracts and broken uploads, each with its exact message.

use windlass_domain::job::Hook;
use windlass_domain::limits::COMPONENT_BYTES;
use windlass_domain::ports::guest::ComponentCheck;

use crate::made::{altered, of_wit, with_pages};
use crate::support::{Bench, guest};

async fn reasons(component: Vec<u8>) -> Vec<String> {
    Bench::shared().sandbox.check(component).await.map_or_else(|refused| refused.reasons, |_| vec![])
}

#[tokio::test]
async fn every_alteration_is_named_with_its_place() {
    for (from, to, world, expected) in [
        (
            "look-up: func(transaction: transaction, effect: string, key: string) -> result<found, error>;",
            "",
            "hook-payout-status",
            &["payout-status: missing function look-up"][..],
        ),
        (
            "operation-index: u32,",
            "index: u32,",
            "hook-withdrawals",
            &[
                "withdrawals: record payment: missing field operation-index",
                "withdrawals: record payment: field index is not in the contract",
            ],
        ),
        (
            "received(received),\n    seen-pending(seen-pending),",
            "seen-pending(seen-pending),\n    received(received),",
            "hook-deposits",
            &["deposits: variant deposit-update: case order: seen-pending, received, failed instead of received, seen-pending, failed"],
        ),
        (
            "amount: amount,\n    /// The bank's id of the credit",
            "amount: u64,\n    /// The bank's id of the credit",
            "hook-deposits",
            &["deposits: record received: field amount: u64 instead of s64"],
        ),
        ("ledger: u32,", "ledger: u64,", "hook-withdrawals", &["withdrawals: record payment: field ledger: u64 instead of u32"]),
        (
            "after-deposit: func(transaction: transaction) -> result<_, error>",
            "after-deposit: func(transaction: transaction) -> result<bool, error>",
            "hook-deposit-events",
            &["deposit-events: function after-deposit: result: ok: bool instead of nothing"],
        ),
        (
            "after-deposit: func(transaction: transaction)",
            "after-deposit: func(transaction: transaction, again: bool)",
            "hook-deposit-events",
            &["deposit-events: function after-deposit: parameter again is not in the contract"],
        ),
        (
            "look-up: func(transaction: transaction, effect: string, key: string)",
            "look-up: func(transaction: transaction, effect: string)",
            "hook-payout-status",
            &["payout-status: function look-up: missing parameter key"],
        ),
        ("    cannot-tell,\n", "", "hook-payout-status", &["payout-status: variant found: missing case cannot-tell"]),
        ("more: bool,", "more: option<bool>,", "hook-payouts", &["payouts: record payout-poll: field more: option<bool> instead of bool"]),
        (
            "eta: option<time-ms>,",
            "eta: time-ms,",
            "hook-deposits",
            &["deposits: record seen-pending: field eta: u64 instead of option<u64>"],
        ),
        (
            "fields: list<field>,",
            "fields: list<string>,",
            "hook-deposit-events",
            &["types: record transaction: field fields: list element: string instead of field"],
        ),
        (
            "    hash(list<u8>)",
            "    hash(list<u32>)",
            "hook-deposit-events",
            &["types: variant memo: case hash: list element: u32 instead of u8"],
        ),
        (
            "    withdrawal,\n  }",
            "    withdrawal,\n    refund,\n  }",
            "hook-deposit-events",
            &["types: enum kind: case refund is not in the contract"],
        ),
        (
            "get: func(name: string) -> option<string>;",
            "get: func(name: string) -> string;",
            "hook-deposit-events",
            &["settings: function get: result: string instead of option<string>"],
        ),
        (
            "now: func() -> time-ms;",
            "now: func() -> time-ms;\n  sleep: func(ms: u32);",
            "hook-deposit-events",
            &["clock: function sleep is not in the contract"],
        ),
    ] {
        assert_eq!(reasons(altered(from, to, world)).await, expected, "{from:?}");
    }
}

#[tokio::test]
async fn foreign_imports_and_exports_are_named() {
    let wit = windlass_sandbox::WIT;
    let with = |text: &str| format!("{wit}\n{text}");
    let extra =
        with("interface files { open: func(path: string) -> u32; }\nworld made { include imports; import files; export deposit-events; }");
    let hook = with("interface refunds { refund: func(id: string); }\nworld made { export refunds; }");
    for (component, expected) in [
        (
            of_wit(&extra, "made"),
            "imports windlass:anchor/files@0.1.0: it is not in the contract; an integration may import only interfaces of windlass:anchor@0.1.0",
        ),
        (
            of_wit(&hook, "made"),
            "exports windlass:anchor/refunds@0.1.0: it is not a hook; the hooks of windlass:anchor@0.1.0 are deposits, deposit-events, withdrawals, payouts, payout-status, interactive",
        ),
        (
            of_wit(&with("world made { import clock; }"), "made"),
            "exports no hook; the hooks of windlass:anchor@0.1.0 are deposits, deposit-events, withdrawals, payouts, payout-status, interactive",
        ),
    ] {
        assert_eq!(reasons(component).await, [expected]);
    }
    let other = altered("package windlass:anchor@0.1.0", "package windlass:anchor@0.2.0", "hook-deposit-events");
    let told = reasons(other).await;
    assert!(told.contains(&"imports windlass:anchor/types@0.2.0: this host knows windlass:anchor@0.1.0".to_owned()), "{told:?}");
    assert!(told.contains(&"exports windlass:anchor/deposit-events@0.2.0: this host knows windlass:anchor@0.1.0".to_owned()), "{told:?}");
}

#[tokio::test]
async fn what_is_not_a_component_is_refused_by_name() {
    let well = guest("hello");
    let cut = well[..well.len() / 2].to_vec();
    let mut flipped = well.clone();
    flipped[4] = 0x0e;
    let giant = vec![0; COMPONENT_BYTES + 1];
    for (bytes, expected) in [
        (b"\0asm\x01\0\0\0".to_vec(), "it is a core module: make a component of it"),
        (b"(component)".to_vec(), "it is WebAssembly text: upload the binary form"),
        (b"  ;; a comment".to_vec(), "it is WebAssembly text: upload the binary form"),
        (b"PK\x03\x04 a zip file".to_vec(), "it is not WebAssembly: a component begins with the bytes"),
        (vec![], "it is not WebAssembly: a component begins with the bytes"),
        (cut, "it is not valid: unexpected end"),
        (flipped, "it is not valid: unknown binary version"),
        (giant, "it has 20971521 bytes: at most 20971520 are allowed"),
    ] {
        let told = reasons(bytes).await;
        assert!(told.len() == 1 && told[0].starts_with(expected), "{told:?} instead of {expected}");
    }
}

#[tokio::test]
async fn what_does_not_come_up_is_refused() {
    assert_eq!(reasons(with_pages(1_024)).await, Vec::<String>::new());
    assert_eq!(reasons(with_pages(1_025)).await, ["it does not come up: its instantiation used up its memory"]);
}

#[tokio::test]
async fn damaged_components_are_refused_and_stop_nobody() {
    let well = altered("", "", "hook-deposits");
    for at in (8..well.len()).step_by(23) {
        let mut damaged = well.clone();
        damaged[at] ^= 0x55;
        let told = reasons(damaged).await;
        assert!(told.iter().all(|reason| !reason.contains("gave up")), "byte {at}: {told:?}");
    }
    Bench::shared().honest_run_is_well().await;
}

#[tokio::test]
async fn packages_that_use_each_other_are_refused_before_they_are_followed() {
    // Ours uses theirs for the pending set, theirs uses ours for the transaction: following that has no end.
    let (ours, theirs) = (b"windlass:anchor/pending@0.1.0", b"windlass:anchos/pending@0.1.0");
    let mut circular = altered("", "", "hook-deposits");
    while let Some(at) = circular.windows(ours.len()).position(|window| window == ours) {
        circular[at..at + ours.len()].copy_from_slice(theirs);
    }
    let expected = "imports windlass:anchos/pending@0.1.0: it is not in the contract; an integration may import only interfaces of windlass:anchor@0.1.0";
    assert_eq!(reasons(circular).await, [expected]);
}

#[tokio::test]
async fn the_contract_itself_fits() {
    for (world, hook) in [
        ("hook-deposits", Hook::PollPendingDeposits),
        ("hook-deposit-events", Hook::AfterDeposit),
        ("hook-withdrawals", Hook::ProcessWithdrawal),
        ("hook-payouts", Hook::PollPendingPayouts),
        ("hook-payout-status", Hook::PayoutStatus),
        ("hook-interactive", Hook::Interactive),
    ] {
        let checked = Bench::shared().sandbox.check(altered("", "", world)).await.unwrap();
        assert_eq!(checked.hooks, [hook]);
    }
}

#[tokio::test]
async fn the_sample_guest_is_taken_with_its_hooks_and_imports() {
    let checked = Bench::shared().sandbox.check(guest("first-bank")).await.unwrap();
    assert_eq!(
        checked.hooks,
        [Hook::PollPendingDeposits, Hook::AfterDeposit, Hook::ProcessWithdrawal, Hook::PollPendingPayouts, Hook::PayoutStatus]
    );
    assert!(checked.imports.contains(&"windlass:anchor/http-client@0.1.0".to_owned()), "{:?}", checked.imports);
    assert_eq!(checked.digest.len(), 64);
}
