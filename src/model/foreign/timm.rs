//! timm's `config.json`: `pretrained_cfg` holds size, filter, crop and normalisation,
//! and the transforms follow from them (`timm.data.transforms_factory`): the shorter
//! side becomes `floor(size / crop_pct)`, then the centre is cropped.

use std::path::Path;

use serde_json::Value;

use super::{CONFIG, config_folder, numbers, pixels, read_json};
use crate::error::Result;
use crate::model::facts::{Fact, Facts, fact};
use crate::model::manifest::{Color, Filter, Resize, Size};

const ORIGIN: &str = "timm config.json";
/// `timm.data.config.resolve_data_config`, where the configuration is silent.
const DEFAULT: &str = "timm's default";

/// The facts in the `config.json` of the model, or none where it is not timm's.
///
/// # Errors
/// A file that is not JSON.
pub(crate) fn facts(model: &Path) -> Result<Facts> {
    let Some(config) = read_json(&config_folder(model).join(CONFIG))? else {
        return Ok(Facts::default());
    };
    // Old files have everything at the top, and `architecture` is timm's own word.
    let pretrained = match config.get("pretrained_cfg") {
        Some(pretrained) => pretrained,
        None if config.get("architecture").is_some() => &config,
        None => return Ok(Facts::default()),
    };
    Ok(config_facts(&config, pretrained))
}

fn config_facts(config: &Value, p: &Value) -> Facts {
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
        antialias: fact(true, ORIGIN),
        rescale: fact(1.0 / 255.0, ORIGIN),
        ..Facts::default()
    };
    match p.get("interpolation").and_then(Value::as_str) {
        None => facts.filter = fact(Filter::Bicubic, DEFAULT),
        Some(name) => match filter(name) {
            Some(filter) => facts.filter = fact(filter, ORIGIN),
            None => facts
                .open
                .push(("preprocess.filter", format!("timm's interpolation {name}"))),
        },
    }
    let Some((channels, size)) = input_size(p) else {
        let reason = format!("timm's input_size is {}", p["input_size"]);
        facts.open.push(("preprocess.resize", reason));
        return facts;
    };
    facts.color = match channels {
        1 => fact(Color::Gray, ORIGIN),
        3 => fact(Color::Rgb, ORIGIN),
        other => {
            let reason = format!("timm's input_size has {other} channels");
            facts.open.push(("input.color", reason));
            return facts;
        }
    };
    facts.mean = per_channel(p, "mean", [0.485, 0.456, 0.406], channels);
    facts.std = per_channel(p, "std", [0.229, 0.224, 0.225], channels);
    let origin = match p.get("input_size") {
        Some(Value::Array(_)) => ORIGIN,
        _ => DEFAULT,
    };
    facts.size = fact(size, origin);
    facts.crop = fact(Some(size), origin);
    match resize(p, size, facts.mean.as_ref()) {
        Ok(resize) => facts.resize = fact(resize, ORIGIN),
        Err(reason) => facts.open.push(("preprocess.resize", reason)),
    }
    if let Some(Resize::Letterbox { .. }) = facts.resize.as_ref().map(|f| f.value) {
        facts.crop = fact(None, ORIGIN);
    }
    facts
}

fn filter(name: &str) -> Option<Filter> {
    match name {
        "bicubic" => Some(Filter::Bicubic),
        "bilinear" => Some(Filter::Bilinear),
        "nearest" => Some(Filter::Nearest),
        "lanczos" => Some(Filter::Lanczos),
        "box" => Some(Filter::Box),
        "hamming" => Some(Filter::Hamming),
        _ => None,
    }
}

/// Channels and sides: `[channels, height, width]`.
fn input_size(p: &Value) -> Option<(usize, Size)> {
    match p.get("input_size") {
        None | Some(Value::Null) => {
            let (width, height) = (224, 224);
            Some((3, Size { width, height }))
        }
        Some(sides) => {
            let sides: Option<Vec<usize>> = sides.as_array()?.iter().map(pixels).collect();
            match sides?[..] {
                [channels, height, width] => Some((channels, Size { width, height })),
                _ => None,
            }
        }
    }
}

/// One value per channel: one for all is that of each, and values that are all alike are
/// that of the only one.
fn per_channel(p: &Value, key: &str, default: [f64; 3], channels: usize) -> Option<Fact<Vec<f64>>> {
    let (values, origin) = match p.get(key).and_then(numbers).filter(|v| !v.is_empty()) {
        Some(values) => (values, ORIGIN),
        None if channels == 3 => (default.to_vec(), DEFAULT),
        None => return None,
    };
    let alike = values.iter().all(|value| *value == values[0]);
    let values = if alike {
        vec![values[0]; channels]
    } else {
        values
    };
    (values.len() == channels)
        .then_some(values)
        .and_then(|v| fact(v, origin))
}

/// The resize of which `size` is cut; the reason where there is none here.
fn resize(
    p: &Value,
    size: Size,
    mean: Option<&Fact<Vec<f64>>>,
) -> std::result::Result<Resize, String> {
    /// `timm.data.constants.DEFAULT_CROP_PCT`.
    const SHARE: f64 = 0.875;
    let share = p.get("crop_pct").and_then(Value::as_f64);
    // timm takes 0 for silence, too.
    let share = share.filter(|s| *s > 0.0).unwrap_or(SHARE);
    let Size { width, height } = size.of_share(share);
    match p.get("crop_mode").and_then(Value::as_str) {
        Some("center") | None if width == height => Ok(Resize::Shortest { size: width }),
        Some("center") | None => Ok(Resize::Cover { width, height }),
        Some("squash") => Ok(Resize::Exact { width, height }),
        Some("border") if (width, height) == (size.width, size.height) => {
            let mean = mean.ok_or("timm's crop_mode border without a mean")?;
            let channel = |at: usize| mean.value.get(at).or(mean.value.first());
            let fill = [0, 1, 2].map(|at| channel(at).copied().unwrap_or(0.0) * 255.0);
            let fill = fill.map(|value| value.round_ties_even() as u8);
            Ok(Resize::Letterbox {
                width,
                height,
                fill,
            })
        }
        Some(mode) => Err(format!("timm's crop_mode {mode} with crop_pct {share}")),
    }
}

#[cfg(test)]
mod tests {
    use super::config_facts;
    use crate::model::manifest::{Color, Filter, Resize, Size};
    use serde_json::json;

    #[test]
    fn the_resize_follows_from_the_crop_share() {
        let p = json!({"input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "center",
            "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]});
        let facts = config_facts(&json!({"label_names": ["a", "b"]}), &p);
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
    fn silence_means_what_timm_takes_it_for() {
        let facts = config_facts(&json!({}), &json!({"crop_pct": null}));
        assert_eq!(facts.resize.unwrap().value, Resize::Shortest { size: 256 });
        assert_eq!(facts.std.unwrap().value, [0.229, 0.224, 0.225]);
        assert_eq!(facts.filter.unwrap().value, Filter::Bicubic);
    }

    #[test]
    fn one_channel_takes_one_mean() {
        let gray = |mean| {
            let p = json!({"input_size": [1, 28, 28], "mean": mean, "std": [0.25]});
            config_facts(&json!({}), &p)
        };
        assert_eq!(gray(json!([0.5])).color.unwrap().value, Color::Gray);
        assert_eq!(gray(json!([0.5, 0.5, 0.5])).mean.unwrap().value, [0.5]);
        assert!(gray(json!([0.4, 0.5, 0.6])).mean.is_none());
    }

    #[test]
    fn what_cannot_be_said_stays_open_with_its_reason() {
        let open = |p| config_facts(&json!({}), &p).open.remove(0);
        let cases = [
            (
                json!({"crop_mode": "border", "crop_pct": 0.9}),
                (
                    "preprocess.resize",
                    "timm's crop_mode border with crop_pct 0.9",
                ),
            ),
            (
                json!({"interpolation": "random"}),
                ("preprocess.filter", "timm's interpolation random"),
            ),
            (
                json!({"input_size": [4, 64, 64]}),
                ("input.color", "timm's input_size has 4 channels"),
            ),
        ];
        for (p, (name, reason)) in cases {
            assert_eq!(open(p), (name, reason.to_owned()));
        }
    }
}
