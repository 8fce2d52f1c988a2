//! The store, every test on both engines. Names carry the number of the money rule they prove.

#![expect(clippy::disallowed_methods, reason = "tests measure how long they waited")]

mod admin;
mod batches;
mod claims;
mod effects;
mod envelopes;
mod facts;
mod fences;
mod guards;
mod jobs;
mod open;
mod plans;
mod schema;
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
