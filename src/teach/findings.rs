//! What the folds' answers tell of the pictures: classes that are taken for one another, and
//! labels that may be wrong.

use std::path::PathBuf;

use serde::Serialize;

use crate::calibration::measures::best;

/// Pairs that are told of.
const PAIRS: usize = 5;
/// Suspects that are told of.
const SUSPECTS: usize = 10;
/// A label less likely than that, where another is likelier than [`SURE`], is suspect.
const UNLIKELY: f64 = 0.2;
const SURE: f64 = 0.5;

/// A class that is taken for another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Confusion {
    /// What the pictures show.
    pub label: String,
    /// What they are taken for.
    pub taken_for: String,
    /// How many are.
    pub pictures: usize,
}

/// A picture whose label may be wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suspect {
    /// The file.
    pub file: PathBuf,
    /// The label that it has.
    pub label: String,
    /// How likely that is.
    pub probability: f64,
    /// What is likelier.
    pub likelier: String,
    /// How likely that is.
    pub its_probability: f64,
}

/// The pairs of classes that are confused most, the most frequent first.
pub(super) fn confusions(matrix: &[Vec<usize>], labels: &[String]) -> Vec<Confusion> {
    let mut pairs = Vec::new();
    for (row, label) in matrix.iter().zip(labels) {
        for (pictures, taken_for) in row.iter().zip(labels) {
            if *pictures > 0 && label != taken_for {
                pairs.push(Confusion {
                    label: label.clone(),
                    taken_for: taken_for.clone(),
                    pictures: *pictures,
                });
            }
        }
    }
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.pictures));
    pairs.truncate(PAIRS);
    pairs
}

/// The pictures whose label is least likely, the least likely first.
pub(super) fn suspects(
    files: &[PathBuf],
    probabilities: &[Vec<f64>],
    classes: &[usize],
    labels: &[String],
) -> Vec<Suspect> {
    let rows = files.iter().zip(probabilities).zip(classes);
    let mut suspects: Vec<Suspect> = rows
        .filter_map(|((file, row), class)| {
            let (likelier, its_probability) = best(row);
            let probability = row[*class];
            (probability < UNLIKELY && its_probability > SURE).then(|| Suspect {
                file: file.clone(),
                label: labels[*class].clone(),
                probability,
                likelier: labels[likelier].clone(),
                its_probability,
            })
        })
        .collect();
    suspects.sort_by(|a, b| a.probability.total_cmp(&b.probability));
    suspects.truncate(SUSPECTS);
    suspects
}
