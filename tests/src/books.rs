//! The books of a tenant, from the ledger over RPC and the bank's statement alone: nothing of the runtime's own is asked.

use anyhow::{Context, Result, bail};
use windlass_devnet::{Direction, Statement};
use windlass_domain::Amount;
use windlass_domain::ports::ledger::From;
use windlass_domain::tenant::IncomingPayment;

use crate::world::{House, Network, SUPPLY};

/// One tenant's books. Balanced when `tokens_outside = bank_in - fees - paid_out - held`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    /// Tokens that are neither the issuer's nor the distribution account's.
    pub tokens_outside: Amount,
    /// Credits on the bank's statement.
    pub bank_in: Amount,
    /// The fee on each credit and on each payment to the distribution account, by the tenant's schedule.
    pub fees: Amount,
    /// Debits on the bank's statement.
    pub paid_out: Amount,
    /// Money taken in that is neither paid out nor given back: held, or owed.
    pub held: Amount,
}

impl Books {
    /// Are they balanced, to the last unit?
    pub fn balanced(&self) -> Result<bool> {
        Ok(self.tokens_outside == self.bank_in.minus(self.fees)?.minus(self.paid_out)?.minus(self.held)?)
    }

    /// Reads them. `held` is what the story expects to be held or owed.
    pub async fn read(house: &House, network: &Network, statement: &Statement, held: Amount) -> Result<Self> {
        let asset = house.rules.asset.clone();
        let holders: Vec<_> = house.people.iter().map(|person| person.key.account()).chain([house.distribution.account()]).collect();
        let lines: Vec<_> = holders.iter().map(|account| (account.clone(), asset.clone())).collect();
        let entries = network.ledger.entries(&holders, &lines).await?;
        let balance = |account: &windlass_domain::AccountId| {
            let line = entries.trustlines.get(&(account.clone(), asset.clone()));
            line.map(|line| line.balance).with_context(|| format!("account {account} has no trustline"))
        };
        let mut tokens_outside = Amount::ZERO;
        for person in &house.people {
            tokens_outside = tokens_outside.plus(balance(&person.key.account())?)?;
        }
        let left = SUPPLY.parse::<Amount>()?.minus(balance(&house.distribution.account())?)?;
        if left != tokens_outside {
            bail!("{} tokens of {} left the distribution account, and {tokens_outside} are with its users", left, house.id);
        }
        let mut books = Self { tokens_outside, bank_in: Amount::ZERO, fees: Amount::ZERO, paid_out: Amount::ZERO, held };
        let (deposit, withdrawal) = (&house.rules.deposit.fee, &house.rules.withdrawal.fee);
        for line in &statement.lines {
            let amount: Amount = line.amount.parse()?;
            match line.direction {
                Direction::Credit => {
                    books.bank_in = books.bank_in.plus(amount)?;
                    books.fees = books.fees.plus(deposit.fee(amount, house.rules.decimals)?)?;
                }
                Direction::Debit => books.paid_out = books.paid_out.plus(amount)?,
            }
        }
        for amount in sent_back(house, network).await? {
            books.fees = books.fees.plus(withdrawal.fee(amount, house.rules.decimals)?)?;
        }
        Ok(books)
    }
}

/// What users paid to the distribution account since the tenant was set up, off the ledger's payments.
async fn sent_back(house: &House, network: &Network) -> Result<Vec<Amount>> {
    let mut sent_back = Vec::new();
    let mut from = From::Ledger(house.first_ledger);
    loop {
        let page = network.ledger.payments(&from, 200).await?;
        let is_ours = |payment: &IncomingPayment| payment.to == house.distribution.account() && payment.asset == house.rules.asset;
        let of_users = |payment: &IncomingPayment| house.people.iter().any(|person| person.account() == payment.from);
        sent_back.extend(page.payments.iter().filter(|payment| is_ours(payment) && of_users(payment)).map(|payment| payment.amount));
        if page.at_end {
            return Ok(sent_back);
        }
        from = page.next;
    }
}
