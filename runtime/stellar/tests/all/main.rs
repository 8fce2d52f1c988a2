//! What other SDKs build, what real servers said, what a real ledger did; and the whole way over the development network.

mod devnet;
mod golden;
mod ledger;
mod recorded;
mod server;
