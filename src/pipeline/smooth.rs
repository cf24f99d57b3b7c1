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
//! **Distance**: where a model says how far features may lie from those of a class, a class is
//! decided for only within that. The distance goes through the same average and the same
//! `hold` as the scores, so that one that flickers does not make the answer flicker.
//!
//! Where labels are independent of one another, all of this goes for each label by itself:
//! any number of them may be decided for at a time (`independent.rs`).

mod average;
mod exclusive;
mod independent;
mod reason;
mod steady;

use std::time::{Duration, Instant};

use super::score::{Candidate, Scores};
use crate::error::{Error, Result};
use crate::model::manifest::Manifest;
use average::Average;
use exclusive::Exclusive;
use independent::Independent;
pub use independent::Present;
pub use reason::UnknownReason;

/// What the picture is said to show.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Decision {
    /// The class decided for, or the best one where that is unknown.
    pub best: Candidate,
    /// Whether no class is decided for.
    pub unknown: bool,
    /// Why none is, if one class at a time is decided for.
    pub unknown_reason: Option<UnknownReason>,
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
    /// The largest distance at which a class is decided for, infinite for any; else the model's.
    pub farthest: Option<f32>,
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

    /// The largest distance at which a class is decided for, where the model's is `farthest`.
    ///
    /// # Errors
    /// One is asked for, and the model has none.
    fn farthest(&self, farthest: Option<f32>) -> Result<f32> {
        match (self.farthest, farthest) {
            (Some(asked), None) if asked.is_finite() => Err(Error::usage(
                "farthest",
                "the model knows no distances: it has no rejection.distance",
            )
            .with_remedy("calibrate it, or leave this out")
            .with_settings(&["farthest"])),
            (asked, own) => Ok(asked.or(own).unwrap_or(f32::INFINITY)),
        }
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
            let farthest = manifest.distance_rule().map(|(farthest, _)| farthest);
            Way::Exclusive(Exclusive::new(request, threshold, farthest)?)
        };
        Ok(Self {
            average: Average::new(request.time_constant),
            way,
        })
    }

    /// The decision for the scores and the distance of a frame captured `at`, and the independent
    /// labels that are `present`. Scores and distance become those that the decision rests on.
    pub(super) fn run(
        &mut self,
        scores: &mut Scores,
        distance: &mut Option<f32>,
        at: Instant,
        present: &mut Present,
    ) -> Decision {
        self.average.run(scores, distance, at);
        match &mut self.way {
            Way::Exclusive(decider) => decider.run(&scores.0, *distance, at),
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
        let mut decider = Exclusive::new(&request, threshold, None).unwrap();
        let start = Instant::now();
        let frames = scores.iter().zip(0..);
        frames
            .map(|([a, b], n)| {
                state(decider.run(&[*a, *b, 1.0 - a - b], None, start + n * ms(100)))
            })
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
            average.run(&mut Scores(vec![1.0, 0.0]), &mut None, start);
            let mut scores = Scores::default();
            for at in times {
                scores = Scores(vec![0.0, 1.0]);
                average.run(&mut scores, &mut None, start + ms(*at));
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
        let mut decider = Exclusive::new(&SmoothRequest::default(), None, None).unwrap();
        let start = Instant::now();
        let mut change =
            |scores: [f32; 2], at: u64| decider.run(&scores, None, start + ms(at)).change;
        assert_eq!(change([0.9, 0.1], 0), Some(Change { before: None }));
        assert_eq!(change([0.8, 0.2], 700), None);
        let before = Some((Some(0), ms(1500)));
        assert_eq!(change([0.2, 0.8], 1500), Some(Change { before }));
    }

    #[test]
    fn what_is_far_is_unknown_however_sure_the_score_and_the_reason_is_told() {
        use super::UnknownReason::{Both, Distance, Score};
        let request = SmoothRequest::default();
        let mut decider = Exclusive::new(&request, Some(0.6), Some(1.5)).unwrap();
        let start = Instant::now();
        let frames = [
            (0.9, 1.5, None),
            (0.9, 1.6, Some(Distance)),
            (0.5, 1.0, Some(Score)),
            (0.5, 2.0, Some(Both)),
            (0.6, -3.0, None),
        ];
        for (number, (score, distance, reason)) in (0..).zip(frames) {
            let at = start + number * ms(100);
            let decision = decider.run(&[score, 1.0 - score], Some(distance), at);
            assert_eq!(decision.unknown_reason, reason, "{number}");
            assert_eq!(decision.unknown, reason.is_some(), "{number}");
        }
    }

    #[test]
    fn a_distance_that_flickers_is_averaged_and_held_as_scores_are() {
        let start = Instant::now();
        let mut average = Average::new(ms(500));
        let mut after = |distance: f32, at: u64| {
            let mut distance = Some(distance);
            average.run(&mut Scores(vec![1.0]), &mut distance, start + ms(at));
            distance.unwrap()
        };
        assert_eq!(after(1.0, 0), 1.0);
        // 1 + (3 - 1) * (1 - exp(-100 / 500))
        assert!((after(3.0, 100) - 1.362_538).abs() < 1e-5);
        let hold = SmoothRequest {
            hold: ms(200),
            ..SmoothRequest::default()
        };
        let mut decider = Exclusive::new(&hold, None, Some(1.5)).unwrap();
        let mut unknown = |distance: f32, at: u64| {
            let decision = decider.run(&[0.9, 0.1], Some(distance), start + ms(at));
            (decision.unknown, decision.unknown_reason.is_some())
        };
        let distances = [1.0, 2.0, 1.0, 2.0, 2.0, 2.0, 1.0];
        let found: Vec<(bool, bool)> = (0..)
            .zip(distances)
            .map(|(number, distance)| unknown(distance, number * 100))
            .collect();
        let (known, far) = ((false, false), (true, true));
        // The last is near again, and held: the reason stays with it.
        assert_eq!(found, [known, known, known, known, known, far, far]);
    }

    #[test]
    fn a_distance_of_a_model_that_knows_none_is_refused_and_any_is_not() {
        let asked = |farthest: f32| {
            let request = SmoothRequest {
                farthest: Some(farthest),
                ..SmoothRequest::default()
            };
            Exclusive::new(&request, None, None).err()
        };
        assert!(asked(f32::INFINITY).is_none());
        let error = asked(2.0).unwrap().to_string();
        assert!(error.contains("no rejection.distance"), "{error}");
    }
}
