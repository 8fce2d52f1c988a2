//! A ledger in memory: sequence numbers, balances, at most once per hash. What it answers can be scripted; what is in it
//! cannot.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::Notify;
use windlass_domain::ports::ledger::{
    AccountEntry, Draft, DraftOperation, Entries, From, Ledger, LedgerError, LedgerHead, LookUp, LookUpStatus, OperationResult,
    PaymentPage, Submission, TrustlineEntry,
};
use windlass_domain::tenant::IncomingPayment;
use windlass_domain::{AccountId, Amount, Asset, Memo};
use windlass_store::testing::Raw;

use crate::faults::Faults;
use crate::ports::{Drafts, START_S};

/// How the next submission is taken.
#[derive(Debug, Clone)]
pub(crate) struct OnSubmit {
    /// Does the envelope get into the network's memory?
    pub(crate) takes: bool,
    /// What is answered; none: no answer comes.
    pub(crate) says: Option<Submission>,
}

/// A payment to a tenant, to be put into a ledger.
#[derive(Debug, Clone)]
pub(crate) struct PayIn {
    pub(crate) to: AccountId,
    pub(crate) asset: Asset,
    pub(crate) amount: Amount,
    pub(crate) memo: Option<Memo>,
}

/// The next look-up, held up between its answer and whoever asked.
#[derive(Default)]
pub(crate) struct Gate {
    /// Told when the answer is there.
    pub(crate) reached: Notify,
    /// The answer is handed on.
    pub(crate) go: Notify,
}

pub(crate) struct FakeLedger {
    network: String,
    raw: Raw,
    drafts: Drafts,
    books: Mutex<Books>,
}

/// A payment, or the hash of a transaction that does not decode and what is wrong with it.
type Told = Result<IncomingPayment, (String, String)>;

struct Books {
    sequence: u32,
    close_time_s: i64,
    oldest: u32,
    accounts: BTreeMap<AccountId, AccountEntry>,
    trustlines: BTreeMap<(AccountId, Asset), TrustlineEntry>,
    refuses: BTreeMap<AccountId, OperationResult>,
    memory: BTreeSet<String>,
    verdicts: BTreeMap<String, LookUpStatus>,
    submitted: Vec<String>,
    paid: Vec<(AccountId, Amount)>,
    made: Vec<(AccountId, Amount)>,
    stream: Vec<(u32, Told)>,
    on_submit: VecDeque<OnSubmit>,
    on_look_up: VecDeque<Option<LookUp>>,
    look_ups: usize,
    gate: Option<Arc<Gate>>,
    tells_again: usize,
}

impl FakeLedger {
    pub(crate) fn new(network: String, raw: Raw, drafts: Drafts) -> Self {
        let books = Books {
            sequence: 100,
            close_time_s: START_S,
            oldest: 1,
            accounts: BTreeMap::new(),
            trustlines: BTreeMap::new(),
            refuses: BTreeMap::new(),
            memory: BTreeSet::new(),
            verdicts: BTreeMap::new(),
            submitted: vec![],
            paid: vec![],
            made: vec![],
            stream: vec![],
            on_submit: VecDeque::new(),
            on_look_up: VecDeque::new(),
            look_ups: 0,
            gate: None,
            tells_again: 0,
        };
        Self { network, raw, drafts, books: Mutex::new(books) }
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// Makes an account, or gives it so much XLM.
    pub(crate) fn fund(&self, account: &AccountId, amount: Amount) {
        let mut books = self.books();
        let entry = books.accounts.entry(account.clone()).or_insert_with(|| with_balance(Amount::ZERO));
        *entry = AccountEntry { sequence: entry.sequence, ..with_balance(entry.balance.plus(amount).unwrap()) };
    }

    /// An account is merged away.
    pub(crate) fn remove(&self, account: &AccountId) {
        self.books().accounts.remove(account).unwrap();
    }

    /// Sets a trustline.
    pub(crate) fn trust(&self, account: &AccountId, asset: &Asset, entry: TrustlineEntry) {
        self.books().trustlines.insert((account.clone(), asset.clone()), entry);
    }

    /// Payments to the account fail from now on; or work again.
    pub(crate) fn refuse(&self, account: &AccountId, result: Option<OperationResult>) {
        let mut books = self.books();
        match result {
            Some(result) => books.refuses.insert(account.clone(), result),
            None => books.refuses.remove(account),
        };
    }

    /// Another program uses the account's key.
    pub(crate) fn stranger_uses_a_number(&self, account: &AccountId) {
        self.books().accounts.get_mut(account).unwrap().sequence += 1;
    }

    pub(crate) fn script_submit(&self, answers: impl IntoIterator<Item = OnSubmit>) {
        self.books().on_submit.extend(answers);
    }

    /// The next look-ups are answered so; none: not at all.
    pub(crate) fn script_look_up(&self, answers: impl IntoIterator<Item = Option<LookUp>>) {
        self.books().on_look_up.extend(answers);
    }

    /// Holds the next look-up up.
    pub(crate) fn hold_up_a_look_up(&self) -> Arc<Gate> {
        let gate = Arc::new(Gate::default());
        self.books().gate = Some(gate.clone());
        gate
    }

    /// The history begins here from now on.
    pub(crate) fn forget_history_before(&self, ledger: u32) {
        self.books().oldest = ledger;
    }

    /// Every page of payments begins with so many that were in the page before.
    pub(crate) fn tell_again(&self, payments: usize) {
        self.books().tells_again = payments;
    }

    /// Hashes submitted, in order.
    pub(crate) fn submitted(&self) -> Vec<String> {
        self.books().submitted.clone()
    }

    /// Different envelopes that were submitted.
    pub(crate) fn envelopes(&self) -> usize {
        self.books().submitted.iter().collect::<BTreeSet<_>>().len()
    }

    pub(crate) fn look_ups(&self) -> usize {
        self.books().look_ups
    }

    /// Payments in closed ledgers to an account.
    pub(crate) fn paid_to(&self, account: &AccountId) -> Vec<Amount> {
        self.books().paid.iter().filter(|(destination, _)| destination == account).map(|(_, amount)| *amount).collect()
    }

    /// What accounts that were made in closed ledgers began with, of one account.
    pub(crate) fn made(&self, account: &AccountId) -> Vec<Amount> {
        self.books().made.iter().filter(|(destination, _)| destination == account).map(|(_, amount)| *amount).collect()
    }

    pub(crate) fn head_now(&self) -> LedgerHead {
        let books = self.books();
        LedgerHead { sequence: books.sequence, close_time_s: books.close_time_s }
    }

    pub(crate) fn draft(&self, hash: &str) -> Draft {
        self.drafts.lock().unwrap()[hash].clone()
    }

    /// A ledger closes, five seconds after the one before.
    pub(crate) fn close(&self) {
        self.close_after(5);
    }

    /// A ledger closes with everything that is in memory and still valid.
    pub(crate) fn close_after(&self, seconds: i64) {
        let drafts = self.drafts.lock().unwrap();
        let mut books = self.books();
        books.sequence += 1;
        books.close_time_s += seconds;
        for hash in std::mem::take(&mut books.memory) {
            let draft = &drafts[&hash];
            let next = books.accounts[&draft.source].sequence + 1;
            if draft.max_time_s >= books.close_time_s && draft.sequence == next && !books.verdicts.contains_key(&hash) {
                books.apply(&hash, draft, &self.network);
            }
        }
    }

    /// Payments of others come in with the next ledger: one transaction, an operation each.
    pub(crate) fn receive(&self, hash: &str, payments: &[PayIn]) {
        let from = crate::world::user(900).to_string();
        let mut books = self.books();
        let (ledger, closed_at) = (books.sequence + 1, (books.close_time_s + 5) * 1_000);
        for (operation_index, payment) in (0..).zip(payments) {
            let payment = IncomingPayment {
                network: self.network.clone(),
                transaction_hash: hash.to_owned(),
                operation_index,
                from: from.clone(),
                to: payment.to.clone(),
                asset: payment.asset.clone(),
                amount: payment.amount,
                memo: payment.memo.clone(),
                ledger,
                closed_at,
            };
            books.stream.push((ledger, Ok(payment)));
        }
        drop(books);
        self.close();
    }

    /// A transaction that nobody can decode is in the stream.
    pub(crate) fn receive_undecodable(&self, hash: &str) {
        let mut books = self.books();
        let ledger = books.sequence;
        books.stream.push((ledger, Err((hash.to_owned(), "its meta does not decode".to_owned()))));
    }
}

/// All of it can be spent: the reserves of this ledger are nothing.
fn with_balance(balance: Amount) -> AccountEntry {
    AccountEntry { sequence: 1_000, balance, available: balance }
}

pub(crate) fn failed(code: &str) -> OperationResult {
    OperationResult::Failed(code.to_owned())
}

impl Books {
    fn apply(&mut self, hash: &str, draft: &Draft, network: &str) {
        self.accounts.get_mut(&draft.source).unwrap().sequence = draft.sequence;
        let results: Vec<OperationResult> = draft.operations.iter().map(|operation| self.result_of(operation)).collect();
        let ledger = self.sequence;
        if results.iter().any(|result| *result != OperationResult::Success) {
            let status = LookUpStatus::Failed { ledger, code: "txFAILED".into(), operations: results };
            self.verdicts.insert(hash.to_owned(), status);
            return;
        }
        self.verdicts.insert(hash.to_owned(), LookUpStatus::Success { ledger });
        for (operation_index, operation) in (0..).zip(&draft.operations) {
            let (destination, asset, amount) = match operation {
                DraftOperation::Payment { destination, asset, amount } => (destination.account(), asset, *amount),
                DraftOperation::CreateAccount { destination, starting_balance } => {
                    self.made.push((destination.clone(), *starting_balance));
                    self.accounts.insert(destination.clone(), with_balance(*starting_balance));
                    continue;
                }
            };
            self.paid.push((destination.clone(), amount));
            let incoming = IncomingPayment {
                network: network.to_owned(),
                transaction_hash: hash.to_owned(),
                operation_index,
                from: draft.source.to_string(),
                to: destination.clone(),
                asset: asset.clone(),
                amount,
                memo: draft.memo.clone(),
                ledger,
                closed_at: self.close_time_s * 1_000,
            };
            self.stream.push((ledger, Ok(incoming)));
        }
    }

    fn result_of(&self, operation: &DraftOperation) -> OperationResult {
        let (destination, asset) = match operation {
            DraftOperation::Payment { destination, asset, .. } => (destination.account(), Some(asset)),
            DraftOperation::CreateAccount { destination, .. } => (destination, None),
        };
        if let Some(refused) = self.refuses.get(destination) {
            return refused.clone();
        }
        match (asset, self.accounts.contains_key(destination)) {
            (None, false) | (Some(Asset::Native), true) => OperationResult::Success,
            (None, true) => failed("create_account_already_exist"),
            (Some(_), false) => failed("payment_no_destination"),
            (Some(asset), true) if self.trustlines.contains_key(&(destination.clone(), asset.clone())) => OperationResult::Success,
            (Some(Asset::Issued { .. }), true) => failed("payment_no_trust"),
        }
    }
}

/// The port of one pipeline.
pub(crate) struct LedgerPort {
    pub(crate) ledger: Arc<FakeLedger>,
    pub(crate) faults: Arc<Faults>,
}

fn silent() -> LedgerError {
    LedgerError::Unavailable { url: "fake".into(), reason: "no answer".into() }
}

impl FakeLedger {
    async fn submit(&self, xdr: &str) -> Result<Submission, LedgerError> {
        let hash = xdr.strip_prefix("signed:").expect("bytes that the builder made");
        let draft = self.draft(hash);
        let stored = format!(
            "SELECT COUNT(*) FROM envelopes JOIN sequences ON sequences.tenant = envelopes.tenant AND sequences.sequence = envelopes.sequence
                AND sequences.account = envelopes.source AND sequences.network = envelopes.network
             WHERE hash = '{hash}' AND xdr = '{xdr}' AND envelopes.sequence = {} AND max_time_s = {} AND envelopes.network = '{}'",
            draft.sequence, draft.max_time_s, self.network
        );
        assert_eq!(self.raw.number(&stored).await, 1, "rule 1: bytes, hash, sequence and bound are stored before the first byte is sent");
        let mut books = self.books();
        books.submitted.push(hash.to_owned());
        let there = books.memory.contains(hash) || books.verdicts.contains_key(hash);
        let usual = OnSubmit { takes: true, says: Some(if there { Submission::Duplicate } else { Submission::Pending }) };
        let OnSubmit { takes, says } = books.on_submit.pop_front().unwrap_or(usual);
        if takes {
            books.memory.insert(hash.to_owned());
        }
        says.ok_or_else(silent)
    }

    fn look_up(&self, hash: &str) -> Result<LookUp, LedgerError> {
        let mut books = self.books();
        books.look_ups += 1;
        if let Some(scripted) = books.on_look_up.pop_front() {
            return scripted.ok_or_else(silent);
        }
        Ok(LookUp {
            status: books.verdicts.get(hash).cloned().unwrap_or(LookUpStatus::NotFound),
            latest_ledger: books.sequence,
            latest_close_time_s: books.close_time_s,
            oldest_ledger: books.oldest,
        })
    }

    fn page(&self, from: &From, limit: u32) -> PaymentPage {
        let books = self.books();
        let start = match from {
            From::Ledger(first) => books.stream.iter().position(|(ledger, _)| ledger >= first).unwrap_or(books.stream.len()),
            From::Cursor(cursor) => cursor.parse::<usize>().unwrap().saturating_sub(books.tells_again),
        };
        let end = books.stream.len().min(start + limit as usize);
        let mut page = PaymentPage {
            payments: vec![],
            undecodable: vec![],
            next: if start == end { from.clone() } else { From::Cursor(end.to_string()) },
            latest_ledger: books.sequence,
            at_end: end == books.stream.len(),
        };
        for (_, told) in &books.stream[start..end] {
            match told {
                Ok(payment) => page.payments.push(payment.clone()),
                Err(undecodable) => page.undecodable.push(undecodable.clone()),
            }
        }
        page
    }

    fn entries(&self, accounts: &[AccountId], trustlines: &[(AccountId, Asset)]) -> Entries {
        let books = self.books();
        Entries {
            latest_ledger: books.sequence,
            accounts: accounts.iter().filter_map(|key| Some((key.clone(), *books.accounts.get(key)?))).collect(),
            trustlines: trustlines.iter().filter_map(|key| Some((key.clone(), *books.trustlines.get(key)?))).collect(),
            memo_required: BTreeSet::new(),
        }
    }
}

#[async_trait]
impl Ledger for LedgerPort {
    async fn network(&self) -> Result<String, LedgerError> {
        Ok(self.ledger.network.clone())
    }

    async fn head(&self) -> Result<LedgerHead, LedgerError> {
        self.faults.read("head", async { Ok(self.ledger.head_now()) }, silent).await
    }

    async fn entries(&self, accounts: &[AccountId], trustlines: &[(AccountId, Asset)]) -> Result<Entries, LedgerError> {
        self.faults.read("entries", async { Ok(self.ledger.entries(accounts, trustlines)) }, silent).await
    }

    async fn submit(&self, envelope_xdr: &str) -> Result<Submission, LedgerError> {
        self.faults.write("submit", self.ledger.submit(envelope_xdr), || Err(silent())).await
    }

    async fn look_up(&self, hash: &str) -> Result<LookUp, LedgerError> {
        let answer = self.faults.read("look_up", async { self.ledger.look_up(hash) }, silent).await;
        let gate = self.ledger.books().gate.take();
        if let Some(gate) = gate {
            gate.reached.notify_one();
            gate.go.notified().await;
        }
        answer
    }

    async fn payments(&self, from: &From, limit: u32) -> Result<PaymentPage, LedgerError> {
        self.faults.read("payments", async { Ok(self.ledger.page(from, limit)) }, silent).await
    }

    async fn fee_per_operation(&self) -> Result<u32, LedgerError> {
        self.faults.read("fee", async { Ok(100) }, silent).await
    }
}
