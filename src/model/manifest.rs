//! The contract inside the model: everything that must be the same on the device as it
//! was in training. It travels as JSON in the ONNX file's metadata under the key
//! [`KEY`]. Nothing here has a default: a manifest says all of it, `null` included.

mod check;
mod input;
mod output;
mod preprocess;
mod proof;
#[cfg(feature = "schema")]
mod schema;
mod stated;
mod training;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
pub use input::{Color, Dtype, Input, Layout, Quantization};
pub use output::{Independent, Output, OutputKind, Rejection};
pub use preprocess::{CropRule, Filter, Preprocess, Resize, Size};
pub use proof::{Proof, ProofCase};
#[cfg(feature = "schema")]
pub use schema::schema;
use stated::stated;
pub use training::{
    Alarm, ClassMetrics, Dataset, Drift, EmbeddingStatistics, ImageStatistics, LeaveOneClassOut,
    Metrics, PriorAlarm, Statistic, Taught, TaughtFrom, Training,
};

/// The key in the ONNX file's `metadata_props`.
pub const KEY: &str = "ocelli";
/// The version of the manifest that this program reads and writes.
pub const FORMAT: u32 = 1;

/// A self-describing model's description of itself, the JSON under the key `ocelli` of an
/// ONNX file's metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the manifest itself.
    #[cfg_attr(feature = "schema", schemars(extend("const" = FORMAT)))]
    pub format: u32,
    /// Short name, such as `shapes`.
    pub name: String,
    /// The author's version, such as `1`.
    pub version: String,
    /// Class names in the order of the output's values.
    pub labels: Vec<String>,
    /// The tensor that goes in.
    pub input: Input,
    /// The way from a picture to that tensor.
    pub preprocess: Preprocess,
    /// The tensor that comes out.
    pub output: Output,
    /// When to answer "unknown".
    #[serde(deserialize_with = "stated")]
    pub rejection: Option<Rejection>,
    /// What the world looked like in training, for the monitor.
    #[serde(deserialize_with = "stated")]
    pub drift: Option<Drift>,
    /// How the model came to be.
    #[serde(deserialize_with = "stated")]
    pub training: Option<Training>,
    /// Pictures with the probabilities that the trainer's own inference gave.
    #[serde(deserialize_with = "stated")]
    pub proof: Option<Proof>,
}

impl Manifest {
    /// Reads a manifest's JSON, found at `place`.
    ///
    /// # Errors
    /// Another format version, a missing or unknown key, or facts that contradict each other.
    pub fn from_json(place: &str, json: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let broken = |e| {
            Error::model(
                place,
                format!("the `{KEY}` metadata is not a manifest of format {FORMAT}"),
            )
            .caused_by(e)
            .with_remedy(
                "export it again with scripts/train, or write the facts with `ocelli pack`",
            )
        };
        let Version { format } = serde_json::from_str(json).map_err(broken)?;
        if format != FORMAT {
            return Err(Error::model(
                place,
                format!("manifest format {format}, but this ocelli reads format {FORMAT}"),
            )
            .with_remedy("use the ocelli that belongs to the trainer"));
        }
        let manifest: Self = serde_json::from_str(json).map_err(broken)?;
        manifest.check(place)?;
        Ok(manifest)
    }

    /// The manifest as one line of JSON.
    ///
    /// # Errors
    /// None in practice: every field has a JSON form.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|e| Error::model(&self.name, "the manifest has no JSON form").caused_by(e))
    }

    /// The rule by which features far from what was learned are unknown, where there is one:
    /// the farthest distance, and what distances are measured by.
    pub(crate) fn distance_rule(&self) -> Option<(f32, &EmbeddingStatistics)> {
        let farthest = self.rejection?.distance?;
        let known = self.drift.as_ref()?.embedding.as_ref()?;
        Some((farthest as f32, known))
    }

    /// The name with its version, `shapes@1`, as records carry it.
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}
