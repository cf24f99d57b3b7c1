//! Noticing that an output is not what it was declared to be: scores that do not sum to
//! 1, or a softmax that was applied twice (in the export and again here, or inside the
//! network). Both make confidences meaningless without changing the best label, so nobody
//! notices by eye.

use std::f32::consts::E;

use crate::model::manifest::OutputKind;

/// Floating point.
const TOLERANCE: f32 = 0.02;
/// A softmax of a softmax is also what an undecided network of few classes gives: it has
/// to be seen on so many frames without exception.
const FRAMES: u32 = 8;
/// With this many classes one frame tells.
const MANY: usize = 100;

/// Looks at every frame, says each thing once.
#[derive(Clone, Debug)]
pub(crate) struct OutputCheck {
    kind: OutputKind,
    tolerance: f32,
    flat_frames: u32,
    sharp: bool,
    finding: Option<&'static str>,
}

const SUM: &str = "the scores do not sum to 1, so they are not probabilities: are they logits?";
const ALREADY: &str = "the logits are already probabilities, softmax is applied twice: are they declared as logits by mistake?";
const SIGMOIDS: &str = "the logits are all from 0 to 1: is the sigmoid in the network already, so that they are probabilities?";
const RANGE: &str = "scores outside of 0 to 1 are not probabilities: are they logits?";
const TWICE: &str =
    "the probabilities are as flat as a softmax of a softmax: the export applies it twice";

impl OutputCheck {
    /// For an output of this declared kind. Quantised scores are multiples of `step`: each
    /// may be half a step off, and their sum by that for every class.
    pub(crate) fn new(kind: OutputKind, step: Option<f32>, classes: usize) -> Self {
        let tolerance = TOLERANCE + step.map_or(0.0, |step| step * classes as f32 / 2.0);
        Self {
            kind,
            tolerance,
            flat_frames: 0,
            sharp: false,
            finding: None,
        }
    }

    /// What was found so far.
    pub(crate) fn finding(&self) -> Option<&'static str> {
        self.finding
    }

    /// Looks at the dequantised output of one frame.
    pub(crate) fn look(&mut self, values: &[f32]) {
        if self.finding.is_some() || values.is_empty() {
            return;
        }
        self.finding = self.judge(values);
        if let Some(finding) = self.finding {
            log::warn!("{finding}");
        }
    }

    fn judge(&mut self, values: &[f32]) -> Option<&'static str> {
        let (low, high) = values
            .iter()
            .fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        let sum: f32 = values.iter().sum();
        let is_distribution =
            values.len() > 1 && low >= -1e-6 && (sum - 1.0).abs() < self.tolerance;
        match self.kind {
            OutputKind::Logits => is_distribution.then_some(ALREADY),
            OutputKind::LogProbabilities | OutputKind::Probabilities if values.len() < 2 => None,
            OutputKind::LogProbabilities => {
                let sum: f32 = values.iter().map(|v| v.exp()).sum();
                ((sum - 1.0).abs() > self.tolerance).then_some(SUM)
            }
            OutputKind::Probabilities if !is_distribution => Some(SUM),
            OutputKind::Probabilities => self.judge_flatness(low, high, values.len()),
            OutputKind::SigmoidLogits | OutputKind::BinaryLogit => self.judge_sharpness(low, high),
            OutputKind::SigmoidProbabilities | OutputKind::BinaryProbability => {
                let is_share = low >= -self.tolerance && high <= 1.0 + self.tolerance;
                (!is_share).then_some(RANGE)
            }
        }
    }

    /// Logits of many pictures do not all lie between 0 and 1.
    fn judge_sharpness(&mut self, low: f32, high: f32) -> Option<&'static str> {
        let inside = low >= 0.0 && high <= 1.0;
        self.sharp |= !inside;
        self.flat_frames += u32::from(inside);
        (!self.sharp && self.flat_frames >= FRAMES).then_some(SIGMOIDS)
    }

    /// A softmax of numbers from 0 to 1 cannot leave 1/(n-1+e) … e/(n-1+e).
    fn judge_flatness(&mut self, low: f32, high: f32, classes: usize) -> Option<&'static str> {
        let rest = classes as f32 - 1.0;
        let flat = high <= E / (rest + E) * 1.001 && low >= 1.0 / (rest + E) * 0.999;
        self.sharp |= !flat;
        self.flat_frames += u32::from(flat);
        let sure = classes >= MANY || self.flat_frames >= FRAMES;
        (flat && sure && !self.sharp).then_some(TWICE)
    }
}

#[cfg(test)]
mod tests {
    use super::{ALREADY, OutputCheck, SUM, TWICE};
    use crate::model::manifest::OutputKind::{self, LogProbabilities, Logits, Probabilities};

    fn found<const N: usize>(
        kind: OutputKind,
        values: [f32; N],
        frames: usize,
    ) -> Option<&'static str> {
        let mut check = OutputCheck::new(kind, None, N);
        (0..frames).for_each(|_| check.look(&values));
        check.finding()
    }

    #[test]
    fn wrong_declarations_are_found() {
        assert_eq!(found(Probabilities, [0.9, 0.9], 1), Some(SUM));
        assert_eq!(found(Probabilities, [-3.0, 4.0], 1), Some(SUM));
        assert_eq!(found(LogProbabilities, [0.2, 0.8], 1), Some(SUM));
        assert_eq!(found(Logits, [0.2, 0.8], 1), Some(ALREADY));
        // softmax(softmax([9, 0, 0, 0])) is about [0.475, 0.175, 0.175, 0.175].
        let twice = [0.4753, 0.1749, 0.1749, 0.1749];
        assert_eq!(found(Probabilities, twice, 7), None);
        assert_eq!(found(Probabilities, twice, 8), Some(TWICE));
    }

    #[test]
    fn right_declarations_are_not_doubted() {
        assert_eq!(found(Probabilities, [0.25, 0.25, 0.25, 0.25], 4), None);
        assert_eq!(found(Probabilities, [0.97, 0.01, 0.01, 0.01], 20), None);
        assert_eq!(found(Logits, [3.0, -1.0], 20), None);
        assert_eq!(found(LogProbabilities, [-0.223_14, -1.609_44], 20), None);
    }
}
