//! The `Image.*` keys of ONNX metadata (MetadataProps.md of the ONNX project), as Custom
//! Vision and Windows ML write them: colour order and the range of the input's values.

use crate::error::{Error, Result};
use crate::model::facts::{Facts, fact};
use crate::model::manifest::Color;
use crate::model::onnx::ModelProto;

/// The facts, or none where the keys are absent.
///
/// # Errors
/// A value that the specification does not have.
pub(crate) fn facts(place: &str, model: &ModelProto) -> Result<Facts> {
    let mut facts = Facts::default();
    let unknown = |key: &str, value: &str, expected: &str| {
        Err(Error::model(
            place,
            format!("the metadata key `{key}` is `{value}`, expected {expected}"),
        ))
    };
    const FORMAT: &str = "Image.BitmapPixelFormat";
    if let Some(format) = model.metadata(FORMAT) {
        facts.color = match format {
            "Rgb8" | "Rgba8" => fact(Color::Rgb, FORMAT),
            "Bgr8" | "Bgra8" => fact(Color::Bgr, FORMAT),
            "Gray8" => fact(Color::Gray, FORMAT),
            other => return unknown(FORMAT, other, "Rgb8, Bgr8 or Gray8"),
        };
    }
    const RANGE: &str = "Image.NominalPixelRange";
    if let Some(range) = model.metadata(RANGE) {
        let (rescale, mean, std) = match range {
            "NominalRange_0_255" => (1.0, 0.0, 1.0),
            "Normalized_0_1" => (1.0 / 255.0, 0.0, 1.0),
            "Normalized_1_1" => (1.0 / 255.0, 0.5, 0.5),
            other => {
                return unknown(
                    RANGE,
                    other,
                    "NominalRange_0_255, Normalized_0_1 or Normalized_1_1",
                );
            }
        };
        let channels = facts.color.as_ref().map_or(3, |c| c.value.channels());
        facts.rescale = fact(rescale, RANGE);
        facts.mean = fact(vec![mean; channels], RANGE);
        facts.std = fact(vec![std; channels], RANGE);
    }
    Ok(facts)
}
