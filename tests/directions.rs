//! Modules use only those before them in the list of `src/lib.rs`.
//!
//! Every path of the library is read that leads to another module: `use crate::a::b`, `use crate::{a, b::c}`,
//! `crate::a::b()` within code and macros, and `super::super::a`. Code for tests alone (`#[cfg(test)]`) does not count.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemMod, ItemUse, Macro, Meta, UseTree};

/// Modules in the order in which the documentation of `lib.rs` lists them: `//! * [`name`]: ...` or `//! * `name`: ...`.
fn documented(lib: &str) -> Vec<String> {
    let items = lib.lines().filter_map(|line| line.strip_prefix("//! * ")?.split('`').nth(1));
    items.map(str::to_owned).collect()
}

/// What `lib.rs` exports from its modules: the name at the root, and the module it comes from.
fn exported(lib: &syn::File) -> HashMap<String, String> {
    let uses = lib.items.iter().filter_map(|item| if let Item::Use(item) = item { Some(item) } else { None });
    let paths = uses.flat_map(|item| paths_of(&item.tree));
    paths.filter_map(|path| Some((path.last()?.clone(), path.first()?.clone()))).collect()
}

/// The paths that a `use` item brings in.
fn paths_of(tree: &UseTree) -> Vec<Vec<String>> {
    let behind = |name: String, paths: Vec<Vec<String>>| -> Vec<Vec<String>> {
        paths.into_iter().map(|path| [vec![name.clone()], path].concat()).collect()
    };
    match tree {
        UseTree::Path(path) => behind(path.ident.to_string(), paths_of(&path.tree)),
        UseTree::Group(group) => group.items.iter().flat_map(paths_of).collect(),
        UseTree::Name(name) => vec![vec![name.ident.to_string()]],
        UseTree::Rename(rename) => vec![vec![rename.ident.to_string()]],
        UseTree::Glob(_) => vec![vec!["*".to_owned()]],
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        matches!(&attribute.meta, Meta::List(list)
            if list.path.is_ident("cfg") && list.tokens.to_string() == "test")
    })
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Reads the code of one file and gathers the top-level modules that it uses.
struct Reader {
    /// The path of the module that is read, from the root.
    module: Vec<String>,
    /// Modules in files of their own.
    files: Vec<Vec<String>>,
    /// The first name of each path from the root.
    used: BTreeSet<String>,
}

impl Reader {
    fn new(module: Vec<String>) -> Self {
        Self { module, files: Vec::new(), used: BTreeSet::new() }
    }

    /// Notes where `path` leads, if it starts with `crate`, `self` or `super`.
    fn note(&mut self, path: &[String]) {
        let ups = path.iter().take_while(|name| *name == "super").count();
        let from_root: Vec<String> = match path.first().map(String::as_str) {
            Some("crate") => path[1..].to_vec(),
            Some("self") => return,
            Some("super") => {
                let above = self.module.len().checked_sub(ups).expect("super leads to the root at most");
                [&self.module[..above], &path[ups..]].concat()
            }
            _ => return,
        };
        if let Some(first) = from_root.first() {
            self.used.insert(first.clone());
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes_of(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Const(item) => &item.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        match &item.content {
            Some(_) => visit::visit_item_mod(self, item),
            None => self.files.push(self.module.clone()),
        }
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        paths_of(&item.tree).iter().for_each(|path| self.note(path));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.note(&names);
        visit::visit_path(self, path);
    }

    /// What a macro makes of its tokens is not known: every path among them counts.
    fn visit_macro(&mut self, called: &'ast Macro) {
        let text = called.tokens.to_string().replace(" ::", "::").replace(":: ", "::");
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            self.note(&word.split("::").map(str::to_owned).collect::<Vec<_>>());
        }
        visit::visit_macro(self, called);
    }
}

/// What the text of the module `module` uses: the first name of each path from the root.
fn used(source: &str, module: &[&str]) -> Vec<String> {
    let mut reader = Reader::new(module.iter().map(|&name| name.to_owned()).collect());
    reader.visit_file(&syn::parse_file(source).unwrap());
    reader.used.into_iter().collect()
}

/// Where the code of a module lies.
fn file_of(module: &[String]) -> PathBuf {
    let path = Path::new("src").join(module.iter().collect::<PathBuf>());
    let (single, folder) = (path.with_extension("rs"), path.join("mod.rs"));
    if single.exists() { single } else { folder }
}

/// Every use of one top-level module by another, as `file: module`, that goes against `order`.
fn against(order: &[String], root: &syn::File) -> Vec<String> {
    let exported = exported(root);
    let place = |name: &str| order.iter().position(|module| module == name);
    let mut left: Vec<Vec<String>> = order.iter().map(|module| vec![module.clone()]).collect();
    let mut wrong = Vec::new();
    while let Some(module) = left.pop() {
        let file = file_of(&module);
        let mut reader = Reader::new(module.clone());
        reader.visit_file(&syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap());
        left.append(&mut reader.files);
        for name in reader.used {
            let name = exported.get(&name).unwrap_or(&name);
            let there = place(name).unwrap_or_else(|| panic!("{}: {name} is no module", file.display()));
            if there > place(&module[0]).expect("read from the order") {
                wrong.push(format!("{}: {name}", file.display()));
            }
        }
    }
    wrong.sort();
    wrong
}

#[test]
fn modules_use_only_those_before_them() {
    let text = fs::read_to_string("src/lib.rs").unwrap();
    let (order, root) = (documented(&text), syn::parse_file(&text).unwrap());
    let declared: BTreeSet<String> = root
        .items
        .iter()
        .filter_map(|item| if let Item::Mod(module) = item { Some(module.ident.to_string()) } else { None })
        .collect();
    assert_eq!(order.iter().cloned().collect::<BTreeSet<_>>(), declared, "lib.rs documents every module, once");
    assert_eq!(order.len(), declared.len(), "lib.rs documents every module, once");
    assert_eq!(against(&order, &root), Vec::<String>::new(), "the order is {order:?}");
}

#[test]
fn every_kind_of_path_is_found() {
    let of = |source| used(source, &["training", "step"]);
    assert_eq!(of("use crate::storage::read;"), ["storage"]);
    assert_eq!(of("use crate::{model, storage::{self, Container}, report as page};"), ["model", "report", "storage"]);
    assert_eq!(of("fn f() -> crate::model::Model { crate::storage::read() }"), ["model", "storage"]);
    assert_eq!(of("fn f(x: Vec<crate::model::Model>) {}"), ["model"]);
    assert_eq!(of("fn f() { println!(\"{}\", crate::report::title(crate :: storage :: A)); }"), ["report", "storage"]);
    assert_eq!(of("pub(in crate::training) fn f() {}"), ["training"]);
    assert_eq!(of("use super::super::report::page; use super::losses;"), ["report", "training"]);
    assert_eq!(
        of("mod inner { use super::super::super::report; fn f() { super::super::run() } }"),
        ["report", "training"]
    );
    assert_eq!(of("use std::fs; use self::step::f; fn f() { model::g(); }"), [] as [&str; 0]);
}

#[test]
fn code_for_tests_does_not_count() {
    let of = |source| used(source, &["training"]);
    for source in [
        "#[cfg(test)] mod tests { use crate::storage::read; }",
        "#[cfg(test)] use crate::storage::read;",
        "#[cfg(test)] fn f() { crate::storage::read() }",
        "struct A; impl A { #[cfg(test)] fn f() { crate::storage::read() } }",
        "mod inner { #[cfg(test)] mod tests { use crate::storage::read; } }",
    ] {
        assert_eq!(of(source), [] as [&str; 0], "{source}");
    }
    assert_eq!(of("#[cfg(unix)] use crate::storage::read;"), ["storage"]);
    assert_eq!(of("#[cfg(not(test))] use crate::storage::read;"), ["storage"]);
    assert_eq!(of("#[cfg(test)] mod tests {} use crate::storage::read;"), ["storage"]);
}
