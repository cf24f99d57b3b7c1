//! Whether an answer is a close one: no class is decided for, another is nearly as likely, or
//! the best is hardly above the score from which it counts.

use crate::model::manifest::{Manifest, OutputKind};
use crate::pipeline::record::Record;

/// Two classes whose scores are no farther apart are both likely.
const MARGIN: f32 = 0.2;
/// Of the way from the threshold to certainty, what is still near the threshold.
const NEAR: f32 = 0.1;

/// The scores from which a model's answers count.
pub(super) enum Doubt {
    /// Of one class at a time.
    Exclusive(Option<f32>),
    /// Of each label by itself.
    Independent(Vec<f32>),
}

impl Doubt {
    /// By what the model says.
    pub(super) fn new(manifest: &Manifest) -> Self {
        let output = &manifest.output;
        match output.kind {
            OutputKind::SigmoidLogits | OutputKind::SigmoidProbabilities => {
                let labels = 0..manifest.labels.len();
                Self::Independent(labels.map(|label| output.threshold(label)).collect())
            }
            _ => Self::Exclusive(manifest.rejection.map(|r| r.threshold as f32)),
        }
    }

    /// Whether these `scores`, and the decision in the record, are a close thing.
    pub(super) fn is_close(&self, scores: &[f32], record: &Record) -> bool {
        match self {
            Self::Independent(thresholds) => {
                let mut labels = scores.iter().zip(thresholds);
                labels.any(|(score, threshold)| (score - threshold).abs() < MARGIN / 2.0)
            }
            Self::Exclusive(threshold) => {
                let [best, second] = two_best(scores);
                let threshold = threshold.unwrap_or(0.0);
                record.decision.unknown
                    || best - second < MARGIN
                    || best < threshold + NEAR * (1.0 - threshold)
            }
        }
    }
}

fn two_best(scores: &[f32]) -> [f32; 2] {
    scores.iter().fold([0.0, 0.0], |[best, second], score| {
        if *score > best {
            [*score, best]
        } else {
            [best, second.max(*score)]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::Doubt;
    use crate::pipeline::record::Record;

    #[test]
    fn close_are_two_alike_and_one_that_hardly_counts() {
        let close = |doubt: &Doubt, scores: &[f32]| doubt.is_close(scores, &Record::default());
        let plain = Doubt::Exclusive(None);
        assert!(close(&plain, &[0.3, 0.45, 0.25]));
        assert!(!close(&plain, &[0.2, 0.7, 0.1]));
        let careful = Doubt::Exclusive(Some(0.8));
        assert!(close(&careful, &[0.81, 0.19]));
        assert!(!close(&careful, &[0.83, 0.17]));
        let several = Doubt::Independent(vec![0.5, 0.9]);
        assert!(close(&several, &[0.0, 0.85]));
        assert!(close(&several, &[0.55, 0.0]));
        assert!(!close(&several, &[0.99, 0.5]));
        let mut unknown = Record::default();
        unknown.decision.unknown = true;
        assert!(plain.is_close(&[0.9, 0.1], &unknown));
    }
}
