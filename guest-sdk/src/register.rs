//! `register_integrations!`: which hooks the component exports, and by which types.

use std::sync::Once;

/// Exports the named hooks, and no others.
///
/// Any non-empty subset, in any order, once in a component:
///
/// | key | trait |
/// | --- | --- |
/// | `deposit` | [`DepositIntegration`](crate::DepositIntegration) |
/// | `deposit_events` | [`DepositEvents`](crate::DepositEvents) |
/// | `withdrawal` | [`WithdrawalIntegration`](crate::WithdrawalIntegration) |
/// | `payouts` | [`Payouts`](crate::Payouts) |
/// | `payout_status` | [`PayoutStatus`](crate::PayoutStatus) |
/// | `interactive` | [`Interactive`](crate::Interactive) |
///
/// ```no_run
/// use windlass_sdk::{DepositEvents, Error, Transaction, register_integrations};
///
/// struct Quiet;
///
/// impl DepositEvents for Quiet {
///     fn after_deposit(_: Transaction) -> Result<(), Error> {
///         Ok(())
///     }
/// }
///
/// register_integrations!(deposit_events = Quiet);
/// # fn main() {}
/// ```
///
/// A key that does not exist is refused:
///
/// ```compile_fail
/// # struct Quiet;
/// windlass_sdk::register_integrations!(after_deposit = Quiet);
/// # fn main() {}
/// ```
///
/// So is an empty list:
///
/// ```compile_fail
/// windlass_sdk::register_integrations!();
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! register_integrations {
    () => {
        ::core::compile_error!(
            "register_integrations! needs at least one hook, for example `register_integrations!(deposit = MyBank)`"
        );
    };
    ($($key:ident = $integration:ty),+ $(,)?) => {
        $($crate::__register_integration!($key = $integration);)+
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "register_integrations! takes pairs of a hook and a type, for example \
             `register_integrations!(deposit = MyBank, withdrawal = MyBank)`"
        );
    };
}

/// One pair of [`register_integrations!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __register_integration {
    (deposit = $integration:ty) => {
        const _: () = {
            struct Hook;
            impl $crate::bindings::hook_deposits::exports::windlass::anchor::deposits::Guest for Hook {
                fn poll_pending_deposits(pending: &$crate::PendingDeposits) -> ::core::result::Result<$crate::Poll, $crate::Error> {
                    $crate::__enter();
                    <$integration as $crate::DepositIntegration>::poll_pending_deposits(pending)
                }
            }
    $crate::bindings::hook_deposits::export_deposits!(Hook with_types_in $crate::bindings::hook_deposits);
        };
    };
    (deposit_events = $integration:ty) => {
        const _: () = {
            struct Hook;
            impl $crate::bindings::hook_deposit_events::exports::windlass::anchor::deposit_events::Guest for Hook {
                fn after_deposit(transaction: $crate::Transaction) -> ::core::result::Result<(), $crate::Error> {
                    $crate::__enter();
                    <$integration as $crate::DepositEvents>::after_deposit(transaction)
                }
            }
            $crate::bindings::hook_deposit_events::export_deposit_events!(
                Hook with_types_in $crate::bindings::hook_deposit_events
            );
        };
    };
    (withdrawal = $integration:ty) => {
        const _: () = {
            struct Hook;
            impl $crate::bindings::hook_withdrawals::exports::windlass::anchor::withdrawals::Guest for Hook {
                fn process_withdrawal(
                    payment: $crate::Payment,
                    transaction: $crate::Transaction,
                ) -> ::core::result::Result<$crate::Payout, $crate::Error> {
                    $crate::__enter();
                    <$integration as $crate::WithdrawalIntegration>::process_withdrawal(payment, transaction)
                }
            }
            $crate::bindings::hook_withdrawals::export_withdrawals!(
                Hook with_types_in $crate::bindings::hook_withdrawals
            );
        };
    };
    (payouts = $integration:ty) => {
        const _: () = {
            struct Hook;
            impl $crate::bindings::hook_payouts::exports::windlass::anchor::payouts::Guest for Hook {
                fn poll_pending_payouts(pending: &$crate::PendingPayouts) -> ::core::result::Result<$crate::PayoutPoll, $crate::Error> {
                    $crate::__enter();
                    <$integration as $crate::Payouts>::poll_pending_payouts(pending)
                }
            }
    $crate::bindings::hook_payouts::export_payouts!(Hook with_types_in $crate::bindings::hook_payouts);
        };
    };
    (payout_status = $integration:ty) => {
        const _: () = {
            struct Hook;
            impl $crate::bindings::hook_payout_status::exports::windlass::anchor::payout_status::Guest for Hook {
                fn look_up(
                    transaction: $crate::Transaction,
                    effect: ::std::string::String,
                    key: ::std::string::String,
                ) -> ::core::result::Result<$crate::Found, $crate::Error> {
                    $crate::__enter();
                    <$integration as $crate::PayoutStatus>::look_up(transaction, effect, key)
                }
            }
            $crate::bindings::hook_payout_status::export_payout_status!(
                Hook with_types_in $crate::bindings::hook_payout_status
            );
        };
    };
    (interactive = $integration:ty) => {
        const _: () = {
            struct Hook;
            impl $crate::bindings::hook_interactive::exports::windlass::anchor::interactive::Guest for Hook {
                fn next_step(
                    transaction: $crate::Transaction,
                ) -> ::core::result::Result<::core::option::Option<$crate::Step>, $crate::Error> {
                    $crate::__enter();
                    <$integration as $crate::Interactive>::next_step(transaction)
                }

                fn check_step(
                    transaction: $crate::Transaction,
                    step: ::std::string::String,
                    answers: ::std::vec::Vec<$crate::Field>,
                ) -> ::core::result::Result<::std::vec::Vec<$crate::Problem>, $crate::Error> {
                    $crate::__enter();
                    <$integration as $crate::Interactive>::check_step(transaction, step, answers)
                }
            }
            $crate::bindings::hook_interactive::export_interactive!(
                Hook with_types_in $crate::bindings::hook_interactive
            );
        };
    };
    ($key:ident = $integration:ty) => {
        ::core::compile_error!(::core::concat!(
            "register_integrations!: there is no hook `",
            ::core::stringify!($key),
            "`; the hooks are deposit, deposit_events, withdrawal, payouts, payout_status, interactive"
        ));
    };
}

/// What every exported hook does first: lets panics reach the job's log.
///
/// Without it a panic on `wasm32-unknown-unknown` reaches the host as a bare `unreachable`. The message may hold
/// whatever the integration put into it: do not panic with payers' data.
#[doc(hidden)]
pub fn __enter() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|panic| crate::log::error(&panic.to_string()))));
}
