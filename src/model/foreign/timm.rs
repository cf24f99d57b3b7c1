//! timm's `config.json`: `pretrained_cfg` holds size, filter, crop and normalisation,
//! and the transforms follow from them (`timm.data.transforms_factory`): the shorter
//! side becomes `floor(size / crop_pct)`, then the centre is cropped.

use std::path::Path;

use serde_json::Value;

use super::{numbers, pixels, read_json};
use crate::error::{Error, Result};
use crate::model::facts::{Facts, fact};
use crate::model::manifest::{Color, Filter, Resize, Size};

const ORIGIN: &str = "timm config.json";

/// The facts in `config.json` beside the model, or none where it is not timm's.
///
/// # Errors
/// A file that is not JSON, or a step that this runtime does not have.
pub(crate) fn facts(model: &Path) -> Result<Facts> {
    let path = model.parent().unwrap_or(Path::new(".")).join("config.json");
    let Some(config) = read_json(&path)? else {
        return Ok(Facts::default());
    };
    match config.get("pretrained_cfg") {
        Some(pretrained) => config_facts(&path.display().to_string(), &config, pretrained),
        None => Ok(Facts::default()),
    }
}

fn config_facts(place: &str, config: &Value, p: &Value) -> Result<Facts> {
    let labels = ["label_names", "labels"]
        .iter()
        .find_map(|key| config.get(*key).or_else(|| p.get(*key))?.as_array())
        .and_then(|l| {
            l.iter()
                .map(|v| v.as_str().map(String::from))
                .collect::<Option<Vec<_>>>()
        });
    let mut facts = Facts {
        labels: labels.and_then(|l| fact(l, ORIGIN)),
        color: fact(Color::Rgb, ORIGIN),
        antialias: fact(true, ORIGIN),
        rescale: fact(1.0 / 255.0, ORIGIN),
        mean: p
            .get("mean")
            .and_then(numbers)
            .and_then(|m| fact(m, ORIGIN)),
        std: p.get("std").and_then(numbers).and_then(|s| fact(s, ORIGIN)),
        ..Facts::default()
    };
    facts.filter = match p.get("interpolation").and_then(Value::as_str) {
        Some("bicubic") => fact(Filter::Bicubic, ORIGIN),
        Some("bilinear") => fact(Filter::Bilinear, ORIGIN),
        Some("nearest") => fact(Filter::Nearest, ORIGIN),
        Some("lanczos") => fact(Filter::Lanczos, ORIGIN),
        Some("box") => fact(Filter::Box, ORIGIN),
        _ => None,
    };
    let sides = p
        .get("input_size")
        .and_then(Value::as_array)
        .map(|s| s.iter().filter_map(pixels).collect::<Vec<_>>());
    let Some([_, height, width]) = sides.as_deref() else {
        return Ok(facts);
    };
    let size = Size {
        width: *width,
        height: *height,
    };
    facts.size = fact(size, ORIGIN);
    facts.crop = fact(Some(size), ORIGIN);
    facts.resize = fact(resize(place, p, size)?, ORIGIN);
    Ok(facts)
}

/// The resize of which `size` is cut.
fn resize(place: &str, p: &Value, Size { width, height }: Size) -> Result<Resize> {
    let share = p
        .get("crop_pct")
        .and_then(Value::as_f64)
        .filter(|s| *s > 0.0)
        .unwrap_or(1.0);
    let grown = |side: usize| (side as f64 / share).floor() as usize;
    match p.get("crop_mode").and_then(Value::as_str) {
        Some("center") | None if width == height => Ok(Resize::Shortest { size: grown(width) }),
        Some("squash") => Ok(Resize::Exact {
            width: grown(width),
            height: grown(height),
        }),
        mode => {
            let mode = mode.unwrap_or("center");
            let what = format!("crop_mode {mode} for {width}x{height}");
            Err(Error::model(place, what)
                .with_expected("`center` on a square or `squash`")
                .with_remedy("give the resize and the crop")
                .with_settings(&["preprocess.resize", "preprocess.crop"]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::config_facts;
    use crate::model::manifest::{Filter, Resize, Size};
    use serde_json::json;

    #[test]
    fn the_resize_follows_from_the_crop_share() {
        let p = json!({"input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "center",
            "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]});
        let facts = config_facts("c", &json!({"label_names": ["a", "b"]}), &p).unwrap();
        assert_eq!(facts.resize.unwrap().value, Resize::Shortest { size: 248 });
        assert_eq!(
            facts.crop.unwrap().value,
            Some(Size {
                width: 224,
                height: 224
            })
        );
        assert_eq!(facts.filter.unwrap().value, Filter::Bicubic);
        assert_eq!(facts.labels.unwrap().value, ["a", "b"]);
    }

    #[test]
    fn an_unknown_crop_mode_is_refused() {
        let p = json!({"input_size": [3, 224, 224], "crop_mode": "border"});
        let text = config_facts("c", &json!({}), &p).unwrap_err().to_string();
        assert_eq!(
            text,
            "c: crop_mode border for 224x224, expected `center` on a square or `squash`; give the resize and the crop"
        );
    }
}
