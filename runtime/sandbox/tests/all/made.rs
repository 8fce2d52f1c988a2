//! Components made here: a core module for a world of the contract, with one function's body given by the test.

use wasm_encoder::{
    CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    Instruction, MemorySection, MemoryType, Module, RefType, TableSection, TableType, TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};
use wit_parser::{
    LiftLowerAbi, ManglingAndAbi, Resolve, ResourceIntrinsic, TypeDefKind, WasmExport, WasmExportKind, WasmImport, WorldItem,
};

/// The contract, with every named function of the world imported.
pub(crate) fn altered(from: &str, to: &str, world: &str) -> Vec<u8> {
    let wit = windlass_sandbox::WIT;
    assert!(from.is_empty() || wit.contains(from), "the contract has no {from:?}");
    of_wit(&if from.is_empty() { wit.to_owned() } else { wit.replace(from, to) }, world)
}

/// A component of a world in a WIT text; its functions are `unreachable`.
pub(crate) fn of_wit(wit: &str, world: &str) -> Vec<u8> {
    encode(wit, world, 2, |_| true, &[])
}

/// A component whose `after-deposit` has this body. The body finds the imports named in `imports` as functions 0, 1, ... in
/// that order, memory 0 of two pages, table 0, and global 1, an `i32` that starts at zero; what it leaves on the stack is
/// the address of its result, where 8 is `ok`.
pub(crate) fn after_deposit(imports: &[&str], body: &[Instruction<'_>]) -> Vec<u8> {
    hook("deposit-events", imports, body)
}

/// The same for another hook. `pending.drop` is the function that gives the pending set back.
pub(crate) fn hook(interface: &str, imports: &[&str], body: &[Instruction<'_>]) -> Vec<u8> {
    let mut used: Vec<&str> = imports.iter().map(|name| name.split('.').next().unwrap()).collect();
    // `pending` comes first, as in the contract's world.
    used.sort_by_key(|interface| *interface != "pending");
    used.dedup();
    let used: String = used.iter().map(|interface| format!("import {interface};")).collect();
    let wit = format!("{}\nworld made {{ {used} export {interface}; }}", windlass_sandbox::WIT);
    encode(&wit, "made", 2, |name| imports.contains(&name), body)
}

const MANGLING: ManglingAndAbi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);

/// A component that wants so many pages of memory before it begins.
pub(crate) fn with_pages(pages: u64) -> Vec<u8> {
    encode(windlass_sandbox::WIT, "hook-deposit-events", pages, |_| false, &[])
}

fn encode(wit: &str, world: &str, pages: u64, is_used: impl Fn(&str) -> bool, body: &[Instruction<'_>]) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("made.wit", wit).unwrap();
    let world = resolve.packages[package].worlds[world];
    let (mut types, mut imports, mut functions, mut exports, mut code) =
        (TypeSection::new(), ImportSection::new(), FunctionSection::new(), ExportSection::new(), CodeSection::new());
    let mut count = 0;
    for (key, item) in &resolve.worlds[world].imports {
        let WorldItem::Interface { id, .. } = item else { continue };
        let interface = &resolve.interfaces[*id];
        for function in interface.functions.values() {
            if !is_used(&format!("{}.{}", interface.name.as_deref().unwrap_or_default(), function.name)) {
                continue;
            }
            let (module, name) = resolve.wasm_import_name(MANGLING, WasmImport::Func { interface: Some(key), func: function });
            add_type(&mut types, &resolve.wasm_signature(AbiVariant::GuestImport, function));
            imports.import(&module, &name, EntityType::Function(count));
            count += 1;
        }
        for &resource in interface.types.values().filter(|_| is_used(&format!("{}.drop", interface.name.as_deref().unwrap_or_default()))) {
            if resolve.types[resource].kind != TypeDefKind::Resource || resolve.types[resource].name.as_deref() != Some("pending-deposits")
            {
                continue;
            }
            let intrinsic = WasmImport::ResourceIntrinsic { interface: Some(key), resource, intrinsic: ResourceIntrinsic::ImportedDrop };
            let (module, name) = resolve.wasm_import_name(MANGLING, intrinsic);
            types.ty().function([ValType::I32], []);
            imports.import(&module, &name, EntityType::Function(count));
            count += 1;
        }
    }
    // cabi_realloc: the next multiple of 8, never given back.
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    functions.function(count);
    exports.export("cabi_realloc", ExportKind::Func, count);
    count += 1;
    let mut realloc = Function::new([(1, ValType::I32)]);
    for instruction in [
        Instruction::GlobalGet(0),
        Instruction::I32Const(7),
        Instruction::I32Add,
        Instruction::I32Const(-8),
        Instruction::I32And,
        Instruction::LocalTee(4),
        Instruction::LocalGet(3),
        Instruction::I32Add,
        Instruction::GlobalSet(0),
        Instruction::LocalGet(4),
        Instruction::End,
    ] {
        realloc.instruction(&instruction);
    }
    code.function(&realloc);
    for (key, item) in &resolve.worlds[world].exports {
        let WorldItem::Interface { id, .. } = item else { continue };
        for function in resolve.interfaces[*id].functions.values() {
            let name =
                resolve.wasm_export_name(MANGLING, WasmExport::Func { interface: Some(key), func: function, kind: WasmExportKind::Normal });
            add_type(&mut types, &resolve.wasm_signature(AbiVariant::GuestExport, function));
            functions.function(count);
            exports.export(&name, ExportKind::Func, count);
            count += 1;
            let mut written = Function::new([]);
            for instruction in body {
                written.instruction(instruction);
            }
            if body.is_empty() {
                written.instruction(&Instruction::Unreachable);
            }
            written.instruction(&Instruction::End);
            code.function(&written);
        }
    }
    let mut tables = TableSection::new();
    tables.table(TableType { element_type: RefType::FUNCREF, table64: false, minimum: 1, maximum: None, shared: false });
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: pages, maximum: None, memory64: false, shared: false, page_size_log2: None });
    exports.export("memory", ExportKind::Memory, 0);
    let mut globals = GlobalSection::new();
    for start in [1_024, 0] {
        globals.global(GlobalType { val_type: ValType::I32, mutable: true, shared: false }, &ConstExpr::i32_const(start));
    }
    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&tables)
        .section(&memories)
        .section(&globals)
        .section(&exports)
        .section(&code);
    let mut module = module.finish();
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

fn add_type(types: &mut TypeSection, signature: &WasmSignature) {
    let of = |list: &[WasmType]| {
        let map = |ty: &WasmType| match ty {
            WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
            WasmType::F32 => ValType::F32,
            WasmType::F64 => ValType::F64,
            WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        };
        list.iter().map(map).collect::<Vec<_>>()
    };
    types.ty().function(of(&signature.params), of(&signature.results));
}
