//! The tensor that comes out of a network, and when its answer counts.

use serde::{Deserialize, Serialize};

use super::input::Quantization;
use super::stated::stated;

/// The output tensor: one value per class, `[batch, classes]` (more axes of length 1 are fine).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Name of the graph's output.
    pub tensor: String,
    /// What the values are.
    pub kind: OutputKind,
    /// Calibration: probabilities are `softmax(logits / temperature)`.
    pub temperature: f64,
    /// How integers stand for real values: `real = (integer - zero_point) * scale`.
    #[serde(deserialize_with = "stated")]
    pub quantization: Option<Quantization>,
    /// Name of an output with features `[batch, D]`, for the monitor.
    #[serde(deserialize_with = "stated")]
    pub embedding: Option<String>,
    /// Of independent labels: how each is calibrated, and when it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub independent: Option<Independent>,
}

/// What the output's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// Any real numbers; softmax makes them probabilities.
    Logits,
    /// Numbers from 0 to 1 whose sum is 1.
    Probabilities,
    /// Logarithms of probabilities.
    LogProbabilities,
    /// Any real numbers; the sigmoid of each is the probability of its label, whatever the
    /// others are: labels are independent of one another.
    SigmoidLogits,
    /// Such probabilities themselves.
    SigmoidProbabilities,
    /// One real number, whose sigmoid is the probability of the second of two labels.
    BinaryLogit,
    /// Such a probability itself.
    BinaryProbability,
}

impl OutputKind {
    /// Whether a picture may have several labels, or none.
    pub fn is_independent(self) -> bool {
        matches!(self, Self::SigmoidLogits | Self::SigmoidProbabilities)
    }

    /// Whether one number decides between two labels.
    pub(crate) fn is_binary(self) -> bool {
        matches!(self, Self::BinaryLogit | Self::BinaryProbability)
    }

    /// How many numbers the network gives for so many labels.
    pub(crate) fn values(self, labels: usize) -> usize {
        if self.is_binary() { 1 } else { labels }
    }
}

/// Independent labels, each with its own calibration, in the labels' order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Independent {
    /// The probability from which a label counts, 0 to 1.
    pub thresholds: Vec<f64>,
    /// A label's probability is `sigmoid(logit / temperature)`.
    pub temperatures: Vec<f64>,
}

impl Output {
    /// The probability from which label `index` counts: where nothing is said, the more
    /// likely half.
    pub(crate) fn threshold(&self, index: usize) -> f32 {
        self.independent
            .as_ref()
            .map_or(0.5, |each| each.thresholds[index] as f32)
    }
}

/// When to answer "unknown", fitted on held-out pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// A best probability below this is rejected, 0 to 1.
    pub threshold: f64,
    /// Features farther than this from those of the best class are rejected, too: the natural
    /// logarithm of the mean over all features of `((feature - class_mean) / deviation)²`, by
    /// the means and deviations of `drift.embedding`. Left out where only scores decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<f64>,
    /// Share of held-out pictures that is kept, 0 to 1.
    pub coverage: f64,
    /// Accuracy on those kept, 0 to 1.
    pub accuracy: f64,
}
