//! In which order the model's outputs stand for the labels: as they are given, with a
//! background before or behind them, or sorted by name, as tools do that read folders.

use super::labelled::Labelled;
use crate::error::{Error, Result};
use crate::model::{Fact, label_set};

/// Labels that an error shows.
const SHOWN: usize = 5;

/// What the first order of labels is called.
const GIVEN: &str = "as they are given";

/// One order of the labels.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// In words.
    pub what: String,
    /// The labels in it.
    pub labels: Vec<String>,
    /// For each folder of photographs the output that is right.
    pub targets: Vec<usize>,
    /// Nats that the photographs have to make up for.
    pub rarity: f64,
}

impl Order {
    /// Every order that fits the model and the folders, the most usual first.
    ///
    /// # Errors
    /// Folders that are no labels, or labels that are not known.
    pub(super) fn all(
        labelled: &Labelled,
        labels: Option<&Fact<Vec<String>>>,
        classes: Option<usize>,
    ) -> Result<Vec<Self>> {
        let folders = &labelled.folders;
        let orders = match (labels, numbers(folders, classes)) {
            (Some(labels), _) => of_labels(&labels.value, classes),
            (None, Some((targets, classes))) => {
                return Ok(vec![Self {
                    what: "the folders' numbers".into(),
                    labels: (0..classes).map(|index| index.to_string()).collect(),
                    targets,
                    rarity: 0.0,
                }]);
            }
            (None, None) => of_folders(labelled, classes)?,
        };
        let orders = orders.into_iter().map(|(what, labels, rarity)| {
            Ok(Self {
                what: what.into(),
                targets: targets(labelled, &labels)?,
                labels,
                rarity,
            })
        });
        orders.collect()
    }
}

/// The outputs, where every folder is called by one; and how many there are.
fn numbers(folders: &[String], classes: Option<usize>) -> Option<(Vec<usize>, usize)> {
    let numbers: Option<Vec<usize>> = folders.iter().map(|name| name.parse().ok()).collect();
    let (numbers, classes) = (numbers?, classes?);
    let fits = numbers.iter().all(|number| *number < classes);
    fits.then_some((numbers, classes))
}

/// Orders of labels that are known.
fn of_labels(labels: &[String], classes: Option<usize>) -> Vec<(&'static str, Vec<String>, f64)> {
    let with = |before: &[&str], after: &[&str]| -> Vec<String> {
        let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        [own(before), labels.to_vec(), own(after)].concat()
    };
    if classes == Some(labels.len() + 1) {
        return vec![
            (
                "a background first, then the labels",
                with(&["background"], &[]),
                0.0,
            ),
            (
                "the labels, then a background",
                with(&[], &["background"]),
                1.0,
            ),
        ];
    }
    let mut sorted = labels.to_vec();
    sorted.sort();
    let mut orders = vec![(GIVEN, labels.to_vec(), 0.0)];
    if sorted != labels {
        orders.push(("sorted by name", sorted, 3.0));
    }
    orders
}

/// Orders of labels that only the folders know: there is one for each class, or for each but
/// a background.
fn of_folders(
    labelled: &Labelled,
    classes: Option<usize>,
) -> Result<Vec<(&'static str, Vec<String>, f64)>> {
    let folders = &labelled.folders;
    if classes.is_some_and(|c| c == folders.len() || c == folders.len() + 1) {
        let mut orders = of_labels(folders, classes);
        for (what, ..) in &mut orders {
            if *what == GIVEN {
                *what = "the folders, sorted by name";
            }
        }
        return Ok(orders);
    }
    let classes = classes.map_or("an unknown number of".into(), |c| c.to_string());
    Err(Error::usage(
        &labelled.place,
        format!(
            "{} folders for a model of {classes} classes, whose labels are not known",
            folders.len()
        ),
    )
    .with_remedy("give the labels, or name each folder by the index of its class")
    .with_settings(&["labels"]))
}

/// The output of each folder.
fn targets(labelled: &Labelled, labels: &[String]) -> Result<Vec<usize>> {
    let mut strangers = Vec::new();
    let mut targets = Vec::new();
    for folder in &labelled.folders {
        match find(folder, labels) {
            Some(target) => targets.push(target),
            None => strangers.push(stranger(folder, labels)),
        }
    }
    if strangers.is_empty() {
        return Ok(targets);
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
/// (`tench, Tinca tinca`), as ImageNet's synset, or by its index.
fn find(folder: &str, labels: &[String]) -> Option<usize> {
    let wanted = plain(folder);
    let only = |is: &dyn Fn(&String) -> bool| {
        let mut found = labels.iter().enumerate().filter(|(_, label)| is(label));
        let first = found.next().map(|(index, _)| index);
        first.filter(|_| found.next().is_none())
    };
    let exact = || labels.iter().position(|label| label == folder);
    let synset = || {
        let synsets = label_set("imagenet-1k-synsets")?;
        let at = synsets.iter().position(|synset| synset == folder)?;
        match labels.len() - synsets.len().min(labels.len()) {
            0 if labels.len() == synsets.len() => Some(at),
            1 => Some(at + 1),
            _ => None,
        }
    };
    exact()
        .or_else(|| only(&|label| plain(label) == wanted))
        .or_else(|| only(&|label| label.split(',').any(|name| plain(name) == wanted)))
        .or_else(synset)
        .or_else(|| folder.parse().ok().filter(|index| *index < labels.len()))
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

/// Whether one letter more, less or other makes them equal.
fn differ_by_one(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let head = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[head..], &b[head..]);
    let tail = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    a.len().max(b.len()) - tail <= 1 && head + tail > 2
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
    use super::{differ_by_one, find, of_labels, stranger};

    fn labels(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_folder_is_known_by_any_name_that_means_one_label() {
        let labels = labels(&["tench, Tinca tinca", "polar bear", "crane", "crane", "bear"]);
        let cases = [
            ("Polar_Bear", Some(1)),
            ("tench", Some(0)),
            ("tinca-tinca", Some(0)),
            ("4", Some(4)),
            ("crane", Some(2)),
            ("Crane", None),
            ("5", None),
            ("wolf", None),
        ];
        for (folder, class) in cases {
            assert_eq!(find(folder, &labels), class, "{folder}");
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

    #[test]
    fn one_output_more_than_labels_is_a_background() {
        let two = labels(&["b", "a"]);
        let background = of_labels(&two, Some(3));
        assert_eq!(background[0].1, ["background", "b", "a"]);
        assert_eq!(background[1].1, ["b", "a", "background"]);
        let same = of_labels(&two, Some(2));
        assert_eq!(
            (&*same[0].1, &*same[1].1),
            (&two[..], &labels(&["a", "b"])[..])
        );
    }
}
