//! A sandbox, a host that keeps everything in memory, and what goes into a run.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use windlass_domain::asset::Asset;
use windlass_domain::ids::normalise_reference;
use windlass_domain::job::RunEnd;
use windlass_domain::limits::RunLimits;
use windlass_domain::manifest::Manifest;
use windlass_domain::ports::egress::{Egress, EgressError, IncomingResponse, OutgoingRequest};
use windlass_domain::ports::guest::{Answered, Call, Components, Guests, HookInput, HostFault, Intent, RunHost, RunOutcome};
use windlass_domain::ports::secrets::SecretBytes;
use windlass_domain::tenant::IncomingPayment;
use windlass_domain::transaction::{State, Transaction};
use windlass_domain::{AccountId, Amount, JobId, Memo, TenantId, TimeMs, TransactionId, VersionNumber};
use windlass_sandbox::{Sandbox, SandboxConfig};

/// A guest that `cargo xtask guests` built.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../target/guests/{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}: run `cargo xtask guests` first", path.display()))
}

/// Components by digest.
#[derive(Default)]
struct Shelf(Mutex<HashMap<String, Vec<u8>>>);

#[async_trait]
impl Components for Shelf {
    async fn component(&self, _: &TenantId, digest: &str) -> Result<Vec<u8>, HostFault> {
        self.0.lock().unwrap().get(digest).cloned().ok_or_else(|| HostFault::Failed(format!("no component {digest}")))
    }
}

/// No way out: nothing in these tests may get as far.
struct NoEgress;

#[async_trait]
impl Egress for NoEgress {
    fn check(&self, _: &Manifest, request: &OutgoingRequest) -> Result<(), EgressError> {
        Err(EgressError::Denied(request.url.clone()))
    }

    async fn send(&self, _: &TenantId, _: &Manifest, _: OutgoingRequest) -> Result<IncomingResponse, EgressError> {
        Err(EgressError::NotConnected("there is no way out".into()))
    }
}

/// A sandbox with its shelf of components.
pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    shelf: Arc<Shelf>,
}

impl Bench {
    pub(crate) fn new(egress: Arc<dyn Egress>) -> Self {
        let shelf = Arc::new(Shelf::default());
        let config = SandboxConfig { runs_at_once: 4, components_kept: 64 };
        Self { sandbox: Sandbox::new(&config, shelf.clone(), egress).unwrap(), shelf }
    }

    /// One for all tests that need no way out.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Bench> = OnceLock::new();
        SHARED.get_or_init(|| Self::new(Arc::new(NoEgress)))
    }

    /// Runs a component.
    pub(crate) async fn run(&self, component: &[u8], host: &Arc<FakeHost>, mut call: Call) -> RunOutcome {
        call.digest = hex::encode(Sha256::digest(component));
        self.shelf.0.lock().unwrap().insert(call.digest.clone(), component.to_vec());
        self.sandbox.run(call, host.clone()).await
    }

    /// An honest run in the same process is well.
    pub(crate) async fn honest_run_is_well(&self) {
        let outcome = self.run(&guest("hello"), &FakeHost::new(), call(after_deposit())).await;
        assert_eq!(outcome.end, RunEnd::Returned);
        let lines: Vec<&str> = outcome.log.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(lines, [format!("hello: deposit {} is done", transaction("deposit", 1).id)]);
    }
}

pub(crate) fn call(input: HookInput) -> Call {
    Call {
        tenant: TenantId::new("acme").unwrap(),
        job: JobId::from_bits([1; 16]),
        run: 1,
        version: VersionNumber(1),
        digest: String::new(),
        manifest: Manifest::default(),
        input,
        limits: RunLimits { wall_time_ms: 20_000, ..RunLimits::default() },
        seed: [7; 32],
    }
}

/// A call with other limits.
pub(crate) fn limited(input: HookInput, change: impl Fn(&mut RunLimits)) -> Call {
    let mut call = call(input);
    change(&mut call.limits);
    call
}

pub(crate) fn after_deposit() -> HookInput {
    HookInput::AfterDeposit(Box::new(transaction("deposit", 1)))
}

pub(crate) fn process_withdrawal() -> HookInput {
    let issuer = account();
    let payment = IncomingPayment {
        network: "Test".into(),
        transaction_hash: "ab".repeat(32),
        operation_index: 3,
        from: issuer.as_str().to_owned(),
        to: issuer,
        asset: Asset::Native,
        amount: Amount::from_units(500_000_000),
        memo: Some(Memo::Hash([9; 32])),
        ledger: 77,
        closed_at: 1_700_000_000_000,
    };
    HookInput::ProcessWithdrawal(Box::new(payment), Box::new(transaction("withdrawal", 2)))
}

fn account() -> AccountId {
    AccountId::new("G".to_owned() + &"A".repeat(55)).unwrap()
}

/// The `n`th transaction of the tests.
pub(crate) fn transaction(kind: &str, n: u8) -> Transaction {
    let state = match kind {
        "deposit" => State::Deposit(windlass_domain::deposit::DepositState::ALL[0]),
        _ => State::Withdrawal(windlass_domain::withdrawal::WithdrawalState::ALL[0]),
    };
    Transaction {
        tenant: TenantId::new("acme").unwrap(),
        id: TransactionId::from_bits([n; 16]),
        state,
        version: 1,
        asset: Asset::Issued { code: "USD".into(), issuer: account() },
        reference: format!("REF{n:07}"),
        memo: Some(Memo::Id(u64::from(n))),
        account: Some(account().as_str().to_owned()),
        anchor_account: account(),
        amount_expected: Some(Amount::from_units(1_000_000_000)),
        amount_in: Some(Amount::from_units(1_000_000_000)),
        fee: Some(Amount::from_units(10_000_000)),
        amount_out: Some(Amount::from_units(990_000_000)),
        refunded: Amount::ZERO,
        payouts_returned: 0,
        external_id: None,
        stellar_transaction_id: None,
        message: None,
        fields: vec![("email_address".into(), "a@b.example".into())],
        status_eta: None,
        expires_at: None,
        created_at: 1_700_000_000_000 + i64::from(n),
        updated_at: 1_700_000_000_000,
        received_at: None,
        completed_at: None,
    }
}

/// A host in memory. What the guest did with it is read back afterwards.
pub(crate) struct FakeHost {
    pub(crate) started: Instant,
    pub(crate) pending: Vec<Transaction>,
    pub(crate) state: BTreeMap<String, Vec<u8>>,
    pub(crate) settings: HashMap<String, String>,
    pub(crate) secrets: HashMap<String, String>,
    /// What `intend` says.
    pub(crate) intent: Result<Intent, HostFault>,
    /// `intend <name> <digest>` and `answered <name> <answer>`, in order.
    pub(crate) journal: Mutex<Vec<String>>,
}

impl FakeHost {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::blank())
    }

    #[expect(clippy::disallowed_methods, reason = "the clock of the tests")]
    pub(crate) fn blank() -> Self {
        Self {
            started: Instant::now(),
            pending: vec![],
            state: BTreeMap::new(),
            settings: HashMap::new(),
            secrets: HashMap::new(),
            intent: Ok(Intent::Send { key: "c0ffee".into() }),
            journal: Mutex::new(vec![]),
        }
    }

    pub(crate) fn journal(&self) -> Vec<String> {
        self.journal.lock().unwrap().clone()
    }
}

#[async_trait]
impl RunHost for FakeHost {
    async fn pending(&self, after: Option<(TimeMs, String)>, max: u32) -> Result<Vec<Transaction>, HostFault> {
        let place = |transaction: &Transaction| (transaction.created_at, transaction.id.as_str().to_owned());
        let rest = self.pending.iter().filter(|transaction| after.as_ref().is_none_or(|after| place(transaction) > *after));
        Ok(rest.take(max as usize).cloned().collect())
    }

    async fn find_pending(&self, keys: &[String]) -> Result<Vec<Transaction>, HostFault> {
        Ok(self.pending.iter().filter(|transaction| keys.contains(&normalise_reference(&transaction.reference))).cloned().collect())
    }

    async fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, HostFault> {
        Ok(self.state.get(key).cloned())
    }

    async fn state_keys(&self, prefix: &str, after: Option<&str>, max: u32) -> Result<Vec<String>, HostFault> {
        let keys = self.state.keys().filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        Ok(keys.take(max as usize).cloned().collect())
    }

    async fn state_count(&self) -> Result<u64, HostFault> {
        Ok(self.state.len() as u64)
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, HostFault> {
        Ok(self.settings.get(name).cloned())
    }

    async fn secret(&self, name: &str) -> Result<Option<SecretBytes>, HostFault> {
        Ok(self.secrets.get(name).map(|text| SecretBytes::new(text.as_bytes().to_vec())))
    }

    async fn intend(&self, effect: &str, request_digest: &str) -> Result<Intent, HostFault> {
        assert_eq!(request_digest.len(), 64);
        self.journal.lock().unwrap().push(format!("intend {effect}"));
        self.intent.clone()
    }

    async fn answered(&self, effect: &str, answer: Answered) -> Result<(), HostFault> {
        let answer = match answer {
            Answered::Complete(response) => format!("complete {}", response.status),
            Answered::NotSent(_) => "not sent".to_owned(),
            Answered::NoAnswer(_) => "no answer".to_owned(),
        };
        self.journal.lock().unwrap().push(format!("answered {effect}: {answer}"));
        Ok(())
    }

    fn now(&self) -> TimeMs {
        1_700_000_000_123
    }

    fn monotonic_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap()
    }
}
