//! A Hugging Face folder: `config.json` has the labels, `preprocessor_config.json` the
//! way of the picture. Some of its older processors mean a square by a bare number and
//! some the shortest side; the processor's name decides, and an unknown name leaves the
//! fact open.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{numbers, pixels, read_json};
use crate::error::{Error, Result};
use crate::model::facts::{Facts, fact};
use crate::model::manifest::{Color, Filter, Resize, Size};

/// Where most of these facts stand.
const ORIGIN: &str = "preprocessor_config.json";

/// Processors for which a bare number is the shortest side (`default_to_square=False`
/// in their `get_size_dict` call).
const SHORTEST: [&str; 9] = [
    "BitImageProcessor",
    "CLIPImageProcessor",
    "ConvNextImageProcessor",
    "ConvNextFeatureExtractor",
    "LevitImageProcessor",
    "MobileNetV1ImageProcessor",
    "MobileNetV2ImageProcessor",
    "MobileViTImageProcessor",
    "PoolFormerImageProcessor",
];
/// Processors for which it is a square.
const SQUARE: [&str; 7] = [
    "BeitImageProcessor",
    "BeitFeatureExtractor",
    "DeiTImageProcessor",
    "DeiTFeatureExtractor",
    "EfficientNetImageProcessor",
    "ViTImageProcessor",
    "ViTFeatureExtractor",
];

/// The model file of a folder.
///
/// # Errors
/// There is none.
pub(crate) fn model_file(folder: &Path) -> Result<PathBuf> {
    ["model.onnx", "onnx/model.onnx"]
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Error::model(
                folder.display().to_string(),
                "a folder without model.onnx or onnx/model.onnx",
            )
            .with_remedy("name the model file itself")
        })
}

/// The facts in the folder of `model`, or the one above a folder called `onnx`.
///
/// # Errors
/// A file that is not JSON, or a step that this runtime does not have.
pub(crate) fn facts(model: &Path) -> Result<Facts> {
    let mut folder = model.parent().unwrap_or(Path::new("."));
    if folder.ends_with("onnx") && !folder.join("config.json").exists() {
        folder = folder.parent().unwrap_or(folder);
    }
    let config = read_json(&folder.join("config.json"))?;
    let labels = config
        .as_ref()
        .and_then(|c| c.get("id2label"))
        .and_then(id2label);
    let mut facts = match read_json(&folder.join("preprocessor_config.json"))? {
        Some(processor) => processor_facts(&folder.join("preprocessor_config.json"), &processor)?,
        None => Facts::default(),
    };
    facts.labels = labels.and_then(|l| fact(l, "config.json id2label"));
    Ok(facts)
}

fn id2label(map: &Value) -> Option<Vec<String>> {
    let map = map.as_object()?;
    (0..map.len())
        .map(|i| map.get(&i.to_string())?.as_str().map(String::from))
        .collect()
}

fn processor_facts(path: &Path, p: &Value) -> Result<Facts> {
    let enabled = |key: &str| p.get(key).and_then(Value::as_bool).unwrap_or(true);
    let mut facts = Facts {
        color: fact(Color::Rgb, ORIGIN),
        antialias: fact(true, ORIGIN),
        ..Facts::default()
    };
    let filter = p
        .get("resample")
        .and_then(Value::as_u64)
        .map(|code| match code {
            0 => Ok(Filter::Nearest),
            1 => Ok(Filter::Lanczos),
            2 => Ok(Filter::Bilinear),
            3 => Ok(Filter::Bicubic),
            4 => Ok(Filter::Box),
            other => Err(Error::model(
                path.display().to_string(),
                format!("resample is {other}, expected 0 to 4 (PIL's numbers)"),
            )),
        });
    if p.get("do_flip_channel_order").and_then(Value::as_bool) == Some(true) {
        facts.color = fact(Color::Bgr, ORIGIN);
    }
    facts.filter = filter.transpose()?.and_then(|f| fact(f, ORIGIN));
    let crop = p.get("crop_size").and_then(square_or_sides).filter(|_| {
        p.get("do_center_crop")
            .and_then(Value::as_bool)
            .unwrap_or(false)
    });
    if enabled("do_resize") {
        let (resize, implied) = resize(p, crop);
        facts.resize = resize.and_then(|r| fact(r, ORIGIN));
        if let Some(crop) = crop.or(implied) {
            facts.crop = fact(Some(crop), ORIGIN);
        }
    }
    normalise(p, &enabled, &mut facts);
    Ok(without_special_rules(p, facts))
}

/// Factor, mean and deviation.
fn normalise(p: &Value, enabled: &dyn Fn(&str) -> bool, facts: &mut Facts) {
    let rescales = enabled("do_rescale");
    facts.rescale = match p.get("rescale_factor").and_then(Value::as_f64) {
        _ if !rescales => fact(1.0, ORIGIN),
        Some(factor) => fact(factor, ORIGIN),
        None => fact(
            1.0 / 255.0,
            "preprocessor_config.json (the library's own rescale_factor)",
        ),
    };
    if enabled("do_normalize") {
        facts.mean = p
            .get("image_mean")
            .and_then(numbers)
            .and_then(|m| fact(m, ORIGIN));
        facts.std = p
            .get("image_std")
            .and_then(numbers)
            .and_then(|s| fact(s, ORIGIN));
    } else {
        facts.mean = fact(vec![0.0; 3], ORIGIN);
        facts.std = fact(vec![1.0; 3], ORIGIN);
    }
}

/// Leaves open what some processors compute by rules of their own: LeViT and PoolFormer
/// resize to more than their size says, EfficientNet shifts or divides once more.
fn without_special_rules(p: &Value, mut facts: Facts) -> Facts {
    let name = processor(p);
    let on = |key: &str| p.get(key).and_then(Value::as_bool) == Some(true);
    if name.starts_with("Levit") || name.starts_with("PoolFormer") {
        facts.resize = None;
    }
    if on("rescale_offset")
        || name.starts_with("EfficientNet") && p.get("include_top") != Some(&Value::Bool(false))
    {
        (facts.rescale, facts.mean, facts.std) = (None, None, None);
    }
    facts
}

/// The processor's name, without the mark of its fast twin.
fn processor(p: &Value) -> &str {
    ["image_processor_type", "feature_extractor_type"]
        .iter()
        .find_map(|key| p.get(*key)?.as_str())
        .unwrap_or_default()
        .trim_end_matches("Fast")
}

/// The resize step, and the crop that it implies.
fn resize(p: &Value, crop: Option<Size>) -> (Option<Resize>, Option<Size>) {
    let Some(size) = p.get("size") else {
        return (None, None);
    };
    let processor = processor(p);
    let (shortest, exact) = match (pixels(size), size.get("shortest_edge").and_then(pixels)) {
        (_, Some(side)) => (Some(side), None),
        (Some(side), _) if SHORTEST.contains(&processor) => (Some(side), None),
        (Some(side), _) if SQUARE.contains(&processor) => (None, Some((side, side))),
        _ => (
            None,
            size.get("width")
                .and_then(pixels)
                .zip(size.get("height").and_then(pixels)),
        ),
    };
    let square = |side| Size {
        width: side,
        height: side,
    };
    match (shortest, exact) {
        // ConvNext's rule: below 384 resize to size / crop_pct and crop, else squash.
        (Some(side), _) if crop.is_none() && p.get("crop_pct").is_some() => {
            let share = p
                .get("crop_pct")
                .and_then(Value::as_f64)
                .filter(|s| *s > 0.0)
                .unwrap_or(1.0);
            if side < 384 {
                let resized = (side as f64 / share) as usize;
                (Some(Resize::Shortest { size: resized }), Some(square(side)))
            } else {
                (
                    Some(Resize::Exact {
                        width: side,
                        height: side,
                    }),
                    None,
                )
            }
        }
        (Some(side), _) => (Some(Resize::Shortest { size: side }), None),
        (None, Some((width, height))) => (Some(Resize::Exact { width, height }), None),
        (None, None) => (None, None),
    }
}

fn square_or_sides(value: &Value) -> Option<Size> {
    match pixels(value) {
        Some(side) => Some(Size {
            width: side,
            height: side,
        }),
        None => Some(Size {
            width: value.get("width").and_then(pixels)?,
            height: value.get("height").and_then(pixels)?,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::processor_facts;
    use crate::model::manifest::{Filter, Resize, Size};
    use serde_json::json;
    use std::path::Path;

    #[test]
    fn size_means_what_its_processor_means() {
        let square = |side| Size {
            width: side,
            height: side,
        };
        let cases = [
            (
                json!({"size": {"height": 224, "width": 224}, "image_processor_type": "ViTImageProcessor"}),
                Some(Resize::Exact {
                    width: 224,
                    height: 224,
                }),
                None,
            ),
            (
                json!({"size": 256, "crop_size": 224, "do_center_crop": true, "feature_extractor_type": "DeiTFeatureExtractor"}),
                Some(Resize::Exact {
                    width: 256,
                    height: 256,
                }),
                Some(square(224)),
            ),
            (
                json!({"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": true}),
                Some(Resize::Shortest { size: 256 }),
                Some(square(224)),
            ),
            (
                json!({"size": {"shortest_edge": 224}, "crop_pct": 0.875, "image_processor_type": "ConvNextImageProcessor"}),
                Some(Resize::Shortest { size: 256 }),
                Some(square(224)),
            ),
            (
                json!({"size": 384, "crop_pct": 0.95, "feature_extractor_type": "ConvNextFeatureExtractor"}),
                Some(Resize::Exact {
                    width: 384,
                    height: 384,
                }),
                None,
            ),
            (
                json!({"size": 224, "image_processor_type": "NobodyKnowsImageProcessor"}),
                None,
                None,
            ),
        ];
        for (config, resize, crop) in cases {
            let facts = processor_facts(Path::new("p.json"), &config).unwrap();
            assert_eq!(facts.resize.map(|f| f.value), resize, "{config}");
            assert_eq!(facts.crop.and_then(|f| f.value), crop, "{config}");
        }
    }

    #[test]
    fn steps_that_are_switched_off_change_nothing() {
        let config = json!({"do_rescale": false, "do_normalize": false, "resample": 3});
        let facts = processor_facts(Path::new("p.json"), &config).unwrap();
        assert_eq!(facts.rescale.unwrap().value, 1.0);
        assert_eq!(facts.mean.unwrap().value, [0.0; 3]);
        assert_eq!(facts.filter.unwrap().value, Filter::Bicubic);
        let error = processor_facts(Path::new("p.json"), &json!({"resample": 9})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "p.json: resample is 9, expected 0 to 4 (PIL's numbers)"
        );
    }
}
