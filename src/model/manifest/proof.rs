//! Pictures with the answers that the trainer gave, to be replayed on the device.

use serde::{Deserialize, Serialize};

/// What is replayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Largest difference allowed between a probability here and there.
    pub tolerance: f32,
    /// The pictures.
    pub cases: Vec<ProofCase>,
}

/// One picture of the proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProofCase {
    /// Where it came from, such as `circle/00012.png`.
    pub name: String,
    /// The label of its best probability: catches labels that changed places.
    pub label: String,
    /// An encoded picture (PNG or JPEG) in base64.
    pub image: String,
    /// What the trainer's own inference gave, one value per label.
    pub probabilities: Vec<f32>,
}
