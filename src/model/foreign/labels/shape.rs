//! What a label file is, told by its name and its first lines, and the names in a tree of
//! lists and maps: those of JSON, Python, YAML and protobuf's text format.

use super::numbering::{Numbered, in_order, is_numbering, number};
use super::{Fault, Names, lines, table};
use crate::model::foreign::tree::Tree;

/// Forms that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// JSON or a Python literal, from this byte on.
    Literal(usize),
    /// YAML.
    Yaml,
    /// Protobuf's text format.
    Pbtxt,
    /// CSV and its like.
    Table,
    /// A label per line.
    Lines,
}

/// Keys under which the names stand, the strongest first: transformers goes by `id2label`
/// where a file has both.
const KEYS: [&str; 12] = [
    "id2label",
    "names",
    "labels",
    "classes",
    "class_names",
    "label_names",
    "categories",
    "idx_to_class",
    "idx2label",
    "class_to_idx",
    "class_indices",
    "label2id",
];
/// What an object of a list calls its number, and its name. `display_name` is for people
/// where `name` is a code.
const NUMBERS: [&str; 6] = ["id", "index", "idx", "class_id", "label_id", "number"];
const NAMES: [&str; 7] = [
    "display_name",
    "name",
    "label",
    "class",
    "class_name",
    "label_name",
    "title",
];

impl Shape {
    /// The shape of a text; `extension` in lower case.
    pub(super) fn of(text: &str, extension: &str) -> Self {
        let lead = text.len() - text.trim_start().len();
        let mut lines = text.lines().map(str::trim_end).filter(|l| !l.is_empty());
        let first = lines.next().unwrap_or_default();
        let opens = |line: &str| line.trim_start().starts_with(['{', '[']);
        match extension {
            "yaml" | "yml" => return Self::Yaml,
            "pbtxt" | "prototxt" => return Self::Pbtxt,
            "json" | "jsonl" | "ndjson" => return Self::Literal(lead),
            _ if opens(first) => return Self::Literal(lead),
            "csv" | "tsv" => return Self::Table,
            _ => {}
        }
        // `LABELS = [` in Python, `export const LABELS = [` in JavaScript.
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        if let Some((name, value)) = text.split_once('=')
            && name.trim().chars().all(|c| is_word(c) || c == ' ')
            && name.split_whitespace().count() <= 3
            && opens(value)
        {
            return Self::Literal(text.len() - value.len());
        }
        let is_item = |line: &str| line == "-" || line.starts_with("- ");
        let is_key = |line: &str| {
            let (key, value) = line.split_once(':').unwrap_or_default();
            KEYS.contains(&key) && (value.is_empty() || opens(value))
        };
        if first.starts_with("---")
            || is_item(first) && lines.clone().all(is_item)
            || is_key(first)
            || lines.clone().any(is_key)
        {
            return Self::Yaml;
        }
        let message = first.split_once('{').unwrap_or_default().0.trim_end();
        let message = message.strip_suffix(':').unwrap_or(message);
        if !message.is_empty() && message.chars().all(is_word) {
            return Self::Pbtxt;
        }
        if table::is_header(first) {
            return Self::Table;
        }
        Self::Lines
    }
}

/// The names in a tree.
///
/// # Errors
/// It does not say plainly which class has which name.
pub(in crate::model::foreign) fn names_of(tree: &Tree) -> Result<Names, Fault> {
    match tree {
        Tree::List(items) => of_list(items),
        Tree::Map(entries) => of_map(tree, entries),
        other => Err(Fault::of(format!(
            "is {other}, expected a list or a map of labels"
        ))),
    }
}

/// A list: names in order, or items that say their numbers.
fn of_list(items: &[Tree]) -> Result<Names, Fault> {
    let numbered: Option<Vec<Numbered>> = items.iter().map(numbered_item).collect();
    if let Some(entries) = numbered.filter(|entries| !entries.is_empty()) {
        return in_order(entries);
    }
    let names: Vec<&str> = items
        .iter()
        .filter_map(|item| match item {
            Tree::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    // `["0 cat", "1 dog"]` are lines in a list.
    if names.len() == items.len() && names.iter().all(|name| !name.contains('\n')) {
        return lines::of_items(&names);
    }
    let name = |(index, item): (usize, &Tree)| {
        let unnumbered = || numbered_item(item).is_none();
        name_of(item).filter(|_| unnumbered()).ok_or_else(|| {
            Fault::of(format!(
                "item {index} of the list is {item}, expected a label"
            ))
        })
    };
    let names: Result<Vec<String>, Fault> = items.iter().enumerate().map(name).collect();
    Ok(Names {
        names: names?,
        remarks: Vec::new(),
    })
}

/// An item that says its number: `{id: 0, name: cat}`, `[0, cat]`, `{0: cat}`, `{cat: 0}`.
fn numbered_item(item: &Tree) -> Option<Numbered> {
    let entry = |number: usize, name: &Tree| {
        Some(Numbered {
            number,
            name: name_of(name)?,
            line: None,
        })
    };
    if let Some(of_number) = NUMBERS.iter().find_map(|key| item.get(key)) {
        return entry(number_of(of_number)?, item);
    }
    match item {
        Tree::List(pair) => match &pair[..] {
            [Tree::Whole(number), name @ Tree::Text(_)]
            | [name @ Tree::Text(_), Tree::Whole(number)] => entry(*number, name),
            _ => None,
        },
        Tree::Map(pair) => match &pair[..] {
            [(key, name @ Tree::Text(_))] => entry(number_of(key)?, name),
            [(name @ Tree::Text(_), Tree::Whole(number))] => entry(*number, name),
            _ => None,
        },
        _ => None,
    }
}

/// A map: from numbers to names, from names to numbers (Keras's `class_indices`), or with
/// the labels under one of its keys.
fn of_map(tree: &Tree, entries: &[(Tree, Tree)]) -> Result<Names, Fault> {
    let by_key = numbering(entries.iter().map(|(key, value)| (key, value)));
    let by_value = numbering(entries.iter().map(|(key, value)| (value, key)));
    let is_whole = |found: &Option<Vec<Numbered>>| {
        let entries = found.iter().flatten();
        is_numbering(entries.map(|entry| entry.number))
    };
    match (by_key, by_value) {
        (by_key @ Some(_), by_value @ Some(_)) if is_whole(&by_key) && is_whole(&by_value) => {
            let (first, second) = (
                in_order(by_key.unwrap_or_default())?,
                in_order(by_value.unwrap_or_default())?,
            );
            if first.names == second.names {
                return Ok(first);
            }
            let what = "both the keys and the values number the classes, each in its own order";
            Err(Fault::of(what).with_remedy("write the labels as a list, in their order"))
        }
        (by_key, Some(entries)) if !is_whole(&by_key) && is_whole(&Some(entries.clone())) => {
            in_order(entries)
        }
        (Some(entries), _) | (None, Some(entries)) => in_order(entries),
        (None, None) => under_a_key(tree, entries.len()),
    }
}

/// The entries by their numbers, if all have one.
fn numbering<'a>(pairs: impl Iterator<Item = (&'a Tree, &'a Tree)>) -> Option<Vec<Numbered>> {
    let entries: Option<Vec<Numbered>> = pairs
        .map(|(number, name)| {
            Some(Numbered {
                number: number_of(number)?,
                name: name_of(name)?,
                line: None,
            })
        })
        .collect();
    entries.filter(|entries| !entries.is_empty())
}

fn under_a_key(tree: &Tree, count: usize) -> Result<Names, Fault> {
    let is_nest = |value: &&Tree| matches!(value, Tree::List(_) | Tree::Map(_));
    let found = KEYS
        .iter()
        .find_map(|key| Some((key, tree.get(key).filter(is_nest)?)));
    let Some((key, value)) = found else {
        let what = format!(
            "a map of {count} whose keys and values do not number the classes, and without \
             `names` or `labels`"
        );
        return Err(Fault::of(what));
    };
    let names = names_of(value).map_err(|fault| Fault {
        what: format!("{key}: {}", fault.what),
        ..fault
    })?;
    // Ultralytics' number of classes.
    match tree.get("nc") {
        Some(Tree::Whole(count)) if *count != names.names.len() => {
            let found = names.names.len();
            let what = format!("`nc` is {count}, but `{key}` has {found} labels");
            Err(Fault::of(what).with_remedy("mend the file"))
        }
        _ => Ok(names),
    }
}

/// A number, or a text that is one.
fn number_of(tree: &Tree) -> Option<usize> {
    match tree {
        Tree::Whole(number) => Some(*number),
        Tree::Text(text) => number(text),
        _ => None,
    }
}

/// What stands for one class: a text, a number (digits are classes, too), a WordNet id
/// with its name, or an object with a name.
fn name_of(tree: &Tree) -> Option<String> {
    match tree {
        Tree::Text(text) => Some(text.clone()),
        Tree::Whole(number) => Some(number.to_string()),
        Tree::List(pair) => match &pair[..] {
            [Tree::Text(id), Tree::Text(name)] if lines::is_wordnet_id(id) => Some(name.clone()),
            _ => None,
        },
        Tree::Map(_) => match NAMES.iter().find_map(|key| tree.get(key))? {
            Tree::Text(text) => Some(text.clone()),
            Tree::Whole(number) => Some(number.to_string()),
            _ => None,
        },
        Tree::Other(_) => None,
    }
}
