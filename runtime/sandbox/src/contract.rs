//! Is a component written against our contract? Hooks are found from its exports; every difference is named with its place.

use wasmparser::{ComponentExternName, ComponentExternalKind, ComponentTypeRef, Encoding, Parser, Payload, Validator, WasmFeatures};
use windlass_domain::job::Hook;
use windlass_domain::limits::COMPONENT_BYTES;
use wit_component::DecodedWasm;
use wit_parser::{InterfaceId, PackageName, Resolve, WorldId, WorldItem, WorldKey};

use crate::differences::Comparison;

/// The contract's text: every file of `wit/`, the one with the package's name first.
pub const WIT: &str = concat!(
    include_str!("../../../wit/types.wit"),
    include_str!("../../../wit/clock.wit"),
    include_str!("../../../wit/deposit-events.wit"),
    include_str!("../../../wit/deposits.wit"),
    include_str!("../../../wit/http-client.wit"),
    include_str!("../../../wit/interactive.wit"),
    include_str!("../../../wit/log.wit"),
    include_str!("../../../wit/payout-status.wit"),
    include_str!("../../../wit/payouts.wit"),
    include_str!("../../../wit/pending.wit"),
    include_str!("../../../wit/random.wit"),
    include_str!("../../../wit/settings.wit"),
    include_str!("../../../wit/signing.wit"),
    include_str!("../../../wit/state.wit"),
    include_str!("../../../wit/withdrawals.wit"),
    include_str!("../../../wit/worlds.wit"),
);

/// What a component may use of WebAssembly: what the engine is set to run, and nothing newer.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL)
    // The types of reference-types need no collector; this says only that they may be written.
    .union(WasmFeatures::GC_TYPES);

/// The contract, taken apart.
pub(crate) struct Contract {
    resolve: Resolve,
    package: PackageName,
    imports: WorldId,
}

/// What a component that fits has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fits {
    /// In the contract's order.
    pub(crate) hooks: Vec<Hook>,
    /// With their package and version.
    pub(crate) imports: Vec<String>,
}

impl Contract {
    /// Of `wit/`, as it was when this was compiled.
    pub(crate) fn embedded() -> Result<Self, String> {
        let mut resolve = Resolve::default();
        let package = resolve.push_source("wit", WIT).map_err(|error| format!("{error:#}"))?;
        let imports = resolve.packages[package].worlds.get("imports").copied().ok_or("there is no world imports")?;
        let package = resolve.packages[package].name.clone();
        Ok(Self { resolve, package, imports })
    }

    /// Size, form, validity, names, types: in this order, each only if the one before was well.
    ///
    /// Names come before types because the reader of types must never see a foreign package: packages that use each other
    /// send it round and round until its stack is used up, and the process with it.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<Fits, Vec<String>> {
        form(bytes).map_err(|reason| vec![reason])?;
        let names = Names::of(bytes).map_err(|error| vec![format!("it is not valid: {error}")])?;
        let unknown = self.unknown(&names);
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let decoded = wit_component::decode(bytes).map_err(|error| vec![format!("its types cannot be read: {error:#}")])?;
        let DecodedWasm::Component(resolve, world) = decoded else {
            return Err(vec!["it is a WIT package, not a component: it has no code".to_owned()]);
        };
        let differences = self.differences(&resolve, world);
        if !differences.is_empty() {
            return Err(differences);
        }
        let mut hooks: Vec<Hook> = names.exports.iter().filter_map(|name| self.hook(name)).collect();
        hooks.sort_unstable();
        Ok(Fits { hooks, imports: names.imports })
    }

    /// Imports and exports that are not in the contract.
    fn unknown(&self, names: &Names) -> Vec<String> {
        let mut unknown = Vec::new();
        let ours = format!("{}:{}/", self.package.namespace, self.package.name);
        let other_version = |name: &str| name.starts_with(&ours) && !name.ends_with(&self.version());
        for name in &names.imports {
            if other_version(name) {
                unknown.push(format!("imports {name}: this host knows {}", self.package));
            } else if !self.may_be_imported(name) {
                unknown.push(format!(
                    "imports {name}: it is not in the contract; an integration may import only interfaces of {}",
                    self.package
                ));
            }
        }
        for name in &names.exports {
            if other_version(name) {
                unknown.push(format!("exports {name}: this host knows {}", self.package));
            } else if self.hook(name).is_none() {
                unknown.push(format!("exports {name}: it is not a hook; {}", self.known_hooks()));
            }
        }
        if names.exports.is_empty() && unknown.is_empty() {
            unknown.push(format!("exports no hook; {}", self.known_hooks()));
        }
        unknown
    }

    /// Every difference in the types of interfaces whose names are known.
    fn differences(&self, resolve: &Resolve, world: WorldId) -> Vec<String> {
        let mut comparison = Comparison::new(&self.resolve, resolve);
        let world = &resolve.worlds[world];
        for (key, item) in &world.imports {
            match (self.ours(resolve, key), item) {
                (Some(ours), WorldItem::Interface { id, .. }) => comparison.imported(ours, *id),
                _ => comparison.add(format!("imports {}: it is not an interface", resolve.name_world_key(key))),
            }
        }
        for (key, item) in &world.exports {
            match (self.ours(resolve, key), item) {
                (Some(ours), WorldItem::Interface { id, .. }) => comparison.exported(ours, *id),
                _ => comparison.add(format!("exports {}: it is not an interface", resolve.name_world_key(key))),
            }
        }
        comparison.into_differences()
    }

    fn ours(&self, resolve: &Resolve, key: &WorldKey) -> Option<InterfaceId> {
        let name = resolve.name_world_key(key);
        self.resolve.interfaces.iter().map(|(id, _)| id).find(|id| self.resolve.id_of(*id).as_ref() == Some(&name))
    }

    fn version(&self) -> String {
        self.package.version.as_ref().map_or_else(String::new, |version| format!("@{version}"))
    }

    fn may_be_imported(&self, name: &str) -> bool {
        let imports = &self.resolve.worlds[self.imports].imports;
        imports.keys().any(|key| self.resolve.name_world_key(key) == name)
    }

    fn hook(&self, name: &str) -> Option<Hook> {
        let full_name = |hook: &Hook| format!("{}:{}/{}{}", self.package.namespace, self.package.name, hook.interface(), self.version());
        Hook::ALL.into_iter().find(|hook| full_name(hook) == name)
    }

    fn known_hooks(&self) -> String {
        let names: Vec<&str> = Hook::ALL.into_iter().map(Hook::interface).collect();
        format!("the hooks of {} are {}", self.package, names.join(", "))
    }
}

/// What a component imports and exports, by name.
#[derive(Default)]
struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Names {
    fn of(bytes: &[u8]) -> wasmparser::Result<Self> {
        let mut names = Self::default();
        // What is nested inside has imports and exports of its own.
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        let import = import?;
                        names.imports.push(plain(import.name, matches!(import.ty, ComponentTypeRef::Instance(_))));
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        let export = export?;
                        names.exports.push(plain(export.name, export.kind == ComponentExternalKind::Instance));
                    }
                }
                _ => {}
            }
        }
        Ok(names)
    }
}

/// The name, if it is an interface's and nothing beside it says otherwise; else a text that is no interface's name.
fn plain(name: ComponentExternName<'_>, is_instance: bool) -> String {
    let has_options = name.implements.is_some() || name.version_suffix.is_some() || name.external_id.is_some();
    match (is_instance, has_options) {
        (true, false) => name.name.to_owned(),
        (true, true) => format!("{} (under another name)", name.name),
        (false, _) => format!("{} (not an interface)", name.name),
    }
}

/// Is it a component at all, not too large, valid, and only with features that we run?
fn form(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() > COMPONENT_BYTES {
        return Err(format!("it has {} bytes: at most {COMPONENT_BYTES} are allowed", bytes.len()));
    }
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return Err("it is precompiled: upload the component itself, it is compiled here".to_owned());
    }
    match Parser::new(0).parse_all(bytes).next() {
        _ if !bytes.starts_with(b"\0asm") => return Err(not_wasm(bytes)),
        Some(Ok(Payload::Version { encoding: Encoding::Component, .. })) => {}
        Some(Ok(Payload::Version { encoding: Encoding::Module, .. })) => {
            return Err("it is a core module: make a component of it, as `cargo xtask guests` does".to_owned());
        }
        Some(Err(error)) => return Err(format!("it is not valid: {error}")),
        Some(Ok(_)) | None => return Err("it is not valid: its header is missing".to_owned()),
    }
    Validator::new_with_features(FEATURES).validate_all(bytes).map(|_| ()).map_err(|error| format!("it is not valid: {error}"))
}

fn not_wasm(bytes: &[u8]) -> String {
    let head = bytes.trim_ascii_start();
    if head.starts_with(b"(") || head.starts_with(b";;") {
        "it is WebAssembly text: upload the binary form".to_owned()
    } else {
        "it is not WebAssembly: a component begins with the bytes 00 61 73 6d 0d 00 01 00".to_owned()
    }
}
