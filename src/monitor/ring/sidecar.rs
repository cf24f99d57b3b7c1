//! What stands beside a kept frame: why it was kept, all that was said of it, and what the
//! ring needs to know when it is opened again.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use half::f16;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::budget::Written;
use super::reason::Reason;

/// The part of an entry that a ring writes. Others may add to it: what is not known here is
/// passed over.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Why.
    pub(super) reason: Reason,
    /// Why else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) also: Vec<Reason>,
    /// What the source is called, if it has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source_name: Option<String>,
    /// SHA-256 of the model's file; null if it could not be read.
    pub(super) model_sha256: Option<String>,
    /// Bytes of the frame's file.
    pub(super) bytes: u64,
    /// Of every class, in the labels' order, as the decision rests on them.
    pub(super) scores: Vec<f32>,
    /// The features, if the model gives any: 16-bit floats, little-endian, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) embedding: Option<String>,
    /// How far they are from what the model learned, if it says what that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) distance: Option<f32>,
    /// What is wrong with the picture, if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) health: Option<String>,
    /// Luma in cells, in base64.
    pub(super) luma: String,
    /// The frame before it that looked most like it, of those kept for the same reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nearest: Option<Nearest>,
    /// What was written that day, this included.
    pub(super) written: Written,
    /// What the session said of it.
    pub(super) record: Box<RawValue>,
}

/// A frame that looks like another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Nearest {
    /// Its number.
    pub(super) number: u64,
    /// How unlike it is.
    pub(super) distance: f32,
}

/// Scores as they are written: five decimals.
pub(super) fn rounded(scores: &[f32]) -> Vec<f32> {
    let round = |score: &f32| (f64::from(*score) * 1e5).round() / 1e5;
    scores.iter().map(|score| round(score) as f32).collect()
}

/// Features as text; none if there are none.
pub(super) fn features_text(embedding: &[f32]) -> Option<String> {
    let narrow = embedding
        .iter()
        .flat_map(|v| f16::from_f32(*v).to_le_bytes());
    let bytes: Vec<u8> = narrow.collect();
    (!bytes.is_empty()).then(|| bytes_text(&bytes))
}

/// The features in a text; none in what is no such text.
pub(super) fn features_of(text: &str) -> Vec<f32> {
    let bytes = bytes_of(text);
    let (pairs, _) = bytes.as_chunks::<2>();
    let wide = pairs.iter().map(|pair| f16::from_le_bytes(*pair).to_f32());
    wide.collect()
}

/// Bytes as text.
pub(super) fn bytes_text(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// The bytes in a text; none in what is no such text.
pub(super) fn bytes_of(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{features_of, features_text, rounded};

    #[test]
    fn features_come_back_as_16_bit_floats() {
        assert_eq!(features_text(&[]), None);
        // 1.0 is 0x3c00, -2.0 is 0xc000.
        let text = features_text(&[1.0, -2.0]).unwrap();
        assert_eq!(text, "ADwAwA==");
        assert_eq!(features_of(&text), [1.0, -2.0]);
        assert_eq!(features_of("not base64"), [0.0; 0]);
    }

    #[test]
    fn scores_have_five_decimals() {
        let text = serde_json::to_string(&rounded(&[0.123_456_7, 1.0, 3e-7])).unwrap();
        assert_eq!(text, "[0.12346,1.0,0.0]");
    }
}
