//! How often the answers are likely to be right, without a single label: calibrated scores
//! are probabilities of being right, and their mean estimates the share of right answers
//! (confidence-based performance estimation). That holds as long as pictures are of the world
//! that the model knows; where they are not, nothing is estimated, and it is said why.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::drift::Statistic;
use super::health::Causes;
use super::known::{Calibration, Known};

/// One frame counts in so long: neighbours show the same.
const EVERY: Duration = Duration::from_secs(10);
/// Frames that count at most: the last three hours at least.
const WINDOW: usize = 1024;
/// Independent frames that an estimate takes.
const FEW: f32 = 50.0;
/// Share of frames that may be farther than nineteen in twenty of training were; measured in
/// docs/watch.md.
const UNFAMILIAR: f32 = 0.12;
/// Standard deviations of 95 %.
const TWO_SIDED: f32 = 1.96;

/// The estimate, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Accuracy {
    /// Share of right answers, with an interval of 95 %.
    Estimated {
        /// The estimate, 0 to 1.
        accuracy: f32,
        /// Lower end of the interval.
        low: f32,
        /// Upper end of the interval.
        high: f32,
        /// Frames that it comes from.
        frames: usize,
    },
    /// It cannot be estimated.
    Withheld(Withheld),
}

/// Why accuracy cannot be estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Withheld {
    /// Nobody says that the scores are probabilities.
    Uncalibrated,
    /// Labels are independent of one another: there is no one right answer.
    Independent,
    /// Without the model's features nobody knows whether it knows what it sees.
    NoFeatures,
    /// Fewer frames that differ than an estimate takes.
    TooFew,
    /// The picture is not sound, or that is in doubt.
    Unhealthy(Causes),
    /// This is no longer what it was.
    Drifting(Statistic),
    /// Too many pictures are unlike those of training: this share is farther than one in
    /// twenty of its own.
    Unfamiliar(f32),
}

/// Collects what an estimate takes.
#[derive(Debug)]
pub struct Estimator {
    calibration: Calibration,
    far: Option<f32>,
    last: Option<Instant>,
    window: VecDeque<Counted>,
    estimate: Accuracy,
}

/// A frame that counts.
#[derive(Clone, Copy, Debug)]
struct Counted {
    score: f32,
    is_far: bool,
}

impl Estimator {
    /// For a model of which this is known.
    pub fn new(known: &Known) -> Self {
        Self {
            calibration: known.calibration,
            far: known.far(),
            last: None,
            window: VecDeque::with_capacity(WINDOW),
            estimate: Accuracy::Withheld(Withheld::TooFew),
        }
    }

    /// Another frame: its best score, and how far its features are from training's, where the
    /// model gives them.
    pub fn enter(&mut self, at: Instant, score: f32, distance: Option<f32>) {
        let is_soon = |last: Instant| at.saturating_duration_since(last) < EVERY;
        if self.last.is_some_and(is_soon) || !score.is_finite() {
            return;
        }
        self.last = Some(at);
        let (Some(far), Some(distance)) = (self.far, distance) else {
            self.estimate = Accuracy::Withheld(Withheld::NoFeatures);
            return;
        };
        if self.window.len() == WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(Counted {
            score,
            is_far: distance > far,
        });
        self.estimate = self.calculate();
    }

    /// The world is another one: what was seen counts no more.
    pub(super) fn begin_anew(&mut self) {
        self.window.clear();
        self.estimate = Accuracy::Withheld(Withheld::TooFew);
    }

    /// What there is to say now.
    pub fn estimate(&self) -> Accuracy {
        match self.calibration {
            Calibration::Unknown => Accuracy::Withheld(Withheld::Uncalibrated),
            Calibration::Independent => Accuracy::Withheld(Withheld::Independent),
            Calibration::Known(_) => self.estimate,
        }
    }

    fn calculate(&self) -> Accuracy {
        let count = self.window.len() as f32;
        let scores = || self.window.iter().map(|frame| frame.score);
        let accuracy = scores().sum::<f32>() / count;
        let squares: f32 = scores().map(|score| (score - accuracy).powi(2)).sum();
        let neighbours = scores().zip(scores().skip(1));
        let products: f32 = neighbours
            .map(|(a, b)| (a - accuracy) * (b - accuracy))
            .sum();
        // What never changes is one picture, however often it is seen.
        let alike = if squares > 0.0 {
            (products / squares).clamp(0.0, 1.0)
        } else {
            1.0
        };
        let independent = count * (1.0 - alike) / (1.0 + alike);
        if independent < FEW {
            return Accuracy::Withheld(Withheld::TooFew);
        }
        let far = self.window.iter().filter(|frame| frame.is_far).count() as f32 / count;
        if far > UNFAMILIAR {
            return Accuracy::Withheld(Withheld::Unfamiliar(far));
        }
        let doubt: f32 = scores().map(|score| score * (1.0 - score)).sum();
        let calibration = match self.calibration {
            Calibration::Known(error) => error,
            _ => 0.0,
        };
        let half = TWO_SIDED * (doubt / count / independent).sqrt() + calibration;
        Accuracy::Estimated {
            accuracy,
            low: (accuracy - half).max(0.0),
            high: (accuracy + half).min(1.0),
            frames: self.window.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Accuracy, Estimator, Withheld};
    use crate::monitor::known::Calibration;
    use std::time::{Duration, Instant};

    fn estimator(calibration: Calibration, far: Option<f32>) -> Estimator {
        Estimator {
            calibration,
            far,
            last: None,
            window: super::VecDeque::new(),
            estimate: Accuracy::Withheld(Withheld::TooFew),
        }
    }

    fn after(
        mut estimator: Estimator,
        frames: u64,
        seen: impl Fn(u64) -> (f32, Option<f32>),
    ) -> Accuracy {
        let began = Instant::now();
        for frame in 0..frames {
            let (score, distance) = seen(frame);
            estimator.enter(began + Duration::from_secs(10 * frame), score, distance);
        }
        estimator.estimate()
    }

    #[test]
    fn the_mean_of_the_scores_is_the_estimate_with_its_interval() {
        let known = || estimator(Calibration::Known(0.01), Some(1.0));
        // 0.8 and 1.0 in turn: neighbours are unlike, so that all 400 count.
        let found = after(known(), 400, |frame| {
            (0.8 + 0.2 * (frame % 2) as f32, Some(0.0))
        });
        let Accuracy::Estimated {
            accuracy,
            low,
            high,
            frames,
        } = found
        else {
            panic!("{found:?}");
        };
        // Half of the frames have a variance of 0.16: 1.96 * √(0.08 / 400) and the model's
        // own error of 0.01.
        assert!((accuracy - 0.9).abs() < 1e-4 && frames == 400);
        assert!(
            (high - accuracy - 0.03772).abs() < 1e-4 && (accuracy - low - 0.03772).abs() < 1e-4
        );
    }

    #[test]
    fn it_is_withheld_with_its_reason() {
        let mixed = |frame: u64| 0.8 + 0.1 * (frame % 2) as f32;
        let seen = |frame| (mixed(frame), Some(0.0));
        let known = || estimator(Calibration::Known(0.0), Some(1.0));
        let withheld = [
            (
                after(estimator(Calibration::Unknown, None), 99, seen),
                Withheld::Uncalibrated,
            ),
            (
                after(estimator(Calibration::Independent, None), 99, seen),
                Withheld::Independent,
            ),
            (
                after(known(), 99, |frame| (mixed(frame), None)),
                Withheld::NoFeatures,
            ),
            (after(known(), 49, seen), Withheld::TooFew),
            // The same picture for hours is one picture.
            (after(known(), 999, |_| (0.9, Some(0.0))), Withheld::TooFew),
            (
                after(known(), 100, |frame| {
                    (mixed(frame), Some(if frame < 13 { 2.0 } else { 0.0 }))
                }),
                Withheld::Unfamiliar(0.13),
            ),
        ];
        for (found, reason) in withheld {
            assert_eq!(found, Accuracy::Withheld(reason));
        }
    }
}
