//! The generated bindings of `wit/`: the imports once, then one module per hook on top of them.
//!
//! A world that listed every hook would oblige a component to export every hook. So each hook has a world of its own,
//! and [`register_integrations!`](crate::register_integrations) calls the export macros of exactly those that are
//! named. All worlds share the types of the first one through `with`.
//!
//! Nothing here is stable or meant to be read; use what the crate exports at its root.
#![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all)]

/// What an integration may import, and the types that the hooks share.
pub mod imports {
    wit_bindgen::generate!({
        path: "../wit",
        world: "imports",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq, Eq],
    });
}

/// One module per hook: `hook!(module, "world", export_macro)`.
macro_rules! hook {
    ($module:ident, $world:literal, $export:literal, $path:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "../wit",
                world: $world,
                generate_unused_types: true,
                additional_derives: [PartialEq, Eq],
                pub_export_macro: true,
                export_macro_name: $export,
                default_bindings_module: $path,
                with: {
                    "windlass:anchor/types@0.1.0": crate::bindings::imports::windlass::anchor::types,
                    "windlass:anchor/pending@0.1.0": crate::bindings::imports::windlass::anchor::pending,
                    "windlass:anchor/http-client@0.1.0": crate::bindings::imports::windlass::anchor::http_client,
                    "windlass:anchor/state@0.1.0": crate::bindings::imports::windlass::anchor::state,
                    "windlass:anchor/settings@0.1.0": crate::bindings::imports::windlass::anchor::settings,
                    "windlass:anchor/signing@0.1.0": crate::bindings::imports::windlass::anchor::signing,
                    "windlass:anchor/log@0.1.0": crate::bindings::imports::windlass::anchor::log,
                    "windlass:anchor/clock@0.1.0": crate::bindings::imports::windlass::anchor::clock,
                    "windlass:anchor/random@0.1.0": crate::bindings::imports::windlass::anchor::random,
                },
            });
        }
    };
}

hook!(hook_deposits, "hook-deposits", "export_deposits", "windlass_sdk::bindings::hook_deposits");
hook!(hook_deposit_events, "hook-deposit-events", "export_deposit_events", "windlass_sdk::bindings::hook_deposit_events");
hook!(hook_withdrawals, "hook-withdrawals", "export_withdrawals", "windlass_sdk::bindings::hook_withdrawals");
hook!(hook_payouts, "hook-payouts", "export_payouts", "windlass_sdk::bindings::hook_payouts");
hook!(hook_payout_status, "hook-payout-status", "export_payout_status", "windlass_sdk::bindings::hook_payout_status");
hook!(hook_interactive, "hook-interactive", "export_interactive", "windlass_sdk::bindings::hook_interactive");
