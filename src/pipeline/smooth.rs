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

use std::time::{Duration, Instant};

use super::score::{Candidate, Scores, best};
use crate::error::{Error, Result};

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
    /// What was decided before, and for how long; `None` for the very first decision.
    pub before: Option<(State, Duration)>,
}

/// A class, or `None` for unknown.
pub type State = Option<usize>;

/// How steady decisions are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct SmoothOptions {
    /// Time constant of the moving average; zero for none.
    pub time_constant: Duration,
    /// The score at which a class is entered, 0 to 1.
    pub enter: f32,
    /// The score down to which it is kept, 0 to `enter`.
    pub leave: f32,
    /// How long a change has to last.
    pub hold: Duration,
}

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

impl SmoothOptions {
    /// How long an answer takes to follow a sudden change: the average arrives by 95 %, and
    /// the change is held for as long as it has to be.
    pub(crate) fn settling(&self) -> Duration {
        3 * self.time_constant + self.hold
    }
}

impl SmoothRequest {
    /// The options for a model with a rejection `threshold`.
    ///
    /// # Errors
    /// A class would be left before it is entered.
    pub(crate) fn resolve(&self, threshold: Option<f32>) -> Result<SmoothOptions> {
        let enter = self.enter.or(threshold).unwrap_or(0.0);
        let leave = self.leave.unwrap_or(enter);
        if leave > enter {
            return Err(Error::usage(
                "leave",
                format!("{leave} is above the score {enter} at which a class is entered"),
            )
            .with_remedy("set the score at which a class is entered to at least as much")
            .with_settings(&["enter"]));
        }
        Ok(SmoothOptions {
            time_constant: self.time_constant,
            enter,
            leave,
            hold: self.hold,
        })
    }
}

/// Decides from frame to frame.
pub(crate) struct Decider {
    options: SmoothOptions,
    average: Vec<f32>,
    last: Option<Instant>,
    /// The decision and since when it stands.
    current: Option<(State, Instant)>,
    /// What would be decided, and since when.
    pending: Option<(State, Instant)>,
}

impl Decider {
    /// A decider that knows nothing yet.
    pub(super) fn new(options: SmoothOptions) -> Self {
        Self {
            options,
            average: Vec::new(),
            last: None,
            current: None,
            pending: None,
        }
    }

    /// The decision for the scores of a frame captured `at`. The scores become those that
    /// the decision rests on.
    pub(super) fn run(&mut self, scores: &mut Scores, at: Instant) -> Decision {
        self.smooth(scores, at);
        let best = best(&scores.0);
        let target = self.target(&scores.0, best);
        let change = self.decide(target, at);
        let state = self.current.map_or(target, |(state, _)| state);
        Decision {
            best: state.map_or(best, |index| Candidate {
                index,
                score: scores.0[index],
            }),
            unknown: state.is_none(),
            change,
        }
    }

    fn smooth(&mut self, scores: &mut Scores, at: Instant) {
        let time_constant = self.options.time_constant.as_secs_f64();
        if time_constant == 0.0 {
            return;
        }
        if let Some(last) = self.last.replace(at) {
            let passed = at.saturating_duration_since(last).as_secs_f64();
            let share = (1.0 - (-passed / time_constant).exp()) as f32;
            for (average, score) in self.average.iter_mut().zip(&scores.0) {
                *average += share * (score - *average);
            }
            scores.0.copy_from_slice(&self.average);
        } else {
            self.average.clone_from(&scores.0);
        }
    }

    /// What the scores call for, regardless of how long they have.
    fn target(&self, scores: &[f32], best: Candidate) -> State {
        let current = self.current.and_then(|(state, _)| state);
        if best.score >= self.options.enter {
            return Some(best.index);
        }
        current.filter(|index| scores[*index] >= self.options.leave)
    }

    fn decide(&mut self, target: State, at: Instant) -> Option<Change> {
        let Some((state, since)) = self.current else {
            // Nothing is known yet: there is nothing to hold on to.
            self.current = Some((target, at));
            return Some(Change { before: None });
        };
        if target == state {
            self.pending = None;
            return None;
        }
        let waited_since = match self.pending {
            Some((pending, since)) if pending == target => since,
            _ => at,
        };
        if at.saturating_duration_since(waited_since) < self.options.hold {
            self.pending = Some((target, waited_since));
            return None;
        }
        self.pending = None;
        self.current = Some((target, at));
        Some(Change {
            before: Some((state, at.saturating_duration_since(since))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Decider, Decision, SmoothOptions, SmoothRequest, State};
    use crate::pipeline::score::Scores;
    use std::time::{Duration, Instant};

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn state(decision: Decision) -> State {
        (!decision.unknown).then_some(decision.best.index)
    }

    /// The states for scores of class 0, class 1 and the rest, 100 ms apart.
    fn states(options: SmoothOptions, scores: &[[f32; 2]]) -> Vec<State> {
        let (mut decider, start) = (Decider::new(options), Instant::now());
        let frames = scores.iter().zip(0..);
        frames
            .map(|([a, b], n)| {
                let mut scores = Scores(vec![*a, *b, 1.0 - a - b]);
                state(decider.run(&mut scores, start + n * ms(100)))
            })
            .collect()
    }

    #[test]
    fn a_score_at_the_threshold_is_known_and_one_below_is_not() {
        let options = SmoothRequest::default().resolve(Some(0.6)).unwrap();
        let scores = [[0.39, 0.61], [0.6, 0.4], [0.59, 0.41], [0.1, 0.9]];
        assert_eq!(states(options, &scores), [Some(1), Some(0), None, Some(1)]);
        let none = SmoothRequest::default().resolve(None).unwrap();
        assert_eq!(states(none, &[[0.5, 0.4], [0.4, 0.5]]), [Some(0), Some(1)]);
    }

    #[test]
    fn the_average_follows_the_clock_and_not_the_number_of_frames() {
        let options = SmoothOptions {
            time_constant: ms(500),
            ..SmoothOptions::default()
        };
        let start = Instant::now();
        let after = |times: &[u64]| {
            let mut decider = Decider::new(options);
            decider.run(&mut Scores(vec![1.0, 0.0]), start);
            let mut scores = Scores::default();
            for at in times {
                scores = Scores(vec![0.0, 1.0]);
                decider.run(&mut scores, start + ms(*at));
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
        let options = SmoothOptions {
            enter: 0.7,
            leave: 0.4,
            ..SmoothOptions::default()
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
        let options = SmoothOptions {
            hold: ms(200),
            ..SmoothOptions::default()
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
        let mut decider = Decider::new(SmoothOptions::default());
        let start = Instant::now();
        let mut change = |scores: [f32; 2], at: u64| {
            decider
                .run(&mut Scores(scores.to_vec()), start + ms(at))
                .change
        };
        assert_eq!(change([0.9, 0.1], 0), Some(Change { before: None }));
        assert_eq!(change([0.8, 0.2], 700), None);
        let before = Some((Some(0), ms(1500)));
        assert_eq!(change([0.2, 0.8], 1500), Some(Change { before }));
    }
}
