//! Which class a folder of photographs is called after: people write the label, one of its
//! names, ImageNet's synset or a number.

use super::Labelled;
use crate::error::{Error, Result};
use crate::model::label_set;
use crate::model::recipes::near::distance;

/// Labels that an error shows.
const SHOWN: usize = 5;
/// What an output is called that is none of the labels.
pub(crate) const BACKGROUND: &str = "background";

/// What a folder is called after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Class {
    Label(usize),
    /// The number of an output, whatever the order of the labels.
    Output(usize),
}

/// The class of each folder, of so many outputs.
pub(crate) fn found(labelled: &Labelled, labels: &[String], outputs: usize) -> Result<Vec<Class>> {
    let mut strangers = Vec::new();
    let mut classes = Vec::new();
    for folder in &labelled.folders {
        match find(folder, labels, outputs) {
            Some(class) => classes.push(class),
            None => strangers.push(stranger(folder, labels)),
        }
    }
    if strangers.is_empty() {
        return Ok(classes);
    }
    let some: Vec<&str> = labels.iter().take(SHOWN).map(String::as_str).collect();
    Err(Error::usage(
        &labelled.place,
        format!(
            "folders that are not labels of the model: {}",
            strangers.join(", ")
        ),
    )
    .with_remedy(format!(
        "name them like the {} labels ({}…), or by the index of their class",
        labels.len(),
        some.join(", ")
    )))
}

/// A folder's class: the label as it is, whatever its capitals, by one of the names in it
/// (`tench, Tinca tinca`), as ImageNet's synset, or by the index of its output.
fn find(folder: &str, labels: &[String], outputs: usize) -> Option<Class> {
    let wanted = plain(folder);
    let exact = || labels.iter().position(|label| label == folder);
    let label = exact()
        .or_else(|| only(labels, |label| plain(label) == wanted))
        .or_else(|| only(labels, |label| is_called(label, &wanted)))
        .or_else(|| synset(folder, labels));
    let number = || folder.parse().ok().filter(|index| *index < outputs);
    let number = || number().map(Class::Output);
    label.map(Class::Label).or_else(number)
}

/// The one label that is so.
fn only(labels: &[String], is: impl Fn(&str) -> bool) -> Option<usize> {
    let mut found = labels.iter().enumerate().filter(|(_, label)| is(label));
    let first = found.next().map(|(index, _)| index);
    first.filter(|_| found.next().is_none())
}

/// Whether a label has this name, as it is plainly, among its names.
fn is_called(label: &str, wanted: &str) -> bool {
    label.split(',').any(|name| plain(name) == wanted)
}

/// The label of one of ImageNet's synsets: where ImageNet has it, with or without a background
/// before it; else the one that is called so.
fn synset(folder: &str, labels: &[String]) -> Option<usize> {
    let synsets = label_set("imagenet-1k-synsets")?;
    let at = synsets.iter().position(|synset| synset == folder)?;
    let name = plain(label_set("imagenet-1k")?.get(at)?);
    let is_at = |at: usize| labels.get(at).is_some_and(|label| is_called(label, &name));
    // Of ImageNet's labels in words that torchvision does not use, their number tells.
    let by_number = || match labels.len().checked_sub(synsets.len())? {
        0 => Some(at),
        1 if labels.last().is_some_and(|l| is_background(l)) => Some(at),
        1 => Some(at + 1),
        _ => None,
    };
    let in_order = [at, at + 1].into_iter().find(|at| is_at(*at));
    in_order
        .or_else(|| only(labels, |label| is_called(label, &name)))
        .or_else(by_number)
}

/// Whether a label is none: torchvision writes `__background__`.
pub(crate) fn is_background(label: &str) -> bool {
    plain(label) == BACKGROUND
}

/// A folder that is no label, and the labels near it.
fn stranger(folder: &str, labels: &[String]) -> String {
    let wanted = plain(folder);
    let near: Vec<String> = labels
        .iter()
        .filter(|label| {
            let label = plain(label);
            !wanted.is_empty() && (label.contains(&wanted) || wanted.contains(&label))
                || differ_by_one(&label, &wanted)
        })
        .take(SHOWN)
        .map(|label| format!("`{label}`"))
        .collect();
    match near.is_empty() {
        true => format!("`{folder}`"),
        false => format!("`{folder}` (near {})", near.join(", ")),
    }
}

/// Whether one letter more, less or other makes them equal, and enough are alike.
fn differ_by_one(a: &str, b: &str) -> bool {
    let letters = a.chars().count().max(b.chars().count());
    let distance = distance(a, b);
    distance <= 1 && letters > 2 + distance
}

/// Small letters; `_`, `-` and spaces are one another.
fn plain(name: &str) -> String {
    let name = name.trim().to_lowercase();
    name.chars()
        .filter(|c| !matches!(c, ' ' | '_' | '-'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Class, differ_by_one, find, stranger};

    fn labels(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_folder_is_known_by_any_name_that_means_one_label() {
        let labels = labels(&["tench, Tinca tinca", "polar bear", "crane", "crane", "bear"]);
        let cases = [
            ("Polar_Bear", Some(Class::Label(1))),
            ("tench", Some(Class::Label(0))),
            ("tinca-tinca", Some(Class::Label(0))),
            ("4", Some(Class::Output(4))),
            ("crane", Some(Class::Label(2))),
            ("Crane", None),
            ("5", None),
            ("wolf", None),
        ];
        for (folder, class) in cases {
            assert_eq!(find(folder, &labels, 5), class, "{folder}");
        }
    }

    #[test]
    fn what_is_no_label_is_told_with_those_near_it() {
        let labels = labels(&["polar bear", "brown bear", "cat"]);
        assert_eq!(
            stranger("bear", &labels),
            "`bear` (near `polar bear`, `brown bear`)"
        );
        assert_eq!(stranger("polar baer", &labels), "`polar baer`");
        assert_eq!(stranger("cats", &labels), "`cats` (near `cat`)");
        assert_eq!(stranger("wolf", &labels), "`wolf`");
        assert!(differ_by_one("kitten", "kiten") && !differ_by_one("kitten", "mitte"));
    }
}
