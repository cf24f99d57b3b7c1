//! One class at a time, or none.

use std::time::{Duration, Instant};

use super::steady::Steady;
use super::{Change, Decision, SmoothRequest, State, UnknownReason};
use crate::error::Result;
use crate::pipeline::score::{Candidate, best};

/// Decides which class it is.
pub(super) struct Exclusive {
    enter: f32,
    leave: f32,
    /// The largest distance at which a class is decided for.
    farthest: f32,
    hold: Duration,
    state: Steady<State>,
    /// Why the answer is unknown, or was the last time.
    reason: Option<UnknownReason>,
}

impl Exclusive {
    /// For a model with a rejection `threshold`, and a distance beyond which it rejects, too.
    ///
    /// # Errors
    /// A class would be left before it is entered; the model has no distances.
    pub(super) fn new(
        request: &SmoothRequest,
        threshold: Option<f32>,
        farthest: Option<f32>,
    ) -> Result<Self> {
        let (enter, leave) = request.limits(threshold.unwrap_or(0.0))?;
        Ok(Self {
            enter,
            leave,
            farthest: request.farthest(farthest)?,
            hold: request.hold,
            state: Steady::new(),
            reason: None,
        })
    }

    pub(super) fn run(&mut self, scores: &[f32], distance: Option<f32>, at: Instant) -> Decision {
        let best = best(scores);
        let by_score = self.by_score(scores, best);
        let is_far = distance.is_some_and(|distance| distance > self.farthest);
        // An answer that is only held on to has the reason that it had.
        self.reason = UnknownReason::of(by_score.is_none(), is_far).or(self.reason);
        let target = by_score.filter(|_| !is_far);
        let left = self.state.run(target, self.hold, at);
        let state = self.state.state().unwrap_or(target);
        Decision {
            best: state.map_or(best, |index| Candidate {
                index,
                score: scores[index],
            }),
            unknown: state.is_none(),
            unknown_reason: self.reason.filter(|_| state.is_none()),
            change: left.map(|before| Change { before }),
        }
    }

    /// What the scores call for, regardless of how long they have.
    fn by_score(&self, scores: &[f32], best: Candidate) -> State {
        if best.score >= self.enter {
            return Some(best.index);
        }
        let current = self.state.state().flatten();
        current.filter(|index| scores[*index] >= self.leave)
    }
}
