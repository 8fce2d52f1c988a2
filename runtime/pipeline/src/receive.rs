//! Purely: can a deposit's account take its amount, and if it does not exist, is it made for it?

use windlass_domain::envelope::Purpose;
use windlass_domain::ports::ledger::{ACCOUNT_RESERVE, DraftOperation, Entries};
use windlass_domain::transaction::Transaction;
use windlass_domain::{Address, Amount, Asset};

/// What is to be done for a ready deposit, by what the ledger says of its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// An operation of the next envelope: the payment, or what makes the account. Of a deposit in XLM the making of the
    /// account is the payment, and has its purpose: so it is settled once, in one row (money rule 1).
    Do(Purpose, DraftOperation),
    /// It waits, watched: why, for the user.
    Wait(&'static str),
}

/// `starting_balance` is the tenant's rule for the asset; `created` says that an account was made for this deposit before.
pub(crate) fn fate(transaction: &Transaction, entries: &Entries, starting_balance: Option<Amount>, created: bool) -> Fate {
    let (Some(destination), Some(amount)) = (destination(transaction), transaction.amount_out) else { return Fate::Wait(NO_ACCOUNT) };
    if !entries.accounts.contains_key(destination.account()) {
        let account = destination.account().clone();
        let is_whole_payment = transaction.asset == Asset::Native && !destination.is_muxed() && amount >= ACCOUNT_RESERVE;
        return match starting_balance {
            _ if is_whole_payment => {
                Fate::Do(Purpose::Payment, DraftOperation::CreateAccount { destination: account, starting_balance: amount })
            }
            Some(starting_balance) if !created => {
                Fate::Do(Purpose::CreateAccount, DraftOperation::CreateAccount { destination: account, starting_balance })
            }
            Some(_) => Fate::Wait("the account that was made is not on the Stellar network any more: create it"),
            None => Fate::Wait(MISSING),
        };
    }
    match can_receive(transaction, entries) {
        Ok(()) => Fate::Do(Purpose::Payment, DraftOperation::Payment { destination, asset: transaction.asset.clone(), amount }),
        Err(message) => Fate::Wait(message),
    }
}

const NO_ACCOUNT: &str = "the account is not a G... or M... address";
const MISSING: &str = "the account does not exist yet on the Stellar network: create it";

/// Can the deposit's account take its amount now? The message is for the user.
pub(crate) fn can_receive(transaction: &Transaction, entries: &Entries) -> Result<(), &'static str> {
    let destination = destination(transaction).ok_or(NO_ACCOUNT)?;
    let account = destination.account();
    if !entries.accounts.contains_key(account) {
        return Err(MISSING);
    }
    // A muxed id says what a memo would say (SEP-29).
    if entries.memo_required.contains(account) && transaction.memo.is_none() && !destination.is_muxed() {
        return Err(
            "the account takes payments only with a memo (SEP-29), and the deposit has none: lift that, or ask the anchor for help",
        );
    }
    if transaction.asset == Asset::Native || transaction.asset.issuer() == Some(account) {
        return Ok(());
    }
    let Some(line) = entries.trustlines.get(&(account.clone(), transaction.asset.clone())) else {
        return Err("the account has no trustline for the asset: add it");
    };
    let room = line.limit.minus(line.balance).unwrap_or(Amount::ZERO);
    match () {
        () if !line.authorized => Err("the account's trustline is not authorised by the issuer"),
        () if transaction.amount_out.is_none_or(|amount| room < amount) => Err("the account's trustline is full: raise its limit"),
        () => Ok(()),
    }
}

/// Where a deposit is paid to.
pub(crate) fn destination(transaction: &Transaction) -> Option<Address> {
    transaction.account.as_deref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use windlass_domain::deposit::DepositState;
    use windlass_domain::ports::ledger::{AccountEntry, TrustlineEntry};
    use windlass_domain::transaction::State;
    use windlass_domain::{AccountId, Memo, TenantId, TransactionId};

    use super::*;

    const ACCOUNT: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";
    const MUXED: &str = "MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ";

    fn issuer() -> AccountId {
        AccountId::new("G".to_owned() + &"B".repeat(55)).unwrap()
    }

    fn deposit(account: &str, asset: Asset, amount: &str) -> Transaction {
        Transaction {
            tenant: TenantId::new("acme").unwrap(),
            id: TransactionId::from_bits([7; 16]),
            state: State::Deposit(DepositState::Ready),
            version: 3,
            asset,
            reference: "REF".into(),
            memo: None,
            account: Some(account.into()),
            anchor_account: issuer(),
            amount_expected: None,
            amount_in: None,
            fee: None,
            amount_out: Some(amount.parse().unwrap()),
            refunded: Amount::ZERO,
            external_id: None,
            stellar_transaction_id: None,
            message: None,
            fields: vec![],
            status_eta: None,
            expires_at: None,
            payouts_returned: 0,
            created_at: 0,
            updated_at: 0,
            received_at: None,
            completed_at: None,
        }
    }

    fn usd() -> Asset {
        Asset::Issued { code: "USD".into(), issuer: issuer() }
    }

    /// A ledger with the account, and with a trustline that is authorised or not and has room for 50.
    fn ledger(exists: bool, line: Option<bool>, memo_required: bool) -> Entries {
        let account = AccountId::new(ACCOUNT).unwrap();
        let mut entries = Entries::default();
        let amount = |text: &str| text.parse::<Amount>().unwrap();
        if exists {
            let entry = AccountEntry { sequence: 1, balance: amount("5"), available: amount("4") };
            entries.accounts.insert(account.clone(), entry);
        }
        if let Some(authorized) = line {
            entries.trustlines.insert((account.clone(), usd()), TrustlineEntry { balance: amount("50"), limit: amount("100"), authorized });
        }
        if memo_required {
            entries.memo_required.insert(account);
        }
        entries
    }

    fn word(fate: &Fate) -> String {
        match fate {
            Fate::Wait(message) => format!("wait: {message}"),
            Fate::Do(purpose, DraftOperation::CreateAccount { destination, starting_balance }) => {
                assert_eq!(destination.as_str(), ACCOUNT);
                format!("{} by creation with {starting_balance}", purpose.as_str())
            }
            Fate::Do(purpose, DraftOperation::Payment { destination, amount, .. }) => {
                format!("{} of {amount} to {}", purpose.as_str(), &destination.to_string()[..1])
            }
        }
    }

    #[test]
    fn what_an_account_can_take() {
        use crate::samples::{account, amount, deposit, entries, usd};
        let ready = |number| deposit(number, DepositState::Ready);
        let of_usd = |text| Transaction { asset: usd(), amount_out: Some(amount(text)), ..ready(1) };
        let to = |letter, transaction| Transaction { account: Some(account(letter).to_string()), ..transaction };
        let line = entries().trustlines[&(account('U'), usd())];
        let rows = [
            (ready(1), Some(line), Ok(())),
            (of_usd("100"), Some(line), Ok(())),
            (of_usd("100.01"), Some(line), Err("full")),
            (of_usd("1"), Some(TrustlineEntry { balance: amount("99.5"), ..line }), Err("full")),
            (of_usd("1"), Some(TrustlineEntry { authorized: false, ..line }), Err("not authorised")),
            (of_usd("1"), None, Err("no trustline")),
            (ready(1), None, Ok(())),
            (to('V', ready(1)), Some(line), Err("does not exist")),
            (Transaction { account: None, ..ready(1) }, Some(line), Err("not a G")),
        ];
        for (transaction, line, expected) in rows {
            let mut entries = entries();
            match line {
                Some(line) => entries.trustlines.insert((account('U'), usd()), line),
                None => entries.trustlines.remove(&(account('U'), usd())),
            };
            match (can_receive(&transaction, &entries), expected) {
                (Ok(()), Ok(())) => {}
                (Err(said), Err(word)) => assert!(said.contains(word), "{said}"),
                (said, expected) => panic!("{said:?}, and not {expected:?}: {transaction:?}"),
            }
        }
        let mut with_issuer = entries();
        with_issuer.accounts.insert(account('I'), with_issuer.accounts[&account('U')]);
        assert_eq!(can_receive(&to('I', of_usd("1000")), &with_issuer), Ok(()), "the issuer takes its own asset");
    }

    #[test]
    fn rule_1_what_becomes_of_each_kind_of_account() {
        let rule = || Some("2.01".parse().unwrap());
        for (deposit, entries, starting_balance, created, expected) in [
            // Missing.
            (deposit(ACCOUNT, usd(), "10"), ledger(false, None, false), rule(), false, "create-account by creation with 2.01"),
            (deposit(MUXED, usd(), "10"), ledger(false, None, false), rule(), false, "create-account by creation with 2.01"),
            (deposit(ACCOUNT, usd(), "10"), ledger(false, None, false), rule(), true, "wait: the account that was made is not"),
            (deposit(ACCOUNT, usd(), "10"), ledger(false, None, false), None, false, "wait: the account does not exist"),
            // Missing, and paid in XLM: the creation is the payment, unless it is too small, or its muxed id would be lost.
            (deposit(ACCOUNT, Asset::Native, "10"), ledger(false, None, false), None, false, "payment by creation with 10"),
            (deposit(ACCOUNT, Asset::Native, "10"), ledger(false, None, false), rule(), true, "payment by creation with 10"),
            (deposit(ACCOUNT, Asset::Native, "0.5"), ledger(false, None, false), rule(), false, "create-account by creation with 2.01"),
            (deposit(ACCOUNT, Asset::Native, "0.5"), ledger(false, None, false), None, false, "wait: the account does not exist"),
            (deposit(MUXED, Asset::Native, "10"), ledger(false, None, false), rule(), false, "create-account by creation with 2.01"),
            // There.
            (deposit(ACCOUNT, Asset::Native, "0.5"), ledger(true, None, false), rule(), true, "payment of 0.5 to G"),
            (deposit(MUXED, Asset::Native, "10"), ledger(true, None, true), None, false, "payment of 10 to M"),
            (deposit(ACCOUNT, usd(), "10"), ledger(true, None, false), rule(), true, "wait: the account has no trustline"),
            (
                deposit(ACCOUNT, usd(), "10"),
                ledger(true, Some(false), false),
                None,
                false,
                "wait: the account's trustline is not authorised",
            ),
            (deposit(ACCOUNT, usd(), "50.01"), ledger(true, Some(true), false), None, false, "wait: the account's trustline is full"),
            (deposit(ACCOUNT, usd(), "50"), ledger(true, Some(true), false), None, false, "payment of 50 to G"),
            (deposit(MUXED, usd(), "50"), ledger(true, Some(true), true), None, false, "payment of 50 to M"),
            // Memos (SEP-29).
            (
                deposit(ACCOUNT, usd(), "10"),
                ledger(true, Some(true), true),
                None,
                false,
                "wait: the account takes payments only with a memo",
            ),
            (
                Transaction { memo: Some(Memo::Id(7)), ..deposit(ACCOUNT, usd(), "10") },
                ledger(true, Some(true), true),
                None,
                false,
                "payment of 10 to G",
            ),
            (deposit("GX", usd(), "10"), ledger(true, Some(true), false), None, false, "wait: the account is not a G"),
        ] {
            let seen = word(&fate(&deposit, &entries, starting_balance, created));
            assert!(seen.starts_with(expected), "{seen} is not {expected} ({deposit:?})");
        }
    }
}
