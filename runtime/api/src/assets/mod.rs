//! A tenant's assets and their rules.

pub(crate) mod list;
pub(crate) mod put;

use windlass_domain::job::Hook;
use windlass_domain::rules::AssetRules;
use windlass_domain::tenant::Version;

/// What a version must export for the asset's enabled directions and does not: one line for each.
pub(crate) fn missing_hooks(rules: &AssetRules, version: Option<&Version>) -> Vec<String> {
    let directions = [("deposit", rules.deposit.enabled, Hook::PollPendingDeposits), ("withdrawal", rules.withdrawal.enabled, Hook::ProcessWithdrawal)];
    directions
        .into_iter()
        .filter(|(_, enabled, hook)| *enabled && !version.is_some_and(|version| version.hooks.contains(hook)))
        .map(|(direction, _, hook)| format!("{direction} of {} needs the hook {}", rules.asset, hook.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_domain::rules::DirectionRules;
    use windlass_domain::{Asset, TenantId, VersionNumber};

    #[test]
    fn a_direction_needs_its_hook() {
        let enabled = || DirectionRules { enabled: true, ..DirectionRules::default() };
        let rules = AssetRules { asset: Asset::Native, decimals: 2, deposit: enabled(), withdrawal: enabled() };
        let version = |hooks: &[Hook]| Version {
            tenant: TenantId::new("acme").unwrap(),
            number: VersionNumber(1),
            digest: String::new(),
            hooks: hooks.to_vec(),
            manifest: windlass_domain::manifest::Manifest::default(),
            created_at: 0,
        };
        assert_eq!(missing_hooks(&rules, None).len(), 2);
        assert_eq!(missing_hooks(&rules, Some(&version(&[Hook::PollPendingDeposits]))), ["withdrawal of native needs the hook process-withdrawal"]);
        assert!(missing_hooks(&rules, Some(&version(&[Hook::PollPendingDeposits, Hook::ProcessWithdrawal]))).is_empty());
        let off = AssetRules { deposit: DirectionRules::default(), withdrawal: DirectionRules::default(), ..rules };
        assert!(missing_hooks(&off, None).is_empty());
    }
}
