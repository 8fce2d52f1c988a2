//! Rust types and traits of the contract, generated from `wit/`: the imports once, each hook over them.
#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]

/// What an integration may import.
pub(crate) mod imports {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "windlass:anchor/imports",
        imports: { default: async | trappable },
        with: {
            "windlass:anchor/pending.pending-deposits": crate::host::pending::PendingDeposits,
            "windlass:anchor/pending.pending-payouts": crate::host::pending::PendingPayouts,
        },
        require_store_data_send: true,
    });
}

pub(crate) use imports::windlass::anchor;

macro_rules! hook {
    ($(#[$doc:meta])* $module:ident, $world:literal) => {
        $(#[$doc])*
        pub(crate) mod $module {
            wasmtime::component::bindgen!({
                path: "../../wit",
                world: $world,
                exports: { default: async },
                with: {
                    "windlass:anchor/types": crate::bindings::anchor::types,
                    "windlass:anchor/pending": crate::bindings::anchor::pending,
                    "windlass:anchor/http-client": crate::bindings::anchor::http_client,
                    "windlass:anchor/state": crate::bindings::anchor::state,
                    "windlass:anchor/settings": crate::bindings::anchor::settings,
                    "windlass:anchor/signing": crate::bindings::anchor::signing,
                    "windlass:anchor/log": crate::bindings::anchor::log,
                    "windlass:anchor/clock": crate::bindings::anchor::clock,
                    "windlass:anchor/random": crate::bindings::anchor::random,
                },
                require_store_data_send: true,
            });
        }
    };
}

hook!(
    /// `poll-pending-deposits`.
    deposits, "windlass:anchor/hook-deposits"
);
hook!(
    /// `after-deposit`.
    deposit_events, "windlass:anchor/hook-deposit-events"
);
hook!(
    /// `process-withdrawal`.
    withdrawals, "windlass:anchor/hook-withdrawals"
);
hook!(
    /// `poll-pending-payouts`.
    payouts, "windlass:anchor/hook-payouts"
);
hook!(
    /// `look-up`.
    payout_status, "windlass:anchor/hook-payout-status"
);
