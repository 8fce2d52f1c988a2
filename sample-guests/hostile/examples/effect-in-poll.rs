//! Attack: a poll, which must only ask, sends a named effect. To a host that the tests' manifest allows, so that
//! nothing but the effect is wrong; the setting `bank-url` says which.

use windlass_sdk::http::Request;
use windlass_sdk::{DepositIntegration, Error, PendingDeposits, Poll, register_integrations, settings};

struct EffectInPoll;

impl DepositIntegration for EffectInPoll {
    fn poll_pending_deposits(_: &PendingDeposits) -> Result<Poll, Error> {
        let url = format!("{}/v1/transfers", settings::require("bank-url")?);
        let answer = Request::post(&url).json("{}").effect("payout").send()?;
        Err(Error::UnexpectedResponse(format!("an effect left a poll and was answered {}", answer.status)))
    }
}

register_integrations!(deposit = EffectInPoll);
