//! Numbers that number the classes: all of 0 to n - 1 or of 1 to n, in any order, each
//! once.

use super::{Fault, Names};

/// A name, the number that it has, and the line where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) line: Option<usize>,
}

/// The number that a text is.
pub(super) fn number(text: &str) -> Option<usize> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// Whether these numbers number something.
pub(super) fn is_numbering(numbers: impl Iterator<Item = usize>) -> bool {
    let mut sorted: Vec<usize> = numbers.collect();
    sorted.sort_unstable();
    let first = sorted.first().copied();
    first.is_some_and(|first| first <= 1 && sorted.iter().copied().eq(first..first + sorted.len()))
}

/// The names by their numbers.
pub(super) fn in_order(mut entries: Vec<Numbered>) -> Result<Names, Fault> {
    entries.sort_by_key(|entry| entry.number);
    let first = entries.first().map_or(0, |entry| entry.number);
    for (expected, entry) in (first.min(1)..).zip(&entries) {
        if entry.number != expected {
            let what = if entry.number < expected {
                format!("label number {} is there twice", entry.number)
            } else {
                format!(
                    "label number {} where {expected} was expected",
                    entry.number
                )
            };
            return Err(Fault {
                line: entry.line,
                ..Fault::of(what)
            });
        }
    }
    let remark = entries.first().filter(|_| first == 1).map(|entry| {
        format!(
            "the labels are numbered from 1: `{:.40}` is taken for the first class",
            entry.name
        )
    });
    Ok(Names {
        names: entries.into_iter().map(|entry| entry.name).collect(),
        remarks: remark.into_iter().collect(),
    })
}
