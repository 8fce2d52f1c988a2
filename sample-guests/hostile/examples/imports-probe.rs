//! A witness: `process-withdrawal` uses every import but `http-client`, and logs a line `name=value` for each thing it
//! saw. Nothing is paid: it ends as `refused`.
//!
//! It expects nothing of the tenant; with a setting `probe` and a secret `probe-hmac` allowed for signing there is more
//! to see.

use windlass_sdk::{
    Error, Payment, Payout, Transaction, WithdrawalIntegration, clock, log, random, register_integrations, settings,
    signing, state,
};

struct ImportsProbe;

impl WithdrawalIntegration for ImportsProbe {
    fn process_withdrawal(payment: Payment, transaction: Transaction) -> Result<Payout, Error> {
        log::debug(&format!("transaction={}", transaction.id));
        log::debug(&format!("payment={}:{}", payment.transaction_hash, payment.operation_index));
        probe_state();
        log::info(&format!("setting={:?}", settings::get("probe")));
        log::info(&format!("setting-missing={:?}", settings::require("no-such-setting")));
        probe_signing();
        let (first, second) = (clock::now_ms(), clock::now_ms());
        log::info(&format!("clock={first}"));
        log::info(&format!("clock-goes-on={}", second >= first));
        log::info(&format!("random-bytes={:?}", random::bytes(8)));
        log::info(&format!("random-u64={}", random::next_u64()));
        log::warn("warn=seen");
        log::error("error=seen");
        Err(Error::Refused("the probe pays nothing".into()))
    }
}

fn probe_state() {
    log::info(&format!("state-before={:?}", state::get_text("probe/a")));
    state::set_text("probe/a", "1");
    state::set_text("probe/b", "2");
    state::set_text("probe/c", "3");
    state::delete("probe/b");
    log::info(&format!("state-own-write={:?}", state::get_text("probe/a")));
    log::info(&format!("state-deleted={:?}", state::get("probe/b")));
    log::info(&format!("state-keys={:?}", state::keys("probe/", None, 10)));
    log::info(&format!("state-keys-after-a={:?}", state::keys("probe/", Some("probe/a"), 10)));
}

fn probe_signing() {
    match signing::hmac_sha256_hex("probe-hmac", b"message") {
        Ok(mac) => log::info(&format!("hmac={mac}")),
        Err(error) => log::info(&format!("hmac-refused={error:?}")),
    }
    if let Ok(mac) = signing::hmac_sha256("probe-hmac", b"message") {
        log::info(&format!("verify-own={:?}", signing::verify_hmac_sha256("probe-hmac", b"message", &mac)));
        log::info(&format!("verify-other={:?}", signing::verify_hmac_sha256("probe-hmac", b"massage", &mac)));
    }
    log::info(&format!("hmac-unknown={:?}", signing::hmac_sha256("no-such-secret", b"message")));
}

register_integrations!(withdrawal = ImportsProbe);
