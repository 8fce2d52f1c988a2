//! Stories over the real runtime.

mod kill;
mod python;
