//! Why the runtime does not start.

use std::path::PathBuf;

/// What stops a start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the configuration cannot be read.
    #[error("{} cannot be read: name a file that is there and readable", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The configuration is not TOML, or has a key that is not known.
    #[error("{} is not a configuration", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The configuration is refused: everything that is wrong with it.
    #[error("the configuration is refused: {}", .0.join("; "))]
    Config(Vec<String>),
    /// The database cannot be used.
    #[error("the database cannot be opened: look at the setting database")]
    Database(#[source] windlass_store::OpenError),
    /// A ledger's client cannot be made.
    #[error("the ledger's client cannot be made: look at network.rpc-url")]
    Ledger(#[source] windlass_stellar::Error),
    /// The ledger is that of another network. Signing for it would be signing for the wrong one.
    #[error(
        "the ledger at {url} is for the network {found:?}, the configuration says {configured:?}: put network.passphrase or network.rpc-url right"
    )]
    WrongNetwork {
        /// Which server.
        url: String,
        /// What it says.
        found: String,
        /// What was configured.
        configured: String,
    },
    /// The way out cannot be made.
    #[error("the client for tenants' requests cannot be made")]
    Egress(#[source] windlass_egress::SetUpError),
    /// The sandbox cannot be made.
    #[error("the sandbox cannot be made")]
    Sandbox(#[source] windlass_sandbox::SandboxError),
    /// The API's address is taken, or is not this machine's.
    #[error("{listen} cannot be listened on: is it taken? Choose another with the setting listen")]
    Listen {
        /// Which address.
        listen: std::net::SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// Is the configuration to blame, and not what it points to?
    pub const fn is_configuration(&self) -> bool {
        match self {
            Self::Read { .. } | Self::Syntax { .. } | Self::Config(_) | Self::WrongNetwork { .. } => true,
            Self::Database(_) | Self::Ledger(_) | Self::Egress(_) | Self::Sandbox(_) | Self::Listen { .. } => false,
        }
    }
}
