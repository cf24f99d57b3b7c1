//! The confusion matrix, and the usual measures that follow from it.

use std::fmt::Write;

use serde::Serialize;

/// How often each class was taken for each.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Confusion {
    /// Class names.
    pub(crate) labels: Vec<String>,
    /// Row: the true class. Column: the label given.
    pub(crate) counts: Vec<Vec<u64>>,
}

/// Precision, recall and their harmonic mean, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Measures {
    /// Share of the answers that are right.
    pub(crate) precision: f64,
    /// Share of the pictures that are found.
    pub(crate) recall: f64,
    /// Harmonic mean.
    pub(crate) f1: f64,
}

impl Measures {
    /// Of so many right answers among those given, and among those that should be. What
    /// cannot be computed is 0.
    pub(crate) fn of(right: u64, given: u64, there: u64) -> Self {
        Self {
            precision: share(right, given),
            recall: share(right, there),
            f1: share(2 * right, given + there),
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// One class's measures.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClassQuality {
    /// Its label.
    pub(crate) label: String,
    #[serde(flatten)]
    measures: Measures,
    /// Its pictures.
    pub(crate) support: u64,
    /// Pictures labelled so.
    pub(crate) predicted: u64,
}

impl std::ops::Deref for ClassQuality {
    type Target = Measures;
    fn deref(&self) -> &Measures {
        &self.measures
    }
}

/// The measures of a whole matrix; means are over the classes that have pictures.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Quality {
    /// Share of pictures labelled right.
    pub(crate) accuracy: f64,
    /// Every class.
    pub(crate) per_class: Vec<ClassQuality>,
    /// Classes count alike.
    pub(crate) macro_mean: Measures,
    /// Classes count by their pictures.
    pub(crate) weighted_mean: Measures,
}

/// Largest matrix that is printed as text.
const PRINTED: usize = 20;

impl Confusion {
    /// An empty matrix.
    pub(crate) fn new(labels: Vec<String>) -> Self {
        let counts = vec![vec![0; labels.len()]; labels.len()];
        Self { labels, counts }
    }

    /// Counts one picture.
    pub(crate) fn count(&mut self, expected: usize, label: usize) {
        self.counts[expected][label] += 1;
    }

    /// The measures. What cannot be computed (no picture, no answer) is 0, as in
    /// scikit-learn with `zero_division=0`.
    pub(crate) fn quality(&self) -> Quality {
        let per_class: Vec<ClassQuality> = (0..self.labels.len())
            .map(|class| {
                let support: u64 = self.counts[class].iter().sum();
                let predicted: u64 = self.counts.iter().map(|row| row[class]).sum();
                let right = self.counts[class][class];
                ClassQuality {
                    label: self.labels[class].clone(),
                    measures: Measures::of(right, predicted, support),
                    support,
                    predicted,
                }
            })
            .collect();
        let total: u64 = per_class.iter().map(|c| c.support).sum();
        let right: u64 = (0..self.labels.len())
            .map(|class| self.counts[class][class])
            .sum();
        let present = per_class.iter().filter(|c| c.support > 0).count().max(1) as f64;
        let mean = |weight: &dyn Fn(&ClassQuality) -> f64| {
            let sum =
                |value: fn(&Measures) -> f64| per_class.iter().map(|c| weight(c) * value(c)).sum();
            Measures {
                precision: sum(|m| m.precision),
                recall: sum(|m| m.recall),
                f1: sum(|m| m.f1),
            }
        };
        let macro_mean = mean(&|c| if c.support > 0 { 1.0 / present } else { 0.0 });
        let weighted_mean = mean(&|c| share(c.support, total));
        Quality {
            accuracy: share(right, total),
            macro_mean,
            weighted_mean,
            per_class,
        }
    }

    /// The matrix as a table; a large one as its most frequent mistakes.
    pub(crate) fn to_text(&self) -> String {
        if self.labels.len() > PRINTED {
            return self.mistakes();
        }
        let width = self
            .labels
            .iter()
            .map(|l| l.chars().count())
            .max()
            .unwrap_or(0)
            .max(6);
        // Writing to a String cannot fail.
        let mut text = format!("{:width$}", "true \\ given");
        for label in &self.labels {
            let _ = write!(text, "  {label:>width$}");
        }
        text.push('\n');
        for (label, row) in self.labels.iter().zip(&self.counts) {
            let _ = write!(text, "{label:12.width$}", width = width.max(12));
            for count in row {
                let _ = write!(text, "  {count:>width$}");
            }
            text.push('\n');
        }
        text
    }

    fn mistakes(&self) -> String {
        let mut pairs: Vec<(u64, usize, usize)> = Vec::new();
        for (expected, row) in self.counts.iter().enumerate() {
            let wrong = row
                .iter()
                .enumerate()
                .filter(|(given, count)| *given != expected && **count > 0);
            pairs.extend(wrong.map(|(given, count)| (*count, expected, given)));
        }
        pairs.sort_by(|a, b| b.0.cmp(&a.0).then(a.cmp(b)));
        let mut text = format!(
            "most frequent mistakes ({} classes: --format csv has the matrix)\n",
            self.labels.len()
        );
        for (count, expected, given) in pairs.into_iter().take(PRINTED) {
            let _ = writeln!(
                text,
                "{count:6}  {} taken for {}",
                self.labels[expected], self.labels[given]
            );
        }
        text
    }

    /// The matrix as rows of a table: a header of labels, a row per true class.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        let head = std::iter::once("true\\given".to_owned()).chain(self.labels.iter().cloned());
        let row = |(label, row): (&String, &Vec<u64>)| {
            let fields = row.iter().map(u64::to_string);
            std::iter::once(label.clone()).chain(fields).collect()
        };
        let rows = self.labels.iter().zip(&self.counts).map(row);
        std::iter::once(head.collect()).chain(rows).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Confusion;

    /// Expected values: scikit-learn's `classification_report(..., zero_division=0)` on
    /// y_true = [0]*5 + [1]*4 + [2], y_pred = [0,0,0,0,1, 1,1,1,0, 1].
    #[test]
    fn measures_are_those_of_scikit_learn() {
        let mut matrix = Confusion::new(["a", "b", "c", "d"].map(String::from).to_vec());
        for (expected, given, count) in [(0, 0, 4), (0, 1, 1), (1, 1, 3), (1, 0, 1), (2, 1, 1)] {
            (0..count).for_each(|_| matrix.count(expected, given));
        }
        let quality = matrix.quality();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        close(quality.accuracy, 0.7);
        close(quality.per_class[0].precision, 0.8);
        close(quality.per_class[1].recall, 0.75);
        close(quality.per_class[1].f1, 2.0 / 3.0);
        close(quality.per_class[2].f1, 0.0);
        close(quality.macro_mean.f1, (0.8 + 2.0 / 3.0) / 3.0);
        close(quality.weighted_mean.precision, 0.5 * 0.8 + 0.4 * 0.6);
        assert_eq!(matrix.rows()[1], ["a", "4", "1", "0", "0"]);
    }
}
