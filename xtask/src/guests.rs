//! Builds the guests: one cargo call for all of them, then each core module made a component.
//!
//! `sample-guests/` is a workspace with a target folder of its own, so this waits for no other build. What comes out is
//! `target/guests/NAME.wasm`: a package's name with `-` for `_`, and `hostile-NAME` for the hostile examples.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use anyhow::{Context, Result};
use wit_component::ComponentEncoder;

use crate::stages::check;
use crate::toolchain;

/// The packages of `sample-guests/` that are components.
const COMPONENTS: [&str; 3] = ["first-bank", "hello", "second-bank"];

/// Everything that a guest is made from. What is named `target` below them is not.
const INPUTS: [&str; 5] = ["wit", "guest-sdk", "sample-guests", "Cargo.toml", "xtask"];

/// Builds what has changed, and says how large each component is.
pub(crate) fn build(root: &Path) -> Result<()> {
    let out = root.join("target/guests");
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let guests = guests(root)?;
    let built = out.join(".built");
    if up_to_date(root, &built, &guests)? {
        eprintln!("    up to date: {} components in target/guests", guests.len());
        return Ok(());
    }

    // The mark carries the time of the beginning: what is saved during the build counts as changed.
    let building = out.join(".building");
    fs::write(&building, "").with_context(|| format!("cannot write {}", building.display()))?;
    compile(root)?;
    for guest in &guests {
        componentize(guest)?;
    }
    fs::rename(&building, &built).with_context(|| format!("cannot write {}", built.display()))
}

struct Guest {
    /// The core module that cargo makes.
    core: PathBuf,
    /// The component that we make of it.
    component: PathBuf,
}

fn guests(root: &Path) -> Result<Vec<Guest>> {
    let release = root.join("sample-guests/target").join(toolchain::TARGET).join("release");
    let out = root.join("target/guests");
    let file = |name: &str| format!("{}.wasm", name.replace('-', "_"));
    let mut guests: Vec<Guest> =
        COMPONENTS.iter().map(|name| Guest { core: release.join(file(name)), component: out.join(format!("{name}.wasm")) }).collect();
    let examples = root.join("sample-guests/hostile/examples");
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(&examples).with_context(|| format!("cannot read {}", examples.display()))? {
        let path = entry.with_context(|| format!("cannot read {}", examples.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    guests.extend(
        names
            .iter()
            .map(|name| Guest { core: release.join("examples").join(file(name)), component: out.join(format!("hostile-{name}.wasm")) }),
    );
    Ok(guests)
}

fn compile(root: &Path) -> Result<()> {
    let toolchain = toolchain::find()?;
    let folder = root.join("sample-guests");
    let mut cargo = toolchain.cargo_build(root);
    cargo
        .args(["--workspace", "--lib", "--examples", "--locked"])
        .arg("--target-dir")
        .arg(folder.join("target"))
        .current_dir(&folder)
        .stdout(Stdio::from(std::io::stderr()));
    check(&mut cargo, "cargo xtask guests")
}

fn componentize(guest: &Guest) -> Result<()> {
    let core = fs::read(&guest.core).with_context(|| format!("cargo did not make {}", guest.core.display()))?;
    let name = guest.component.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&core)
        .and_then(|mut encoder| encoder.encode())
        .with_context(|| format!("{} cannot be made a component", guest.core.display()))?;
    let old = fs::read(&guest.component).ok();
    let change = match &old {
        None => "new",
        Some(bytes) if *bytes == component => "unchanged",
        Some(_) => "changed",
    };
    if change != "unchanged" {
        replace(&guest.component, &component).with_context(|| format!("cannot write {}", guest.component.display()))?;
    }
    let hooks = hooks(&component).with_context(|| format!("{name} cannot be read back"))?;
    eprintln!("    {name:<32} {:>5} KiB  {change:<9}  {}", component.len().div_ceil(1024), hooks.join(", "));
    Ok(())
}

/// Whoever reads the file meanwhile sees the old bytes or the new ones, never a part.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("wasm.new");
    fs::write(&new, bytes)?;
    fs::rename(&new, path)
}

/// The interfaces that a component exports.
fn hooks(component: &[u8]) -> Result<Vec<String>> {
    let decoded = wit_component::decode(component)?;
    let resolve = decoded.resolve();
    let worlds = resolve.packages[decoded.package()].worlds.values();
    let exports = worlds.flat_map(|world| resolve.worlds[*world].exports.keys());
    Ok(exports
        .map(|key| resolve.name_world_key(key))
        .map(|name| name.trim_start_matches("windlass:anchor/").split('@').next().unwrap_or_default().to_owned())
        .collect())
}

/// Whether every component is there and no input is newer than the beginning of the last build.
fn up_to_date(root: &Path, built: &Path, guests: &[Guest]) -> Result<bool> {
    let Ok(built) = fs::metadata(built).and_then(|mark| mark.modified()) else { return Ok(false) };
    if !guests.iter().all(|guest| guest.component.exists()) {
        return Ok(false);
    }
    for input in INPUTS {
        if newest(&root.join(input))? >= built {
            return Ok(false);
        }
    }
    Ok(true)
}

/// When anything below the path was last changed.
fn newest(path: &Path) -> Result<SystemTime> {
    let cannot_read = || format!("cannot read {}", path.display());
    let metadata = fs::metadata(path).with_context(cannot_read)?;
    let mut newest = metadata.modified().with_context(cannot_read)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path).with_context(cannot_read)? {
            let entry = entry.with_context(cannot_read)?;
            if entry.file_name() != "target" {
                newest = newest.max(self::newest(&entry.path())?);
            }
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guest_has_a_component_of_its_own() {
        let guests = guests(&crate::root()).unwrap();
        let names: Vec<_> = guests.iter().filter_map(|guest| guest.component.file_name()?.to_str()).collect();
        for name in ["first-bank.wasm", "second-bank.wasm", "hello.wasm", "hostile-endless-loop.wasm"] {
            assert!(names.contains(&name), "{name} is not in {names:?}");
        }
    }

    #[test]
    fn every_example_is_declared_as_a_component() {
        let root = crate::root();
        let manifest = fs::read_to_string(root.join("sample-guests/hostile/Cargo.toml")).unwrap();
        let declared = manifest.matches("crate-type = [\"cdylib\"]").count();
        assert_eq!(guests(&root).unwrap().len() - COMPONENTS.len(), declared);
    }
}
