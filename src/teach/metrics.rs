//! How good answers to held-out pictures are: the manifest's metrics, and shares with their
//! intervals.

use serde::Serialize;

use crate::calibration::measures::{best, calibration_error, interval_of, significant};
use crate::model::manifest::{ClassMetrics, Metrics};

/// Classes that a picture's label has to be among, for the second accuracy.
const TOP: usize = 5;
/// Digits of a share in the manifest.
const DIGITS: usize = 6;

/// How many answers are right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Right answers.
    pub right: usize,
    /// Pictures.
    pub pictures: usize,
    /// Their share.
    pub share: f64,
    /// Between these it is with 95 % (Wilson), pictures that are nearly the same counted once.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Accuracy {
    /// So many right answers of so many pictures, `different` of which are not nearly the same.
    pub(super) fn new(right: usize, pictures: usize, different: usize) -> Self {
        let share = right as f64 / pictures.max(1) as f64;
        let (low, high) = interval_of(share, different.max(1) as f64);
        Self {
            right,
            pictures,
            share,
            low,
            high,
        }
    }
}

/// How often each class is taken for each: a row for each label, a column for each answer.
pub(super) fn confusion(
    probabilities: &[Vec<f64>],
    classes: &[usize],
    count: usize,
) -> Vec<Vec<usize>> {
    let mut matrix = vec![vec![0; count]; count];
    for (row, class) in probabilities.iter().zip(classes) {
        matrix[*class][best(row).0] += 1;
    }
    matrix
}

/// The manifest's metrics of these answers.
pub(super) fn metrics(probabilities: &[Vec<f64>], classes: &[usize], labels: &[String]) -> Metrics {
    let count = classes.len().max(1) as f64;
    let pairs = || probabilities.iter().zip(classes);
    let right = pairs().filter(|(row, class)| best(row).0 == **class);
    let rank = |row: &Vec<f64>, class: usize| row.iter().filter(|p| **p > row[class]).count();
    let among = pairs().filter(|(row, class)| rank(row, **class) < TOP);
    let losses = pairs().map(|(row, class)| -row[*class].max(f64::MIN_POSITIVE).ln());
    let answer = |(row, class): (&Vec<f64>, &usize)| {
        let (index, score) = best(row);
        (score, index == *class)
    };
    let answers: Vec<(f64, bool)> = pairs().map(answer).collect();
    let per_class = per_class(&confusion(probabilities, classes, labels.len()), labels);
    let f1 = per_class.iter().map(|row| row.f1).sum::<f64>() / labels.len().max(1) as f64;
    let digits = |value: f64| significant(value, DIGITS);
    Metrics {
        accuracy: digits(right.count() as f64 / count),
        top5: Some(digits(among.count() as f64 / count)),
        loss: digits(losses.sum::<f64>() / count),
        macro_f1: digits(f1),
        ece: digits(calibration_error(&answers)),
        per_class,
        micro_f1: None,
        mean_average_precision: None,
        leave_one_class_out: None,
    }
}

fn per_class(confusion: &[Vec<usize>], labels: &[String]) -> Vec<ClassMetrics> {
    let share = |part: usize, of: usize| {
        if of == 0 {
            0.0
        } else {
            part as f64 / of as f64
        }
    };
    let class = |(index, label): (usize, &String)| {
        let hits = confusion[index][index];
        let support = confusion[index].iter().sum();
        let answered = confusion.iter().map(|row| row[index]).sum();
        let (precision, recall) = (share(hits, answered), share(hits, support));
        let sum = precision + recall;
        let f1 = if sum == 0.0 {
            0.0
        } else {
            2.0 * precision * recall / sum
        };
        ClassMetrics {
            label: label.clone(),
            precision: significant(precision, DIGITS),
            recall: significant(recall, DIGITS),
            f1: significant(f1, DIGITS),
            support,
            average_precision: None,
        }
    };
    labels.iter().enumerate().map(class).collect()
}

#[cfg(test)]
mod tests {
    use super::{Accuracy, metrics};

    #[test]
    fn the_interval_is_wilson_s() {
        // statsmodels: proportion_confint(36, 39, method="wilson")
        let accuracy = Accuracy::new(36, 39, 39);
        assert!((accuracy.low - 0.796_79).abs() < 1e-4, "{accuracy:?}");
        assert!((accuracy.high - 0.973_49).abs() < 1e-4, "{accuracy:?}");
        // Copies tell nothing more.
        assert!(Accuracy::new(36, 39, 10).low < accuracy.low);
        assert_eq!(Accuracy::new(5, 5, 5).high, 1.0);
    }

    #[test]
    fn metrics_are_the_trainer_s() {
        // ocelli_trainer.fit.metrics.measure of the logarithms of these.
        let probabilities = [
            [0.7, 0.2, 0.1],
            [0.4, 0.5, 0.1],
            [0.1, 0.8, 0.1],
            [0.3, 0.3, 0.4],
        ];
        let rows: Vec<Vec<f64>> = probabilities.iter().map(|row| row.to_vec()).collect();
        let labels = ["a", "b", "c"].map(String::from);
        let found = metrics(&rows, &[0, 0, 1, 2], &labels);
        assert_eq!((found.accuracy, found.top5), (0.75, Some(1.0)));
        assert_eq!(
            (found.loss, found.macro_f1, found.ece),
            (0.6031, 0.777_778, 0.4)
        );
        assert_eq!(
            (found.per_class[1].precision, found.per_class[0].recall),
            (0.5, 0.5)
        );
    }
}
