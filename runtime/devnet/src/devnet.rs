//! The devnet: one ledger, its RPC server, its friendbot, and the task that closes ledgers.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use crate::{
    Error, Fault, clock,
    ledger::{Ledger, Start},
    rpc::{self, Faults, Friendbot},
    serve::Server,
};

/// After the first submission, at-once closing waits this long for others to share the ledger.
const GATHER: Duration = Duration::from_millis(20);

/// When ledgers close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Only when asked to.
    Manual,
    /// Again and again, whether or not anything waits.
    Interval(Duration),
    /// As soon as something waits, and otherwise every `expected_close_seconds`, so that time passes.
    AtOnce,
}

/// How a devnet is set up.
#[derive(Debug, Clone)]
pub struct DevnetConfig {
    /// Where the RPC listens; port 0 for any free one.
    pub listen: SocketAddr,
    /// The network's passphrase.
    pub passphrase: String,
    /// When ledgers close.
    pub closing: Closing,
    /// The close interval that the network believes in: an upper time bound must lie two of them ahead.
    pub expected_close_seconds: u64,
    /// Close times advance by a second at least, so ledgers that close faster run ahead of the clock. This is how far
    /// they may, in seconds, before closing waits for the clock. Clients need time bounds longer than this plus twice
    /// `expected_close_seconds`.
    pub most_seconds_ahead: u64,
}

impl Default for DevnetConfig {
    /// A free loopback port, ledgers at once, five seconds expected, at most a minute ahead of the clock.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            passphrase: "Windlass Devnet ; November 2026".to_owned(),
            closing: Closing::AtOnce,
            expected_close_seconds: 5,
            most_seconds_ahead: 60,
        }
    }
}

/// A running devnet. Dropped, it stops closing ledgers and taking connections.
#[derive(Debug)]
pub struct Devnet {
    net: Arc<Net>,
    server: Server,
    tasks: [JoinHandle<()>; 2],
}

impl Devnet {
    /// Starts a new network on the current tokio runtime.
    ///
    /// # Errors
    /// [`Error::Listen`] if the address is taken.
    pub async fn start(config: DevnetConfig) -> Result<Self, Error> {
        let start = Start::genesis(&config.passphrase, config.expected_close_seconds, clock::now());
        let net = Arc::new(Net::new(Ledger::new(start), &config));
        let server = Server::start(config.listen, rpc::router(Arc::clone(&net))).await?;
        let tasks = [tokio::spawn(close_ledgers(Arc::clone(&net))), tokio::spawn(rpc::create_accounts(Arc::clone(&net)))];
        Ok(Self { net, server, tasks })
    }

    /// Where the RPC answers.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Where the friendbot answers: add `?addr=G...`.
    #[must_use]
    pub fn friendbot_url(&self) -> String {
        format!("{}/friendbot", self.server.url())
    }

    /// The network's passphrase.
    #[must_use]
    pub fn passphrase(&self) -> String {
        self.ledger().passphrase().to_owned()
    }

    /// The ledger itself. Everything waits while the guard is held, so do not keep it over an `await`.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.net.ledger()
    }

    /// Closes a ledger now, in every mode; gives its number.
    pub fn close(&self) -> u32 {
        self.net.close()
    }

    /// Changes when ledgers close, from now on.
    pub fn set_closing(&self, closing: Closing) {
        self.net.closing.send_replace(closing);
    }

    /// Lets calls of an RPC method (`*`: of all) go wrong, or go well again.
    pub fn set_fault(&self, method: &str, fault: Option<Fault>) {
        self.net.faults.set(method, fault);
    }

    /// Has the friendbot create an account with 10,000 lumens; returns when it is in the ledger.
    ///
    /// # Errors
    /// [`Error::BadAddress`], or [`Error::Friendbot`] if the account exists or no ledger closes.
    pub async fn fund(&self, address: &str) -> Result<(), Error> {
        self.net.friendbot.create(address).await.map(|_| ())
    }

    /// Stops the network; calls that were stalled go on first.
    pub async fn shutdown(self) {
        self.net.faults.clear();
        for task in &self.tasks {
            task.abort();
        }
        let Self { server, net: _, tasks: _ } = self;
        server.stop().await;
    }
}

/// What the server, the friendbot and the closing task share.
#[derive(Debug)]
pub(crate) struct Net {
    ledger: Mutex<Ledger>,
    /// The number of the ledger closed last.
    pub(crate) closed: watch::Sender<u32>,
    /// Something has been submitted.
    pub(crate) submitted: Notify,
    pub(crate) closing: watch::Sender<Closing>,
    pub(crate) faults: Faults,
    pub(crate) friendbot: Friendbot,
    most_seconds_ahead: u64,
}

impl Net {
    fn new(ledger: Ledger, config: &DevnetConfig) -> Self {
        Self {
            closed: watch::Sender::new(ledger.last().sequence()),
            ledger: Mutex::new(ledger),
            submitted: Notify::new(),
            closing: watch::Sender::new(config.closing),
            faults: Faults::default(),
            friendbot: Friendbot::default(),
            most_seconds_ahead: config.most_seconds_ahead,
        }
    }

    /// A panic of another holder leaves the ledger as it was between two calls, so a poisoned lock is good enough.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn close(&self) -> u32 {
        let mut ledger = self.ledger();
        let closed = ledger.close(clock::now());
        let sequence = closed.sequence();
        tracing::debug!(ledger.sequence = sequence, ledger.transactions = closed.transactions.len(), "ledger.close");
        drop(ledger);
        self.closed.send_replace(sequence);
        sequence
    }

    /// Waits until the next close would not be too far ahead of the clock.
    async fn keep_pace(&self) {
        loop {
            let next = self.ledger().last().close_time().saturating_add(1);
            if next <= clock::now().saturating_add(self.most_seconds_ahead) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn close_ledgers(net: Arc<Net>) {
    let mut closing = net.closing.subscribe();
    loop {
        let now = *closing.borrow_and_update();
        let due = async {
            match now {
                Closing::Manual => std::future::pending().await,
                Closing::Interval(every) => tokio::time::sleep(every).await,
                Closing::AtOnce => wait_for_something(&net).await,
            }
            net.keep_pace().await;
        };
        tokio::select! {
            () = due => {
                net.close();
            }
            changed = closing.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

async fn wait_for_something(net: &Net) {
    let heartbeat = Duration::from_secs(net.ledger().expected_close_seconds().max(1));
    if net.ledger().waiting() == 0 {
        tokio::select! {
            () = net.submitted.notified() => {}
            () = tokio::time::sleep(heartbeat) => return,
        }
    }
    tokio::time::sleep(GATHER).await;
}
