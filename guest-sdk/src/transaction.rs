//! Short ways of reading a [`Transaction`] and of making the answers.

use crate::{Amount, DepositUpdate, Error, Failed, Payout, PayoutInProgress, PayoutPaid, PayoutPickup, Received, SeenPending, Transaction};

impl Transaction {
    /// What the user filled in under this name, or none. `transaction.field("bank_account_number")`
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// What the user filled in under this name. `transaction.require_field("bank_account_number")?`
    ///
    /// # Errors
    /// [`Error::Misconfigured`], naming the field, if it is missing or empty: the tenant's flow has to ask for it.
    pub fn require_field(&self, name: &str) -> Result<&str, Error> {
        self.field(name)
            .filter(|value| !value.trim().is_empty())
            .ok_or_else(|| Error::Misconfigured(format!("transaction {} has no field `{name}`; let the flow ask for it", self.id)))
    }

    /// What leaves, exactly: what a payout pays. `transaction.amount_out()?.to_string_with_decimals(2)?`
    ///
    /// # Errors
    /// [`Error::UnexpectedResponse`] if the host has not set it. It is set whenever money has arrived.
    pub fn amount_out(&self) -> Result<Amount, Error> {
        self.amount_out
            .map(Amount::from_units)
            .ok_or_else(|| Error::UnexpectedResponse(format!("transaction {} has no amount-out yet", self.id)))
    }
}

impl DepositUpdate {
    /// The money for this deposit is there: what arrived, and the bank's own id of the credit.
    /// `DepositUpdate::received(&transaction.id, amount, "line-000007")`
    #[must_use]
    pub fn received(transaction_id: &str, amount: Amount, external_id: &str) -> Self {
        Self::Received(Received { id: transaction_id.to_owned(), amount: amount.units(), external_id: external_id.to_owned() })
    }

    /// The bank has seen it, it is not settled; `eta` in milliseconds since 1970.
    /// `DepositUpdate::seen_pending(&transaction.id, None)`
    #[must_use]
    pub fn seen_pending(transaction_id: &str, eta: Option<u64>) -> Self {
        Self::SeenPending(SeenPending { id: transaction_id.to_owned(), eta })
    }

    /// The deposit will not come; the message is shown to the user.
    /// `DepositUpdate::failed(&transaction.id, "returned by your bank")`
    #[must_use]
    pub fn failed(transaction_id: &str, message: &str) -> Self {
        Self::Failed(Failed { id: transaction_id.to_owned(), message: message.to_owned() })
    }
}

impl Payout {
    /// The user has the money, or nothing can stop it any more. `Payout::paid("tr-000001")`
    #[must_use]
    pub fn paid(external_id: &str) -> Self {
        Self::Paid(PayoutPaid { external_id: external_id.to_owned() })
    }

    /// Accepted by the rail, days may pass; `eta` in milliseconds since 1970. `Payout::in_progress("tr-000001", None)`
    #[must_use]
    pub fn in_progress(external_id: &str, eta: Option<u64>) -> Self {
        Self::InProgress(PayoutInProgress { external_id: external_id.to_owned(), eta })
    }

    /// The user has to fetch it. `Payout::ready_for_pickup("tr-000001", "Any branch, with your passport")`
    #[must_use]
    pub fn ready_for_pickup(external_id: &str, instructions: &str) -> Self {
        Self::ReadyForPickup(PayoutPickup { external_id: external_id.to_owned(), instructions: instructions.to_owned() })
    }
}
