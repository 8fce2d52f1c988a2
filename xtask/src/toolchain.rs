//! Which Rust can build for `wasm32-unknown-unknown` on this machine.
//!
//! In order: the toolchain that runs now, if it has the target; rustup, to add the target; Debian's packages for
//! building the web's browsers, with which the standard library is built from source. Debian's are left to themselves:
//! what makes their cargo accept `-Zbuild-std` is set for that one child process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::stages::quietly;

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LINKER: &str = "/usr/bin/wasm-ld-19";
/// The oldest minor version of Rust 1 that the guests build with.
const OLDEST_MINOR: u32 = 95;

/// A way to build the guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// `cargo` on the path, with the target's standard library installed.
    Installed,
    /// Debian's, with the standard library built from source.
    Debian,
}

/// None of the ways works here.
#[derive(Debug)]
pub(crate) struct NoToolchain;

impl std::fmt::Display for NoToolchain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "no Rust on this machine can build for {TARGET}. Run one of these, then this command again:")?;
        writeln!(f, "    rustup target add {TARGET}")?;
        write!(f, "    apt-get install --no-install-recommends {}    (as root, on Debian)", DEBIAN_PACKAGES.join(" "))
    }
}

impl std::error::Error for NoToolchain {}

/// The first way that works, after making it work if that can be done without asking anybody.
pub(crate) fn find() -> Result<Toolchain, NoToolchain> {
    if target_installed() {
        return Ok(Toolchain::Installed);
    }
    eprintln!("    {TARGET} is not installed; asking rustup for it");
    let added = quietly(Command::new("rustup").args(["target", "add", TARGET]), Duration::from_secs(120));
    if added && target_installed() {
        return Ok(Toolchain::Installed);
    }
    if debian_ready() {
        eprintln!("    rustup has none; using Debian's {}", DEBIAN_PACKAGES.join(", "));
        return Ok(Toolchain::Debian);
    }
    if is_root() && Path::new("/usr/bin/apt-get").exists() {
        eprintln!("    rustup has none; installing Debian's {}", DEBIAN_PACKAGES.join(", "));
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let updated = quietly(apt_get().arg("update"), minutes(3));
        let install = ["install", "--yes", "--no-install-recommends"];
        if updated && quietly(apt_get().args(install).args(DEBIAN_PACKAGES), minutes(10)) && debian_ready() {
            return Ok(Toolchain::Debian);
        }
    }
    Err(NoToolchain)
}

impl Toolchain {
    /// `cargo build --release` for the target; what to build comes after. Paths of this machine stay out of the
    /// modules, so that the same sources and the same Rust give the same digests anywhere.
    pub(crate) fn cargo_build(self, root: &Path) -> Command {
        let mut command = match self {
            Self::Installed => Command::new("cargo"),
            Self::Debian => Command::new(DEBIAN_CARGO),
        };
        forget_this_package(&mut command);
        // Flags meant for this machine do not fit the target.
        for variable in ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
            command.env_remove(variable);
        }
        let remaps = [(Some(root.to_owned()), "windlass"), (cargo_home(), "cargo")];
        let flags = remaps.iter().filter_map(|(from, to)| Some(format!("--remap-path-prefix={}={to}", from.as_ref()?.display())));
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.collect::<Vec<_>>().join("\u{1f}"));
        command.args(["build", "--release", "--target", TARGET]);
        if self == Self::Debian {
            for variable in ["RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTDOC"] {
                command.env_remove(variable);
            }
            command
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER);
        }
        command
    }
}

/// Where cargo keeps the sources of dependencies.
fn cargo_home() -> Option<PathBuf> {
    let home = || std::env::home_dir().map(|home| home.join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home)
}

/// Removes what `cargo run` says about this package, so that it is not taken for the child's own.
pub(crate) fn forget_this_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| text.starts_with(prefix));
        if ours || matches!(&*text, "CARGO" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "OUT_DIR") {
            command.env_remove(&name);
        }
    }
}

/// Whether the `rustc` that `cargo` will use has the target's standard library.
fn target_installed() -> bool {
    let folder = output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    let files = folder.map(PathBuf::from).and_then(|folder| folder.read_dir().ok());
    files.is_some_and(|mut files| files.any(|file| file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with("libstd-"))))
}

/// Whether Debian's packages are there and new enough.
fn debian_ready() -> bool {
    let there = [DEBIAN_CARGO, DEBIAN_LINKER].iter().all(|path| Path::new(path).exists());
    let rustc = || {
        let mut rustc = Command::new(DEBIAN_RUSTC);
        rustc.env_remove("RUSTUP_TOOLCHAIN");
        rustc
    };
    let new_enough = || output(rustc().arg("--version")).and_then(|text| minor(&text)).is_some_and(|it| it >= OLDEST_MINOR);
    let sources = || {
        let sysroot = output(rustc().args(["--print", "sysroot"])).map(PathBuf::from);
        sysroot.is_some_and(|sysroot| sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").exists())
    };
    there && new_enough() && sources()
}

/// The 96 of `rustc 1.96.0 (...)`.
fn minor(version: &str) -> Option<u32> {
    let number = version.strip_prefix("rustc 1.")?;
    number.split('.').next()?.parse().ok()
}

/// What a command printed, trimmed, if it succeeded.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn apt_get() -> Command {
    let mut command = Command::new("/usr/bin/apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_some_and(|id| id == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(minor("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"), Some(96));
        assert_eq!(minor("rustc 1.63.0"), Some(63));
        assert_eq!(minor("rustc 2.0.0"), None);
    }

    #[test]
    fn what_makes_debians_cargo_build_std_stays_in_its_own_child() {
        let set = |toolchain: Toolchain, name: &str| {
            toolchain.cargo_build(Path::new("/somewhere")).get_envs().any(|(key, value)| key == name && value.is_some())
        };
        for name in ["RUSTC", "RUSTC_BOOTSTRAP", "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER"] {
            assert!(set(Toolchain::Debian, name), "{name}");
            assert!(!set(Toolchain::Installed, name), "{name}");
            assert_ne!(std::env::var(name).as_deref(), Ok("1"), "{name} is set in this process");
        }
    }
}
