//! An integration in both directions, against the development bank. The code is in `dev-bank`, a file per hook; this
//! crate is the component: it says which hooks are exported.

use dev_bank::DevBank;
use windlass_sdk::register_integrations;

register_integrations!(
    deposit = DevBank,
    deposit_events = DevBank,
    withdrawal = DevBank,
    payouts = DevBank,
    payout_status = DevBank,
);
