//! One class at a time, or none.

use std::time::{Duration, Instant};

use super::steady::Steady;
use super::{Change, Decision, SmoothRequest, State};
use crate::error::Result;
use crate::pipeline::score::{Candidate, best};

/// Decides which class it is.
pub(super) struct Exclusive {
    enter: f32,
    leave: f32,
    hold: Duration,
    state: Steady<State>,
}

impl Exclusive {
    /// For a model with a rejection `threshold`.
    ///
    /// # Errors
    /// A class would be left before it is entered.
    pub(super) fn new(request: &SmoothRequest, threshold: Option<f32>) -> Result<Self> {
        let (enter, leave) = request.limits(threshold.unwrap_or(0.0))?;
        Ok(Self {
            enter,
            leave,
            hold: request.hold,
            state: Steady::new(),
        })
    }

    pub(super) fn run(&mut self, scores: &[f32], at: Instant) -> Decision {
        let best = best(scores);
        let target = self.target(scores, best);
        let left = self.state.run(target, self.hold, at);
        let state = self.state.state().unwrap_or(target);
        Decision {
            best: state.map_or(best, |index| Candidate {
                index,
                score: scores[index],
            }),
            unknown: state.is_none(),
            change: left.map(|before| Change { before }),
        }
    }

    /// What the scores call for, regardless of how long they have.
    fn target(&self, scores: &[f32], best: Candidate) -> State {
        if best.score >= self.enter {
            return Some(best.index);
        }
        let current = self.state.state().flatten();
        current.filter(|index| scores[*index] >= self.leave)
    }
}
