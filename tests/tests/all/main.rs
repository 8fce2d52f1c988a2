//! Stories over the real runtime.

mod dev_tenant;
mod kill;
mod lookup;
mod payouts;
mod people;
mod python;
mod receiving;
