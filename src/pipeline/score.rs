//! Fourth stage: calibrated scores for every class from what the network gave.

mod check;
mod distance;

use crate::error::{Error, Result};
use crate::model::check_classes;
use crate::model::manifest::{Manifest, OutputKind, Quantization};
use crate::tensor::{RawOutput, softmax};
use check::OutputCheck;
pub(crate) use distance::Distance;

/// A probability for every class, in the labels' order; their sum is 1 unless the labels are
/// independent of one another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores(pub Vec<f32>);

/// One class and its score.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Candidate {
    /// Its place in the labels.
    pub index: usize,
    /// Its probability, 0 to 1.
    pub score: f32,
}

/// Turns a network's output into scores.
pub(crate) struct Scorer {
    place: String,
    kind: OutputKind,
    temperature: f32,
    /// Of independent labels, each one's own.
    temperatures: Vec<f32>,
    quantization: Option<Quantization>,
    labels: usize,
    check: OutputCheck,
}

/// How far each of independent probabilities is calibrated.
fn temperatures(manifest: &Manifest) -> Vec<f32> {
    let output = &manifest.output;
    match &output.independent {
        Some(each) => each.temperatures.iter().map(|t| *t as f32).collect(),
        None => vec![output.temperature as f32; manifest.labels.len()],
    }
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

fn logit(probability: f32) -> f32 {
    let inside = probability.clamp(f32::MIN_POSITIVE, 1.0 - f32::EPSILON);
    (inside / (1.0 - inside)).ln()
}

impl Scorer {
    /// A scorer by the model's own account of its output.
    pub(crate) fn new(manifest: &Manifest) -> Self {
        let output = &manifest.output;
        Self {
            place: format!("output `{}`", output.tensor),
            kind: output.kind,
            temperature: output.temperature as f32,
            temperatures: temperatures(manifest),
            quantization: output.quantization,
            labels: manifest.labels.len(),
            check: OutputCheck::new(
                output.kind,
                output.quantization.map(|q| q.scale),
                manifest.labels.len(),
            ),
        }
    }

    /// The scores of place `item` of a batch of `batch`.
    ///
    /// # Errors
    /// Another number of scores than labels, or values that are not numbers.
    pub(crate) fn run(
        &mut self,
        raw: &RawOutput,
        batch: usize,
        item: usize,
        scores: &mut Scores,
    ) -> Result<()> {
        let first = raw.shape.first().copied();
        if first != Some(batch) && !(batch == 1 && raw.shape.len() < 2) {
            let what = format!(
                "the network gave the shape {:?} for a batch of {batch}, expected [{batch}, {}]",
                raw.shape,
                self.kind.values(self.labels)
            );
            return Err(Error::engine(&self.place, what));
        }
        let classes = raw.values.len() / batch.max(1);
        check_classes(&self.place, self.kind, self.labels, classes)?;
        let values = &raw.values[item * classes..(item + 1) * classes];
        let (scale, zero) = self
            .quantization
            .map_or((1.0, 0.0), |q| (q.scale, q.zero_point as f32));
        scores.0.clear();
        scores.0.extend(values.iter().map(|v| (v - zero) * scale));
        self.check_numbers(scores)?;
        self.check.look(&scores.0);
        self.to_probabilities(&mut scores.0);
        // Infinite values become NaN in the softmax.
        self.check_numbers(scores)
    }

    fn to_probabilities(&self, values: &mut Vec<f32>) {
        match self.kind {
            OutputKind::Logits => softmax(values, self.temperature),
            OutputKind::LogProbabilities if self.temperature == 1.0 => {
                values.iter_mut().for_each(|v| *v = v.exp());
            }
            // The logarithm of a probability is a logit.
            OutputKind::LogProbabilities => softmax(values, self.temperature),
            OutputKind::Probabilities if self.temperature == 1.0 => {}
            OutputKind::Probabilities => {
                values
                    .iter_mut()
                    .for_each(|v| *v = v.max(f32::MIN_POSITIVE).ln());
                softmax(values, self.temperature);
            }
            OutputKind::SigmoidLogits | OutputKind::BinaryLogit => {
                for (value, temperature) in values.iter_mut().zip(&self.temperatures) {
                    *value = sigmoid(*value / temperature);
                }
            }
            OutputKind::SigmoidProbabilities | OutputKind::BinaryProbability => {
                for (value, temperature) in values.iter_mut().zip(&self.temperatures) {
                    if *temperature != 1.0 {
                        *value = sigmoid(logit(*value) / temperature);
                    }
                }
            }
        }
        if let (OutputKind::BinaryLogit | OutputKind::BinaryProbability, [positive]) =
            (self.kind, &values[..])
        {
            let negative = 1.0 - *positive;
            values.insert(0, negative);
        }
    }

    fn check_numbers(&self, scores: &Scores) -> Result<()> {
        if scores.0.iter().any(|v| v.is_nan()) {
            return Err(Error::engine(&self.place, "the network gave NaN or infinite values").with_remedy(
                "the model file is damaged, or its values overflow 16-bit floats: replay its proof",
            ));
        }
        Ok(())
    }

    /// What is wrong with the output's declared kind, if anything is.
    pub(crate) fn warning(&self) -> Option<&'static str> {
        self.check.finding()
    }
}

/// The best class; of equals the first, and class 0 of none.
pub(crate) fn best(scores: &[f32]) -> Candidate {
    let mut best = Candidate {
        index: 0,
        score: f32::NEG_INFINITY,
    };
    for (index, score) in scores.iter().copied().enumerate() {
        if score > best.score {
            best = Candidate { index, score };
        }
    }
    best
}

impl Scores {
    /// The best `count` classes, best first; of equals the first in the labels' order.
    pub fn top(&self, count: usize, top: &mut Vec<Candidate>) {
        top.clear();
        for (index, score) in self.0.iter().copied().enumerate() {
            let place = top.partition_point(|c: &Candidate| c.score >= score);
            if place < count {
                top.truncate(count - 1);
                top.insert(place, Candidate { index, score });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Scores};

    #[test]
    fn top_keeps_order_and_ties() {
        let scores = Scores(vec![0.1, 0.4, 0.1, 0.4, 0.0]);
        let mut top = Vec::new();
        scores.top(3, &mut top);
        let expected =
            [(1, 0.4), (3, 0.4), (0, 0.1)].map(|(index, score)| Candidate { index, score });
        assert_eq!(top, expected);
        scores.top(9, &mut top);
        assert_eq!(top.len(), 5);
    }
}
