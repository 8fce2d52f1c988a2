//! Compares interfaces of two contracts, type by type, and names every difference with its place.

use std::collections::BTreeSet;

use wit_parser::{Function, Handle, InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner};

/// Ours against a component's, and what was found so far.
pub(crate) struct Comparison<'a> {
    ours: &'a Resolve,
    theirs: &'a Resolve,
    /// Pairs of named types that were compared: each difference is told once, at the type that has it.
    seen: BTreeSet<(usize, usize)>,
    differences: Vec<String>,
}

impl<'a> Comparison<'a> {
    pub(crate) const fn new(ours: &'a Resolve, theirs: &'a Resolve) -> Self {
        Self { ours, theirs, seen: BTreeSet::new(), differences: Vec::new() }
    }

    /// A difference that was found elsewhere.
    pub(crate) fn add(&mut self, difference: String) {
        if !self.differences.contains(&difference) {
            self.differences.push(difference);
        }
    }

    pub(crate) fn into_differences(self) -> Vec<String> {
        self.differences
    }

    /// An interface that the component imports: it may use a part of ours.
    pub(crate) fn imported(&mut self, ours: InterfaceId, theirs: InterfaceId) {
        self.interface(ours, theirs, false);
    }

    /// An interface that the component exports: it must have all of ours.
    pub(crate) fn exported(&mut self, ours: InterfaceId, theirs: InterfaceId) {
        self.interface(ours, theirs, true);
    }

    fn interface(&mut self, ours: InterfaceId, theirs: InterfaceId, whole: bool) {
        let (our_resolve, their_resolve) = (self.ours, self.theirs);
        let (ours, theirs) = (&our_resolve.interfaces[ours], &their_resolve.interfaces[theirs]);
        let name = ours.name.as_deref().unwrap_or_default();
        for (function_name, function) in &ours.functions {
            match theirs.functions.get(function_name) {
                Some(other) => self.function(&format!("{name}: function {function_name}"), function, other),
                None if whole => self.add(format!("{name}: missing function {function_name}")),
                None => {}
            }
        }
        for function_name in theirs.functions.keys().filter(|name| !ours.functions.contains_key(*name)) {
            self.add(format!("{name}: function {function_name} is not in the contract"));
        }
        for (type_name, &ours) in &ours.types {
            if let Some(&theirs) = theirs.types.get(type_name) {
                self.types(&format!("{name}: type {type_name}"), &Type::Id(ours), &Type::Id(theirs));
            }
        }
    }

    fn function(&mut self, at: &str, ours: &Function, theirs: &Function) {
        if std::mem::discriminant(&ours.kind) != std::mem::discriminant(&theirs.kind) {
            self.add(format!("{at}: another kind of function (async, method or static)"));
            return;
        }
        for (index, ours) in ours.params.iter().enumerate() {
            match theirs.params.get(index) {
                None => self.add(format!("{at}: missing parameter {}", ours.name)),
                Some(theirs) if theirs.name != ours.name => self.add(format!("{at}: parameter {} instead of {}", theirs.name, ours.name)),
                Some(theirs) => self.types(&format!("{at}: parameter {}", ours.name), &ours.ty, &theirs.ty),
            }
        }
        for extra in theirs.params.iter().skip(ours.params.len()) {
            self.add(format!("{at}: parameter {} is not in the contract", extra.name));
        }
        self.optional(&format!("{at}: result"), ours.result.as_ref(), theirs.result.as_ref());
    }

    fn optional(&mut self, at: &str, ours: Option<&Type>, theirs: Option<&Type>) {
        match (ours, theirs) {
            (None, None) => {}
            (Some(ours), Some(theirs)) => self.types(at, ours, theirs),
            (ours, theirs) => {
                let shown = |resolve, ty: Option<&Type>| ty.map_or_else(|| "nothing".to_owned(), |ty| show(resolve, ty));
                self.add(format!("{at}: {} instead of {}", shown(self.theirs, theirs), shown(self.ours, ours)));
            }
        }
    }

    fn types(&mut self, at: &str, ours: &Type, theirs: &Type) {
        let (our_resolve, their_resolve) = (self.ours, self.theirs);
        let (ours, theirs) = (resolved(our_resolve, ours), resolved(their_resolve, theirs));
        let (Type::Id(our_id), Type::Id(their_id)) = (ours, theirs) else {
            if ours != theirs {
                self.add(format!("{at}: {} instead of {}", show(their_resolve, &theirs), show(our_resolve, &ours)));
            }
            return;
        };
        let (our_type, their_type) = (&our_resolve.types[our_id], &their_resolve.types[their_id]);
        if our_type.name.is_some() && !self.seen.insert((our_id.index(), their_id.index())) {
            return;
        }
        // A named type is told about under its own name, wherever it was met.
        let place = place(our_resolve, our_id);
        let at = place.as_deref().unwrap_or(at);
        match (&our_type.kind, &their_type.kind) {
            (TypeDefKind::Record(ours), TypeDefKind::Record(theirs)) => {
                let ours: Vec<_> = ours.fields.iter().map(|field| (field.name.as_str(), Some(&field.ty))).collect();
                let theirs: Vec<_> = theirs.fields.iter().map(|field| (field.name.as_str(), Some(&field.ty))).collect();
                self.members(at, "field", &ours, &theirs);
            }
            (TypeDefKind::Variant(ours), TypeDefKind::Variant(theirs)) => {
                let ours: Vec<_> = ours.cases.iter().map(|case| (case.name.as_str(), case.ty.as_ref())).collect();
                let theirs: Vec<_> = theirs.cases.iter().map(|case| (case.name.as_str(), case.ty.as_ref())).collect();
                self.members(at, "case", &ours, &theirs);
            }
            (TypeDefKind::Enum(ours), TypeDefKind::Enum(theirs)) => {
                let ours: Vec<_> = ours.cases.iter().map(|case| (case.name.as_str(), None)).collect();
                let theirs: Vec<_> = theirs.cases.iter().map(|case| (case.name.as_str(), None)).collect();
                self.members(at, "case", &ours, &theirs);
            }
            (TypeDefKind::Option(ours), TypeDefKind::Option(theirs)) => self.types(&format!("{at}: inside option"), ours, theirs),
            (TypeDefKind::List(ours), TypeDefKind::List(theirs)) => self.types(&format!("{at}: list element"), ours, theirs),
            (TypeDefKind::Result(ours), TypeDefKind::Result(theirs)) => {
                self.optional(&format!("{at}: ok"), ours.ok.as_ref(), theirs.ok.as_ref());
                self.optional(&format!("{at}: error"), ours.err.as_ref(), theirs.err.as_ref());
            }
            (TypeDefKind::Tuple(ours), TypeDefKind::Tuple(theirs)) if ours.types.len() == theirs.types.len() => {
                for (index, (ours, theirs)) in ours.types.iter().zip(&theirs.types).enumerate() {
                    self.types(&format!("{at}: tuple element {index}"), ours, theirs);
                }
            }
            (TypeDefKind::Handle(Handle::Own(ours)), TypeDefKind::Handle(Handle::Own(theirs)))
            | (TypeDefKind::Handle(Handle::Borrow(ours)), TypeDefKind::Handle(Handle::Borrow(theirs))) => {
                self.types(at, &Type::Id(*ours), &Type::Id(*theirs));
            }
            (TypeDefKind::Resource, TypeDefKind::Resource) if our_type.name == their_type.name => {}
            _ => self.add(format!("{at}: {} instead of {}", show(their_resolve, &theirs), show(our_resolve, &ours))),
        }
    }

    /// Fields or cases: by name first, then their order, then their types.
    fn members(&mut self, at: &str, what: &str, ours: &[(&str, Option<&Type>)], theirs: &[(&str, Option<&Type>)]) {
        let has = |list: &[(&str, Option<&Type>)], name: &str| list.iter().any(|(other, _)| *other == name);
        for (name, _) in ours.iter().filter(|(name, _)| !has(theirs, name)) {
            self.add(format!("{at}: missing {what} {name}"));
        }
        for (name, _) in theirs.iter().filter(|(name, _)| !has(ours, name)) {
            self.add(format!("{at}: {what} {name} is not in the contract"));
        }
        let names = |list: &[(&str, Option<&Type>)]| list.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
        let (our_names, their_names) = (names(ours), names(theirs));
        if our_names.len() == their_names.len() && our_names != their_names && our_names.iter().all(|name| their_names.contains(name)) {
            self.add(format!("{at}: {what} order: {} instead of {}", their_names.join(", "), our_names.join(", ")));
        }
        for (name, ours) in ours {
            if let Some((_, theirs)) = theirs.iter().find(|(other, _)| other == name) {
                self.optional(&format!("{at}: {what} {name}"), *ours, *theirs);
            }
        }
    }
}

/// Behind every alias.
fn resolved(resolve: &Resolve, ty: &Type) -> Type {
    let mut ty = *ty;
    while let Type::Id(id) = ty {
        match resolve.types[id].kind {
            TypeDefKind::Type(inner) => ty = inner,
            _ => break,
        }
    }
    ty
}

/// `deposits: record received`, for a type with a name.
fn place(resolve: &Resolve, id: TypeId) -> Option<String> {
    let ty = &resolve.types[id];
    let TypeOwner::Interface(interface) = ty.owner else { return None };
    let (interface, name) = (resolve.interfaces[interface].name.as_deref()?, ty.name.as_deref()?);
    Some(format!("{interface}: {} {name}", ty.kind.as_str()))
}

/// As WIT writes it, in short.
fn show(resolve: &Resolve, ty: &Type) -> String {
    let id = match resolved(resolve, ty) {
        Type::Id(id) => id,
        primitive => return primitive_name(&primitive).to_owned(),
    };
    let ty = &resolve.types[id];
    let inner = |ty: &Type| show(resolve, ty);
    let optional = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), inner);
    match (&ty.name, &ty.kind) {
        (Some(name), _) => name.clone(),
        (None, TypeDefKind::Option(ty)) => format!("option<{}>", inner(ty)),
        (None, TypeDefKind::List(ty)) => format!("list<{}>", inner(ty)),
        (None, TypeDefKind::Result(result)) => format!("result<{}, {}>", optional(&result.ok), optional(&result.err)),
        (None, TypeDefKind::Tuple(tuple)) => format!("tuple<{}>", tuple.types.iter().map(inner).collect::<Vec<_>>().join(", ")),
        (None, TypeDefKind::Handle(Handle::Own(id))) => inner(&Type::Id(*id)),
        (None, TypeDefKind::Handle(Handle::Borrow(id))) => format!("borrow<{}>", inner(&Type::Id(*id))),
        (None, kind) => kind.as_str().to_owned(),
    }
}

const fn primitive_name(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(_) => "type",
    }
}
