//! The project's own commands: `cargo xtask setup | guests | test | demo`.
//!
//! What they say goes to the standard error, so that the standard output belongs to the demo and to the tests.

#![expect(clippy::disallowed_methods, reason = "the project's own commands read their environment and time their stages")]

mod guests;
mod python;
mod stages;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use stages::Stages;

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Make ready what the tests and the demo need: the guests and the Python environment
    Setup,
    /// Build the sample and the hostile integrations into target/guests/NAME.wasm
    ///
    /// Uses the first of these that works: a Rust toolchain that has wasm32-unknown-unknown; rustup, to add it; Debian's
    /// rustc-web, cargo-web, rust-web-src and lld-19, which are installed if this runs as root.
    Guests,
    /// Set up, then run every test, with the seconds of each stage
    Test {
        /// Passed to `cargo test --workspace`, for example `rule_3 -- --nocapture`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build everything that the demo needs and run it
    Demo {
        /// Passed to the demo, for example `--json`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    match run(task) {
        Ok(code) => code,
        Err(error) if error.is::<toolchain::NoToolchain>() => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let root = root();
    let mut stages = Stages::new();
    let result = match task {
        Task::Guests => stages.run("guests", || guests::build(&root)),
        Task::Setup => setup(&root, &mut stages),
        Task::Test { arguments } => test(&root, &mut stages, &arguments),
        Task::Demo { arguments } => return demo(&root, &mut stages, &arguments),
    };
    stages.summary();
    result.map(|()| ExitCode::SUCCESS)
}

fn setup(root: &Path, stages: &mut Stages) -> Result<()> {
    stages.run("guests", || guests::build(root))?;
    stages.run("python", || python::set_up(root))
}

fn test(root: &Path, stages: &mut Stages, arguments: &[String]) -> Result<()> {
    setup(root, stages)?;
    stages.run("tests of the guests", || {
        let manifest = root.join("sample-guests/Cargo.toml");
        let target = root.join("sample-guests/target");
        stages::check(
            cargo(root).args(["test", "--package", "dev-bank", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(target),
            "cargo test --package dev-bank --manifest-path sample-guests/Cargo.toml",
        )
    })?;
    stages.run("lints", || lints(root))?;
    stages.run("binaries", || binaries(root))?;
    stages.run("building the tests", || {
        stages::check(cargo(root).args(["test", "--workspace", "--no-run"]), "cargo test --workspace --no-run")
    })?;
    stages.run("tests", || stages::check(cargo(root).args(["test", "--workspace"]).args(arguments), "cargo test --workspace"))
}

/// The linter holds what the compiler does not: who may read clocks and randomness (money rule 8), among others.
fn lints(root: &Path) -> Result<()> {
    let format = ["fmt", "--all", "--check"];
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    for (component, words, again) in [
        ("rustfmt", format.as_slice(), "cargo fmt --all"),
        ("clippy", &clippy, "cargo clippy --workspace --all-targets -- --deny warnings"),
    ] {
        if stages::quietly(cargo(root).args([words[0], "--version"]), Duration::from_secs(20)) {
            stages::check(cargo(root).args(words), again)?;
            continue;
        }
        anyhow::ensure!(std::env::var_os("CI").is_none(), "cargo {} is not installed: rustup component add {component}", words[0]);
        eprintln!("    cargo {} is not installed, so it is left out here: rustup component add {component}", words[0]);
    }
    Ok(())
}

/// The demo's own exit code, so that whoever called it can tell.
fn demo(root: &Path, stages: &mut Stages, arguments: &[String]) -> Result<ExitCode> {
    stages.run("guests", || guests::build(root))?;
    stages.run("binaries", || binaries(root))?;
    let demo = target(root).join("debug").join(format!("windlass-demo{}", std::env::consts::EXE_SUFFIX));
    let status =
        Command::new(&demo).args(arguments).current_dir(root).status().with_context(|| format!("cannot start {}", demo.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}

fn binaries(root: &Path) -> Result<()> {
    // The whole workspace, as the tests build it: another choice of packages would mean other features of the same
    // dependencies, and building those again.
    let build = ["build", "--workspace", "--bins"];
    stages::check(cargo(root).args(build), "cargo build --workspace --bins")
}

/// The repository: the folder above this package.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Where cargo puts the workspace's binaries.
fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}

/// The cargo that started us, without what it told us about ourselves.
fn cargo(root: &Path) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root);
    toolchain::forget_this_package(&mut command);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
        let parsed = Arguments::try_parse_from(["xtask", "demo", "--json", "--seed", "7"]).map(|parsed| parsed.task);
        assert!(matches!(parsed, Ok(Task::Demo { arguments }) if arguments == ["--json", "--seed", "7"]));
        let parsed = Arguments::try_parse_from(["xtask", "test", "rule_3", "--", "--nocapture"]).map(|parsed| parsed.task);
        assert!(matches!(parsed, Ok(Task::Test { arguments }) if arguments == ["rule_3", "--", "--nocapture"]));
    }
}
