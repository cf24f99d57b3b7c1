//! What keeps the house habitable: no circles, small files that say why they exist, short
//! functions. Computed from the code, not listed.

use crate::source_tree::{Imports, sources};

/// Lines of a file before its unit tests, and of a function.
const FILE: usize = 400;
const FUNCTION: usize = 60;

#[test]
fn no_files_take_from_one_another_in_a_circle() {
    let imports = Imports::of(&sources());
    let arrows: usize = imports.arrows.values().map(|targets| targets.len()).sum();
    assert!(arrows > 200, "only {arrows} imports are seen");
    let circles = imports.circles();
    let told: Vec<String> = circles
        .iter()
        .map(|circle| {
            let ties = circle.iter().flat_map(|file| {
                let targets = imports.arrows[file].iter();
                let inside = targets.filter(|target| circle.contains(target));
                inside.map(move |target| format!("  {file} -> {target}"))
            });
            ties.collect::<Vec<_>>().join("\n")
        })
        .collect();
    assert!(told.is_empty(), "circles:\n{}", told.join("\n\n"));
}

#[test]
fn files_are_small_and_say_why_they_exist() {
    for source in sources() {
        let (name, lines) = (&source.name, source.lines());
        assert!(
            source.text.starts_with("//!"),
            "{name} does not open with its reason"
        );
        assert!(lines <= FILE, "{name} has {lines} lines");
    }
}

#[test]
fn functions_are_short() {
    let mut long = Vec::new();
    for source in sources() {
        let functions = source.functions();
        long.extend(
            functions
                .into_iter()
                .filter(|(_, lines)| *lines > FUNCTION)
                .map(|(function, lines)| format!("{}: {function} has {lines} lines", source.name)),
        );
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}
