//! Stellar for Windlass: build, sign, submit, look up and watch.
