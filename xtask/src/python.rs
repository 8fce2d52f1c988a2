//! The Python environment of the tests that speak to Windlass with independent clients: `target/venv`, from a locked
//! list with hashes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::stages::check;

/// Makes or renews the environment if the list has changed.
pub(crate) fn set_up(root: &Path) -> Result<()> {
    let list = root.join("tests/python/requirements.txt");
    if !list.exists() {
        eprintln!("    there is no tests/python/requirements.txt: nothing to install");
        return Ok(());
    }
    let wanted = fs::read(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let venv = root.join("target/venv");
    let python = venv.join("bin/python");
    let installed = venv.join(".requirements.txt");
    if python.exists() && fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        eprintln!("    up to date: target/venv");
        return Ok(());
    }
    check(
        Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv).stdout(Stdio::from(std::io::stderr())),
        "python3 -m venv --clear target/venv (on Debian it needs the package python3-venv)",
    )?;
    check(
        Command::new(&python)
            .args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--require-hashes", "--requirement"])
            .arg(&list)
            .stdout(Stdio::from(std::io::stderr())),
        "target/venv/bin/python -m pip install --require-hashes -r tests/python/requirements.txt",
    )?;
    // Written last: an environment that was left half-made is made again.
    fs::write(&installed, wanted).with_context(|| format!("cannot write {}", installed.display()))
}
