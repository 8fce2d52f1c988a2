//! A tenant's secrets: written, never read (money rule 10).

pub(crate) mod list;
pub(crate) mod put;

use serde::Serialize;

/// A secret as shown: that it is there.
#[derive(Serialize)]
pub(crate) struct SecretView {
    name: String,
    updated_at: String,
}
