//! Keeps the table of crates in `docs/architecture.md` true: who may use whom.

use std::collections::BTreeSet;
use std::path::Path;

/// Folder under runtime/, and the crates of ours that it may depend on.
const TABLE: [(&str, &[&str]); 9] = [
    ("domain", &[]),
    ("store", &["windlass-domain"]),
    ("stellar", &["windlass-domain"]),
    ("egress", &["windlass-domain"]),
    ("sandbox", &["windlass-domain", "windlass-egress"]),
    ("pipeline", &["windlass-domain"]),
    ("api", &["windlass-domain"]),
    ("devnet", &["windlass-domain"]),
    (
        "server",
        &[
            "windlass-api",
            "windlass-devnet",
            "windlass-domain",
            "windlass-egress",
            "windlass-pipeline",
            "windlass-sandbox",
            "windlass-stellar",
            "windlass-store",
        ],
    ),
];

fn manifest(folder: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("Cargo.toml");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).parse().unwrap()
}

fn dependencies(manifest: &toml::Table, table: &str) -> BTreeSet<String> {
    manifest.get(table).and_then(toml::Value::as_table).map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

#[test]
fn each_crate_uses_only_what_the_table_allows() {
    for (folder, allowed) in TABLE {
        let manifest = manifest(folder);
        for name in dependencies(&manifest, "dependencies").iter().filter(|name| name.starts_with("windlass")) {
            assert!(allowed.contains(&name.as_str()), "runtime/{folder} depends on {name}: move what it needs into the domain's ports");
        }
    }
}

#[test]
fn every_folder_is_in_the_table() {
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folders: BTreeSet<String> = std::fs::read_dir(runtime)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, TABLE.iter().map(|(folder, _)| (*folder).to_owned()).collect());
}

#[test]
fn only_the_sandbox_knows_the_engine_and_only_the_store_knows_sql() {
    for (dependency, home) in [("wasmtime", "sandbox"), ("sqlx", "store")] {
        for (folder, _) in TABLE.iter().filter(|(folder, _)| *folder != home) {
            let manifest = manifest(folder);
            assert!(!dependencies(&manifest, "dependencies").contains(dependency), "runtime/{folder} depends on {dependency}");
        }
    }
}

#[test]
fn the_domain_has_no_runtime_no_clock_and_no_network() {
    let manifest = manifest("domain");
    let used = dependencies(&manifest, "dependencies");
    for banned in ["tokio", "reqwest", "getrandom", "rand", "chrono", "time", "axum"] {
        assert!(!used.contains(banned), "runtime/domain depends on {banned}");
    }
}
