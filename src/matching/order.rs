//! In which order the model's outputs stand for the labels: as they are given, with a
//! background before or behind them, or sorted by name, as tools do that read folders.

use crate::error::{Error, Result};
use crate::labelled::Labelled;
use crate::labelled::classes::{BACKGROUND, Class, found, is_background};
use crate::model::Fact;

/// What the first order of labels is called.
const GIVEN: &str = "as they are given";
/// Fewer labels have none: of two, one may as well be called so.
const FEWEST_BESIDE: usize = 3;

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

/// An order of labels that are known.
struct Way {
    what: &'static str,
    /// Which label each output stands for; none is a background.
    outputs: Vec<Option<usize>>,
    rarity: f64,
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
        let (labels, first) = match (labels, numbers(folders, classes)) {
            (Some(labels), _) => (&labels.value, GIVEN),
            (None, Some((targets, classes))) => {
                return Ok(vec![Self {
                    what: "the folders' numbers".into(),
                    labels: (0..classes).map(|index| index.to_string()).collect(),
                    targets,
                    rarity: 0.0,
                }]);
            }
            (None, None) => {
                check_folders(labelled, classes)?;
                (folders, "the folders, sorted by name")
            }
        };
        let ways = ways(labels, first, classes);
        let outputs = ways.first().map_or(0, |way| way.outputs.len());
        let found = found(labelled, labels, outputs)?;
        let order = |way: Way| {
            let place = |of: usize| way.outputs.iter().position(|label| *label == Some(of));
            let target = |class: &Class| match *class {
                Class::Label(label) => place(label),
                Class::Output(output) => Some(output),
            };
            let name = |of: &Option<usize>| of.map_or(BACKGROUND, |of| labels[of].as_str());
            Self {
                what: way.what.into(),
                labels: way.outputs.iter().map(|of| name(of).to_owned()).collect(),
                targets: found.iter().filter_map(target).collect(),
                rarity: way.rarity,
            }
        };
        Ok(ways.into_iter().map(order).collect())
    }

    /// Whether somebody gave the labels so.
    pub(super) fn is_given(&self) -> bool {
        self.what == GIVEN
    }
}

/// The outputs, where every folder is called by one; and how many there are.
fn numbers(folders: &[String], classes: Option<usize>) -> Option<(Vec<usize>, usize)> {
    let numbers: Option<Vec<usize>> = folders.iter().map(|name| name.parse().ok()).collect();
    let (numbers, classes) = (numbers?, classes?);
    let fits = numbers.iter().all(|number| *number < classes);
    fits.then_some((numbers, classes))
}

/// Orders of labels that are known, the `first` as they are.
fn ways(labels: &[String], first: &'static str, classes: Option<usize>) -> Vec<Way> {
    const BEFORE: &str = "a background first, then the labels";
    const BEHIND: &str = "the labels, then a background";
    let way = |what, outputs, rarity| Way {
        what,
        outputs,
        rarity,
    };
    let own: Vec<Option<usize>> = (0..labels.len()).map(Some).collect();
    if classes == Some(labels.len() + 1) {
        let behind = [&own[..], &[None]].concat();
        let before = [&[None], &own[..]].concat();
        return vec![way(BEFORE, before, 0.0), way(BEHIND, behind, 1.0)];
    }
    let mut ways = vec![way(first, own.clone(), 0.0)];
    if labels.len() >= FEWEST_BESIDE {
        let mut moved = own.clone();
        if labels.first().is_some_and(|l| is_background(l)) {
            moved.rotate_left(1);
            ways.push(way(BEHIND, moved, 1.0));
        } else if labels.last().is_some_and(|l| is_background(l)) {
            moved.rotate_right(1);
            ways.push(way(BEFORE, moved, 1.0));
        }
    }
    let mut sorted = own.clone();
    sorted.sort_by_key(|of| of.map(|of| &labels[of]));
    if ways.iter().all(|way| way.outputs != sorted) {
        ways.push(way("sorted by name", sorted, 3.0));
    }
    ways
}

/// Whether labels that only the folders know are enough: there is one for each class, or for
/// each but a background.
fn check_folders(labelled: &Labelled, classes: Option<usize>) -> Result<()> {
    let folders = labelled.folders.len();
    if classes.is_some_and(|c| c == folders || c == folders + 1) {
        return Ok(());
    }
    let classes = classes.map_or("an unknown number of".into(), |c| c.to_string());
    Err(Error::usage(
        &labelled.place,
        format!("{folders} folders for a model of {classes} classes, whose labels are not known"),
    )
    .with_remedy("give the labels, or name each folder by the index of its class")
    .with_settings(&["labels"]))
}

#[cfg(test)]
mod tests {
    use super::{Labelled, Order};
    use crate::model::{fact, label_set};

    fn labels(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn orders(folders: &[&str], known: Vec<String>, classes: usize) -> Vec<Order> {
        let labelled = Labelled {
            place: "photographs".into(),
            folders: labels(folders),
            photographs: Vec::new(),
            failed: 0,
        };
        Order::all(&labelled, fact(known, "file").as_ref(), Some(classes)).unwrap()
    }

    #[test]
    fn one_output_more_than_labels_is_a_background() {
        let two = labels(&["b", "a"]);
        let background = orders(&["a", "2"], two.clone(), 3);
        assert_eq!(background[0].labels, ["background", "b", "a"]);
        // A folder that is called by its output stays there.
        assert_eq!(background[0].targets, [2, 2]);
        assert_eq!(background[1].labels, ["b", "a", "background"]);
        assert_eq!(background[1].targets, [1, 2]);
        let same = orders(&["a", "b"], two.clone(), 2);
        assert_eq!((&same[0].labels, &same[0].targets), (&two, &vec![1, 0]));
        assert_eq!(same[1].labels, ["a", "b"]);
        assert_eq!(same[1].targets, [0, 1]);
    }

    #[test]
    fn a_background_that_the_labels_have_is_tried_at_either_end() {
        let first = labels(&["__background__", "cat", "ape"]);
        let tried = orders(&["cat"], first, 3);
        assert_eq!(tried[1].labels, ["cat", "ape", "__background__"]);
        let targets: Vec<usize> = tried.iter().map(|order| order.targets[0]).collect();
        assert_eq!(targets, [1, 0, 2]);
        let last = labels(&["cat", "ape", "background"]);
        assert_eq!(orders(&["cat"], last, 3)[1].targets, [1]);
    }

    #[test]
    fn synsets_are_found_in_every_order_of_the_labels() {
        // torchvision's names: macaw is 88, crane bird 134, crane (a machine) 517.
        let synsets = ["n01818515", "n02012849", "n03126707"];
        let targets = |known: Vec<String>, classes| -> Vec<Vec<usize>> {
            let orders = orders(&synsets, known, classes);
            orders.into_iter().map(|order| order.targets).collect()
        };
        let names = label_set("imagenet-1k").unwrap();
        let sorted = ["macaw", "crane bird", "crane"]
            .map(|name| names.iter().filter(|other| other.as_str() < name).count());
        assert_eq!(targets(names.clone(), 1000), [[88, 134, 517], sorted]);
        let background = targets(names.clone(), 1001);
        assert_eq!(background, [[89, 135, 518], [88, 134, 517]]);
        // The set with a background, and a file that has it last.
        let set = label_set("imagenet-1k-background").unwrap();
        assert_eq!(targets(set, 1001)[..2], [[89, 135, 518], [88, 134, 517]]);
        let last = [names.clone(), labels(&["background"])].concat();
        assert_eq!(targets(last, 1001)[..2], [[88, 134, 517], [89, 135, 518]]);
        // Names in another order are found by themselves, other names by their number.
        let reversed = names.iter().rev().cloned().collect();
        assert_eq!(targets(reversed, 1000)[0], [999 - 88, 999 - 134, 999 - 517]);
        let foreign = (0..1000).map(|number| format!("Nr. {number}")).collect();
        assert_eq!(targets(foreign, 1000)[0], [88, 134, 517]);
    }
}
