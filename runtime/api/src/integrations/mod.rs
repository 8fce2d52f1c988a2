//! Uploaded versions of a tenant's integration.

pub(crate) mod activate;
pub(crate) mod list;
pub(crate) mod upload;

use serde::Serialize;
use windlass_domain::VersionNumber;
use windlass_domain::job::Hook;
use windlass_domain::manifest::Manifest;
use windlass_domain::tenant::Version;

use crate::time::iso;

/// A version as shown.
#[derive(Serialize)]
pub(crate) struct VersionView {
    number: i64,
    digest: String,
    hooks: Vec<Hook>,
    manifest: Manifest,
    active: bool,
    created_at: String,
}

impl VersionView {
    fn new(version: Version, active: Option<VersionNumber>) -> Self {
        Self {
            number: version.number.0,
            digest: version.digest,
            hooks: version.hooks,
            manifest: version.manifest,
            active: active == Some(version.number),
            created_at: iso(version.created_at),
        }
    }
}
