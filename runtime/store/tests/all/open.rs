//! Opening: again, in memory, and what a newer Windlass wrote.

use std::time::Duration;

use windlass_domain::commit::{Commit, WorkKind, Write};
use windlass_domain::deposit::DepositState as D;
use windlass_domain::ports::store::{AdminStore, DriverStore};
use windlass_store::testing::Raw;
use windlass_store::{OpenError, PostgresStore, SqliteStore};

use crate::both;
use crate::world::{World, acme, deposit, new, tenant, tx};

both!(what_was_committed_is_there_when_opened_again, a_newer_schema_is_refused, a_changed_schema_is_refused, commits_that_make_work_tell);

async fn open(world: &World) -> Result<Box<dyn AdminStore>, OpenError> {
    Ok(match world.raw {
        Raw::Sqlite(_) => Box::new(SqliteStore::open(&world.url).await?),
        Raw::Postgres(_) => Box::new(PostgresStore::connect(&world.url).await?),
    })
}

async fn what_was_committed_is_there_when_opened_again(world: World) {
    world.write(vec![new(deposit(1, D::Ready))]).await.unwrap();
    let again = open(&world).await.unwrap();
    assert!(again.transactions(&[(acme(), tx(1))]).await.unwrap()[0].is_some());
}

async fn a_newer_schema_is_refused(world: World) {
    let sql = "UPDATE _sqlx_migrations SET version = 999";
    world.raw.execute(sql).await.unwrap();
    let error = open(&world).await.err().unwrap();
    assert!(matches!(error, OpenError::Newer(_, 999)), "{error}");
    assert!(error.to_string().contains("schema 999"));
}

async fn a_changed_schema_is_refused(world: World) {
    let zero = if matches!(world.raw, Raw::Sqlite(_)) { "X'00'" } else { "'\\x00'" };
    world.raw.execute(&format!("UPDATE _sqlx_migrations SET checksum = {zero}")).await.unwrap();
    let error = open(&world).await.err().unwrap();
    assert!(matches!(error, OpenError::Changed(_, 1)), "{error}");
}

async fn commits_that_make_work_tell(world: World) {
    let raw = world.raw.clone();
    let waiting = tokio::spawn(async move {
        let started = tokio::time::Instant::now();
        match raw {
            Raw::Sqlite(store) => store.wait_for_work(20_000).await,
            Raw::Postgres(store) => store.wait_for_work(20_000).await,
        }
        started.elapsed()
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    // On PostgreSQL from another store, as another process would.
    let writer = match world.raw {
        Raw::Sqlite(_) => world.store.clone(),
        Raw::Postgres(_) => std::sync::Arc::from(open(&world).await.unwrap()),
    };
    let wake = Write::trust_work(&acme(), &tx(1), 0);
    writer.commit(vec![Commit { fence: None, writes: vec![wake] }]).await.remove(0).unwrap();
    assert!(waiting.await.unwrap() < Duration::from_secs(10));
}

#[tokio::test]
async fn in_memory() {
    let store = SqliteStore::open_in_memory().await.unwrap();
    store.create_tenant(&tenant(acme()), "k").await.unwrap();
    let wake = Commit { fence: None, writes: vec![Write::trust_work(&acme(), &tx(1), 0)] };
    store.commit(vec![wake]).await.remove(0).unwrap();
    assert_eq!(store.claim(WorkKind::Trust, 9, 9, 1_000).await.unwrap().len(), 1);
    assert_eq!(SqliteStore::open_in_memory().await.unwrap().tenants().await.unwrap(), [], "each is its own");
}

#[tokio::test]
async fn bad_addresses_are_told_without_their_password() {
    let error = PostgresStore::connect("postgres://u:hunter2@host:port/x").await.err().unwrap().to_string();
    assert!(error.contains("address of a database") && !error.contains("hunter2"), "{error}");
    assert!(matches!(SqliteStore::open("/nowhere/at/all.db").await, Err(OpenError::Connect(..))));
}
