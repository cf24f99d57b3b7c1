//! The usual measures where labels are independent of one another: each label is a question
//! of its own, answered with yes or no.

use serde::Serialize;

use super::confusion::Measures;

/// What was asked and answered about every picture.
#[derive(Default)]
pub(crate) struct Answers {
    labels: Vec<String>,
    /// Of each label: the score, and whether it is truly there, for every picture.
    scores: Vec<Vec<(f32, bool)>>,
    counts: Vec<Count>,
    pictures: u64,
    /// Pictures with exactly the right labels.
    exact: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    right: u64,
    given: u64,
    there: u64,
}

impl Count {
    fn measures(self) -> Measures {
        Measures::of(self.right, self.given, self.there)
    }
}

/// One label's measures.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LabelQuality {
    /// Its name.
    pub(crate) label: String,
    #[serde(flatten)]
    pub(crate) measures: Measures,
    /// Area under the curve of precision over recall, whatever the threshold.
    pub(crate) average_precision: f64,
    /// Pictures that have it.
    pub(crate) support: u64,
    /// Pictures that were given it.
    pub(crate) predicted: u64,
}

/// The measures over all labels.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MultilabelQuality {
    /// Share of pictures with exactly the right labels.
    pub(crate) subset_accuracy: f64,
    /// Every label.
    pub(crate) per_label: Vec<LabelQuality>,
    /// All questions count alike.
    pub(crate) micro_mean: Measures,
    /// Labels count alike.
    pub(crate) macro_mean: Measures,
    /// Mean of the labels' average precision.
    pub(crate) mean_average_precision: f64,
}

impl Answers {
    /// No picture yet.
    pub(crate) fn new(labels: &[String]) -> Self {
        Self {
            labels: labels.to_vec(),
            scores: vec![Vec::new(); labels.len()],
            counts: vec![Count::default(); labels.len()],
            ..Self::default()
        }
    }

    /// Enters a picture: of every label the score, whether it was given, whether it is there.
    pub(crate) fn enter(&mut self, answers: impl Iterator<Item = (f32, bool, bool)>) {
        let mut exact = true;
        for (label, (score, given, there)) in answers.enumerate() {
            self.scores[label].push((score, there));
            let count = &mut self.counts[label];
            count.given += u64::from(given);
            count.there += u64::from(there);
            count.right += u64::from(given && there);
            exact &= given == there;
        }
        self.pictures += 1;
        self.exact += u64::from(exact);
    }

    /// The measures. What cannot be computed is 0, as in scikit-learn with
    /// `zero_division=0`.
    pub(crate) fn quality(&self) -> MultilabelQuality {
        let per_label: Vec<LabelQuality> = self
            .labels
            .iter()
            .zip(self.counts.iter().zip(&self.scores))
            .map(|(label, (count, scores))| LabelQuality {
                label: label.clone(),
                measures: count.measures(),
                average_precision: average_precision(scores),
                support: count.there,
                predicted: count.given,
            })
            .collect();
        let all = self
            .counts
            .iter()
            .fold(Count::default(), |sum, count| Count {
                right: sum.right + count.right,
                given: sum.given + count.given,
                there: sum.there + count.there,
            });
        let labels = per_label.len().max(1) as f64;
        let mean =
            |value: fn(&LabelQuality) -> f64| per_label.iter().map(value).sum::<f64>() / labels;
        MultilabelQuality {
            subset_accuracy: self.exact as f64 / self.pictures.max(1) as f64,
            micro_mean: all.measures(),
            macro_mean: Measures {
                precision: mean(|l| l.measures.precision),
                recall: mean(|l| l.measures.recall),
                f1: mean(|l| l.measures.f1),
            },
            mean_average_precision: mean(|l| l.average_precision),
            per_label,
        }
    }
}

/// The sum over falling thresholds of precision times the gain in recall; pictures of one
/// score come at one threshold.
fn average_precision(scores: &[(f32, bool)]) -> f64 {
    let there = scores.iter().filter(|(_, there)| *there).count();
    if there == 0 {
        return 0.0;
    }
    let mut ranked = scores.to_vec();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut sum, mut found, mut seen) = (0.0, 0, 0);
    for equals in ranked.chunk_by(|a, b| a.0 == b.0) {
        let gain = equals.iter().filter(|(_, there)| *there).count();
        (found, seen) = (found + gain, seen + equals.len());
        sum += gain as f64 / there as f64 * found as f64 / seen as f64;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::Answers;

    /// Expected values: scikit-learn's `precision_recall_fscore_support`,
    /// `average_precision_score` and `accuracy_score` on these.
    #[test]
    fn measures_are_those_of_scikit_learn() {
        let there = [[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 0], [1, 0, 0]];
        let scores = [
            [0.9, 0.2, 0.4],
            [0.6, 0.7, 0.4],
            [0.3, 0.8, 0.1],
            [0.6, 0.5, 0.4],
            [0.7, 0.1, 0.2],
        ];
        let mut answers = Answers::new(&["a", "b", "c"].map(String::from));
        for (there, scores) in there.iter().zip(scores) {
            answers.enter(
                there
                    .iter()
                    .zip(scores)
                    .map(|(t, s)| (s, s >= 0.5, *t == 1)),
            );
        }
        let quality = answers.quality();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        let [a, b, c] = &quality.per_label[..] else {
            panic!("three labels");
        };
        close(a.measures.f1, 4.0 / 7.0);
        close(b.measures.precision, 2.0 / 3.0);
        close(b.measures.recall, 1.0);
        close(c.measures.f1, 0.0);
        close(a.average_precision, 13.0 / 15.0);
        close(b.average_precision, 1.0);
        // Three pictures of one score are one step.
        close(c.average_precision, 1.0 / 3.0);
        close(quality.micro_mean.precision, 4.0 / 7.0);
        close(quality.micro_mean.f1, 8.0 / 13.0);
        close(quality.macro_mean.f1, 16.0 / 35.0);
        close(quality.mean_average_precision, 11.0 / 15.0);
        close(quality.subset_accuracy, 0.2);
    }
}
