//! Scores averaged over time, by the clock and not by the frame; the distance with them.

use std::time::{Duration, Instant};

use crate::pipeline::score::Scores;

/// The moving average of every class's score, and of the distance.
pub(super) struct Average {
    time_constant: Duration,
    values: Vec<f32>,
    distance: Option<f32>,
    last: Option<Instant>,
}

impl Average {
    /// An average of nothing yet; with a time constant of zero, of the newest scores only.
    pub(super) fn new(time_constant: Duration) -> Self {
        Self {
            time_constant,
            values: Vec::new(),
            distance: None,
            last: None,
        }
    }

    /// Takes the scores and the distance of a frame captured `at` in; they become the average.
    pub(super) fn run(&mut self, scores: &mut Scores, distance: &mut Option<f32>, at: Instant) {
        let time_constant = self.time_constant.as_secs_f64();
        if time_constant == 0.0 {
            return;
        }
        if let Some(last) = self.last.replace(at) {
            let passed = at.saturating_duration_since(last).as_secs_f64();
            let share = (1.0 - (-passed / time_constant).exp()) as f32;
            let values = self.values.iter_mut().chain(&mut self.distance);
            for (average, value) in values.zip(scores.0.iter().chain(&*distance)) {
                *average += share * (value - *average);
            }
            scores.0.copy_from_slice(&self.values);
            *distance = self.distance;
        } else {
            self.values.clone_from(&scores.0);
            self.distance = *distance;
        }
    }
}
