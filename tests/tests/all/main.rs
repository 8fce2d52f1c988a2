//! Stories over the real runtime.

mod dev_tenant;
mod kill;
mod payouts;
mod people;
mod python;
mod receiving;
