//! Checks, compiles and runs tenants' components, each run in a fresh instance under hard limits.
