//! The drivers over the real store, on both engines, with a ledger, guests and a bank that the tests script. Names carry
//! the number of the money rule they prove.

mod bank;
mod batches;
mod cut_off;
mod dead;
mod faults;
mod guests;
mod journal;
mod leases;
mod ledger;
mod payouts;
mod polls;
mod ports;
mod state;
mod stories;
mod twice;
mod verdicts;
mod watching;
mod world;

/// Makes a test on each engine of each `async fn name(world: World)` of the module.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::world::World::new(windlass_store::testing::Engine::Sqlite).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::world::World::new(windlass_store::testing::Engine::Postgres).await).await;
            })+
        }
    };
}
pub(crate) use both;
