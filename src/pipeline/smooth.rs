//! Fifth stage: a decision from scores. The best class counts, unless the model was
//! trained to say when it does not know.

use super::score::{Candidate, Scores, best};
/// What the picture is said to show.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Decision {
    /// The best class.
    pub best: Candidate,
    /// Whether its score is below the model's rejection threshold.
    pub unknown: bool,
}

/// Decides frame by frame.
pub struct Decider {
    threshold: f32,
}

impl Decider {
    /// A decider with a rejection threshold, 0 to 1; without one nothing is unknown.
    pub fn new(threshold: Option<f32>) -> Self {
        Self {
            threshold: threshold.unwrap_or(0.0),
        }
    }

    /// The decision for one frame's scores.
    pub fn run(&self, scores: &Scores) -> Decision {
        let best = best(&scores.0);
        Decision {
            best,
            unknown: best.score < self.threshold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Decider;
    use crate::pipeline::score::{Candidate, Scores};

    #[test]
    fn a_score_at_the_threshold_is_known_and_one_below_is_not() {
        let decider = Decider::new(Some(0.6));
        let decision = decider.run(&Scores(vec![0.4, 0.6]));
        assert_eq!(
            decision.best,
            Candidate {
                index: 1,
                score: 0.6
            }
        );
        assert!(!decision.unknown);
        assert!(decider.run(&Scores(vec![0.41, 0.59])).unknown);
        assert!(!Decider::new(None).run(&Scores(vec![0.5, 0.5])).unknown);
    }
}
