//! Ledger entries: a map, layers of changes over it, and the sums that an account or a trust line can bear.

use std::collections::BTreeMap;

use stellar_xdr::{
    AccountEntry, AccountEntryExt, AccountEntryExtensionV1, AccountEntryExtensionV1Ext, AccountEntryExtensionV2,
    AccountEntryExtensionV2Ext, AccountEntryExtensionV3, AccountId, Asset, ChangeTrustAsset, ExtensionPoint, LedgerEntry,
    LedgerEntryChange, LedgerEntryChanges, LedgerEntryData, LedgerEntryExt, LedgerKey, LedgerKeyAccount, LedgerKeyTrustLine, Liabilities,
    TimePoint, TrustLineAsset, TrustLineEntry, TrustLineEntryExt,
};

/// All entries of the ledger.
pub(crate) type Entries = BTreeMap<LedgerKey, LedgerEntry>;
/// What a step changed: the new entry, or `None` for one that is gone.
pub(crate) type Changes = BTreeMap<LedgerKey, Option<LedgerEntry>>;

/// Something entries can be read from.
pub(crate) trait View {
    fn get(&self, key: &LedgerKey) -> Option<LedgerEntry>;

    fn account(&self, id: &AccountId) -> Option<AccountEntry> {
        match self.get(&account_key(id))?.data {
            LedgerEntryData::Account(account) => Some(account),
            _ => None,
        }
    }

    fn trust_line(&self, id: &AccountId, asset: &TrustLineAsset) -> Option<TrustLineEntry> {
        match self.get(&line_key(id, asset))?.data {
            LedgerEntryData::Trustline(line) => Some(line),
            _ => None,
        }
    }
}

impl View for Entries {
    fn get(&self, key: &LedgerKey) -> Option<LedgerEntry> {
        BTreeMap::get(self, key).cloned()
    }
}

/// Changes on top of something that stays as it is until they are taken over; dropped, they never were.
pub(crate) struct Scratch<'a> {
    below: &'a dyn View,
    changed: Changes,
    ledger: u32,
}

impl View for Scratch<'_> {
    fn get(&self, key: &LedgerKey) -> Option<LedgerEntry> {
        match self.changed.get(key) {
            Some(changed) => changed.clone(),
            None => self.below.get(key),
        }
    }
}

impl<'a> Scratch<'a> {
    /// `ledger` becomes the last-modified ledger of what is written.
    pub(crate) fn new(below: &'a dyn View, ledger: u32) -> Self {
        Self { below, changed: Changes::new(), ledger }
    }

    /// Writes an entry, new or changed; a changed one keeps its extension (its sponsor).
    pub(crate) fn put(&mut self, data: LedgerEntryData) {
        let key = data.to_key();
        let ext = self.get(&key).map_or(LedgerEntryExt::V0, |entry| entry.ext);
        let entry = LedgerEntry { last_modified_ledger_seq: self.ledger, data, ext };
        self.changed.insert(key, Some(entry));
    }

    pub(crate) fn put_account(&mut self, account: AccountEntry) {
        self.put(LedgerEntryData::Account(account));
    }

    pub(crate) fn put_line(&mut self, line: TrustLineEntry) {
        self.put(LedgerEntryData::Trustline(line));
    }

    pub(crate) fn remove(&mut self, key: LedgerKey) {
        self.changed.insert(key, None);
    }

    /// Takes over the changes of a layer above.
    pub(crate) fn absorb(&mut self, changes: Changes) {
        self.changed.extend(changes);
    }

    pub(crate) fn into_changes(self) -> Changes {
        self.changed
    }
}

/// Takes changes over into the ledger's entries.
pub(crate) fn settle(entries: &mut Entries, changes: Changes) {
    for (key, entry) in changes {
        match entry {
            Some(entry) => entries.insert(key, entry),
            None => entries.remove(&key),
        };
    }
}

/// Changes as transaction metadata tells them: the state before, then what became of it.
pub(crate) fn told(below: &dyn View, changes: &Changes) -> LedgerEntryChanges {
    let mut list = Vec::new();
    for (key, after) in changes {
        let before = below.get(key);
        let existed = before.is_some();
        list.extend(before.map(LedgerEntryChange::State));
        match (existed, after) {
            (true, Some(entry)) => list.push(LedgerEntryChange::Updated(entry.clone())),
            (false, Some(entry)) => list.push(LedgerEntryChange::Created(entry.clone())),
            (true, None) => list.push(LedgerEntryChange::Removed(key.clone())),
            (false, None) => {}
        }
    }
    LedgerEntryChanges(list.try_into().unwrap_or_default())
}

pub(crate) fn account_key(id: &AccountId) -> LedgerKey {
    LedgerKey::Account(LedgerKeyAccount { account_id: id.clone() })
}

pub(crate) fn line_key(id: &AccountId, asset: &TrustLineAsset) -> LedgerKey {
    LedgerKey::Trustline(LedgerKeyTrustLine { account_id: id.clone(), asset: asset.clone() })
}

pub(crate) fn line_asset(asset: &Asset) -> TrustLineAsset {
    match asset {
        Asset::Native => TrustLineAsset::Native,
        Asset::CreditAlphanum4(credit) => TrustLineAsset::CreditAlphanum4(credit.clone()),
        Asset::CreditAlphanum12(credit) => TrustLineAsset::CreditAlphanum12(credit.clone()),
    }
}

/// The asset a ChangeTrust names; `None` for a pool share.
pub(crate) fn credit_asset(line: &ChangeTrustAsset) -> Option<Asset> {
    match line {
        ChangeTrustAsset::Native => Some(Asset::Native),
        ChangeTrustAsset::CreditAlphanum4(credit) => Some(Asset::CreditAlphanum4(credit.clone())),
        ChangeTrustAsset::CreditAlphanum12(credit) => Some(Asset::CreditAlphanum12(credit.clone())),
        ChangeTrustAsset::PoolShare(_) => None,
    }
}

pub(crate) fn issuer_of(asset: &Asset) -> Option<&AccountId> {
    match asset {
        Asset::Native => None,
        Asset::CreditAlphanum4(credit) => Some(&credit.issuer),
        Asset::CreditAlphanum12(credit) => Some(&credit.issuer),
    }
}

/// A code is letters and digits, padded with zeros at the end only; 12-character codes have 5 at least.
pub(crate) fn code_is_valid(asset: &Asset) -> bool {
    let (code, least): (&[u8], usize) = match asset {
        Asset::Native => return true,
        Asset::CreditAlphanum4(credit) => (&credit.asset_code.0, 1),
        Asset::CreditAlphanum12(credit) => (&credit.asset_code.0, 5),
    };
    let length = code.iter().position(|byte| *byte == 0).unwrap_or(code.len());
    length >= least && code[..length].iter().all(u8::is_ascii_alphanumeric) && code[length..].iter().all(|byte| *byte == 0)
}

/// An account as `create_account` makes it: master key of weight 1, all thresholds 0, no extensions.
pub(crate) fn new_account(id: &AccountId, balance: i64, ledger: u32) -> AccountEntry {
    AccountEntry {
        account_id: id.clone(),
        balance,
        seq_num: stellar_xdr::SequenceNumber(first_sequence(ledger)),
        num_sub_entries: 0,
        inflation_dest: None,
        flags: 0,
        home_domain: stellar_xdr::String32::default(),
        thresholds: stellar_xdr::Thresholds([1, 0, 0, 0]),
        signers: stellar_xdr::VecM::default(),
        ext: AccountEntryExt::V0,
    }
}

/// The sequence number that an account made in this ledger starts from: ledger x 2^32.
pub(crate) fn first_sequence(ledger: u32) -> i64 {
    i64::from(ledger) << 32
}

/// (2 + sub-entries + sponsoring - sponsored) x base reserve, in stroops.
pub(crate) fn reserve(account: &AccountEntry, base_reserve: u32) -> i64 {
    let (sponsored, sponsoring) = match &account.ext {
        AccountEntryExt::V1(AccountEntryExtensionV1 { ext: AccountEntryExtensionV1Ext::V2(v2), .. }) => {
            (i64::from(v2.num_sponsored), i64::from(v2.num_sponsoring))
        }
        _ => (0, 0),
    };
    (2 + i64::from(account.num_sub_entries) + sponsoring - sponsored) * i64::from(base_reserve)
}

/// What an account can spend, in stroops: balance over the reserve and over what its offers sell. Can be negative.
pub(crate) fn available(account: &AccountEntry, base_reserve: u32) -> i64 {
    account.balance - reserve(account, base_reserve) - account_liabilities(account).selling
}

/// Adds to an account; false, and nothing done, if it cannot hold that much.
#[must_use]
pub(crate) fn credit_account(account: &mut AccountEntry, amount: i64) -> bool {
    let room = i64::MAX - account.balance - account_liabilities(account).buying;
    let fits = amount <= room;
    if fits {
        account.balance += amount;
    }
    fits
}

/// Adds to a trust line; false, and nothing done, if it would pass the limit.
#[must_use]
pub(crate) fn credit_line(line: &mut TrustLineEntry, amount: i64) -> bool {
    let room = line.limit - line.balance - line_liabilities(line).buying;
    let fits = amount <= room;
    if fits {
        line.balance += amount;
    }
    fits
}

/// Takes from a trust line; false, and nothing done, if there is less.
#[must_use]
pub(crate) fn debit_line(line: &mut TrustLineEntry, amount: i64) -> bool {
    let fits = amount <= line.balance - line_liabilities(line).selling;
    if fits {
        line.balance -= amount;
    }
    fits
}

/// Uses up a sequence number, and notes this ledger and its close time in the third extension (CAP-21).
pub(crate) fn take_sequence(account: &mut AccountEntry, sequence: i64, ledger: u32, close_time: u64) {
    account.seq_num = stellar_xdr::SequenceNumber(sequence);
    let mut v1 = match &account.ext {
        AccountEntryExt::V1(v1) => v1.clone(),
        AccountEntryExt::V0 => {
            AccountEntryExtensionV1 { liabilities: Liabilities { buying: 0, selling: 0 }, ext: AccountEntryExtensionV1Ext::V0 }
        }
    };
    let mut v2 = match v1.ext {
        AccountEntryExtensionV1Ext::V2(v2) => v2,
        AccountEntryExtensionV1Ext::V0 => AccountEntryExtensionV2 {
            num_sponsored: 0,
            num_sponsoring: 0,
            signer_sponsoring_i_ds: vec![stellar_xdr::SponsorshipDescriptor(None); account.signers.len()].try_into().unwrap_or_default(),
            ext: AccountEntryExtensionV2Ext::V0,
        },
    };
    v2.ext = AccountEntryExtensionV2Ext::V3(AccountEntryExtensionV3 {
        ext: ExtensionPoint::V0,
        seq_ledger: ledger,
        seq_time: TimePoint(close_time),
    });
    v1.ext = AccountEntryExtensionV1Ext::V2(v2);
    account.ext = AccountEntryExt::V1(v1);
}

/// Ledger and close time (Unix seconds) of the account's last own transaction; zeros if it has none.
pub(crate) fn last_sequence_use(account: &AccountEntry) -> (u32, u64) {
    match &account.ext {
        AccountEntryExt::V1(AccountEntryExtensionV1 {
            ext: AccountEntryExtensionV1Ext::V2(AccountEntryExtensionV2 { ext: AccountEntryExtensionV2Ext::V3(v3), .. }),
            ..
        }) => (v3.seq_ledger, v3.seq_time.0),
        _ => (0, 0),
    }
}

fn account_liabilities(account: &AccountEntry) -> Liabilities {
    match &account.ext {
        AccountEntryExt::V1(v1) => v1.liabilities.clone(),
        AccountEntryExt::V0 => Liabilities { buying: 0, selling: 0 },
    }
}

fn line_liabilities(line: &TrustLineEntry) -> Liabilities {
    match &line.ext {
        TrustLineEntryExt::V1(v1) => v1.liabilities.clone(),
        TrustLineEntryExt::V0 => Liabilities { buying: 0, selling: 0 },
    }
}
