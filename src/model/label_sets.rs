//! Class names of well-known data sets, built in: whoever has a model of ImageNet should
//! not have to look for a file of its thousand names in the right order.
//!
//! `imagenet-1k`, `coco` and `fashion-mnist` are torchvision's (BSD 3-Clause), the synsets
//! timm's (Apache 2.0), all written by `scripts/recipes`; CIFAR's are those of its own
//! `batches.meta` and `meta` files, MNIST's are its digits.

use std::path::Path;

use super::foreign::labels;
use crate::error::Result;

const IMAGENET: &str = include_str!("label_sets/imagenet-1k.txt");

/// A set's name, what stands before the text's lines, and the text.
const SETS: [(&str, Option<&str>, &str); 8] = [
    ("imagenet-1k", None, IMAGENET),
    ("imagenet-1k-background", Some("background"), IMAGENET),
    (
        "imagenet-1k-synsets",
        None,
        include_str!("label_sets/imagenet-1k-synsets.txt"),
    ),
    ("cifar10", None, include_str!("label_sets/cifar10.txt")),
    ("cifar100", None, include_str!("label_sets/cifar100.txt")),
    ("coco", None, include_str!("label_sets/coco.txt")),
    (
        "fashion-mnist",
        None,
        include_str!("label_sets/fashion-mnist.txt"),
    ),
    ("mnist", None, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"),
];

/// The class names of a set, in the order that models have them.
pub fn label_set(name: &str) -> Option<Vec<String>> {
    let (_, before, text) = SETS.iter().find(|(set, ..)| *set == name)?;
    let lines = before.iter().copied().chain(text.lines());
    Some(lines.map(String::from).collect())
}

/// The sets' names.
pub fn label_set_names() -> impl Iterator<Item = &'static str> {
    SETS.iter().map(|(name, ..)| *name)
}

/// The labels in a file, or of a set where there is no file of that name.
///
/// # Errors
/// Neither is there, or the file is no label file.
pub(super) fn read(name: &Path) -> Result<Vec<String>> {
    if name.exists() {
        return labels::read(name);
    }
    match name.to_str().and_then(label_set) {
        Some(labels) => Ok(labels),
        None => labels::read(name).map_err(|error| {
            let sets: Vec<&str> = label_set_names().collect();
            error.with_expected(format!("a file, or one of {}", sets.join(", ")))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::{label_set, label_set_names};

    #[test]
    fn every_set_has_its_classes_in_their_places() {
        // Index and name as PyTorch Hub's imagenet_classes.txt, the TensorFlow ImageNet labels
        // and the data sets' own pages have them.
        let cases = [
            ("imagenet-1k", 1000, 88, "macaw"),
            ("imagenet-1k-background", 1001, 89, "macaw"),
            ("imagenet-1k-synsets", 1000, 88, "n01818515"),
            ("cifar10", 10, 3, "cat"),
            ("cifar100", 100, 99, "worm"),
            ("coco", 80, 0, "person"),
            ("fashion-mnist", 10, 9, "Ankle boot"),
            ("mnist", 10, 7, "7"),
        ];
        assert_eq!(
            label_set_names().collect::<Vec<_>>(),
            cases.map(|(name, ..)| name)
        );
        for (name, classes, index, label) in cases {
            let labels = label_set(name).unwrap();
            assert_eq!((labels.len(), &*labels[index]), (classes, label), "{name}");
            assert!(labels.iter().all(|l| !l.trim().is_empty()), "{name}");
        }
        assert_eq!(label_set("imagenet"), None);
    }
}
