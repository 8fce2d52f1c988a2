//! Stories over the real runtime.

mod demo;
mod kill;
mod python;
