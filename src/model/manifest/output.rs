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
}

/// When to answer "unknown", fitted on held-out pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// A best probability below this is rejected, 0 to 1.
    pub threshold: f64,
    /// Share of held-out pictures that is kept, 0 to 1.
    pub coverage: f64,
    /// Accuracy on those kept, 0 to 1.
    pub accuracy: f64,
}
