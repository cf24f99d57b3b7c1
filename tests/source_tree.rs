//! The source files as the compiler reads them: modules, what each takes from others, and
//! how long functions are. Computed, so that a fence holds for what is written tomorrow.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::support::root;

/// A file, without its unit tests.
pub struct Source {
    /// Below `src`, such as `pipeline/decode.rs`.
    pub name: String,
    /// The file's text.
    pub text: String,
    /// Its module, such as `["pipeline", "decode"]`, in the library or in the program.
    pub module: Vec<String>,
    /// Whether it is the program's.
    pub in_program: bool,
    syntax: syn::File,
}

/// Every Rust file below `src`.
pub fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut files = Vec::new();
    walk(&src, &mut files);
    let mut sources: Vec<Source> = files.iter().map(|path| Source::read(&src, path)).collect();
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    sources
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

const PROGRAM: &str = "bin/ocelli/";

impl Source {
    fn read(src: &Path, path: &Path) -> Self {
        let name = path.strip_prefix(src).unwrap().display().to_string();
        let text = std::fs::read_to_string(path).unwrap();
        let mut syntax = syn::parse_file(&text).unwrap();
        syntax.items.retain(|item| !is_test(item));
        let in_program = name.starts_with(PROGRAM);
        let inner = name.strip_prefix(PROGRAM).unwrap_or(&name);
        let module = match inner.trim_end_matches(".rs") {
            "lib" | "main" => Vec::new(),
            path => path.split('/').map(String::from).collect(),
        };
        Self {
            name,
            text,
            module,
            in_program,
            syntax,
        }
    }

    /// Lines before the unit tests.
    pub fn lines(&self) -> usize {
        let production = self.text.split("#[cfg(test)]\nmod tests").next();
        production.unwrap_or_default().lines().count()
    }

    /// Functions by name, with their lines from signature to closing brace.
    pub fn functions(&self) -> Vec<(String, usize)> {
        let mut lengths = Lengths(Vec::new());
        lengths.visit_file(&self.syntax);
        lengths.0
    }

    /// Every path that is named, in `use` and in the code, with re-exports marked.
    pub fn paths(&self) -> Vec<Named> {
        let mut paths = Paths::default();
        paths.visit_file(&self.syntax);
        paths.0
    }

    /// The paths that lead out of the crate.
    pub fn outside_paths(&self, sources: &[Source]) -> Vec<Vec<String>> {
        let house = House::new(sources);
        let paths = self.paths().into_iter().map(|named| named.segments);
        paths
            .filter(|path| path.len() > 1 && house.absolute(self, path).is_none())
            .collect()
    }

    /// Whether any code but a comment has this token.
    pub fn has_token(&self, token: &str) -> bool {
        let code = self.syntax.to_token_stream().to_string();
        code.split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word == token)
    }

    /// The text in string literals, those of documentation left out.
    pub fn literals(&self) -> Vec<String> {
        let mut literals = Literals::default();
        literals.visit_file(&self.syntax);
        literals.0
    }
}

fn is_test(item: &syn::Item) -> bool {
    let attributes = match item {
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.to_token_stream().to_string().contains("(test)")
    })
}

struct Lengths(Vec<(String, usize)>);

impl Lengths {
    fn enter(&mut self, signature: &syn::Signature, end: &impl Spanned) {
        let lines = end.span().end().line + 1 - signature.span().start().line;
        self.0.push((signature.ident.to_string(), lines));
    }
}

impl Visit<'_> for Lengths {
    fn visit_item_fn(&mut self, function: &syn::ItemFn) {
        self.enter(&function.sig, function);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &syn::ImplItemFn) {
        self.enter(&function.sig, function);
        visit::visit_impl_item_fn(self, function);
    }
}

/// A path as it is written, such as `super::write::Writer`.
pub struct Named {
    pub segments: Vec<String>,
    /// Whether it only hands an item on: `pub use`.
    pub is_export: bool,
}

#[derive(Default)]
struct Paths(Vec<Named>);

impl Visit<'_> for Paths {
    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        let is_export = !matches!(item.vis, syn::Visibility::Inherited);
        let mut found = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut found);
        self.0.extend(found.into_iter().map(|segments| Named {
            segments,
            is_export,
        }));
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let segments = path.segments.iter().map(|s| s.ident.to_string());
        self.0.push(Named {
            segments: segments.collect(),
            is_export: false,
        });
        visit::visit_path(self, path);
    }

    /// Macros are not parsed; what looks like a path in them is one.
    fn visit_macro(&mut self, item: &syn::Macro) {
        self.visit_path(&item.path);
        let code = item.tokens.to_string().replace(" :: ", "::");
        for word in code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let segments: Vec<String> = word.split("::").map(String::from).collect();
            if segments.len() > 1 && segments.iter().all(|s| !s.is_empty() && !s.contains(':')) {
                self.0.push(Named {
                    segments,
                    is_export: false,
                });
            }
        }
    }
}

fn flatten(tree: &syn::UseTree, before: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    match tree {
        syn::UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, found);
            before.pop();
        }
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, before, found);
            }
        }
        syn::UseTree::Name(name) if name.ident == "self" => found.push(before.clone()),
        syn::UseTree::Name(name) => found.push([&before[..], &[name.ident.to_string()]].concat()),
        syn::UseTree::Rename(name) => {
            found.push([&before[..], &[name.ident.to_string()]].concat());
        }
        syn::UseTree::Glob(_) => found.push([&before[..], &["*".into()]].concat()),
    }
}

#[derive(Default)]
struct Literals(Vec<String>);

impl Visit<'_> for Literals {
    fn visit_attribute(&mut self, _: &syn::Attribute) {}

    fn visit_lit_str(&mut self, literal: &syn::LitStr) {
        self.0.push(literal.value());
    }

    fn visit_macro(&mut self, item: &syn::Macro) {
        for part in item.tokens.to_string().split('"').skip(1).step_by(2) {
            self.0.push(part.to_owned());
        }
    }
}

/// Which file takes something from which, by name.
pub struct Imports {
    pub arrows: BTreeMap<String, BTreeSet<String>>,
}

impl Imports {
    /// Of all these files. Re-exports are followed to where an item is written. A child may
    /// use the types of the module that it is in, but its functions make an arrow.
    pub fn of(sources: &[Source]) -> Self {
        let house = House::new(sources);
        let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for source in sources {
            let own = house.file(source.in_program, &source.module);
            for named in source.paths() {
                let Some(path) = house.absolute(source, &named.segments) else {
                    continue;
                };
                let (module, item) = house.resolve(source.in_program, path);
                let target = house.file(source.in_program, &module);
                let is_handed_on = named.is_export && module.starts_with(&source.module);
                let is_parents_type = source.module.starts_with(&module)
                    && item.is_none_or(|item| item.starts_with(char::is_uppercase));
                if target != own && !is_handed_on && !is_parents_type {
                    arrows.entry(own.clone()).or_default().insert(target);
                }
            }
        }
        Self { arrows }
    }

    /// Files that take from one another, directly or through others: each circle once.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let reach = |from: &String| {
            let mut seen = BTreeSet::new();
            let mut open = vec![from.clone()];
            while let Some(file) = open.pop() {
                for next in self.arrows.get(&file).into_iter().flatten() {
                    if seen.insert(next.clone()) {
                        open.push(next.clone());
                    }
                }
            }
            seen
        };
        let reached: BTreeMap<&String, BTreeSet<String>> =
            self.arrows.keys().map(|file| (file, reach(file))).collect();
        let mut circles: Vec<Vec<String>> = Vec::new();
        for (file, there) in &reached {
            let circle: Vec<String> = there
                .iter()
                .filter(|other| reached.get(other).is_some_and(|back| back.contains(*file)))
                .cloned()
                .collect();
            if !circle.is_empty() && !circles.contains(&circle) {
                circles.push(circle);
            }
        }
        circles
    }
}

/// The modules, and what each hands on.
struct House {
    /// In the program or not, module: file.
    files: BTreeMap<(bool, Vec<String>), String>,
    /// In the program or not, module, name: where it is written.
    exports: BTreeMap<(bool, Vec<String>, String), Vec<String>>,
}

impl House {
    fn new(sources: &[Source]) -> Self {
        let files = sources.iter().map(|source| {
            let key = (source.in_program, source.module.clone());
            (key, source.name.clone())
        });
        let mut house = Self {
            files: files.collect(),
            exports: BTreeMap::new(),
        };
        for source in sources {
            for named in source.paths().into_iter().filter(|named| named.is_export) {
                if let Some(path) = house.absolute(source, &named.segments)
                    && let Some(name) = path.last().cloned()
                {
                    let key = (source.in_program, source.module.clone(), name);
                    house.exports.insert(key, path);
                }
            }
        }
        house
    }

    /// A path from the crate's root, if it leads into this crate.
    fn absolute(&self, source: &Source, segments: &[String]) -> Option<Vec<String>> {
        let mut module = source.module.clone();
        let mut rest = segments;
        match segments.first()?.as_str() {
            "crate" => {
                module.clear();
                rest = &segments[1..];
            }
            "self" => rest = &segments[1..],
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    module.pop();
                    rest = &rest[1..];
                }
            }
            child => {
                let child = [&module[..], &[child.to_owned()]].concat();
                if segments.len() < 2 || !self.files.contains_key(&(source.in_program, child)) {
                    return None;
                }
            }
        }
        Some([&module[..], rest].concat())
    }

    /// The module that a path's item is written in, and the item's name.
    fn resolve(&self, in_program: bool, mut path: Vec<String>) -> (Vec<String>, Option<String>) {
        for _ in 0..8 {
            let mut module = path.clone();
            while !self.files.contains_key(&(in_program, module.clone())) {
                module.pop();
            }
            let item = path.get(module.len()).cloned();
            let Some(name) = &item else {
                return (module, None);
            };
            let key = (in_program, module.clone(), name.clone());
            match self.exports.get(&key) {
                Some(written) if *written != path => path = written.clone(),
                _ => return (module, item),
            }
        }
        panic!("re-exports of {path:?} lead in a circle");
    }

    fn file(&self, in_program: bool, module: &[String]) -> String {
        self.files[&(in_program, module.to_vec())].clone()
    }
}
