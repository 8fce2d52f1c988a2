//! Stages with their seconds, and the summary at the end.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What was run, in order.
pub(crate) struct Stages {
    begun: Instant,
    done: Vec<Stage>,
}

struct Stage {
    name: &'static str,
    took: Duration,
    ok: bool,
}

impl Stages {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), done: Vec::new() }
    }

    /// Runs a stage, saying so before and after.
    pub(crate) fn run(&mut self, name: &'static str, stage: impl FnOnce() -> Result<()>) -> Result<()> {
        eprintln!("==> {name}");
        let begun = Instant::now();
        let result = stage();
        let took = begun.elapsed();
        self.done.push(Stage { name, took, ok: result.is_ok() });
        if result.is_ok() {
            eprintln!("    {name}: {:.1} s", took.as_secs_f64());
        }
        result.with_context(|| format!("stage \"{name}\" failed after {:.1} s", took.as_secs_f64()))
    }

    /// A line per stage, and the whole.
    pub(crate) fn summary(&self) {
        eprintln!();
        for Stage { name, took, ok } in &self.done {
            eprintln!("{:<24} {:>8.1} s  {}", name, took.as_secs_f64(), if *ok { "ok" } else { "FAILED" });
        }
        eprintln!("{:<24} {:>8.1} s", "in all", self.begun.elapsed().as_secs_f64());
    }
}

/// Runs a command to its end; `again` is what a person types to see the failure alone.
pub(crate) fn check(command: &mut Command, again: &str) -> Result<()> {
    let program = command.get_program().to_owned();
    let status = command.status().with_context(|| format!("cannot start {}", program.display()))?;
    if !status.success() {
        bail!("{} ended with {status}; the reason is above; to run this alone: {again}", program.display());
    }
    Ok(())
}

/// Runs a command without a word, for at most so long. Whether it succeeded.
pub(crate) fn quietly(command: &mut Command, at_most: Duration) -> bool {
    use std::process::Stdio;
    let Ok(mut child) = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        return false;
    };
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if begun.elapsed() < at_most => std::thread::sleep(Duration::from_millis(50)),
            Ok(None) | Err(_) => {
                // It may have ended meanwhile; either way it is over and reaped after these two.
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_stage_is_named_and_says_how_to_run_it_alone() {
        let mut stages = Stages::new();
        let error = stages.run("odd", || check(&mut Command::new("false"), "false --alone")).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("stage \"odd\" failed") && text.contains("false --alone"), "{text}");
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        assert!(quietly(&mut Command::new("true"), Duration::from_secs(5)));
        assert!(!quietly(Command::new("sleep").arg("60"), Duration::from_millis(100)));
        assert!(!quietly(&mut Command::new("no-such-program-here"), Duration::from_secs(5)));
    }
}
