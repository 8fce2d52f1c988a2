//! What tenants set up.

use windlass_domain::asset::Asset;
use windlass_domain::commit::Write;
use windlass_domain::deposit::DepositState as D;
use windlass_domain::limits::RunLimits;
use windlass_domain::ports::store::{Page, Scope, StoreError};
use windlass_domain::rules::{AssetRules, DirectionRules};
use windlass_domain::tenant::Version;
use windlass_domain::withdrawal::WithdrawalState as W;
use windlass_domain::{Kind, VersionNumber};

use crate::both;
use crate::world::{World, account, acme, deposit, job, new, other, tenant, tx, version, withdrawal};

both!(tenants_and_tokens, what_a_tenant_sets, versions_count_up_and_the_same_is_the_same, transactions_are_listed_newest_first);

async fn tenants_and_tokens(world: World) {
    let again = world.store.create_tenant(&tenant(acme()), "k").await;
    assert!(matches!(again, Err(StoreError::Conflict { constraint, .. }) if constraint == "tenants_pkey"));
    assert_eq!(world.store.tenants().await.unwrap(), [tenant(acme()), tenant(other())]);
    assert_eq!(world.store.sealed_idempotency_key(&acme()).await.unwrap(), "sealed");
    world.store.add_token("h1", "root", &Scope::Operator, 1).await.unwrap();
    world.store.add_token("h2", "ada", &Scope::Tenant(acme()), 1).await.unwrap();
    assert_eq!(world.store.token("h1").await.unwrap(), Some(("root".into(), Scope::Operator)));
    assert_eq!(world.store.token("h2").await.unwrap(), Some(("ada".into(), Scope::Tenant(acme()))));
    assert_eq!(world.store.token("h3").await.unwrap(), None);
}

async fn what_a_tenant_sets(world: World) {
    let store = &world.store;
    let rules = |decimals| AssetRules {
        decimals,
        deposit: DirectionRules { enabled: true, ..DirectionRules::default() },
        ..serde_json::from_str(r#"{"asset":"native"}"#).unwrap()
    };
    store.activate(&acme(), VersionNumber(1), &[]).await.unwrap();
    store.put_asset(&acme(), &rules(2)).await.unwrap();
    store.put_asset(&acme(), &rules(3)).await.unwrap();
    assert_eq!(store.assets(&acme()).await.unwrap(), [rules(3)]);
    assert_eq!(store.asset(&acme(), &Asset::Native).await.unwrap(), Some(rules(3)));
    assert_eq!(store.asset(&other(), &Asset::Native).await.unwrap(), None);
    assert_eq!(store.accounts(&acme()).await.unwrap()[0].account, account('A'));
    assert_eq!(store.sealed_key(&acme(), &account('A')).await.unwrap().as_deref(), Some("sealed key"));
    assert_eq!(store.sealed_key(&acme(), &account('B')).await.unwrap(), None, "another tenant's");
    store.put_secret(&acme(), "bank", "s1", 1).await.unwrap();
    store.put_secret(&acme(), "bank", "s2", 2).await.unwrap();
    assert_eq!(store.secrets(&acme()).await.unwrap(), [("bank".into(), 2)]);
    assert_eq!(store.sealed_secret(&acme(), "bank").await.unwrap().as_deref(), Some("s2"));
    assert_eq!(store.sealed_secret(&acme(), "bank\0").await.unwrap(), None);
    store.put_setting(&acme(), "url", Some("https://x")).await.unwrap();
    assert_eq!(store.setting(&acme(), "url").await.unwrap().as_deref(), Some("https://x"));
    store.put_setting(&acme(), "url", None).await.unwrap();
    assert!(store.settings(&acme()).await.unwrap().is_empty());
    let limits = RunLimits { fuel: 7, ..RunLimits::default() };
    store.put_limits(&acme(), &limits).await.unwrap();
    let nobody = windlass_domain::TenantId::new("nobody").unwrap();
    assert!(matches!(store.put_limits(&nobody, &limits).await, Err(StoreError::NotFound(_))));
    let poll = job(1, windlass_domain::job::Hook::PollPendingDeposits, None);
    world.write(vec![Write::NewJob(Box::new(poll.clone()))]).await.unwrap();
    let context = store.jobs(&[(acme(), poll.id)]).await.unwrap().remove(0).unwrap();
    assert_eq!((context.limits, context.assets), (limits, vec![rules(3)]));
}

async fn versions_count_up_and_the_same_is_the_same(world: World) {
    let one = world.store.add_version(&version(), b"\0asm").await.unwrap();
    assert_eq!(one.number, VersionNumber(1), "it is there already");
    let two = world.store.add_version(&Version { digest: "d2".into(), ..version() }, b"\0asm\0").await.unwrap();
    assert_eq!(two.number, VersionNumber(2));
    let mut wider = version();
    wider.manifest.signing.push("bank".into());
    let three = world.store.add_version(&wider, b"\0asm").await.unwrap();
    assert_eq!(world.store.versions(&acme()).await.unwrap(), [three.clone(), two, one]);
    assert_eq!(world.store.version(&acme(), VersionNumber(3)).await.unwrap(), Some(three));
    assert_eq!(world.store.component(&acme(), "d2").await.unwrap().as_deref(), Some(&b"\0asm\0"[..]));
    assert_eq!(world.store.component(&other(), "d2").await.unwrap(), None);
    let nobody = Version { tenant: windlass_domain::TenantId::new("nobody").unwrap(), ..version() };
    assert!(matches!(world.store.add_version(&nobody, b"").await, Err(StoreError::NotFound(_))));
}

async fn transactions_are_listed_newest_first(world: World) {
    world.write(vec![new(deposit(1, D::Ready)), new(withdrawal(2, W::AwaitingPayment)), new(deposit(3, D::Ready))]).await.unwrap();
    let page = |after, limit| Page { after, limit };
    let ids = |all: Vec<windlass_domain::transaction::Transaction>| all.into_iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(ids(world.store.list_transactions(&acme(), None, &page(None, 2)).await.unwrap()), [tx(3), tx(2)]);
    let after = Some((1_002, tx(2).to_string()));
    assert_eq!(ids(world.store.list_transactions(&acme(), None, &page(after, 2)).await.unwrap()), [tx(1)]);
    assert_eq!(ids(world.store.list_transactions(&acme(), Some(Kind::Withdrawal), &page(None, 9)).await.unwrap()), [tx(2)]);
    assert!(world.store.list_transactions(&other(), None, &page(None, 9)).await.unwrap().is_empty());
}
