//! Stories over the real runtime.

mod demo;
mod dev_tenant;
mod kill;
mod lookup;
mod payouts;
mod people;
mod python;
mod receiving;
