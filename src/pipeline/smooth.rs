//! Fifth stage: a decision from scores. Frame by frame the best class counts, unless the
//! model was trained to say when it does not know. Over time, two things keep a live
//! answer steady; both are off unless asked for.
//!
//! **Smoothing** (a time constant τ): each class's score follows an exponential moving average
//! by the clock, not by the frame, so that dropped frames change nothing:
//! `s ← s + (1 − exp(−Δt/τ)) · (p − s)`, where `p` is the new score and `Δt` the time
//! since the last one. After `τ` a sudden change has arrived by 63 %, after `3τ` by 95 %.
//! Scores stay within 0 to 1, and their sum stays what it was.
//!
//! **Hysteresis** (`enter`, `leave`, `hold`): a class is entered at `enter` or above,
//! and stays the answer while it is at `leave` or above, even if another is ahead but
//! below `enter`; below `leave` the answer is unknown. Any change has to last for `hold`.
//! With enter 0.7 and leave 0.4, scores of 0.75, 0.5, 0.45 for "cat" are cat, cat, cat;
//! 0.35 is unknown; 0.6 is still unknown.
//!
//! Where labels are independent of one another, all of this goes for each label by itself:
//! any number of them may be decided for at a time (`independent.rs`).

mod average;
mod exclusive;
mod independent;
mod steady;

use std::time::{Duration, Instant};

use super::score::{Candidate, Scores};
use crate::error::{Error, Result};
use crate::model::manifest::Manifest;
use average::Average;
use exclusive::Exclusive;
use independent::Independent;
pub use independent::Present;

/// What the picture is said to show.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Decision {
    /// The class decided for, or the best one where that is unknown.
    pub best: Candidate,
    /// Whether no class is decided for.
    pub unknown: bool,
    /// What the decision was before, if this frame changed it.
    pub change: Option<Change>,
}

/// A new decision, and the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was decided before, and for how long; `None` for the very first decision. Of
    /// independent labels, [`Present::before`] has what.
    pub before: Option<(State, Duration)>,
}

/// A class, or `None` for unknown.
pub type State = Option<usize>;

/// What is asked for; what is `None` follows from the model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SmoothRequest {
    /// Time constant of the moving average; zero for none.
    pub time_constant: Duration,
    /// The score at which a class is entered, 0 to 1; else the model's rejection threshold.
    pub enter: Option<f32>,
    /// The score down to which it is kept; else `enter`.
    pub leave: Option<f32>,
    /// How long a change has to last.
    pub hold: Duration,
}

impl SmoothRequest {
    /// How long an answer takes to follow a sudden change: the average arrives by 95 %, and
    /// the change is held for as long as it has to be.
    pub(crate) fn settling(&self) -> Duration {
        3 * self.time_constant + self.hold
    }

    /// The scores at which a class is entered and left, where the model's is `threshold`.
    ///
    /// # Errors
    /// It would be left before it is entered.
    fn limits(&self, threshold: f32) -> Result<(f32, f32)> {
        let enter = self.enter.unwrap_or(threshold);
        let leave = self.leave.unwrap_or(enter);
        if leave > enter {
            return Err(Error::usage(
                "leave",
                format!("{leave} is above the score {enter} at which a class is entered"),
            )
            .with_remedy("set the score at which a class is entered to at least as much")
            .with_settings(&["enter"]));
        }
        Ok((enter, leave))
    }
}

/// Decides from frame to frame.
pub(crate) struct Decider {
    average: Average,
    way: Way,
}

enum Way {
    Exclusive(Exclusive),
    Independent(Independent),
}

impl Decider {
    /// A decider for a model, that knows nothing yet.
    ///
    /// # Errors
    /// A class would be left before it is entered.
    pub(super) fn new(request: &SmoothRequest, manifest: &Manifest) -> Result<Self> {
        let output = &manifest.output;
        let way = if output.kind.is_independent() {
            let labels = manifest.labels.len();
            Way::Independent(Independent::new(request, output, labels)?)
        } else {
            let threshold = manifest.rejection.map(|r| r.threshold as f32);
            Way::Exclusive(Exclusive::new(request, threshold)?)
        };
        Ok(Self {
            average: Average::new(request.time_constant),
            way,
        })
    }

    /// The decision for the scores of a frame captured `at`, and the independent labels that
    /// are `present`. The scores become those that the decision rests on.
    pub(super) fn run(
        &mut self,
        scores: &mut Scores,
        at: Instant,
        present: &mut Present,
    ) -> Decision {
        self.average.run(scores, at);
        match &mut self.way {
            Way::Exclusive(decider) => decider.run(&scores.0, at),
            Way::Independent(decider) => decider.run(&scores.0, at, present),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Average, Change, Decision, Exclusive, SmoothRequest, State};
    use crate::pipeline::score::Scores;
    use std::time::{Duration, Instant};

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn state(decision: Decision) -> State {
        (!decision.unknown).then_some(decision.best.index)
    }

    /// The states for scores of class 0, class 1 and the rest, 100 ms apart.
    fn states(request: SmoothRequest, scores: &[[f32; 2]]) -> Vec<State> {
        states_with(request, None, scores)
    }

    fn states_with(
        request: SmoothRequest,
        threshold: Option<f32>,
        scores: &[[f32; 2]],
    ) -> Vec<State> {
        let mut decider = Exclusive::new(&request, threshold).unwrap();
        let start = Instant::now();
        let frames = scores.iter().zip(0..);
        frames
            .map(|([a, b], n)| state(decider.run(&[*a, *b, 1.0 - a - b], start + n * ms(100))))
            .collect()
    }

    #[test]
    fn a_score_at_the_threshold_is_known_and_one_below_is_not() {
        let request = SmoothRequest::default();
        let scores = [[0.39, 0.61], [0.6, 0.4], [0.59, 0.41], [0.1, 0.9]];
        assert_eq!(
            states_with(request, Some(0.6), &scores),
            [Some(1), Some(0), None, Some(1)]
        );
        let scores = [[0.5, 0.4], [0.4, 0.5]];
        assert_eq!(states(request, &scores), [Some(0), Some(1)]);
    }

    #[test]
    fn the_average_follows_the_clock_and_not_the_number_of_frames() {
        let start = Instant::now();
        let after = |times: &[u64]| {
            let mut average = Average::new(ms(500));
            average.run(&mut Scores(vec![1.0, 0.0]), start);
            let mut scores = Scores::default();
            for at in times {
                scores = Scores(vec![0.0, 1.0]);
                average.run(&mut scores, start + ms(*at));
            }
            scores.0
        };
        // 1 - exp(-1) = 0.632121 after one time constant, by one frame or by five.
        for times in [&[500][..], &[100, 200, 300, 400, 500]] {
            let scores = after(times);
            assert!((scores[1] - 0.632_121).abs() < 1e-6, "{scores:?}");
            assert!((scores[0] + scores[1] - 1.0).abs() < 1e-6, "{scores:?}");
        }
    }

    #[test]
    fn a_class_is_entered_high_and_left_low() {
        let options = SmoothRequest {
            enter: Some(0.7),
            leave: Some(0.4),
            ..SmoothRequest::default()
        };
        let scores = [
            [0.75, 0.1],
            [0.5, 0.1],
            [0.45, 0.5],
            [0.35, 0.6],
            [0.6, 0.3],
            [0.2, 0.7],
        ];
        let expected = [Some(0), Some(0), Some(0), None, None, Some(1)];
        assert_eq!(states(options, &scores), expected);
    }

    #[test]
    fn a_change_has_to_last() {
        let options = SmoothRequest {
            hold: ms(200),
            ..SmoothRequest::default()
        };
        let (a, b) = ([0.9, 0.1], [0.1, 0.9]);
        let scores = [a, b, a, b, b, b, b];
        let (first, second) = (Some(0), Some(1));
        assert_eq!(
            states(options, &scores),
            [first, first, first, first, first, second, second]
        );
    }

    #[test]
    fn a_change_tells_what_was_before_and_how_long() {
        let mut decider = Exclusive::new(&SmoothRequest::default(), None).unwrap();
        let start = Instant::now();
        let mut change = |scores: [f32; 2], at: u64| decider.run(&scores, start + ms(at)).change;
        assert_eq!(change([0.9, 0.1], 0), Some(Change { before: None }));
        assert_eq!(change([0.8, 0.2], 700), None);
        let before = Some((Some(0), ms(1500)));
        assert_eq!(change([0.2, 0.8], 1500), Some(Change { before }));
    }
}
