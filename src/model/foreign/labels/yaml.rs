//! YAML as a tree: data sets of Ultralytics name their classes so. Plain words stay words,
//! `yes` and `on` too; anchors are refused, so that nothing is repeated without an end.

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::Fault;
use super::numbering::number;
use crate::model::foreign::tree::{DEEPEST, Tree};

/// A list or a map whose end has not come.
enum Open {
    List(Vec<Tree>),
    Map(Vec<(Tree, Tree)>, Option<Tree>),
}

/// Reads a text that is one document.
pub(super) fn parse(text: &str) -> Result<Tree, Fault> {
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| {
            Fault::at(e.marker().line(), format!("is not YAML: {}", e.info()))
                .with_remedy("mend the file, or write one label per line")
        })?;
        let fault = |what: &str| Fault::at(span.start.line(), what);
        let finished = match event {
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Vec::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|open| match open {
                Open::List(items) => Tree::List(items),
                Open::Map(entries, _) => Tree::Map(entries),
            }),
            Event::Scalar(value, style, ..) => Some(scalar(&value, style)),
            Event::Alias(_) => return Err(fault("an alias (`*`), expected the labels themselves")),
            Event::DocumentStart(_) if root.is_some() => {
                return Err(fault("a second document, expected one"));
            }
            _ => None,
        };
        if open.len() > DEEPEST {
            return Err(fault("lists stand too deep in one another"));
        }
        let Some(tree) = finished else { continue };
        match open.last_mut() {
            None => root = Some(tree),
            Some(Open::List(items)) => items.push(tree),
            Some(Open::Map(entries, key)) => match key.take() {
                None => *key = Some(tree),
                Some(key) => entries.push((key, tree)),
            },
        }
    }
    root.ok_or_else(|| Fault::of("the label file is empty"))
}

fn scalar(value: &str, style: ScalarStyle) -> Tree {
    let is_plain = style == ScalarStyle::Plain;
    match number(value) {
        // `007` is a name.
        Some(number) if is_plain && number.to_string() == value => Tree::Whole(number),
        _ if is_plain && matches!(value, "" | "~" | "null") => Tree::Other("null".into()),
        _ => Tree::Text(value.to_owned()),
    }
}
