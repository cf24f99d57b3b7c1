//! Any number of labels at a time: each is there or not, whatever the others are.

use std::time::{Duration, Instant};

use super::steady::Steady;
use super::{Change, Decision, SmoothRequest};
use crate::error::Result;
use crate::model::manifest::Output;
use crate::pipeline::score::{Candidate, best};

/// The labels that are there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Present {
    /// The labels, the surest first.
    pub now: Vec<Candidate>,
    /// Where the decision changed: the labels that were there before, in their own order.
    pub before: Vec<usize>,
}

/// Decides of each label whether it is there.
pub(super) struct Independent {
    labels: Vec<Label>,
    hold: Duration,
    since: Option<Instant>,
}

struct Label {
    enter: f32,
    leave: f32,
    there: Steady<bool>,
}

impl Independent {
    /// For a model with this output, and so many labels.
    ///
    /// # Errors
    /// A label would be left before it is entered.
    pub(super) fn new(request: &SmoothRequest, output: &Output, labels: usize) -> Result<Self> {
        let label = |index| {
            let (enter, leave) = request.limits(output.threshold(index))?;
            Ok(Label {
                enter,
                leave,
                there: Steady::new(),
            })
        };
        Ok(Self {
            labels: (0..labels).map(label).collect::<Result<_>>()?,
            hold: request.hold,
            since: None,
        })
    }

    pub(super) fn run(&mut self, scores: &[f32], at: Instant, present: &mut Present) -> Decision {
        let is_there = |label: &Label| label.there.state() == Some(true);
        present.before.clear();
        let before = self.labels.iter().enumerate();
        let before = before.filter(|(_, label)| is_there(label));
        present.before.extend(before.map(|(index, _)| index));
        let mut changed = false;
        present.now.clear();
        for (index, (label, score)) in self
            .labels
            .iter_mut()
            .zip(scores.iter().copied())
            .enumerate()
        {
            let least = if is_there(label) {
                label.leave
            } else {
                label.enter
            };
            changed |= label.there.run(score >= least, self.hold, at).is_some();
            if is_there(label) {
                let place = present.now.partition_point(|other| other.score >= score);
                present.now.insert(place, Candidate { index, score });
            }
        }
        Decision {
            best: present.now.first().copied().unwrap_or(best(scores)),
            unknown: present.now.is_empty(),
            unknown_reason: None,
            change: changed.then(|| Change {
                before: self
                    .since
                    .replace(at)
                    .map(|since| (None, at.saturating_duration_since(since))),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Independent, Label, Present, Steady};

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn decider(limits: &[(f32, f32)], hold: Duration) -> Independent {
        let label = |(enter, leave): &(f32, f32)| Label {
            enter: *enter,
            leave: *leave,
            there: Steady::new(),
        };
        Independent {
            labels: limits.iter().map(label).collect(),
            hold,
            since: None,
        }
    }

    #[test]
    fn each_label_has_its_own_threshold_and_hysteresis() {
        let mut decider = decider(&[(0.5, 0.5), (0.8, 0.4)], Duration::ZERO);
        let start = Instant::now();
        let frames = [
            ([0.6, 0.7], vec![0], false),
            ([0.6, 0.8], vec![1, 0], false),
            ([0.4, 0.5], vec![1], false),
            ([0.4, 0.39], vec![], true),
            ([0.49, 0.79], vec![], true),
        ];
        for (number, (scores, expected, unknown)) in (0..).zip(frames) {
            let mut present = Present::default();
            let decision = decider.run(&scores, start + ms(100) * number, &mut present);
            let now: Vec<usize> = present.now.iter().map(|label| label.index).collect();
            assert_eq!(
                (now, decision.unknown),
                (expected, unknown),
                "frame {number}"
            );
        }
    }

    #[test]
    fn a_change_tells_which_labels_were_there_and_how_long() {
        let mut decider = decider(&[(0.5, 0.5); 2], ms(200));
        let start = Instant::now();
        let mut changes = Vec::new();
        for (at, scores) in [
            (0, [0.9, 0.1]),
            (100, [0.9, 0.9]),
            (300, [0.9, 0.9]),
            (400, [0.9, 0.9]),
        ] {
            let mut present = Present::default();
            let decision = decider.run(&scores, start + ms(at), &mut present);
            if let Some(change) = decision.change {
                changes.push((at, present.before, change.before.map(|(_, lasted)| lasted)));
            }
        }
        // The second label is called for from 100 ms on, and held for 200.
        assert_eq!(changes, [(0, vec![], None), (300, vec![0], Some(ms(300)))]);
    }
}
