//! What the trainer tells about a model's making: how it was trained and measured, and
//! what its world looked like, which is what the monitor compares a live camera with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::stated::stated;

/// How the model came to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The pictures it learned from.
    pub dataset: Dataset,
    /// Name of the network.
    pub architecture: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Every hyper-parameter, by the trainer's names.
    pub hyperparameters: Map<String, Value>,
    /// Versions of the libraries that trained it.
    pub versions: BTreeMap<String, String>,
    /// How good it was on held-out pictures.
    pub metrics: Metrics,
    /// What quantisation cost and brought.
    #[serde(deserialize_with = "stated")]
    pub receipt: Option<Map<String, Value>>,
    /// Which model's network it is, if only the head was learned, on a device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taught: Option<Taught>,
}

/// A head that was learned on the features of another model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Taught {
    /// The model whose network it is.
    pub from: TaughtFrom,
    /// How many pictures of each class it learned from; classes that it kept are left out.
    pub pictures: BTreeMap<String, usize>,
    /// How the metrics beside were measured.
    pub measured: String,
}

/// The model that a head was taught on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TaughtFrom {
    /// Its name with its version.
    pub name: String,
    /// SHA-256 of its file and of its external data.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[0-9a-f]{64}$")))]
    pub sha256: String,
}

/// The pictures a model learned from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// `sha256:` and the hash over all its files.
    pub fingerprint: String,
    /// Pictures for training.
    pub train: usize,
    /// Pictures for choosing.
    pub validation: usize,
    /// Pictures for the final measurement.
    pub test: usize,
}

/// Quality on the test pictures; shares from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Share of pictures whose best label is right; of independent labels, whose labels are
    /// all right.
    pub accuracy: f64,
    /// Share of pictures whose right label is among the best five; of independent labels none.
    #[serde(deserialize_with = "stated")]
    pub top5: Option<f64>,
    /// Mean cross-entropy, nats; of independent labels, of every answer of yes or no.
    pub loss: f64,
    /// Mean of the classes' F1.
    pub macro_f1: f64,
    /// Expected calibration error after temperature scaling; of independent labels, their mean.
    pub ece: f64,
    /// The same per class.
    pub per_class: Vec<ClassMetrics>,
    /// F1 over all answers of yes or no, of independent labels only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_f1: Option<f64>,
    /// Mean of the labels' average precision, of independent labels only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_average_precision: Option<f64>,
    /// How things never seen are told, measured with each class in turn as the unknown one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave_one_class_out: Option<LeaveOneClassOut>,
}

/// How each class fares as the unknown one, in the mean: the limits were fitted anew without
/// it, and the network's last layer left it out. Its features had seen it all the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LeaveOneClassOut {
    /// Share of the known classes' pictures that are called unknown.
    pub false_unknown: f64,
    /// Share of the unknown class's pictures that are.
    pub found: f64,
    /// Area under the curve of found over false, by the score alone.
    pub auroc_score: f64,
    /// By the distance alone.
    pub auroc_distance: f64,
    /// By both, as the model decides.
    pub auroc: f64,
}

/// Quality on one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClassMetrics {
    /// Its label.
    pub label: String,
    /// Share of answers with this label that are right.
    pub precision: f64,
    /// Share of its pictures that are found.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Number of its pictures.
    pub support: usize,
    /// Area under the curve of precision over recall, of independent labels only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_precision: Option<f64>,
}

/// What held-out pictures looked like and how the model answered them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// How many pictures the baselines come from.
    pub pictures: usize,
    /// Share of answers per class; of independent labels, of the surest one's.
    pub prior: Vec<f64>,
    /// The best calibrated probability.
    pub score: Statistic,
    /// Of the pictures themselves; none where only the model's answers were measured.
    #[serde(deserialize_with = "stated")]
    pub image: Option<ImageStatistics>,
    /// Of the features, where the model gives them.
    #[serde(deserialize_with = "stated")]
    pub embedding: Option<EmbeddingStatistics>,
    /// Where a monitor rings that knows nothing of the camera's own past; none where that was
    /// not measured.
    #[serde(deserialize_with = "stated")]
    pub alarm: Option<Alarm>,
}

/// One number's distribution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Statistic {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
    /// Values at 0, 5, …, 100 %.
    pub quantiles: Vec<f64>,
}

/// Distributions of the pictures' own properties.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ImageStatistics {
    /// Mean luma.
    pub brightness: Statistic,
    /// Standard deviation of luma.
    pub contrast: Statistic,
    /// Mean absolute difference of neighbouring luma.
    pub sharpness: Statistic,
    /// Mean red minus mean blue.
    pub red_blue: Statistic,
}

/// What is known of the features, by which their distance is measured: the natural logarithm
/// of the mean over all features of `((feature - class_mean) / deviation)²`, to the mean of the
/// class with the best score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EmbeddingStatistics {
    /// Per class, the mean of each feature.
    pub class_means: Vec<Vec<f64>>,
    /// Each feature's deviation, shared by the classes.
    pub deviation: Vec<f64>,
    /// The distances of held-out pictures.
    pub distance: Statistic,
}

/// Thresholds of the monitor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// False alarms that the thresholds were set for, per 10,000 independent frames.
    pub per_10000: f64,
    /// Height of the cumulative sum, per statistic.
    pub cusum: BTreeMap<String, f64>,
    /// The test on the shares of answers.
    pub prior: PriorAlarm,
}

/// The test on the shares of answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PriorAlarm {
    /// Frames per window.
    pub window: usize,
    /// Hotelling's T² above which it rings.
    pub threshold: f64,
}
