//! Integrations that misbehave, one in `examples/` per attack; the sandbox's tests have a test for each.
//!
//! | example | hook | what it does |
//! | --- | --- | --- |
//! | `endless-loop` | after-deposit | never returns |
//! | `memory-growth` | after-deposit | takes memory for ever |
//! | `forbidden-host` | after-deposit | sends to a host that no manifest names |
//! | `panics` | after-deposit | panics with a message |
//! | `effect-in-poll` | poll-pending-deposits | sends a named effect where only asking is allowed |
//! | `imports-probe` | process-withdrawal | uses every import and logs what it saw: not an attack, a witness |
